"""`backtest`: try a strategy file without a home."""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from api.cli.backend import BackendOption
from api.cli.context import (
    JsonOption,
    moment,
    print_fields,
    print_json,
    progress_bar,
    settings_of,
)

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
    json: JsonOption = False,
) -> None:
    """Trade one strategy over recorded candles, under the rules of paper trading."""
    from msgspec.structs import replace
    from rich.progress import Progress

    from api.strategy_files import compiled
    from application.backtest import backtest as run_backtest
    from application.research import parse_sizing
    from domain.limits import effective
    from infrastructure.feeds.recorded import open_recorded

    settings_of("backtest")
    sized = None if sizing is None else parse_sizing(sizing)
    program = compiled(file, sized)
    begin, before = [None if text is None else moment(text) for text in (start, end)]
    named = {"maker": maker, "taker": taker, "slippage": slippage}
    costs = {name: fraction(name, text) for name, text in named.items() if text is not None}
    feed = open_recorded(data, venue, symbol, timeframe, begin or 0, before)
    try:
        with progress_bar(*Progress.get_default_columns()) as bar:
            task = bar.add_task("bars", total=feed.describe().total)
            report = run_backtest(
                program,
                feed,
                feed.describe().instruments[0],
                replace(effective(), enforced=limits == "on"),
                parameters=dict(map(assignment, param or ())),
                sleeve=sleeve,
                start=begin,
                end=before,
                backend=backend,
                costs=costs,
                sizing=sized,
                progress=lambda bars: bar.advance(task, bars),
            )
    finally:
        feed.close()
    show(report, json)


def show(report: Any, json: bool) -> None:
    from projections.models import plain_item

    figures = plain_item(report)
    figures["from"], figures["to"] = figures.pop("start"), figures.pop("end")
    if json:
        print_json(figures)
        return
    if figures["research"]:
        sys.stdout.write(RESEARCH)
    print_fields({name: value for name, value in figures.items() if name != "metrics"})
    print_fields(figures["metrics"])


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
