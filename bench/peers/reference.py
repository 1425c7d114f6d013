"""The rules of the package in plain numpy: what peers and our own kernel are both held against.

It shares no code with any of them, and its simple averages are exact: closes are whole ticks, so
window sums are integers and two averages are compared by cross-multiplying. A tie is then a tie.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.peers.job import LOT, Bars, Floats, Job, Outcome

Ints = NDArray[np.int64]


def in_ticks(prices: Floats) -> Ints:
    """Prices as integers.

    Raises ValueError where a price is not a whole number.
    """
    off = prices != np.rint(prices)
    if off.any():
        raise ValueError(f"price was {prices[off][0]}, must be a whole number of ticks")
    return prices.astype(np.int64)


def sma_side(ticks: Ints, fast: int, slow: int) -> Floats:
    """Sign of SMA(fast) − SMA(slow) at each close, exact; NaN before both are defined."""
    sums = np.concatenate([[0], np.cumsum(ticks)])
    side = np.full(len(ticks), np.nan)
    last = np.arange(slow, len(ticks) + 1)
    of_fast = (sums[last] - sums[last - fast]) * slow
    of_slow = (sums[last] - sums[last - slow]) * fast
    side[slow - 1 :] = np.sign(of_fast - of_slow)
    return side


def ema(close: Floats, n: int) -> Floats:
    """EMA(n) seeded with the mean of the first n closes; NaN before."""
    values = close.tolist()
    result = np.full(len(values), np.nan)
    if len(values) < n:
        return result
    y = float(np.mean(close[:n]))
    result[n - 1] = y
    weight = 2.0 / (n + 1.0)
    smooth = []
    for x in values[n:]:
        y += weight * (x - y)
        smooth.append(y)
    result[n:] = smooth
    return result


def sides(bars: Bars, kind: str, fast: int, slow: int) -> Floats:
    """Sign of fast − slow at each close."""
    if kind == "sma_cross":
        return sma_side(in_ticks(bars.close), fast, slow)
    return np.sign(ema(bars.close, fast) - ema(bars.close, slow))


def decisions(side: Floats) -> tuple[list[int], list[int]]:
    """Bars at whose close a buy and a sale are decided, in turns, buys first."""
    before, now = side[:-1], side[1:]
    up = np.flatnonzero((now > 0) & (before <= 0)) + 1
    down = np.flatnonzero((now < 0) & (before >= 0)) + 1
    events = sorted([(int(at), True) for at in up] + [(int(at), False) for at in down])
    buys: list[int] = []
    sales: list[int] = []
    for at, is_buy in events:
        if is_buy and len(buys) == len(sales):
            buys.append(at)
        elif not is_buy and len(buys) > len(sales):
            sales.append(at)
    return buys, sales


def equity_at_closes(
    bars: Bars, side: Floats, job: Job, fills_at: Literal["open", "close"] = "open"
) -> tuple[Floats, int]:
    """Equity at every close, and the closed trades.

    `fills_at="close"` fills at the close of the deciding bar, for an engine that can do no other.
    Raises ValueError where the cash does not suffice for a buy: engines part ways there.
    """
    delay = 1 if fills_at == "open" else 0
    price = bars.open if delay else bars.close
    decided = decisions(side)
    buys, sales = ([at + delay for at in part if at + delay < len(bars)] for part in decided)
    amount = np.floor(job.notional / bars.close / LOT + 1e-9) * LOT
    bought = amount[[at - delay for at in buys]]
    paid = np.zeros(len(bars))
    held = np.zeros(len(bars))
    paid[buys] -= bought * price[buys] * (1.0 + job.fee)
    held[buys] += bought
    sold = bought[: len(sales)]
    paid[sales] += sold * price[sales] * (1.0 - job.fee)
    held[sales] -= sold
    cash = job.cash + np.cumsum(paid)
    if cash.min() < 0.0:
        raise ValueError(f"cash was {job.cash}, must be {job.cash - cash.min()} or more")
    return cash + np.cumsum(held) * bars.close, len(sales)


def reference(
    bars: Bars, job: Job, fast: int, slow: int, fills_at: Literal["open", "close"] = "open"
) -> Outcome:
    """Run one set by the rules of the package."""
    equity, closed = equity_at_closes(bars, sides(bars, job.kind, fast, slow), job, fills_at)
    peak = np.maximum.accumulate(np.concatenate([[job.cash], equity]))[1:]
    fallen = peak - equity
    return Outcome(
        fast, slow, closed, float(equity[-1]), float((fallen / peak).max()), float(fallen.max())
    )
