"""`backtest`: try a strategy file, or several as one portfolio, without a home."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.cli.backend import BackendOption
from api.cli.context import JsonOption, moment, progress_bar, settings_of
from api.cli.venues import VenueCostsOption

if TYPE_CHECKING:
    from application.ports import MarketFeed
    from application.report import Request
    from domain.limits import Limits
    from infrastructure.venue_profile import VenueProfile
    from kernels.program import Program

RESEARCH = "Research: sizing or limits are not those of trading.\n"

FileArgument = Annotated[Path, typer.Argument(help="A strategy file.")]
FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="A strategy file; several with --portfolio.")
]


class OptionInvalid(ValueError):
    """An option is not what it must be; the message names it."""


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(backtest)


def backtest(
    files: FilesArgument,
    venue: Annotated[str, typer.Option(help="Whose candles, e.g. binance.")],
    symbol: Annotated[
        list[str], typer.Option(help="E.g. BTC/USDT; repeatable: one account on all of them.")
    ],
    data: Annotated[
        Path, typer.Option(envvar="PERPETUA_DATA", help="Directory of recorded candles.")
    ],
    portfolio: Annotated[
        bool,
        typer.Option(
            "--portfolio",
            help="An account a strategy, all judged together as on one live venue account.",
        ),
    ] = False,
    timeframe: Annotated[
        str | None, typer.Option(help="Of the base bars; the smallest recorded.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First bar, e.g. 2024-01-01.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Before this bar.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="name=value; repeatable.")] = None,
    sleeve: Annotated[Literal["A", "B"], typer.Option(help="A: 1×, B: 8×.")] = "B",
    venue_costs: VenueCostsOption = None,
    maker: Annotated[str | None, typer.Option(help="Fee, fraction of notional.")] = None,
    taker: Annotated[str | None, typer.Option(help="Fee, fraction of notional.")] = None,
    slippage: Annotated[str | None, typer.Option(help="Fraction of price.")] = None,
    backend: BackendOption = "numba",
    sizing: Annotated[
        str | None,
        typer.Option(help="Research: METHOD=VALUE in place of the strategy's own sizing."),
    ] = None,
    limits: Annotated[
        Literal["on", "off"], typer.Option(help="Research: off trades without safety limits.")
    ] = "on",
    tried: Annotated[
        int,
        typer.Option(help="Parameter sets tried, this one included: deflates the Sharpe ratio."),
    ] = 1,
    tried_variance: Annotated[
        float | None, typer.Option(help="Of their daily Sharpe ratios; else as if by luck alone.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="FILE.html: a page with charts, to open anywhere.")
    ] = None,
    trades: Annotated[
        bool, typer.Option("--trades", help="Every closed trade with all its costs.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Trade strategies over recorded candles, under the rules of paper trading."""
    from msgspec.structs import replace

    from api.strategy_files import compiled
    from application.report import Request
    from application.report_figures import Trials
    from application.research import parse_sizing
    from domain.limits import effective
    from infrastructure.venue_table import profile_of

    settings_of("backtest")
    refuse_mixed(files, portfolio, param or ())
    sized = None if sizing is None else parse_sizing(sizing)
    programs = [compiled(file, sized) for file in files]
    begin, before = [None if text is None else moment(text) for text in (start, end)]
    named = {"maker": maker, "taker": taker, "slippage": slippage}
    request = Request(
        parameters=dict(map(assignment, param or ())),
        sleeve=sleeve,
        start=begin,
        end=before,
        backend=backend,
        costs={name: fraction(name, text) for name, text in named.items() if text is not None},
        sizing=sized,
        trials=Trials(tried, tried_variance),
        regimes=True,
    )
    profile = None if venue_costs is None else profile_of(venue_costs)
    bounds = replace(effective(), enforced=limits == "on")
    with opened(data, venue, symbol, timeframe, begin or 0, before, profile) as feed:
        if portfolio:
            told_together(programs, feed, bounds, request, report, trades, json)
        else:
            told_alone(programs[0], feed, bounds, request, report, trades, json)


def refuse_mixed(files: Sequence[Path], portfolio: bool, param: Sequence[str]) -> None:
    """Refuse several strategies that are no portfolio, and what would be said of all of one."""
    if len(files) > 1 and not portfolio:
        raise OptionInvalid(f"strategy files were {len(files)}, must be 1, or --portfolio said")
    if portfolio and param:
        raise OptionInvalid(
            f"param was {param[0]!r}, must not be said with --portfolio: each strategy trades at"
            " its own defaults"
        )


def told_alone(
    program: "Program",
    feed: "MarketFeed",
    limits: "Limits",
    request: "Request",
    report: Path | None,
    trades: bool,
    json: bool,
) -> None:
    from api.cli.backtest_text import show_json, show_text
    from api.report.page import page
    from application.backtest import run_market

    with place_for(report) as write, advancing(feed) as progress:
        instruments = feed.describe().instruments
        run = run_market(program, feed, instruments, limits, request, progress)
        if write is not None:
            write(page(run))
    if json:
        show_json(run, trades)
    else:
        show_text(run, trades)


def told_together(
    programs: Sequence["Program"],
    feed: "MarketFeed",
    limits: "Limits",
    request: "Request",
    report: Path | None,
    trades: bool,
    json: bool,
) -> None:
    from api.cli.portfolio_text import show_json, show_text
    from api.report.portfolio_page import portfolio_page
    from application.backtest_portfolio import run_portfolio

    with place_for(report) as write, advancing(feed) as progress:
        instruments = feed.describe().instruments
        run = run_portfolio(programs, feed, instruments, limits, request, progress)
        if write is not None:
            write(portfolio_page(run))
    if json:
        show_json(run, trades)
    else:
        show_text(run, trades)


@contextmanager
def opened(
    data: Path,
    venue: str,
    symbols: Sequence[str],
    timeframe: str | None,
    start: int,
    end: int | None,
    profile: "VenueProfile | None",
) -> Iterator["MarketFeed"]:
    """Open the candles of all symbols, at a profile's costs if there is one. Raises FeedError,
    also where they do not go together."""
    from infrastructure.feeds.market import Market
    from infrastructure.feeds.priced import PricedMarket
    from infrastructure.feeds.recorded import open_recorded, smallest_timeframe

    timeframe = timeframe or smallest_timeframe(data, venue, symbols)
    with ExitStack() as stack:
        feeds = []
        for each in symbols:
            feeds.append(open_recorded(data, venue, each, timeframe, start, end))
            stack.callback(feeds[-1].close)
        market = Market(feeds)
        yield market if profile is None else PricedMarket(market, profile)


@contextmanager
def advancing(feed: "MarketFeed") -> Iterator[Callable[[int], None]]:
    """Show how far a run over the feed is; give what is told of further moments."""
    from rich.progress import Progress

    with progress_bar(*Progress.get_default_columns()) as bar:
        task = bar.add_task("bars", total=feed.describe().total)
        yield lambda moments: bar.advance(task, moments)


@contextmanager
def place_for(report: Path | None) -> Iterator[Callable[[str], None] | None]:
    """Look at where a report is to go, before the run; give what writes it there, if any."""
    from api.report.destination import destination

    if report is None:
        yield None
        return
    with destination(report) as place:
        yield place.write


def assignment(text: str) -> tuple[str, float]:
    """Read name=value. Raises `OptionInvalid`."""
    name, equals, value = text.partition("=")
    try:
        if name and equals:
            return name, float(value)
    except ValueError:
        pass
    raise OptionInvalid(f"param was {text!r}, must be name=number")


def fraction(name: str, text: str) -> Decimal:
    """Read a fraction from 0 to below 1. Raises `OptionInvalid`."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and 0 <= value < 1):
        raise OptionInvalid(f"{name} was {text!r}, must be a fraction from 0 to below 1")
    return value
