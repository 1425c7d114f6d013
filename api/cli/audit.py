"""`perpetua audit`: prove that the log is whole, and name what it holds in two digests."""

import typer

from api.cli.context import (
    HomeOption,
    JsonOption,
    print_fields,
    print_json,
    settings_of,
    used_home,
    working,
)

app = typer.Typer(help="Check the log.", no_args_is_help=True, rich_markup_mode=None)


class LogAltered(Exception):
    """The log is not what was written: names the first position that differs, and how."""


@app.command()
def verify(home: HomeOption = None, json: JsonOption = False) -> None:
    """Walk the hash chain from the first event to the head."""
    from msgspec import to_builtins

    from infrastructure.store import verify as walk

    found = used_home(home, settings_of("audit"))
    with working("Walking the chain …"):
        report = walk(found.log)
    if json:
        print_json(report)
    else:
        print_fields(to_builtins(report))
    if not report.ok:
        raise LogAltered(
            f"log {found.log} was altered at position {report.first_bad}: {report.reason}"
        )


@app.command()
def digest(home: HomeOption = None, json: JsonOption = False) -> None:
    """Digest the INPUT and the DERIVED events, without when they were recorded."""
    from infrastructure.store import digest as digests

    found = used_home(home, settings_of("audit"))
    with working("Digesting the log …"):
        figures = digests(found.log)
    (print_json if json else print_fields)(figures)
