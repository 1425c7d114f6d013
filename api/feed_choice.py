"""Which feed a run trades, and why that one.

A feed asked for by name is used or refused, never replaced. Left to itself a run takes what its
home was opened with, else a live venue if one answers, else recorded candles if there are any, else
made-up bars; the reason is always told, so that nobody takes made-up bars for a market. What is not
asked for (venue, symbol, timeframe) is what the home was opened with.
"""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from api.home_log import opened_with
from api.processes.home import Home
from api.processes.options import RunOptions
from application.ports import Feed, FeedError, MarketFeed
from domain.home import Home as OpenedHome
from domain.timeframe import TIMEFRAMES, milliseconds
from infrastructure.candles.naming import catalogue
from infrastructure.clock import SystemClock
from infrastructure.feeds.market import Market
from infrastructure.feeds.paced import paced
from infrastructure.feeds.recorded import open_recorded, recorded_span, smallest_timeframe
from infrastructure.feeds.synthetic import open_synthetic
from infrastructure.settings import FeedName, Settings
from infrastructure.symbols import stored_symbol
from kernels.joint import MOST_SYMBOLS

if TYPE_CHECKING:
    from infrastructure.feeds.live import LiveFeed
    from infrastructure.feeds.probe import Probe

DEFAULT_SYMBOL = "BTC/USDT"
DEFAULT_VENUE = "binance"
DEFAULT_TIMEFRAME = "1m"
SYNTHETIC_BARS = 129_600  # 90 days: a run at full speed ends before the disk does
PROBE_SECONDS = 5.0


class ChosenFeed(Struct, frozen=True):
    feed: MarketFeed
    reason: str
    home: Path
    recorded: "RecordedMarket | None" = None


class RecordedMarket(Struct, frozen=True):
    """A recorded market, whatever speed it is let out at."""

    feed: MarketFeed
    span: tuple[int, int]  # opens (ms) of the first and the last bar of any symbol


class Wanted(Struct, frozen=True):
    """What to open; None leaves it to what there is."""

    venue: str | None  # None: whichever has the symbol
    symbols: tuple[str, ...]
    timeframe: str | None  # None: the smallest recorded
    fresh: bool = True  # whether the home has not traded yet


def choose_feed(options: RunOptions, settings: Settings) -> ChosenFeed:
    """Open the feed of a run. Raises `FeedError` naming what was asked for and what there is."""
    named = Path(options.home) if options.home is not None else settings.home
    if options.feed != "auto":
        return open_feed(options.feed, f"asked for with --feed {options.feed}", options, settings)
    if named is not None and (opened := opened_with(Home(named))).version:
        kind = cast(FeedName, opened.feed)  # the log holds no other
        return open_feed(kind, f"home {named} was opened with it", options, settings)
    return first_that_works(options, settings)


def first_that_works(options: RunOptions, settings: Settings) -> ChosenFeed:
    answer, silence = answering_venue(options, settings)
    if answer.venue is not None:
        why = f"{answer.venue.name} answered"
        return open_feed("live", why, options, settings, answer)
    directory = data_directory(options, settings)
    if directory is None:
        return open_feed("synthetic", f"{silence}, and PERPETUA_DATA is not set", options, settings)
    if not (directory.is_dir() and any(f.kind in TIMEFRAMES for f in catalogue(directory))):
        return open_feed(
            "synthetic", f"{silence}, and {directory} holds no candles", options, settings
        )
    return open_feed("recorded", f"{silence}; {directory} holds candles", options, settings)


def answering_venue(options: RunOptions, settings: Settings) -> "tuple[Probe, str]":
    """Ask venues, or the one that a live home belongs to; say why none was taken, if none was."""
    from infrastructure.feeds.probe import probe  # a venue's client takes a second to import

    opened = opened_with(Home(home_for(options, settings, "live")))
    venue = options.venue or (opened.venue if opened.feed == "live" else None)
    answer = probe(
        (venue,) if venue is not None else settings.venues,
        wanted_of(options, opened).symbols[0],
        timeout=PROBE_SECONDS,
        base_url=settings.venue_url,
    )
    reasons = "; ".join(f"{refusal.venue}: {refusal.reason}" for refusal in answer.refusals)
    return answer, f"no venue answered within {PROBE_SECONDS:g} s ({reasons})"


def open_feed(
    kind: FeedName,
    reason: str,
    options: RunOptions,
    settings: Settings,
    answer: "Probe | None" = None,
) -> ChosenFeed:
    home = home_for(options, settings, kind)
    opened = opened_with(Home(home))
    wanted = wanted_of(options, opened if opened.feed == kind else OpenedHome())
    if kind == "live":
        return ChosenFeed(Market(live(wanted, options, settings, answer)), reason, home)
    clock = SystemClock()
    market = None
    if kind == "recorded":
        directory, venue, symbols, timeframe = shelved(wanted, options, settings)
        feed = Market([open_recorded(directory, venue, s, timeframe) for s in symbols])
        market = RecordedMarket(feed, recorded_span(directory, venue, symbols, timeframe))
    else:
        feed = Market(synthetic(wanted, options))
    note = feed.describe().note
    return ChosenFeed(
        paced(feed, options.speed, clock.monotonic, clock.sleep),
        f"{reason} ({note})" if note else reason,
        home,
        market,
    )


def live(
    wanted: Wanted, options: RunOptions, settings: Settings, answer: "Probe | None"
) -> "list[LiveFeed]":
    from infrastructure.feeds.live import LiveFeed
    from infrastructure.feeds.probe import connected

    silence = ""
    if answer is None:
        answer, silence = answering_venue(options, settings)
    if answer.venue is None:
        raise FeedError(f"feed was 'live', but {silence}")
    first = answer.venue
    others = wanted.symbols[1:]
    # A connection for each symbol: they are followed side by side, and none waits for another.
    venues = [first, *(connected(first.name, s, PROBE_SECONDS, settings.venue_url) for s in others)]
    timeframe = wanted.timeframe or DEFAULT_TIMEFRAME
    return [
        LiveFeed(venue, symbol, timeframe)
        for venue, symbol in zip(venues, wanted.symbols, strict=True)
    ]


def synthetic(wanted: Wanted, options: RunOptions) -> list[Feed]:
    timeframe, bars = wanted.timeframe or DEFAULT_TIMEFRAME, options.bars or SYNTHETIC_BARS
    return [open_synthetic(symbol, options.seed, bars, timeframe) for symbol in wanted.symbols]


def shelved(
    wanted: Wanted, options: RunOptions, settings: Settings
) -> tuple[Path, str, tuple[str, ...], str]:
    """Say where recorded candles are, and which: directory, venue, symbols, timeframe."""
    directory = data_directory(options, settings)
    if directory is None:
        raise FeedError("feed was 'recorded', but neither --data nor PERPETUA_DATA names candles")
    venue = wanted.venue or venue_with(directory, wanted.symbols[0])
    symbols, timeframe = wanted.symbols, wanted.timeframe
    if options.improve and not options.symbols and wanted.fresh:
        symbols, timeframe = together(directory, venue, timeframe) or (symbols, timeframe)
    return directory, venue, symbols, timeframe or smallest_timeframe(directory, venue, symbols)


def together(
    directory: Path, venue: str, timeframe: str | None
) -> tuple[tuple[str, ...], str] | None:
    """Find all symbols recorded in one timeframe: the smallest that several have, else None.

    What is improved on several markets at once is less likely to fit one of them alone.
    """
    found: dict[str, list[str]] = {}
    for file in catalogue(directory):
        if file.venue == venue and file.kind in TIMEFRAMES:
            found.setdefault(file.kind, []).append(file.symbol)
    wanted = [timeframe] if timeframe is not None else sorted(found, key=milliseconds)
    for each in wanted:
        symbols = sorted(found.get(each, ()))
        if len(symbols) > 1:
            return tuple(symbols[:MOST_SYMBOLS]), each
    return None


def venue_with(directory: Path, symbol: str) -> str:
    """The venue whose candles of `symbol` are there: the default one, else the first by name."""
    name = stored_symbol(symbol)
    venues = [f.venue for f in catalogue(directory) if f.symbol == name and f.kind in TIMEFRAMES]
    return DEFAULT_VENUE if DEFAULT_VENUE in venues or not venues else venues[0]


def wanted_of(options: RunOptions, opened: OpenedHome) -> Wanted:
    """What was asked for, completed with what the home was opened with."""
    traded = tuple(instrument.symbol for instrument in opened.instruments)
    return Wanted(
        venue=options.venue or opened.venue or None,
        symbols=options.symbols or traded or (DEFAULT_SYMBOL,),
        timeframe=options.timeframe or opened.timeframe or None,
        fresh=not traded,
    )


def home_for(options: RunOptions, settings: Settings, kind: FeedName) -> Path:
    return Path(options.home) if options.home is not None else settings.home_for(kind)


def data_directory(options: RunOptions, settings: Settings) -> Path | None:
    return Path(options.data) if options.data is not None else settings.data
