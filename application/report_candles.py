"""Prices for a chart: as many candles as can be looked at, however long the range.

Candles begin as fine as the bars and are merged to the next wider width whenever there are too
many, so memory is bounded and the range need not be known beforehand. Every width divides the next
and widths count from the epoch: what the candles are depends on the bars alone, not on how they
were cut into blocks.
"""

from typing import Any

import numpy as np

from application.ports import Bars
from domain.timeframe import MINUTE

Array = np.ndarray[Any, Any]

LIMIT = 5_000  # candles of a chart
WIDTHS = tuple(MINUTE * minutes for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 1440, 10_080))

CANDLE = np.dtype(
    [
        ("at", "<i8"),  # open, ms UTC
        ("open", "<f8"),  # quote
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
    ]
)


class CandleTape:
    """Merges bars into at most `limit` candles, block by block."""

    def __init__(self, base_ms: int, limit: int = LIMIT) -> None:
        self.width = base_ms  # ms
        self.limit = limit
        self.parts: list[Array] = []
        self.count = 0

    def add(self, bars: Bars) -> None:
        """Take the next bars."""
        candles = np.empty(len(bars), CANDLE)
        candles["at"] = bars["timestamp"]
        for name in ("open", "high", "low", "close"):
            candles[name] = bars[name]
        self.keep([*self.parts, merged(candles, self.width)])
        if self.count > 2 * self.limit:
            self.candles()

    def candles(self) -> Array:
        """Give the candles so far, dtype CANDLE, `width` ms wide."""
        whole = merged(np.concatenate([np.empty(0, CANDLE), *self.parts]), self.width)
        while len(whole) > self.limit:
            self.width = wider(self.width)
            whole = merged(whole, self.width)
        self.keep([whole])
        return whole

    def keep(self, parts: list[Array]) -> None:
        self.parts = parts
        self.count = sum(map(len, parts))


def wider(width: int) -> int:
    """Give the next width that holds whole candles of this one."""
    fitting = (each for each in WIDTHS if each > width and each % width == 0)
    return next(fitting, 2 * width)


def merged(candles: Array, width: int) -> Array:
    """Merge candles that begin in the same `width` ms."""
    if len(candles) == 0:
        return candles
    places = candles["at"] // width
    starts = np.flatnonzero(np.diff(places, prepend=places[0] - 1))
    whole = candles[starts]
    whole["at"] = places[starts] * width
    whole["high"] = np.maximum.reduceat(candles["high"], starts)
    whole["low"] = np.minimum.reduceat(candles["low"], starts)
    whole["close"] = candles["close"][np.append(starts[1:], len(candles)) - 1]
    return whole
