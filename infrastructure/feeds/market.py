"""The feeds of several symbols as one, moment by moment.

A moment is given once every symbol's bar of it is there or is known to be missing: because a later
one came, because the feed ended, or because the feed says that it no longer waits for it. What is
read beyond that is kept for the next time, so that no feed is ever asked to step back.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from application.ports import (
    BAR,
    Bars,
    Feed,
    FeedDescription,
    FeedError,
    FeedFinished,
    Stretch,
    moments,
    until,
)

NOTHING: Bars = np.zeros(0, BAR)
FOR_EVER = 2**62  # ms: a feed that ended knows all that will ever come


class Line:
    """One symbol's feed, and what was read of it and not given yet."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.bars = NOTHING
        self.after = -1  # `bars` hold all that is known to open after this
        self.known = -1  # open time up to which no other bar will come

    def reach(self, after: int, limit: int, timeout: float) -> None:
        """Hold the bars after `after`, at most `limit`, waiting for the first if there is none."""
        if after < self.after:
            self.bars, self.known = NOTHING, -1
        self.bars = self.bars[int(np.searchsorted(self.bars["timestamp"], after, "right")) :]
        self.after, self.known = after, max(self.known, after)
        if len(self.bars) < limit and self.known < FOR_EVER:
            self.read_on(limit - len(self.bars), timeout)

    def read_on(self, limit: int, timeout: float) -> None:
        last = int(self.bars["timestamp"][-1]) if len(self.bars) else self.after
        # Asked first: a bar that the feed no longer waits for was accepted before it says so.
        decided = self.feed.decided() - 1
        try:
            more = self.feed.read(last, limit, timeout)
        except FeedFinished:
            self.known = FOR_EVER
            return
        if len(more):
            self.bars = np.concatenate((self.bars, more)) if len(self.bars) else more
            last = int(more["timestamp"][-1])
        self.known = max(self.known, last if len(more) == limit else max(last, decided))


class Market:
    """Serve the feeds of several symbols, or of one, as a `MarketFeed`."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        """Take feeds of one symbol each. Raises `FeedError` where they do not go together."""
        self._lines = [Line(feed) for feed in feeds]
        self._description = together([feed.describe() for feed in feeds])

    def describe(self) -> FeedDescription:
        """Say what the feeds serve."""
        return self._description

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        """Give the bars of whole moments after `after`, at most `limit` moments.

        Waits up to `timeout` seconds in all for the first. Raises `FeedFinished`, `FeedError`.
        """
        if limit < 1:
            raise ValueError(f"limit was {limit}, must be at least 1")
        behind = None  # the line that is waited for
        for line in self._lines:
            line.reach(after, limit, timeout if len(self._lines) == 1 else 0.0)
            if behind is None or line.known < behind.known:
                behind = line
        stretch = self._whole(limit)
        if any(map(len, stretch)) or behind is None or len(self._lines) == 1:
            return stretch
        behind.reach(after, limit, timeout)
        return self._whole(limit)

    def close(self) -> None:
        """Close every feed. May be called twice."""
        for line in self._lines:
            line.feed.close()

    def _whole(self, limit: int) -> Stretch:
        known = min(line.known for line in self._lines)
        stretch = until(tuple(line.bars for line in self._lines), known + 1)
        times = moments(stretch)
        if len(times) == 0 and known >= FOR_EVER:
            raise FeedFinished("there are no more bars")
        return stretch if len(times) <= limit else until(stretch, int(times[limit]))


def together(described: Sequence[FeedDescription]) -> FeedDescription:
    """Describe several feeds as one. Raises `FeedError` naming what differs."""
    if not described:
        raise FeedError("feeds were none, must be at least one")
    first = described[0]
    for field in ("feed", "venue", "timeframe"):
        given = [getattr(each, field) for each in described]
        if len(set(given)) > 1:
            raise FeedError(f"{field} was {', '.join(given)}, must be one for all symbols")
    if len(described) == 1:
        return first
    symbols = [each.instruments[0].symbol for each in described]
    if len(set(symbols)) < len(symbols):
        raise FeedError(f"symbols were {', '.join(symbols)}, each must be named once")
    totals = [each.total for each in described if each.total is not None]
    notes = [f"{each.instruments[0].symbol}: {each.note}" for each in described if each.note]
    same = len({each.note for each in described}) == 1
    return FeedDescription(
        feed=first.feed,
        venue=first.venue,
        timeframe=first.timeframe,
        data_digest=one_digest([each.data_digest for each in described]),
        instruments=tuple(i for each in described for i in each.instruments),
        total=max(totals) if len(totals) == len(described) else None,
        note=first.note if same else "; ".join(notes),
    )


def one_digest(digests: Sequence[str]) -> str:
    """What identifies the data of all symbols: theirs, in order, or the one that all share."""
    if len(set(digests)) == 1:
        return digests[0]
    return sha256("\n".join(digests).encode()).hexdigest()
