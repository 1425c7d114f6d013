"""`perpetua data`: get candles, bring in one's own, and check what one has."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from api.cli.context import JsonOption, moment, print_json, progress_bar, settings_of

app = typer.Typer(
    help="Get, import and check candles.", no_args_is_help=True, rich_markup_mode=None
)

VenueOption = Annotated[str, typer.Option("--venue", help="Venue, e.g. binance.")]
SymbolOption = Annotated[
    str, typer.Option("--symbol", help="Like BTC/USDT, perpetuals BTC/USDT:USDT.")
]
TimeframeOption = Annotated[str, typer.Option("--timeframe", help="1m, 5m, 15m, 1h, 4h or 1d.")]
DataOption = Annotated[
    Path, typer.Option("--data", envvar="PERPETUA_DATA", help="Directory of candle files.")
]


class DataRefused(Exception):
    """At least one file is not in order: names the first and why."""


@app.command()
def fetch(
    venue: VenueOption,
    symbol: SymbolOption,
    data: DataOption,
    start: Annotated[str, typer.Option("--from", help="First candle, e.g. 2025-01-01 (UTC).")],
    timeframe: TimeframeOption = "1m",
    end: Annotated[
        str | None, typer.Option("--to", help="Up to this time; now if left out.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fetch a venue's public candles into a file; run again after an error, it goes on."""
    from domain.timeframe import milliseconds
    from infrastructure.candles.check import check_file
    from infrastructure.clock import SystemClock
    from infrastructure.feeds.fetch import Wanted
    from infrastructure.feeds.fetch import fetch as fetch_candles
    from infrastructure.feeds.venue import PublicVenue, perpetual_venue
    from infrastructure.symbols import stored_symbol

    settings, clock = settings_of("data"), SystemClock()
    milliseconds(timeframe)
    name = stored_symbol(symbol)
    wanted = Wanted(
        name, timeframe, moment(start), moment(end) if end is not None else clock.now_ms()
    )
    source = PublicVenue(perpetual_venue(venue, name), base_url=settings.venue_url)
    try:
        with telling("Fetching") as tell:
            source.connect(name)
            result = fetch_candles(
                source, wanted, data, clock=clock.now_ms, sleep=clock.sleep, progress=tell
            )
    finally:
        source.close()
    report = check_file(result.path)
    show_reports([report], json, {"path": str(result.path), "new": result.new})


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file of candles.")],
    venue: VenueOption,
    symbol: SymbolOption,
    timeframe: TimeframeOption,
    data: DataOption,
    replace: Annotated[bool, typer.Option("--replace", help="Replace candles there are.")] = False,
    json: JsonOption = False,
) -> None:
    """Bring a CSV or Parquet file of candles into the shared naming and columns."""
    from domain.timeframe import milliseconds
    from infrastructure.candles.check import check_file
    from infrastructure.candles.ingest import read_foreign
    from infrastructure.candles.naming import file_name
    from infrastructure.candles.parquet import write_candles

    length = milliseconds(timeframe)
    target = data / file_name(venue, symbol, timeframe)
    if target.exists() and not replace:
        raise DataRefused(f"{target} exists: use --replace to give it up for the new candles")
    with telling("Importing") as tell:
        write_candles(target, counted(read_foreign(file, length), tell), length)
    show_reports([check_file(target)], json, {"path": str(target)})


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A candle file, or a directory of them.")],
    json: JsonOption = False,
) -> None:
    """Check order, duplicates, alignment and sanity of every row, and count the gaps."""
    from infrastructure.candles.check import check_file, data_files

    files = data_files(path)
    with telling("Checking") as tell:
        reports = []
        for index, file in enumerate(files):
            tell(index, len(files))
            reports.append(check_file(file))
    show_reports(reports, json, {})


@contextmanager
def telling(what: str) -> Iterator[Any]:
    """Show progress; the value is told (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with progress_bar(*columns, TimeRemainingColumn()) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def counted(pieces: Iterator[Any], tell: Any) -> Iterator[Any]:
    rows = 0
    for piece in pieces:
        rows += len(piece)
        tell(rows, None)
        yield piece


def show_reports(reports: list[Any], json: bool, more: dict[str, Any]) -> None:
    bad = [report for report in reports if report.error]
    if json:
        print_json({**more, "ok": not bad, "files": reports})
    else:
        print_reports(reports)
    if bad:
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise DataRefused(bad[0].error + others)


def print_reports(reports: list[Any]) -> None:
    console = Console(highlight=False)
    table = Table("file", "rows", "first", "last", "gaps", "missing", "largest", "")
    for report in reports:
        table.add_row(
            report.file,
            f"{report.rows:,}",
            shown_time(report.first),
            shown_time(report.last),
            f"{report.gaps:,}",
            f"{report.missing:,}",
            f"{report.largest_gap:,}",
            "[red]refused[/]" if report.error else "ok",
        )
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def shown_time(time: int | None) -> str:
    if time is None:
        return "–"
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M")
