"""Recorded time let out at the speed of a clock.

The first bar asked for is due at once and every later one as long after it as in the market,
divided by the speed. Being due depends on the clock alone, so a slow reader catches up instead of
falling behind for ever. Which bars there are, and in which order, stays the feed's business.
"""

from collections.abc import Callable
from math import floor

from application.ports import FeedDescription, MarketFeed, Stretch, moments, until

Speed = float | None  # market seconds per second, None: as fast as possible


class BadSpeed(ValueError):
    """The speed is neither `max` nor a number above 0."""


def parse_speed(text: str) -> Speed:
    """Read `max` or a number such as `1`, `60` or `60x`. Raises `BadSpeed`."""
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise BadSpeed(f"speed was {text!r}, must be max or a number above 0 (times real time)")
    return speed


class Paced:
    """A feed whose bars come at `speed` times real time."""

    def __init__(
        self,
        feed: MarketFeed,
        speed: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """Take a monotonic `clock` and a `sleep`, both in seconds."""
        self._feed = feed
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._begun: tuple[float, int] | None = None  # clock and market time of the first bar

    def describe(self) -> FeedDescription:
        """Say what the inner feed serves."""
        return self._feed.describe()

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        """Give the bars that are due, waiting up to `timeout` seconds for the first of them."""
        deadline = self._clock() + timeout
        stretch = self._feed.read(after, limit, timeout)
        opens = moments(stretch)
        if not len(opens):
            return stretch
        if self._begun is None:
            self._begun = (self._clock(), int(opens[0]))
        wait = self._due(int(opens[0])) - self._clock()
        if wait > 0:
            left = max(deadline - self._clock(), 0.0)
            self._sleep(min(wait, left))
            if wait > left:
                return until(stretch, 0)
        return until(stretch, max(int(opens[0]), floor(self._market_time())) + 1)

    def close(self) -> None:
        """Close the inner feed. May be called twice."""
        self._feed.close()

    def _origin(self) -> tuple[float, int]:
        if self._begun is None:
            raise RuntimeError("pacing begins with the first bar")
        return self._begun

    def _due(self, time: int) -> float:
        begun, first = self._origin()
        return begun + (time - first) / 1000 / self._speed

    def _market_time(self) -> float:
        begun, first = self._origin()
        return first + (self._clock() - begun) * 1000 * self._speed


def paced(
    feed: MarketFeed, speed: Speed, clock: Callable[[], float], sleep: Callable[[float], None]
) -> MarketFeed:
    """Pace a feed, or give it back as it is for `max`."""
    return feed if speed is None else Paced(feed, speed, clock, sleep)
