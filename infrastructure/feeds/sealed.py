"""A recorded market whose end is sealed: trading, losses and authors see what came before it.

The sealed bars can be read too, but only by asking for them as such: nothing that follows the feed
can come upon them.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from application.ports import FeedDescription, FeedFinished, MarketFeed, Stretch, moments, until

BLOCK = 1000  # moments at a time


class SealedMarket:
    """Serve a market's bars before `seal` (open, ms), as a `MarketFeed`."""

    def __init__(self, feed: MarketFeed, seal: int, recorded: MarketFeed) -> None:
        """Serve `feed` up to `seal`; what `recorded` holds from there on is the sealed end.

        They are the same market; the first may be let out at the speed of a clock.
        """
        self._feed = feed
        self._recorded = recorded
        self.seal = seal

    def describe(self) -> FeedDescription:
        """Say what the market serves; how many bars come before the seal is not known."""
        return replace(self._feed.describe(), total=None)

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        """Give bars before the seal. Raises `FeedFinished` there, `FeedError`."""
        stretch = self._feed.read(after, limit, timeout)
        open_part = until(stretch, self.seal)
        if any(map(len, stretch)) and not any(map(len, open_part)):
            raise FeedFinished(f"bars from {self.seal} on are sealed")
        return open_part

    def sealed(self) -> Iterator[Stretch]:
        """Give the bars from the seal on, to the end of what was recorded."""
        after = self.seal - 1
        while True:
            try:
                stretch = self._recorded.read(after, BLOCK, 0.0)
            except FeedFinished:
                return
            yield stretch
            after = int(moments(stretch)[-1])

    def close(self) -> None:
        """Close the market. May be called twice."""
        self._feed.close()
