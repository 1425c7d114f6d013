"""A feed whose instruments cost what another venue asks.

Bars, prices and lots stay the feed's own; only what an account is charged is the venue's. The
instruments say whose costs they have, so that whatever lands of them says it too.
"""

from msgspec.structs import replace

from application.ports import Bars, Feed, FeedDescription
from infrastructure.instruments import priced_as
from infrastructure.venue_profile import VenueProfile


class Priced:
    """A feed as it is, at a profile's costs."""

    def __init__(self, feed: Feed, profile: VenueProfile) -> None:
        self._feed = feed
        self._profile = profile

    def describe(self) -> FeedDescription:
        """Say what the inner feed serves, at the profile's costs."""
        inner = self._feed.describe()
        priced = tuple(priced_as(each, self._profile) for each in inner.instruments)
        return replace(inner, instruments=priced)

    def read(self, after: int, limit: int, timeout: float) -> Bars:
        """As the inner feed."""
        return self._feed.read(after, limit, timeout)

    def close(self) -> None:
        """Close the inner feed. May be called twice."""
        self._feed.close()


def priced(feed: Feed, profile: VenueProfile | None) -> Feed:
    """Price a feed, or give it back as it is for no profile."""
    return feed if profile is None else Priced(feed, profile)
