"""The market's own record: which bars were used, and which never came."""

from domain.event import Event, topic


@topic("market.bars_sealed/1")
class BarsSealed(Event, frozen=True, kw_only=True):
    """One UTC day of base bars, as used, for ever: an INPUT, with the digest of its rows."""

    venue: str
    symbol: str
    timeframe: str
    start: int  # open of the day, inclusive
    end: int  # open of the next day, exclusive
    rows: int
    absent: int  # bars of the day that never came
    sha256: str  # of the day's journal records


@topic("market.feed_gap/1")
class FeedGap(Event, frozen=True, kw_only=True):
    """At least two bars in a row were missing between two bars that came."""

    venue: str
    symbol: str
    after: int  # open of the last bar before the gap
    before: int  # open of the first bar after it
    missing: int  # bars


def stream(venue: str, symbol: str) -> str:
    """Name the stream of one symbol on one venue."""
    return f"market/{venue}/{symbol}"
