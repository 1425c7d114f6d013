"""The composition root of trading: a trader on a home's log and bars.

The engine and a command given without an engine are put together here and nowhere else, so that
both carry a command out in the same way by construction.
"""

import threading
from collections.abc import Sequence

from msgspec import Struct

from api.home_log import opened_with
from api.processes.home import Home, HomeUnused
from application.ports import FeedDescription, FeedFinished, MarketFeed, moments
from application.trading import (
    Classifying,
    Improving,
    OpeningStopped,
    StrategySource,
    Trader,
)
from infrastructure.home_journal import HomeJournal, open_journal
from infrastructure.store import SqliteEventLog

HOLDOUT = "holdout"  # folder of the sealed bars, once they were opened
FIRST_BAR_PATIENCE = 0.2  # seconds between looks at `stop` while waiting for the first bar


class Opened(Struct, frozen=True):
    """A trader with what it writes to."""

    trader: Trader
    journal: HomeJournal
    notices: tuple[str, ...]


def open_trader(
    home: Home,
    log: SqliteEventLog,
    feed: MarketFeed,
    sources: Sequence[StrategySource],
    stop: threading.Event,
    improving: Improving | None = None,
    holdout: HomeJournal | None = None,
    classifying: Classifying | None = None,
) -> Opened | None:
    """Open a trader over a feed; None when `stop` was set before it stood where its bars end."""
    description = feed.describe()
    journal = open_journal(home.directory, [i.symbol for i in description.instruments])
    try:
        first = first_bar(journal, feed, stop)
        if first is None:
            journal.close()
            return None
        trader = Trader.open(
            log,
            journal,
            description,
            sources,
            first,
            stopping=stop.is_set,
            improving=improving,
            holdout=holdout,
            classifying=classifying,
        )
    except OpeningStopped:
        journal.close()
        return None
    except BaseException:
        journal.close()
        raise
    return Opened(trader, journal, tuple(trader.notices))


def open_idle_trader(
    home: Home, log: SqliteEventLog, classifying: Classifying | None = None
) -> Opened:
    """Open a trader without a feed, for commands given while no engine runs.

    Raises `HomeUnused` for a home that never traded.
    """
    opened = opened_with(home)
    if opened.version == 0:
        raise HomeUnused(f"home {home.directory} has not traded yet: start with perpetua run")
    description = FeedDescription(
        feed=opened.feed,
        venue=opened.venue,
        timeframe=opened.timeframe,
        data_digest=opened.data_digest,
        instruments=opened.instruments,
    )
    symbols = [i.symbol for i in opened.instruments]
    journal = open_journal(home.directory, symbols)
    try:
        sealed = sealed_journal(home)
        trader = Trader.open(
            log, journal, description, (), 0, holdout=sealed, classifying=classifying
        )
    except BaseException:
        journal.close()
        raise
    return Opened(trader, journal, tuple(trader.notices))


def sealed_journal(home: Home) -> HomeJournal | None:
    """Open the bars of a home's holdout for reading; None where it was never opened."""
    folder = home.directory / HOLDOUT
    if not folder.is_dir():
        return None
    symbols = [instrument.symbol for instrument in opened_with(home).instruments]
    return open_journal(folder, symbols, read_only=True)


def first_bar(journal: HomeJournal, feed: MarketFeed, stop: threading.Event) -> int | None:
    """Open time of the first bar traded, ms UTC; waits for one, None when told to stop."""
    opens = moments(journal.read(-1, 1))
    while len(opens) == 0:
        if stop.is_set():
            return None
        try:
            opens = moments(feed.read(-1, 1, FIRST_BAR_PATIENCE))
        except FeedFinished:
            raise EmptyFeed("the feed has no bar at all") from None
    return int(opens[0])


class EmptyFeed(ValueError):
    """There is nothing to trade."""
