"""One symbol's prices in whole ticks, asked for many stretches at once.

Signed prices are ticks × side: more is better, whichever the side. Only comparisons and extremes of
whole numbers are taken, so no order of evaluation can change a figure. A stretch is two places,
begin included and end not.
"""

from typing import Any

import numpy as np

from application.ports import Bars

Array = np.ndarray[Any, Any]

STEP = 32  # bars looked at at a time, for every trade that is not decided yet
NEVER = np.iinfo(np.int64).max


class PricePath:
    """One symbol's bars."""

    def __init__(self, bars: Bars, tick: float, base_ms: int) -> None:
        self.times: Array = bars["timestamp"]
        self.base_ms = base_ms
        self.high, self.low, self.close = (
            np.floor(bars[name] / tick + 0.5) for name in ("high", "low", "close")
        )

    @property
    def end(self) -> int:
        """When the last bar is over, ms; 0 without bars."""
        return int(self.times[-1]) + self.base_ms if len(self.times) else 0

    def before(self, moments: Array) -> Array:
        """Give how many bars open before each moment (ms)."""
        return np.searchsorted(self.times, moments)

    def closing(self, moments: Array) -> Array:
        """Give the last close at or before each moment; NaN where there is none, or it is past the
        end of the bars."""
        places = np.searchsorted(self.times, moments - self.base_ms, side="right") - 1
        there = (places >= 0) & (moments <= self.end)
        return np.where(there, np.append(self.close, np.nan)[np.where(there, places, -1)], np.nan)

    def extremes(self, side: Array, begin: Array, end: Array) -> tuple[Array, Array]:
        """Give the best and the worst signed price of each stretch; NaN for one without bars."""
        high = reduced(np.maximum, self.high, begin, end)
        low = reduced(np.minimum, self.low, begin, end)
        long = side > 0
        return np.where(long, high, -low), np.where(long, low, -high)

    def up(self, side: Array, begin: Array, end: Array, level: Array) -> Array:
        """Give the first bar of each stretch that saw a signed level, or better; `NEVER`."""
        return self.first(side > 0, begin, end, level)

    def down(self, side: Array, begin: Array, end: Array, level: Array) -> Array:
        """Give the first bar of each stretch that saw a signed level, or worse; `NEVER`."""
        return self.first(side < 0, begin, end, -level)

    def first(self, above: Array, begin: Array, end: Array, level: Array) -> Array:
        found = np.full(len(begin), NEVER)
        for own, values in ((above, self.high), (~above, -self.low)):
            found[own] = first_at_least(values, begin[own], end[own], level[own])
        return found

    def race(self, side: Array, begin: Array, end: Array, up: Array, down: Array) -> Array:
        """Tell which of two signed levels comes first: 1 up, 0 down; NaN undecided."""
        ups = self.up(side, begin, end, up)
        downs = self.down(side, begin, end, down)
        known = ~(np.isnan(up) | np.isnan(down)) & (ups != downs)
        return np.where(known, (ups < downs).astype(np.float64), np.nan)


def reduced(take: np.ufunc, values: Array, begin: Array, end: Array) -> Array:
    """One figure of each stretch: its highest or lowest value; NaN where it is empty."""
    found = np.full(len(begin), np.nan)
    full = begin < end
    if full.any():
        cuts = np.stack([begin[full], end[full]], axis=1).reshape(-1)
        found[full] = take.reduceat(np.append(values, np.nan), cuts)[::2]
    return found


def first_at_least(values: Array, begin: Array, end: Array, level: Array) -> Array:
    """Place of the first value of each stretch that is at least a level; `NEVER`."""
    found = np.full(len(begin), NEVER)
    end = np.minimum(end, len(values))
    at = begin.copy()
    left = np.flatnonzero((begin < end) & ~np.isnan(level))
    while len(left):
        places = at[left, None] + np.arange(STEP)
        inside = places < end[left, None]
        hits = inside & (values[np.where(inside, places, 0)] >= level[left, None])
        hit = hits.any(axis=1)
        found[left[hit]] = at[left[hit]] + hits[hit].argmax(axis=1)
        at[left] += STEP
        left = left[~hit & (at[left] < end[left])]
    return found
