"""`perpetua replay`: prove that what a home's log says follows from what came from outside.

Only reads: it works beside a running engine, and then proves what was durable when it began.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import to_builtins
from msgspec.json import encode

from api.cli.backend import BackendOption
from api.cli.context import (
    HomeOption,
    JsonOption,
    iso,
    print_fields,
    print_json,
    progress_bar,
    settings_of,
    used_home,
)
from api.processes.home import Home, HomeUnused

if TYPE_CHECKING:
    from application.replay import Difference, Reproduction
    from application.trading.kernel import EngineKernel
    from domain.event import Event


class NotReproduced(Exception):
    """The log is not what its inputs give: names the first event that differs."""


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(replay)


def replay(
    home: HomeOption = None,
    backend: BackendOption = "numba",
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", help="Of this strategy only; repeatable. All if left out."),
    ] = None,
    to: Annotated[
        int | None, typer.Option("--to", min=1, help="Up to this position of the log.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recompute a log's events from its inputs and bars, and compare byte by byte."""
    from application.trading.kernel import EngineKernel

    found = used_home(home, settings_of("replay"))
    kernel = EngineKernel(backend)
    result = reproduced(found, kernel, strategy or (), to)
    difference = result.first_difference
    figures = content(found.directory, kernel, result)
    if json:
        print_json({**figures, "difference": None if difference is None else told(difference)})
    else:
        print_fields(figures)
        if difference is not None:
            print_fields(shown_difference(difference))
    if difference is not None:
        why = difference.why or "it is not what its inputs give"
        where = f"event {difference.position} of {found.log} (bar {iso(difference.bar)})"
        raise NotReproduced(f"{where}: {why}{in_journal(found, difference)}")


def reproduced(
    home: Home, kernel: "EngineKernel", strategies: Sequence[str], to: int | None
) -> "Reproduction":
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from api.bootstrap import sealed_journal
    from api.home_log import opened_with, read_log
    from application.replay import reproduce
    from infrastructure.home_journal import open_journal

    opened = opened_with(home)
    if opened.version == 0:
        raise HomeUnused(f"home {home.directory} has not traded yet: start with perpetua run")
    log = read_log(home)
    try:
        head = log.head()  # before the journal is opened: that it holds the bars of all these steps
        symbols = [instrument.symbol for instrument in opened.instruments]
        journal = open_journal(home.directory, symbols, read_only=True)
        columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with progress_bar(*columns) as bar:
                task = bar.add_task("events", total=head if to is None else to)
                return reproduce(
                    log,
                    journal,
                    kernel=kernel,
                    strategies=strategies,
                    to=head if to is None else to,
                    progress=lambda position: bar.update(task, completed=position),
                    holdout=sealed_journal(home),
                )
        finally:
            journal.close()
    finally:
        log.close()


def content(directory: Path, kernel: "EngineKernel", result: "Reproduction") -> dict[str, Any]:
    return {
        "ok": result.first_difference is None,
        "home": str(directory),
        "backend": kernel.backend,
        "device": kernel.device or None,
        "position": result.to,
        "bars": result.bars,
        "reproduced": result.count,
        "derived": result.derived,
        "input": result.count - result.derived,
        "seconds": round(result.seconds, 3),
    }


def told(difference: "Difference") -> dict[str, Any]:
    return {
        "position": difference.position,
        "bar": difference.bar,
        "why": difference.why or None,
        "fields": fields_of(difference),
        "expected": event_of(difference.replayed),
        "found": event_of(difference.recorded),
    }


def shown_difference(difference: "Difference") -> dict[str, Any]:
    return {
        "differs at": difference.position,
        "bar": iso(difference.bar),
        "in": ", ".join(fields_of(difference)) or None,
        "expected": line_of(difference.replayed),
        "found": line_of(difference.recorded),
    }


def in_journal(home: Home, difference: "Difference") -> str:
    return f" (see {home.bars})" if difference.why else ""


def fields_of(difference: "Difference") -> list[str]:
    expected, found = difference.replayed, difference.recorded
    if type(expected) is not type(found):
        return []
    names = found.__struct_fields__
    return [name for name in names if getattr(expected, name) != getattr(found, name)]


def event_of(event: "Event | None") -> dict[str, Any] | None:
    return None if event is None else {"topic": event.TOPIC, **to_builtins(event)}


def line_of(event: "Event | None") -> str | None:
    return None if event is None else f"{event.event_id} {event.TOPIC} {encode(event).decode()}"
