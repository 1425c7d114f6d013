"""Strategies that say `regime`, classifications to tell them, and the slow reading of a list."""

import math
from collections.abc import Sequence

import numpy as np

from kernels.told import Told, told_of
from tests.kernel_runs import MINUTE, START, Array

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
