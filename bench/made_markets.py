"""Markets made up so that the truth about them is known: one without an edge, one with a small one.

Bars of one symbol, whose returns are normal and independent. In the second market, now and then,
price leaps and then tends to come part of the way back: whoever waits for a leap and fades it
earns, net of all costs, a Sharpe ratio of about 2 a year (`python -m bench.control --truth`);
whoever does not wait only pays costs. Draws are numpy's Philox, counter-based, by seed: the same on
every machine.
"""

from typing import Any

import numpy as np

from application.ports import BAR, Bars

HOUR = 3_600_000
QUARTER = HOUR // 4
YEAR = 365 * 24 * HOUR
START = 1_704_067_200_000  # 2024-01-01 00:00 UTC
PRICE = 20_000.0
WALK = 0.002  # deviation of a return of fifteen minutes
NOISE = 0.004  # deviation of an hour's return
LEAPS = 25.0  # a year
LEAP = 0.07  # smallest, as a return
SPREAD = 0.01  # mean of what it is beyond that
RETURNING = 0.88  # share of leaps that are partly taken back
BACK = 0.22  # how far of the way
ON = 1.0  # how far the others go on
HOURS = 8  # that either takes

Array = np.ndarray[Any, Any]


def walk(seed: int, years: float) -> Bars:
    """Give bars of fifteen minutes of a random walk: nothing earns on them but by luck."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 1]))
    count = int(years * YEAR) // QUARTER
    return made(generator, WALK * generator.standard_normal(count), QUARTER, WALK)


def leaping(seed: int, years: float) -> Bars:
    """Give hourly bars of a walk that leaps, and mostly takes part of it back."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 2]))
    count = int(years * YEAR) // HOUR
    returns = NOISE * generator.standard_normal(count)
    leaps = np.flatnonzero(generator.random(count) < LEAPS * HOUR / YEAR)
    sizes = LEAP + generator.exponential(SPREAD, len(leaps))
    sides = np.where(generator.random(len(leaps)) < 0.5, 1.0, -1.0)
    comes_back = generator.random(len(leaps)) < RETURNING
    for at, leap, back in zip(leaps.tolist(), (sides * sizes).tolist(), comes_back, strict=True):
        returns[at + 1 : at + 1 + HOURS] += (-BACK if back else ON) * leap / HOURS
        returns[at] += leap
    return made(generator, returns, HOUR, NOISE)


def made(generator: np.random.Generator, returns: Array, length: int, deviation: float) -> Bars:
    """Make bars of returns, with highs and lows beyond open and close."""
    bars = np.zeros(len(returns), BAR)
    close = PRICE * np.exp(np.cumsum(returns))
    bars["timestamp"] = START + length * np.arange(len(returns))
    bars["close"] = np.round(close, 2)
    bars["open"] = np.concatenate([[PRICE], bars["close"][:-1]])
    beyond = np.abs(generator.normal(0.0, deviation / 3, (2, len(returns))))
    bars["high"] = np.round(np.maximum(bars["open"], bars["close"]) * (1.0 + beyond[0]), 2)
    bars["low"] = np.round(np.minimum(bars["open"], bars["close"]) * (1.0 - beyond[1]), 2)
    bars["volume"] = np.round(generator.uniform(50.0, 150.0, len(returns)), 4)
    return bars


FADE = '''"""Fade closes far from their mean; begun crude on purpose."""
from kernels.language import *

timeframe("1h")
lookback = param(24, 6, 96)  # bars
width = param(1.0, 0.5, 8.0)  # standard deviations
loss = param(0.01, 0.005, 0.06)  # stop, fraction of price
gain = param(0.004, 0.002, 0.04)  # target, fraction of price
hold = param(6, 2, 48)  # bars

mid = sma(close, lookback)
spread = stdev(close, lookback)


def entry():
    if close < mid - width * spread:
        return long(tag="below")
    if close > mid + width * spread:
        return short(tag="above")
    return FLAT


def exits():
    return plan(
        stop=loss * position.entry_price, target=gain * position.entry_price, max_bars=hold
    )
'''
