"""How made-up prices move: ranges that tighten, breakouts on volume, trends, wild hours.

A chunk of bars is a pure function of the raw 64-bit numbers given and of the state before it. Only
operations that IEEE 754 defines exactly are used (no exp, log, sin or library normal), in an order
that numpy does not change, so every machine makes the same bytes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from application.ports import BAR, Bars

CHUNK = 4096  # bars
PLACES = 520  # raw numbers for the regimes of one chunk: five a segment, at most 103 segments
DRAWS = PLACES + 256  # and for its volatility, one a block
RAW = DRAWS + 3 * CHUNK  # raw numbers one chunk takes

DEVIATION = 0.0004  # of one quiet minute's return
SQRT_3 = 1.7320508075688772
VOLATILITY_BLOCK = 16  # bars that share a volatility

BURST = 20.0  # bars that a breakout takes
FAILING = 0.45  # trends weaker than this break out in vain

RANGE, UP, DOWN, WILD = range(4)
LENGTHS = {RANGE: (180, 700), UP: (60, 360), DOWN: (60, 360), WILD: (40, 160)}  # bars
LEAVING = {  # chance to go on with a range, a trend either way, or (the rest) wild hours
    RANGE: (0.15, 0.70),
    UP: (0.65, 0.20),
    DOWN: (0.65, 0.20),
    WILD: (0.60, 0.35),
}

Floats = np.ndarray[Any, Any]


class Grid(NamedTuple):
    """The price and volume grid, and where prices begin and tend back to."""

    ticks: float  # in one quote
    origin: float  # quote
    volume: float  # base units a quiet minute trades


class State(NamedTuple):
    """What one chunk hands to the next."""

    price: float  # the last close, quote
    regime: int
    heat: float  # log-like volatility, within ±1


class _Segment(NamedTuple):
    regime: int
    begin: int
    end: int
    sign: float
    strength: float  # 0 … 1


def make_chunk(raw: Floats, state: State, grid: Grid) -> tuple[Bars, State]:
    """Make the next bars from `RAW` uint64 numbers; times and funding are left at 0."""
    draws = _uniforms(raw[:DRAWS])
    noise, wicks, crowd = np.split(raw[DRAWS:], 3)
    deviation, heat = _volatility(draws[PLACES:], state.heat)
    shocks = _bell(noise) * deviation
    closes = np.empty(CHUNK)
    bustle = np.empty(CHUNK)
    price, regime = state.price, state.regime
    for segment in _segments(draws[:PLACES], state, grid, closes):
        part = slice(segment.begin, segment.end)
        start = price if segment.begin == 0 else float(closes[segment.begin - 1])
        closes[part], bustle[part] = _walk(segment, start, shocks[part], deviation[part])
        regime = segment.regime
    bars = _candles(closes, price, deviation, wicks, grid)
    bars["volume"] = _volumes(bars, bustle, crowd, grid)
    return bars, State(float(bars["close"][-1]), regime, heat)


def _uniforms(raw: Floats) -> Floats:
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _bell(raw: Floats) -> Floats:
    parts = raw.view("<u2").reshape(-1, 4).astype(np.float64)
    total = parts[:, 0] + parts[:, 1] + parts[:, 2] + parts[:, 3]
    return (total * 2.0**-16 - 2.0) * SQRT_3  # four uniforms: mean 0, deviation 1, nearly normal


def _volatility(draws: Floats, heat: float) -> tuple[Floats, float]:
    blocks = []
    for draw in draws.tolist():
        heat = min(max(0.98 * heat + 0.5 * (draw - 0.5), -1.0), 1.0)
        factor = 1.0 + heat / 8.0
        factor = factor * factor
        factor = factor * factor
        blocks.append(DEVIATION * factor * factor)  # (1 + heat/8)^8: 0.34 to 2.6 times
    return np.repeat(np.array(blocks), VOLATILITY_BLOCK), heat


def _segments(draws: Floats, state: State, grid: Grid, closes: Floats) -> Iterator[_Segment]:
    numbers = iter(draws.tolist())
    regime, begin = state.regime, 0
    while begin < CHUNK:
        price = state.price if begin == 0 else float(closes[begin - 1])
        lean = 0.45 * (price - grid.origin) / (price + grid.origin)  # far prices tend back
        regime = _next_regime(regime, next(numbers), next(numbers) < 0.5 - lean)
        low, high = LENGTHS[regime]
        draw = next(numbers)
        end = min(begin + low + int(draw * draw * (high - low)), CHUNK)
        sign = 1.0 if next(numbers) < 0.5 else -1.0
        yield _Segment(regime, begin, end, sign, next(numbers))
        begin = end


def _next_regime(regime: int, draw: float, up: bool) -> int:
    stay, trend = LEAVING[regime]
    if draw < stay:
        return RANGE
    if draw < stay + trend:
        return UP if up else DOWN
    return WILD


def _walk(
    segment: _Segment, start: float, shocks: Floats, deviation: Floats
) -> tuple[Floats, Floats]:
    age = np.arange(1, len(shocks) + 1, dtype=np.float64)
    if segment.regime == RANGE:
        return _range(segment, start, shocks, age)
    if segment.regime == WILD:
        return start * np.cumprod(1.0 + 2.5 * shocks), np.full(len(age), 2.2)
    burst = np.where(age <= BURST, 1.6, 0.0)  # the breakout: twenty minutes, on volume
    if segment.strength < FAILING:  # and back where it came from, with something on top
        burst -= np.where((age > BURST) & (age <= 3.0 * BURST), 1.1, 0.0)
    drift = (0.08 + 0.14 * segment.strength + burst) * deviation
    direction = 1.0 if segment.regime == UP else -1.0
    bustle = np.where(age <= BURST, 4.5, 1.2)
    return start * np.cumprod(1.0 + direction * drift + shocks), bustle


def _range(segment: _Segment, start: float, shocks: Floats, age: Floats) -> tuple[Floats, Floats]:
    period = 40.0 + 120.0 * segment.strength
    phase = age / period + 0.25
    swing = 1.0 - 4.0 * np.abs(phase - np.floor(phase) - 0.5)  # a triangle wave from 0
    spent = age / len(age)
    width = np.where(spent < 0.6, 1.0, 1.0 - 2.0 * (spent - 0.6))  # it tightens towards its end
    recent = np.cumsum(shocks)
    recent[8:] = recent[8:] - recent[:-8]  # noise about the wave that does not wander off
    level = segment.sign * (0.003 + 0.006 * segment.strength) * swing + 0.7 * recent
    return start * (1.0 + width * level), 0.5 + 0.5 * width


def _candles(closes: Floats, previous: float, deviation: Floats, wicks: Floats, grid: Grid) -> Bars:
    ticks = np.maximum(np.rint(closes * grid.ticks), 1.0)
    opens = np.concatenate(([np.rint(previous * grid.ticks)], ticks[:-1]))
    halves = wicks.view("<u4").reshape(-1, 2).astype(np.float64) * 2.0**-32
    reach = (halves * halves) * (1.2 * deviation * closes * grid.ticks)[:, None]
    bars = np.zeros(CHUNK, BAR)
    bars["open"] = opens / grid.ticks
    bars["close"] = ticks / grid.ticks
    bars["high"] = (np.maximum(opens, ticks) + np.rint(reach[:, 0])) / grid.ticks
    bars["low"] = np.maximum(np.minimum(opens, ticks) - np.rint(reach[:, 1]), 1.0) / grid.ticks
    return bars


def _volumes(bars: Bars, bustle: Floats, crowd: Floats, grid: Grid) -> Floats:
    travel = (bars["high"] - bars["low"]) / (bars["close"] * DEVIATION)
    amount = grid.volume * bustle * (0.3 + 0.4 * travel) * (0.4 + 1.2 * _uniforms(crowd))
    rounded: Floats = np.rint(amount * 1000.0) / 1000.0
    return rounded
