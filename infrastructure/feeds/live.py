"""A venue's candles as they close, as a feed.

A thread of its own follows the venue (`follow`), so that a slow answer never holds the engine up;
the feed hands out what it has accepted. Only public endpoints are used and no keys exist here. The
first time, history is fetched back to `history` days, oldest first; a restart goes on after the
last bar it is asked for.
"""

import threading
from collections.abc import Callable

import numpy as np
import structlog

from application.ports import BAR, Bars, FeedDescription, FeedError
from domain.timeframe import DAY, milliseconds
from infrastructure.clock import SystemClock
from infrastructure.feeds.follow import Follower, Stopped
from infrastructure.feeds.venue import CandleVenue
from infrastructure.symbols import stored_symbol

log = structlog.get_logger(__name__)

HISTORY_DAYS = 14
KEPT = 50_000  # bars kept for a reader that asks again: 2.8 MB
UNREAD = KEPT // 2  # bars fetched ahead of the reader before the venue has to wait


class LiveFeed:
    """One symbol of a connected venue, followed from the first `read` on."""

    def __init__(
        self,
        venue: CandleVenue,
        symbol: str,
        timeframe: str = "1m",
        *,
        history_days: float = HISTORY_DAYS,
        clock: Callable[[], int] | None = None,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        """Take a connected venue; `clock` (ms UTC) and `wait` are replaced where time is played."""
        milliseconds(timeframe)
        self._venue = venue
        self._symbol = stored_symbol(symbol)
        self._timeframe = timeframe
        self._history = int(history_days * DAY)
        self._clock = clock or SystemClock().now_ms
        self._wait = wait
        self._instrument = venue.instrument(self._symbol)
        self._bars = np.zeros(0, BAR)
        self._decided = 0  # ms; what opens before it came or never will
        self._forgotten = -1  # open of the last bar no longer kept
        self._read_to = -1  # what the reader has asked past
        self._failure: Exception | None = None
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def describe(self) -> FeedDescription:
        """Say what the feed serves."""
        return FeedDescription(
            feed="live",
            venue=self._venue.name,
            timeframe=self._timeframe,
            data_digest=f"live:{self._venue.name}",
            instruments=(self._instrument,),
        )

    def read(self, after: int, limit: int, timeout: float) -> Bars:
        """Give accepted bars with timestamp > after, at most `limit`, or none within `timeout` s.

        Raises `FeedError` when the feed is closed, or asked for bars it no longer keeps.
        """
        if limit < 1:
            raise ValueError(f"limit was {limit}, must be at least 1")
        with self._changed:
            self._start(after)
            self._read_to = max(self._read_to, after)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._settled(after), timeout)
            if self._failure is not None and not self._has(after):
                raise FeedError(f"live feed stopped: {self._failure}") from self._failure
            if after < self._forgotten:
                raise FeedError(f"bars after {after} are no longer kept, only {self._forgotten} on")
            begin = int(np.searchsorted(self._bars["timestamp"], after, side="right"))
            return self._bars[begin : begin + limit].copy()

    def decided(self) -> int:
        """Give the open time before which every bar came or is absent for ever, ms."""
        with self._changed:
            return self._decided

    def close(self) -> None:
        """Stop following and drop the venue. May be called twice."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5)  # it is a daemon: a hanging request ends with the process
        with self._changed:
            self._failure = self._failure or Stopped("closed")
            self._changed.notify_all()
        self._venue.close()

    def _settled(self, after: int) -> bool:
        return self._has(after) or self._failure is not None

    def _has(self, after: int) -> bool:
        return bool(len(self._bars)) and int(self._bars["timestamp"][-1]) > after

    def _unread(self) -> int:
        read = int(np.searchsorted(self._bars["timestamp"], self._read_to, side="right"))
        return len(self._bars) - read

    def _start(self, after: int) -> None:
        if self._thread is not None or self._failure is not None:
            return
        since = after + 1 if after > 0 else self._clock() - self._history
        self._thread = threading.Thread(
            target=self._follow, args=(since,), name="live-feed", daemon=True
        )
        self._thread.start()

    def _follow(self, since: int) -> None:
        follower = Follower(
            self._venue,
            self._symbol,
            self._timeframe,
            self._clock,
            lambda seconds: self._wait(self._stop, seconds),
        )
        try:
            for bars in follower.bars(since):
                self._accept(bars, follower.decided)
                if self._stop.is_set():
                    return
        except Stopped:
            return
        except Exception as error:  # whatever it is, the reader must hear of it
            log.exception("live_feed_failed")
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _accept(self, bars: Bars, decided: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stop.is_set() or self._unread() < UNREAD)
            kept = np.concatenate((self._bars, bars))
            if len(kept) > KEPT:
                self._forgotten = int(kept["timestamp"][-KEPT - 1])
                kept = kept[-KEPT:]
            self._bars, self._decided = kept, decided
            self._changed.notify_all()
