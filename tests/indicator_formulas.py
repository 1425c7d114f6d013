"""Definitions of indicators over whole arrays: what ours are held against where TA-Lib has none.

Nothing here is incremental and nothing is shared with the kernel: windows are summed anew at each
bar, recursions are written out, turning points are looked for in the whole array.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import talib as wrapped

Array = np.ndarray[Any, Any]
talib: Any = wrapped  # its declared types know lists of arrays only


def windows(values: Array, n: int) -> Array:
    return np.lib.stride_tricks.sliding_window_view(values, n)


def padded(values: Array, length: int) -> Array:
    return np.concatenate([np.full(length - len(values), np.nan), values])


def shifted(values: Array, n: int) -> Array:
    return np.concatenate([np.full(n, np.nan), values[: len(values) - n]])


def summed(values: Array, n: int) -> Array:
    return padded(windows(values, n).sum(axis=1), len(values))


def mean(values: Array, n: int) -> Array:
    return summed(values, n) / n


def deviation(values: Array, n: int) -> Array:
    return padded(windows(values, n).std(axis=1), len(values))  # numpy's std takes two passes


def weighted(values: Array, n: int) -> Array:
    weights = np.arange(1.0, n + 1) / (n * (n + 1) / 2)
    return padded(windows(values, n) @ weights, len(values))


def smoothed(values: Array, n: int, weight: float) -> Array:
    out = np.full(len(values), np.nan)
    begin = int(np.argmax(~np.isnan(values)))
    out[begin + n - 1] = np.mean(values[begin : begin + n])
    for t in range(begin + n, len(values)):
        out[t] = out[t - 1] * (1.0 - weight) + values[t] * weight
    return out


def ema(values: Array, n: int) -> Array:
    return smoothed(values, n, 2.0 / (n + 1))


def wilder(values: Array, n: int) -> Array:
    return smoothed(values, n, 1.0 / n)


def ratio(a: Array, b: Array, n: int, empty: float) -> Array:
    top, bottom = summed(a, n), summed(b, n)
    full = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), empty)
    return np.where(np.isnan(bottom), np.nan, full)


def typical(b: Array) -> Array:
    return np.asarray((b["high"] + b["low"] + b["close"]) / 3)


def true_range(b: Array) -> Array:
    before = shifted(b["close"], 1)
    tops = np.maximum(b["high"], before) - np.minimum(b["low"], before)
    return np.asarray(tops)


def rsi(values: Array, n: int) -> Array:
    change = values - shifted(values, 1)
    up, down = wilder(np.maximum(change, 0), n), wilder(np.maximum(-change, 0), n)
    return np.where(up + down > 0, 100 * up / np.where(up + down > 0, up + down, 1), up + down)


def adaptive(values: Array, n: int, fast: int, slow: int) -> Array:
    out = np.full(len(values), np.nan)
    last = values[n - 1]
    for t in range(n, len(values)):
        path = np.abs(np.diff(values[t - n : t + 1])).sum()
        efficiency = abs(values[t] - values[t - n]) / path if path > 0 else 1.0
        c = efficiency * (2 / (fast + 1) - 2 / (slow + 1)) + 2 / (slow + 1)
        last = last + c * c * (values[t] - last)
        out[t] = last
    return out


def hull(values: Array, n: int) -> Array:
    near, far = weighted(values, max(n // 2, 1)), weighted(values, n)
    return weighted(2 * near - far, int(np.sqrt(n)))


def zero_lag(values: Array, n: int) -> Array:
    return ema(2 * values - shifted(values, (n - 1) // 2), n)


def triangular(values: Array, n: int) -> Array:
    a = n // 2 + 1
    weights = np.convolve(np.ones(a), np.ones(n + 1 - a))
    return padded(windows(values, n) @ (weights / weights.sum()), len(values))


def ultimate(b: Array, p: SimpleNamespace) -> Array:
    bought = b["close"] - np.minimum(b["low"], shifted(b["close"], 1))
    moved = true_range(b)
    parts = [ratio(bought, moved, n, 0.0) for n in (p.fast, p.middle, p.slow)]
    return np.asarray(100 * (4 * parts[0] + 2 * parts[1] + parts[2]) / 7)


def slope(values: Array, n: int) -> Array:
    """TA-Lib's LINEARREG_SLOPE sums unshifted prices, and loses some six digits on them."""
    centred = windows(values, n) - windows(values, n)[:, :1]
    at = np.arange(n) - (n - 1) / 2
    return padded(centred @ at / (at @ at), len(values))


def channel_index(b: Array, p: SimpleNamespace) -> Array:
    values = typical(b)
    centred = windows(values, p.n) - windows(values, p.n)[:, -1:]
    off = np.abs(centred - centred.mean(axis=1, keepdims=True)).mean(axis=1)
    index = -centred.mean(axis=1) / (0.015 * np.where(off > 0, off, 1.0))
    return padded(np.where(off > 0, index, 0.0), len(b))


def rank(values: Array, n: int) -> Array:
    shares = (windows(values, n) <= windows(values, n)[:, -1:]).mean(axis=1)
    return np.where(np.isnan(values), np.nan, padded(100 * shares, len(values)))


def bands_place(b: Array, p: SimpleNamespace) -> Array:
    half = p.width * deviation(b["close"], p.n)
    with np.errstate(all="ignore"):
        place = 0.5 + (b["close"] - mean(b["close"], p.n)) / (2 * half)
    still = padded(np.ptp(windows(b["close"], p.n), axis=1), len(b)) == 0
    return np.where(still, 0.5, place)


def rate(values: Array, n: int) -> Array:
    before = shifted(values, n)
    found = np.where(before > 0, 100 * (values / np.where(before > 0, before, 1.0) - 1), 0.0)
    return np.where(np.isnan(before), np.nan, found)


def flow(b: Array) -> Array:
    spread = b["high"] - b["low"]
    place = (2 * b["close"] - b["low"] - b["high"]) / np.where(spread > 0, spread, 1.0)
    return np.asarray(np.where(spread > 0, place, 0.0) * b["volume"])


def money_flow(b: Array, p: SimpleNamespace) -> Array:
    change = typical(b) - shifted(typical(b), 1)
    moved = np.where(np.isnan(change), np.nan, np.abs(np.sign(change)) * typical(b) * b["volume"])
    return 100 * ratio(np.where(change < 0, 0.0, moved), moved, p.n, 0.0)


def super_trend(b: Array, p: SimpleNamespace) -> Array:
    band = p.factor * wilder(true_range(b), p.n)
    middle, close = (b["high"] + b["low"]) / 2, b["close"]
    out = np.full(len(b), np.nan)
    upper, lower, falling = np.inf, -np.inf, True
    for t in range(p.n, len(b)):
        top, bottom = middle[t] + band[t], middle[t] - band[t]
        upper = top if close[t - 1] > upper else min(upper, top)
        lower = bottom if close[t - 1] < lower else max(lower, bottom)
        falling = close[t] <= upper if falling else close[t] < lower
        out[t] = upper if falling else lower
    return out


def held(marks: dict[int, float], length: int) -> Array:
    """The latest mark at each bar: marks are by the bar at which they become known."""
    out = np.full(length, np.nan)
    for bar in sorted(marks):
        out[bar:] = marks[bar]
    return out


def pivots(values: Array, left: int, right: int) -> Array:
    found = {}
    for t in range(left, len(values) - right):
        before, after = values[t - left : t], values[t + 1 : t + right + 1]
        if values[t] > before.max() and values[t] >= after.max():
            found[t + right] = float(values[t])
    return held(found, len(values))


def fractals(values: Array) -> Array:
    found = {}
    for t in range(2, len(values) - 2):
        if values[t] > max(values[[t - 2, t - 1, t + 1, t + 2]]):
            found[t + 2] = float(values[t])
    return held(found, len(values))


def zigzag(b: Array, reversal: float) -> tuple[Array, Array]:
    """Swing highs and lows: each leg ends at the first bar that comes `reversal` back from it."""
    tops: dict[int, float] = {}
    bottoms: dict[int, float] = {}
    start, rising = 0, True
    while start < len(b):
        ahead, back, found = (b["high"], b["low"], tops) if rising else (-b["low"], -b["high"], {})
        reached = np.maximum.accumulate(ahead[start:])
        new = np.concatenate([[True], ahead[start + 1 :] > reached[:-1]])
        far = reached * (1 - reversal if rising else 1 + reversal)
        ended = np.flatnonzero((back[start:] <= far) & ~new)
        if len(ended) == 0:
            break
        turn = start + int(ended[0])
        found[turn] = float(reached[ended[0]])
        if not rising:
            bottoms[turn] = -found[turn]
        start, rising = turn, not rising
    return held(tops, len(b)), held(bottoms, len(b))


def regime(b: Array, p: SimpleNamespace) -> Array:
    close = b["close"]
    fast, slow = ema(close, 20), ema(close, 50)
    strength = talib.ADX(b["high"], b["low"], close, 14)
    lively = rank(wilder(true_range(b), 14), 100) > 25
    side = np.sign(fast - slow)
    strong = (strength >= 25) & lively & ((close - fast) * side > 0)
    code = np.where(strength < 20, 0.0, np.where(strong, 2.0, 1.0)) * side
    code[:113] = np.nan
    return np.asarray(code)


def since_rise(b: Array) -> tuple[Array, Array]:
    """Each bar's index, and that of the latest bar that closed above its open; −1 before any."""
    index = np.arange(len(b))
    return index, np.maximum.accumulate(np.where(b["close"] > b["open"], index, -1))


def crossings(b: Array, side: float) -> Array:
    gap = side * (b["close"] - b["open"])
    return np.concatenate([[0.0], (gap[1:] > 0) & (gap[:-1] <= 0)]).astype(float)
