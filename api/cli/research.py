"""`backtest`: try a strategy file without a home."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.cli.backend import BackendOption
from api.cli.context import JsonOption, moment, progress_bar, settings_of
from api.cli.venues import VenueCostsOption

if TYPE_CHECKING:
    from application.ports import Feed
    from application.report import BacktestRun, Request
    from domain.limits import Limits
    from kernels.program import Program

RESEARCH = "Research: sizing or limits are not those of trading.\n"

FileArgument = Annotated[Path, typer.Argument(help="A strategy file.")]


class OptionInvalid(ValueError):
    """An option is not what it must be; the message names it."""


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(backtest)


def backtest(
    file: FileArgument,
    venue: Annotated[str, typer.Option(help="Whose candles, e.g. binance.")],
    symbol: Annotated[str, typer.Option(help="E.g. BTC/USDT.")],
    data: Annotated[
        Path, typer.Option(envvar="PERPETUA_DATA", help="Directory of recorded candles.")
    ],
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
    """Trade one strategy over recorded candles, under the rules of paper trading."""
    from msgspec.structs import replace

    from api.cli.backtest_text import show_json, show_text
    from api.strategy_files import compiled
    from application.report import Request
    from application.report_figures import Trials
    from application.research import parse_sizing
    from domain.limits import effective
    from infrastructure.feeds.priced import priced
    from infrastructure.feeds.recorded import open_recorded
    from infrastructure.venue_table import profile_of

    settings_of("backtest")
    sized = None if sizing is None else parse_sizing(sizing)
    program = compiled(file, sized)
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
    feed = priced(open_recorded(data, venue, symbol, timeframe, begin or 0, before), profile)
    bounds = replace(effective(), enforced=limits == "on")
    try:
        with place_for(report) as write:
            run = traded(program, feed, bounds, request)
            write(run)
    finally:
        feed.close()
    if json:
        show_json(run, trades)
    else:
        show_text(run, trades)


def traded(program: "Program", feed: "Feed", limits: "Limits", request: "Request") -> "BacktestRun":
    from rich.progress import Progress

    from application.backtest import run

    description = feed.describe()
    with progress_bar(*Progress.get_default_columns()) as bar:
        task = bar.add_task("bars", total=description.total)
        return run(
            program,
            feed,
            description.instruments[0],
            limits,
            request,
            progress=lambda bars: bar.advance(task, bars),
        )


@contextmanager
def place_for(report: Path | None) -> "Iterator[Callable[[BacktestRun], None]]":
    """Look at where a report is to go, before the run; give what writes it there."""
    from api.report.destination import destination
    from api.report.page import page

    if report is None:
        yield lambda run: None
        return
    with destination(report) as place:
        yield lambda run: place.write(page(run))


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
