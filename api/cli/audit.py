"""`perpetua audit`: prove that the log is whole, name what it holds, and prove that it was safe."""

from contextlib import closing

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
from api.processes.home import HomeUnused

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


class NotSafe(Exception):
    """A breaker, a limit or a refusal is not what its account's own figures say: the first one."""


@app.command()
def safety(home: HomeOption = None, json: JsonOption = False) -> None:
    """Recompute breakers, limits and refusals of every account, apart from the kernel."""
    from msgspec import to_builtins

    from api.home_log import opened_with, read_log
    from application.safety.audit import audit
    from infrastructure.home_journal import open_journal

    found = used_home(home, settings_of("audit"))
    opened = opened_with(found)
    if opened.version == 0:
        raise HomeUnused(f"home {found.directory} has not traded yet: start with perpetua run")
    with closing(read_log(found)) as log:
        log.head()  # before the journal is opened: that it holds the bars of all these steps
        symbols = [instrument.symbol for instrument in opened.instruments]
        with (
            closing(open_journal(found.directory, symbols, read_only=True)) as journal,
            working("Recomputing every account …"),
        ):
            report = audit(log, journal)
    content = to_builtins(report)
    if json:
        print_json({"ok": report.first is None, **content})
    else:
        del content["first"]
        print_fields({"ok": report.first is None, **content})
    if report.first is not None:
        raise NotSafe(str(report.first))


@app.command()
def digest(home: HomeOption = None, json: JsonOption = False) -> None:
    """Digest the INPUT and the DERIVED events, without when they were recorded."""
    from infrastructure.store import digest as digests

    found = used_home(home, settings_of("audit"))
    with working("Digesting the log …"):
        figures = digests(found.log)
    (print_json if json else print_fields)(figures)
