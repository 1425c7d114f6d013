"""Strategies that say `regime`, classifications to tell them, and the slow reading of a list."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec
from kernels.sweep.settings import Settings
from kernels.told import Told, told_of
from tests.kernel_programs import torn
from tests.kernel_runs import CAPITAL, MINUTE, START, Array, limits, market

Row = tuple[int, int, int]  # start and end in ms, code

# Says `regime` alone: it is there from the first bar that anything is said of.
PLAIN = '''"""With the bulls, against the bears."""
timeframe("{timeframe}")
seen = regime

def entry():
    if regime > RANGING:
        return long(tag="bull")
    if regime == STRONG_BEAR:
        return short(tag="bear")
    return FLAT

def exits():
    return plan(stop=40 if regime == STRONG_BULL else 25, max_bars=9)
'''
# Everything that can be made of it, beside the rule of its own bars and of longer ones.
FRAMED = '''"""Breakouts, but never against a strong trend."""
timeframe("5m")
stop_atr = param(2.0, 1.0, 3.0)
rule = market_regime()
h1 = higher("15m")
above = h1.market_regime()
ceiling = highest(high, 10)[1]
base = lowest(low, 10)[1]
lately = sma(regime, 3)

def entry():
    if close > ceiling and regime != STRONG_BEAR:
        return long(tag="up", confidence=0.8 if regime > RANGING else 0.4)
    if close < base and regime[1] != STRONG_BULL and regime != WEAK_BULL:
        return short(tag="down")
    return FLAT

def exits():
    return plan(stop=stop_atr * atr(14), target=(4 + lately) * atr(14))
'''


COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1.0)
LANES = (LaneSpec(8, CAPITAL, limits(True)), LaneSpec(1, CAPITAL, limits(False)))
COUNT = 4000  # minutes


def at(minute: float) -> int:
    """Milliseconds of a minute after the first bar opens."""
    return START + round(minute * MINUTE)


def said(*rows: tuple[float, float, int]) -> Told:
    """Classifications by minutes after the first bar opens."""
    return told_of((at(start), at(end), code) for start, end, code in rows)


def drawn(seed: int, minutes: int, mean: int = 120) -> list[Row]:
    """Random classifications: some follow one another, some overlap, some leave a hole."""
    rng = np.random.default_rng((seed, 7))
    rows: list[Row] = []
    start = START
    while start < at(minutes):
        start += int(rng.integers(1, mean) * MINUTE + rng.choice([0, 0, 1, 59_999]))
        end = start + int(rng.integers(0, 2 * mean) * MINUTE)
        rows.append((start, end, int(rng.integers(-2, 3))))
    return rows


def holding(rows: Sequence[Row], close: int) -> float:
    """What holds at a close, by looking at every classification in the order they were said."""
    latest: Row | None = None
    for row in rows:
        if row[0] <= close and (latest is None or row[0] >= latest[0]):
            latest = row
    return float(latest[2]) if latest is not None and close < latest[1] else math.nan


def read(rows: Sequence[Row], closes: Array, ruled: Array) -> Array:
    """What `regime` is at each close: what was said, else what the rule gave there."""
    found = np.array([holding(rows, int(close)) for close in closes])
    return np.where(np.isnan(found), ruled, found)


@cache
def framed() -> Program:
    return compile_strategy(FRAMED, "framed")


def bars_on(symbols: int) -> list[Array]:
    """Bars with holes; those of the second symbol begin late and lack more of them."""
    bars = [torn(COUNT, 40 + n) for n in range(symbols)]
    return [each[n * 300 :: 1 + n] for n, each in enumerate(bars)]


def said_of(bars: Sequence[Array], seed: int) -> list[list[Row]]:
    """Of each symbol something else, over all its bars, the gap of days in them left out."""
    late = int(bars[0]["timestamp"][-1]) - 2000 * MINUTE
    found = []
    for symbol in range(len(bars)):
        first = drawn(seed + symbol, 1500)
        shift = late - first[0][0]
        found.append([*first, *((a + shift, b + shift, c) for a, b, c in first)])
    return found


def settings_of() -> Settings:
    return Settings(COSTS, LANES[0].limits, LANES[0].leverage, CAPITAL, MINUTE)
