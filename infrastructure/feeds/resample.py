"""Larger bars made of smaller ones.

A larger bar exists once its last smaller bar or a later one has come, so it is never partial in
time: the bucket in which a recording begins or ends is left out unless it is whole at that end.
Bars missing inside a bucket stay missing; the bar is made of those that came.
"""

from collections.abc import Iterator

import numpy as np

from application.ports import BAR, Bars
from infrastructure.feeds.stream import BarSource


class Resampled:
    """Bars of `length` ms over a source of bars of `base` ms, which must divide it."""

    def __init__(self, source: BarSource, base: int, length: int, first: int) -> None:
        if length % base:
            raise ValueError(f"length was {length} ms, must be a multiple of {base} ms")
        self._source = source
        self._base = base
        self._length = length
        self._begin = whole_bucket(first, length)

    def seek(self, start: int) -> tuple[int | None, Iterator[Bars]]:
        """As `BarSource.seek`."""
        bucket = max(whole_bucket(start, self._length), self._begin)
        previous, pieces = self._source.seek(bucket)
        if previous is not None:
            previous -= previous % self._length
            previous = previous if previous >= self._begin else None
        return previous, self._joined(pieces)

    def close(self) -> None:
        """Close the source. May be called twice."""
        self._source.close()

    def _joined(self, pieces: Iterator[Bars]) -> Iterator[Bars]:
        carried: Bars | None = None
        for piece in pieces:
            bars = piece if carried is None else np.concatenate((carried, piece))
            buckets = bars["timestamp"] // self._length
            complete = self._complete(bars, buckets)
            if complete:
                yield aggregate(bars[:complete], buckets[:complete] * self._length)
            carried = bars[complete:]

    def _complete(self, bars: Bars, buckets: Bars) -> int:
        last = int(bars["timestamp"][-1])
        if (last + self._base) % self._length == 0:
            return len(bars)  # the last smaller bar of its bucket is here
        return int(np.searchsorted(buckets, buckets[-1]))


def whole_bucket(time: int, length: int) -> int:
    """Give the open of the first bucket of `length` ms that begins at `time` or later."""
    return -(-time // length) * length


def aggregate(bars: Bars, opens: Bars) -> Bars:
    """Join smaller bars that share an open time into one bar each; `funding` is left at 0."""
    starts = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    ends = np.concatenate((starts[1:], [len(bars)])) - 1
    joined = np.zeros(len(starts), BAR)
    joined["timestamp"] = opens[starts]
    joined["open"] = bars["open"][starts]
    joined["high"] = np.maximum.reduceat(bars["high"], starts)
    joined["low"] = np.minimum.reduceat(bars["low"], starts)
    joined["close"] = bars["close"][ends]
    joined["volume"] = _sums(bars["volume"], starts, ends)
    return joined


def _sums(values: Bars, starts: Bars, ends: Bars) -> Bars:
    # Summed from the left, one bar after the other, as adding them when they come would: library
    # sums add pairwise, which gives other bits on other machines.
    total = values[starts].copy()
    width = int((ends - starts).max()) + 1
    for step in range(1, width):
        inside = starts + step <= ends
        total[inside] += values[(starts + step)[inside]]
    return total
