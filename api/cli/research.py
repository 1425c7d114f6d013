"""`backtest` and `strategy check`: try a strategy file without a home."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from api.cli.context import (
    JsonOption,
    moment,
    print_fields,
    print_json,
    progress_bar,
    settings_of,
)

FileArgument = Annotated[Path, typer.Argument(help="A strategy file.")]

strategy_app = typer.Typer(help="Strategy files.", no_args_is_help=True, rich_markup_mode=None)


class OptionInvalid(ValueError):
    """An option is not what it must be; the message names it."""


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(backtest)
    app.add_typer(strategy_app, name="strategy")


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
    backend: Annotated[Literal["numba"], typer.Option(help="Which printer.")] = "numba",
    json: JsonOption = False,
) -> None:
    """Trade one strategy over recorded candles, under the rules of paper trading."""
    from msgspec.structs import replace
    from rich.progress import Progress

    from api.strategy_files import compiled
    from application.backtest import backtest as run_backtest
    from domain.limits import effective
    from infrastructure.feeds.recorded import open_recorded

    settings_of("backtest")
    program = compiled(file)
    begin, before = [None if text is None else moment(text) for text in (start, end)]
    costs = {"maker": maker, "taker": taker, "slippage": slippage}
    feed = open_recorded(data, venue, symbol, timeframe, begin or 0, before)
    try:
        instrument = replace(
            feed.describe().instruments[0],
            **{name: fraction(name, text) for name, text in costs.items() if text is not None},
        )
        with progress_bar(*Progress.get_default_columns()) as bar:
            task = bar.add_task("bars", total=feed.describe().total)
            report = run_backtest(
                program,
                feed,
                instrument,
                effective(),
                parameters=dict(map(assignment, param or ())),
                sleeve=sleeve,
                start=begin,
                end=before,
                backend=backend,
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
    print_fields({name: value for name, value in figures.items() if name != "metrics"})
    print_fields(figures["metrics"])


@strategy_app.command("check")
def check(file: FileArgument, json: JsonOption = False) -> None:
    """Compile a strategy file and tell what it declares, or where it is wrong."""
    from api.strategy_files import compiled

    settings_of("strategy")
    program = compiled(file)
    content = {
        "ok": True,
        "name": program.name,
        "description": program.docstring,
        "timeframe": program.timeframe,
        "parameters": [
            {"name": p.name, "default": p.default, "low": p.low, "high": p.high}
            for p in program.parameters
        ],
        "series": list(program.series_names),
        "tags": [tag for tag in program.tags if tag],
        "source_sha": program.source_sha,
    }
    if json:
        print_json(content)
        return
    content["parameters"] = [
        f"{p.name} = {p.default:g} ({p.low:g}–{p.high:g})" for p in program.parameters
    ]
    print_fields(content)


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
