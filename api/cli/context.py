"""What every command shares: its settings, its home, and how it prints."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn
from rich.table import Table

from api.cli.printable import printable
from api.processes.home import Home, HomeUnused
from infrastructure.logging import configure_from
from infrastructure.settings import FeedName, Settings, load

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Where all state is; PERPETUA_HOME, else the last one used in var/."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
TIMES = frozenset(("from", "to", "last_step", "last_bar"))  # besides all that end in `_at`
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MomentInvalid(ValueError):
    """A moment is not written as one."""


def moment(text: str) -> int:
    """Turn ISO 8601 (UTC where it names no zone) or ms UTC into ms. Raises `MomentInvalid`."""
    if text.isascii() and text.isdigit() and len(text) > 8:  # up to 8 digits are a date: 20260131
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise MomentInvalid(
            f"time was {text!r}, must be like 2026-01-31, 2026-01-31T12:00Z, or ms UTC"
        ) from None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (when - EPOCH) // timedelta(milliseconds=1)


def settings_of(process: str) -> Settings:
    """Read the settings and send this process's log lines to standard error."""
    settings = load(os.environ)
    configure_from(settings, process)
    return settings


def used_home(named: Path | None, settings: Settings) -> Home:
    """The home a command is about: named, set, or the last one used. Raises `HomeUnused`."""
    directory = named if named is not None else settings.home
    if directory is not None:
        home = Home(directory)
        if not home.used:
            raise HomeUnused(
                f"home {directory} holds no log yet: start one with perpetua run --home {directory}"
            )
        return home
    homes = [Home(settings.home_for(feed)) for feed in get_args(FeedName)]
    used = [home for home in homes if home.used]
    if not used:
        raise HomeUnused(
            "no home is in use under var/: start one with perpetua run, or name one with --home"
        )
    return max(used, key=last_use)


def last_use(home: Home) -> float:
    wal = home.log.with_name(home.log.name + "-wal")
    return max(path.stat().st_mtime for path in (home.log, wal) if path.exists())


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something longer is going on."""
    with Console(stderr=True).status(what):
        yield


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar on standard error that goes away at the end; nothing where nobody watches."""
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def print_json(content: Any) -> None:
    """Print one JSON document; decimals as strings without exponents, times as ms UTC."""
    from projections.models import plain

    sys.stdout.write(
        msgspec.json.format(msgspec.json.encode(plain(content)), indent=2).decode() + "\n"
    )


def print_fields(content: Mapping[Any, Any]) -> None:
    """Print names and values, one a line."""
    console = Console(highlight=False, soft_wrap=True)
    width = max((len(str(name)) for name in content), default=0)
    for name, value in content.items():
        said = escape(printable(shown(value, str(name))))
        console.print(f"[bold]{escape(str(name)):<{width}}[/]  {said}")


def print_rows(items: Iterable[Any], columns: Sequence[str]) -> None:
    """Print chosen fields of structs as a table."""
    console = Console(highlight=False)
    table = Table(*columns)
    for item in items:
        values = [printable(shown(getattr(item, column), column)) for column in columns]
        table.add_row(*map(escape, values))
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = 240
    console.print(table)


def shown(value: Any, name: str = "") -> str:
    """Spell a value for people; one whose name says that it is a time, ms UTC, as ISO 8601."""
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {shown(each)}" for key, each in value.items())
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, int) and (name in TIMES or name.endswith("_at")):
        return iso(value)
    return str(value)


def iso(ms: int) -> str:
    """A moment as ISO 8601, to the ms where it has any."""
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")[:-6] + "Z"
