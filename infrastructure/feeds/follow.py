"""Which of a venue's candles are used, and when.

A candle is used once it is closed by the venue's clock, never before. One that has
not come five seconds after its close is absent for ever: whoever acts on bars as they come must
never find another past after a restart. Errors of the venue are waited out and logged; they make
bars late, and so absent, but never partial. No threads here: time comes in through `clock` and
`wait`, so that every case can be played through.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import structlog

from application.ports import BAR, Bars
from domain.timeframe import milliseconds
from infrastructure.feeds.venue import CandleVenue, VenueBusy, VenueError

log = structlog.get_logger(__name__)

DEADLINE = 5_000  # ms after its close by which a bar must have come
SETTLED = 2_000  # ms after its close when a bar counts as final though no later one is there yet
POLL = 0.7  # s between looks for a bar that is due
FIRST_LOOK = 200  # ms after the close
BACKOFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # s
BUSY_BACKOFF = (10.0, 20.0, 40.0, 60.0)  # s, when the venue asks for fewer requests

Result = TypeVar("Result")


class Stopped(Exception):
    """Whoever waits was told to stop."""


class Follower:
    """One symbol's closed bars on one venue, from a time on and without end."""

    def __init__(
        self,
        venue: CandleVenue,
        symbol: str,
        timeframe: str,
        clock: Callable[[], int],
        wait: Callable[[float], bool],
    ) -> None:
        """Take the local `clock` (ms UTC) and a `wait` (seconds) that is true when to stop."""
        self._venue = venue
        self._symbol = symbol
        self._timeframe = timeframe
        self._length = milliseconds(timeframe)
        self._clock = clock
        self._wait = wait
        self._offset = 0  # venue's clock − ours, ms
        self.decided = 0  # every bar that opens before this came or is absent for ever, ms

    def bars(self, since: int) -> Iterator[Bars]:
        """Give blocks of closed bars opened at `since` or later, as they come.

        First what is past, in pages, trying until the venue answers; then each bar by its deadline,
        or none where it passed. Raises `Stopped`.
        """
        start = -(-since // self._length) * self._length
        while (begin := self._first_live(self._insist(self._look_at_clock))) > start:
            yield from self._past(start, begin)
            start = begin
        while True:
            self.decided = start
            bar = self._due(start)
            self.decided = start + self._length
            yield bar
            start = max(start + self._length, self._first_live_after(start))

    def _now(self) -> int:
        return self._clock() + self._offset

    def _first_live(self, now: int) -> int:
        # the first bar whose deadline is still to come
        return (now - DEADLINE) // self._length * self._length

    def _past(self, start: int, end: int) -> Iterator[Bars]:
        while start < end:
            limit = min(self._venue.page, (end - start) // self._length)
            page = self._insist(partial(self._ask, start, limit, 10.0))
            if not len(page):  # a hole, at a venue that answers by windows; or a hiccup: look twice
                self._pause(POLL)
                page = self._insist(partial(self._ask, start, limit, 10.0))
            page = page[page["timestamp"] < end]
            if len(page):
                yield page
                start = int(page["timestamp"][-1]) + self._length
            else:
                start += limit * self._length

    def _due(self, time: int) -> Bars:
        close = time + self._length
        self._until(close + FIRST_LOOK)
        while True:
            try:
                # Our clock may be set at any moment, and this machine may sleep: an open candle
                # taken for a closed one could never be taken back, so the venue's clock decides.
                now = self._look_at_clock()
                if now >= close + DEADLINE:
                    break
                if now < close + FIRST_LOOK:
                    self._pause(max((close + FIRST_LOOK - now) / 1000, 0.05))
                    continue
                bar = self._closed(time, now)
            except VenueError as error:
                if self._now() >= close + DEADLINE:
                    break
                log.warning("venue_failed", error=str(error), bar=time)
                self._pause(BACKOFF[1] if isinstance(error, VenueBusy) else POLL)
                continue
            if len(bar):
                return bar
            self._pause(POLL)
        log.warning("bar_absent", venue=self._venue.name, symbol=self._symbol, bar=time)
        return np.zeros(0, BAR)

    def _closed(self, time: int, now: int) -> Bars:
        close = time + self._length
        page = self._ask(time, 3, (close + DEADLINE - now) / 1000)
        final = now >= close + SETTLED or bool((page["timestamp"] > time).any())
        in_time = self._now() < close + DEADLINE
        bar: Bars = page[(page["timestamp"] == time) & final & in_time]
        return bar

    def _first_live_after(self, time: int) -> int:
        begin = self._first_live(self._now())
        missed = (begin - time) // self._length - 1
        if missed > 0:  # this machine slept, or a request hung
            log.warning("bars_absent", symbol=self._symbol, after=time, bars=missed)
        return begin

    def _ask(self, since: int, limit: int, timeout: float) -> Bars:
        return self._venue.candles(self._symbol, self._timeframe, since, limit, max(timeout, 0.5))

    def _insist(self, request: Callable[[], Result]) -> Result:
        failures = 0
        while True:
            try:
                return request()
            except VenueError as error:
                delays = BUSY_BACKOFF if isinstance(error, VenueBusy) else BACKOFF
                delay = delays[min(failures, len(delays) - 1)]
                failures += 1
                log.warning("venue_failed", error=str(error), failures=failures, retry_in=delay)
                self._pause(delay)

    def _look_at_clock(self) -> int:
        before = self._clock()
        theirs = self._venue.time()
        if theirs is None:
            return self._now()
        self._offset = theirs - (before + self._clock()) // 2
        return theirs

    def _until(self, time: int) -> None:
        while (left := time - self._now()) > 0:
            self._pause(left / 1000)

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise Stopped
