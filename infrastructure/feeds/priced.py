"""A feed whose instruments cost what another venue asks.

Bars, prices and lots stay the feed's own; only what an account is charged is the venue's. The
instruments say whose costs they have, so that whatever lands of them says it too.
"""

from msgspec.structs import replace

from application.ports import Bars, Feed, FeedDescription, MarketFeed, Stretch
from infrastructure.instruments import priced_as
from infrastructure.venue_profile import VenueProfile


class Priced:
    """A feed as it is, at a profile's costs."""

    def __init__(self, feed: Feed, profile: VenueProfile) -> None:
        self._feed = feed
        self._profile = profile

    def describe(self) -> FeedDescription:
        """Say what the inner feed serves, at the profile's costs."""
        return at_costs(self._feed.describe(), self._profile)

    def read(self, after: int, limit: int, timeout: float) -> Bars:
        """As the inner feed."""
        return self._feed.read(after, limit, timeout)

    def decided(self) -> int:
        """As the inner feed."""
        return self._feed.decided()

    def close(self) -> None:
        """Close the inner feed. May be called twice."""
        self._feed.close()


class PricedMarket:
    """The feed of all symbols as it is, at a profile's costs."""

    def __init__(self, feed: MarketFeed, profile: VenueProfile) -> None:
        self._feed = feed
        self._profile = profile

    def describe(self) -> FeedDescription:
        """Say what the inner feed serves, at the profile's costs."""
        return at_costs(self._feed.describe(), self._profile)

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        """As the inner feed."""
        return self._feed.read(after, limit, timeout)

    def close(self) -> None:
        """Close the inner feed. May be called twice."""
        self._feed.close()


def at_costs(description: FeedDescription, profile: VenueProfile) -> FeedDescription:
    instruments = tuple(priced_as(each, profile) for each in description.instruments)
    return replace(description, instruments=instruments)


def priced(feed: Feed, profile: VenueProfile | None) -> Feed:
    """Price a feed, or give it back as it is for no profile."""
    return feed if profile is None else Priced(feed, profile)
