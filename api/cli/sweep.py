"""`sweep`: many parameter sets of one strategy over recorded candles.

Ctrl-C and SIGTERM are requests to stop at the next tile: what is finished is kept, and the same
command goes on from there. A second one does not wait.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.cli.context import (
    JsonOption,
    moment,
    print_fields,
    print_json,
    print_rows,
    progress_bar,
    settings_of,
)
from api.cli.research import RESEARCH, FileArgument, assignment, fraction
from api.cli.venues import VenueCostsOption

if TYPE_CHECKING:
    from application.ports import Feed
    from application.sweep import Request, SweepReport
    from domain.limits import Limits
    from infrastructure.sweep_parts import FileParts
    from kernels.program import Program

COLUMNS = (
    "id",
    "params",
    "net",
    "trades",
    "win_rate",
    "profit_factor",
    "max_drawdown",
    "equity",
    "ruined",
    "state_digest",
)
INTERRUPTED = 128  # exit status: this and the signal's number


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(sweep)


def sweep(
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
    grid: Annotated[
        list[str] | None,
        typer.Option(help="name=low:high:n, ends included, or name=a,b,c; repeatable: all of all."),
    ] = None,
    random: Annotated[
        int, typer.Option(min=0, help="Draws of every parameter without a value, per grid point.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    param: Annotated[list[str] | None, typer.Option(help="name=value; repeatable.")] = None,
    sleeve: Annotated[Literal["A", "B"], typer.Option(help="A: 1×, B: 8×.")] = "B",
    venue_costs: VenueCostsOption = None,
    maker: Annotated[str | None, typer.Option(help="Fee, fraction of notional.")] = None,
    taker: Annotated[str | None, typer.Option(help="Fee, fraction of notional.")] = None,
    slippage: Annotated[str | None, typer.Option(help="Fraction of price.")] = None,
    backend: Annotated[
        Literal["auto", "numba", "lanes", "opencl"],
        typer.Option(help="What runs the kernel; the bits are the same. auto: a GPU, else lanes."),
    ] = "auto",
    sizing: Annotated[
        str | None,
        typer.Option(help="Research: METHOD=VALUE in place of the strategy's own sizing."),
    ] = None,
    limits: Annotated[
        Literal["on", "off"], typer.Option(help="Research: off trades without safety limits.")
    ] = "on",
    threads: Annotated[
        int | None, typer.Option(min=1, help="All processors, where not said.")
    ] = None,
    memory: Annotated[float, typer.Option(help="GB that the process may use.")] = 2.0,
    top: Annotated[int, typer.Option(min=0, max=10_000, help="Sets to show, by net.")] = 10,
    out: Annotated[
        Path | None, typer.Option(help="Parquet file for the results of all sets.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Try many parameter sets of one strategy over recorded candles, under the rules of trading."""
    from msgspec.structs import replace

    from api.strategy_files import compiled
    from application.research import parse_sizing
    from application.sweep import Request
    from application.sweep_parts import SweepStopped
    from domain.limits import effective
    from infrastructure.feeds.priced import priced
    from infrastructure.feeds.recorded import open_recorded
    from infrastructure.venue_table import profile_of
    from kernels.sweep.sets import parameter_sets
    from kernels.sweep.settings import Ways

    settings_of("sweep")
    sized = None if sizing is None else parse_sizing(sizing)
    program = compiled(file, sized)
    named = {"maker": maker, "taker": taker, "slippage": slippage}
    fixed = dict(map(assignment, param or ()))
    begin, before = [None if text is None else moment(text) for text in (start, end)]
    request = Request(
        sets=parameter_sets(program.parameters, grid or (), fixed, random, seed),
        sleeve=sleeve,
        start=begin,
        end=before,
        costs={name: fraction(name, text) for name, text in named.items() if text is not None},
        sizing=sized,
        top=top,
        ways=Ways(
            backend=backend,
            threads=threads or len(os.sched_getaffinity(0)),
            memory=int(memory * 1e9),
        ),
    )
    profile = None if venue_costs is None else profile_of(venue_costs)
    feed = priced(open_recorded(data, venue, symbol, timeframe, begin or 0, before), profile)
    try:
        bounds = replace(effective(), enforced=limits == "on")
        with stopping() as asked:
            try:
                report = run(program, feed, bounds, request, out, asked)
            except SweepStopped as stopped:
                typer.echo(f"perpetua: {stopped}", err=True)
                raise typer.Exit(INTERRUPTED + asked()) from None
    finally:
        feed.close()
    show(report, out, json)


def run(
    program: "Program",
    feed: "Feed",
    limits: "Limits",
    request: "Request",
    out: Path | None,
    asked: Callable[[], int],
) -> "SweepReport":
    from rich.progress import Progress

    from application.sweep import sweep as run_sweep
    from infrastructure.sweep_table import ParquetTable

    with progress_bar(*Progress.get_default_columns()) as bar:
        task = bar.add_task("bar-steps", total=None)
        return run_sweep(
            program,
            feed,
            feed.describe().instruments[0],
            limits,
            request,
            parts=lambda name: parts_of(out, name),
            table=None if out is None else ParquetTable(out),
            begun=lambda steps: bar.update(task, total=steps),
            progress=lambda steps: bar.advance(task, steps),
            stop=lambda: asked() > 0,
        )


def parts_of(out: Path | None, name: str) -> "FileParts":
    """Where finished batches lie: beside the result, else in the user's cache by content."""
    from infrastructure.sweep_parts import FileParts
    from kernels.build import folder

    if out is not None:
        return FileParts(out.with_name(f"{out.name}.parts"))
    return FileParts(folder().parent / "sweeps" / name)


@contextmanager
def stopping() -> Iterator[Callable[[], int]]:
    """Turn the first SIGINT or SIGTERM into a number to ask for; the second acts as ever."""
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        received.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, note)
    try:
        yield lambda: received[0] if received else 0
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def show(report: "SweepReport", out: Path | None, json: bool) -> None:
    from infrastructure.memory import peak_rss
    from projections.models import plain_item

    figures = plain_item(report)
    figures["from"], figures["to"] = figures.pop("start"), figures.pop("end")
    figures["peak_rss"] = peak_rss()
    figures["out"] = None if out is None else str(out)
    top = figures.pop("top")
    if json:
        print_json(figures | {"top": top})
        return
    if figures["research"]:
        sys.stdout.write(RESEARCH)
    print_fields(figures)
    print_rows(report.top, COLUMNS)
