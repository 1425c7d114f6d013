"""A feed over anything that can be read forward from a time.

The caller's cursor decides what comes next, never how it was asked before: the same bars follow
`after` whatever the limits, and a feed may be restarted anywhere. Reading on costs one slice of the
piece at hand; only a step back opens the source again.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from application.ports import BAR, Bars, FeedDescription, FeedFinished

NOTHING: Bars = np.zeros(0, BAR)


class BarSource(Protocol):
    """Bars in order, readable from any time on."""

    def seek(self, start: int) -> tuple[int | None, Iterator[Bars]]:
        """Give the open of the last bar before `start` (None if none) and, in pieces of the
        source's own choosing, the bars from it on. Raises FeedError, also while iterating."""

    def close(self) -> None: ...


class StreamFeed:
    """Serve a source's bars with start ≤ timestamp < end, as a `Feed`."""

    def __init__(
        self,
        source: BarSource,
        description: FeedDescription,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self._source = source
        self._description = description
        self._start = start
        self._end = end
        self._rest: Iterator[Bars] | None = None
        self._piece = NOTHING
        self._times = NOTHING["timestamp"]
        self._floor = 0  # the piece and the rest hold every bar from here on

    def describe(self) -> FeedDescription:
        """Say what the feed serves."""
        return self._description

    def read(self, after: int, limit: int, timeout: float) -> Bars:
        """Give bars with timestamp > after, at most `limit`; never waits.

        Raises `FeedFinished` at the end, `FeedError` for a row that is no candle.
        """
        if limit < 1:
            raise ValueError(f"limit was {limit}, must be at least 1")
        start = max(after + 1, self._start)
        if self._rest is None or start < self._floor:
            self._open(start)
        index = int(np.searchsorted(self._times, start))
        while index == len(self._times):
            self._advance()
            index = int(np.searchsorted(self._times, start))
        bars = self._piece[index : index + limit].copy()
        if self._end is not None and bars[-1]["timestamp"] >= self._end:
            bars = bars[: int(np.searchsorted(bars["timestamp"], self._end))]
            if not len(bars):
                raise FeedFinished(f"no bar before {self._end} is left")
        return bars

    def decided(self) -> int:
        """Nothing is known but by what comes later."""
        return 0

    def close(self) -> None:
        """Close the source. May be called twice."""
        self._rest = None
        self._hold(NOTHING)
        self._source.close()

    def _open(self, start: int) -> None:
        _, self._rest = self._source.seek(start)
        self._hold(NOTHING)
        self._floor = start

    def _advance(self) -> None:
        if self._rest is None:
            raise FeedFinished("the feed is closed")
        piece = next(self._rest, None)
        if piece is None:
            raise FeedFinished("there are no more bars")
        if len(self._times):
            self._floor = int(self._times[-1]) + 1
        self._hold(piece)

    def _hold(self, piece: Bars) -> None:
        self._piece = piece
        self._times = np.ascontiguousarray(piece["timestamp"])
