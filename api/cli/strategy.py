"""`perpetua strategy`: what a strategy file says, where it is wrong, and what is made of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.cli.backend import Backend
from api.cli.context import JsonOption, print_fields, print_json, settings_of, working

if TYPE_CHECKING:
    from application.strategy_sheet import StrategySheet
    from kernels.errors import StrategyError

FileArgument = Annotated[Path, typer.Argument(help="A strategy file.")]

AROUND = 60  # characters of a wrong line that are shown on either side of the place

app = typer.Typer(help="Strategy files.", no_args_is_help=True, rich_markup_mode=None)


@app.command("check")
def check(file: FileArgument, json: JsonOption = False) -> None:
    """Compile a strategy file and tell what it declares, or where it is wrong."""
    from api.strategy_files import StrategyRefused, compiled
    from kernels.errors import StrategyError

    settings_of("strategy")
    try:
        program = compiled(file)
    except StrategyRefused as refused:
        if isinstance(refused.__cause__, StrategyError):
            point_out(file, refused.__cause__, json)
        raise
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


@app.command("show")
def show(
    file: FileArgument,
    backend: Annotated[
        Backend | None,
        typer.Option("--backend", help="Print what this backend's printer makes of it."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tell all about a strategy file: parameters, series, warm-up, sizes, printed text."""
    from api.strategy_files import beginning, compiled
    from application.strategy_sheet import sheet_of

    settings_of("strategy")
    program = compiled(file)
    if backend is not None:
        from kernels.printers.printed import printed

        text = printed(program.run_step, backend)
        if json:
            print_json({"name": program.name, "backend": backend, "text": text})
        else:
            sys.stdout.write(text)
        return
    with working("Running its series over made-up bars …"):
        sheet = sheet_of(program, beginning(file))
    if json:
        print_json(sheet)
    else:
        print_sheet(sheet)


def print_sheet(sheet: "StrategySheet") -> None:
    sizes = sheet.sizes
    print_fields(
        {
            "name": sheet.name,
            "description": sheet.description,
            "timeframe": sheet.timeframe,
            "higher": sheet.higher or None,
            "sizing": sheet.sizing,
            "tags": sheet.tags or None,
            "warm-up": f"{warm_up(sheet.warm_up, sheet)} of {sheet.timeframe} before it may enter",
            "entry, exits": f"{sizes.entry} and {sizes.exits} statements",
            "flat list": f"series {sizes.series}, decide {sizes.decide}, simulate {sizes.simulate}"
            " statements",
            "state": f"series {sizes.series_state}, account {sizes.account_state} numbers",
            "source": sheet.source_sha,
        }
    )
    print_table(
        ("parameter", "default", "from", "to", ""),
        [
            (p.name, f"{p.default:g}", f"{p.low:g}", f"{p.high:g}", "whole" if p.integer else "")
            for p in sheet.parameters
        ],
    )
    print_table(
        ("series", "unit", "warm-up", "depends on"),
        [
            (s.name, s.unit, warm_up(s.warm_up, sheet), ", ".join(s.parameters) or "–")
            for s in sheet.series
        ],
    )


def warm_up(bars: int | None, sheet: "StrategySheet") -> str:
    if bars is None:
        return f"more than {sheet.warm_up_bars:,} bars"
    return f"{bars:,} bar{'s' if bars != 1 else ''}"


def print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    console = Console(highlight=False)
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(escape, row))
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = 240
    console.print(table)


def point_out(file: Path, error: "StrategyError", json: bool) -> None:
    """Print where a file is wrong: the line, and a caret under the column."""
    from api.strategy_files import beginning

    lines = beginning(file).splitlines()
    source = lines[error.line - 1] if error.line <= len(lines) else ""
    if json:
        print_json(
            {
                "ok": False,
                "file": str(file),
                "line": error.line,
                "column": error.column,
                "found": error.found,
                "allowed": error.allowed,
                "source": source,
            }
        )
        return
    print_lines(file, error, source)


def print_lines(file: Path, error: "StrategyError", source: str) -> None:
    before, after = marked(source, error.column)
    number = str(error.line)
    margin = " " * len(number)
    print_plain(
        f"{file}:{number}:{error.column}",
        f"{number} │ {before}{after}",
        f"{margin} │ {' ' * len(before)}^",
        f"found    {error.found}",
        f"allowed  {error.allowed}",
    )


def marked(source: str, column: int) -> tuple[str, str]:
    """The line before and from a column, short enough to be read, and safe to print."""
    at = min(column - 1, len(source))
    before, after = plain(source[:at]), plain(source[at:])
    return (
        before if len(before) <= AROUND else f"…{before[-AROUND:]}",
        after if len(after) <= AROUND else f"{after[:AROUND]}…",
    )


def plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def print_plain(*lines: Any) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
