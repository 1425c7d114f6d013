"""`perpetua strategy versions`, `diff`, `export`: what was authored, from the home's own log.

And `submit`, `rollback`: an operator's own versions, carried out as every command is.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import HomeOption, JsonOption, print_json, print_rows
from api.cli.operate import IdOption, ReasonOption, hand_over, new_id, operator
from api.cli.printable import printable
from application.engine_port import Command

if TYPE_CHECKING:
    from projections.models import VersionView
    from projections.queries import Queries

NameArgument = Annotated[str, typer.Argument(help="A strategy of the home.")]

IMPROVED = Path("improved_strategies")
COLUMNS = (
    "version", "status", "author", "parent", "look", "passed", "failures", "net", "champion_net",
    "p_value", "deflated", "retired", "parameters", "hypothesis",
)  # fmt: skip
HYPOTHESIS = 60  # characters of one in a table


class NotWritten(FileExistsError):
    """A file is there that is not what would be written."""


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (versions, diff, export, submit, rollback):
        app.command()(command)


def versions(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Every version of a strategy: who wrote it and why, how it was tested, where it stands."""
    from api.cli.reading import known, newest, reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        known(queries, name)
        found = newest(lambda paging: queries.versions(name, paging), None)
    if json:
        print_json([plain_item(version) for version in found])
    else:
        print_rows([shortened(version) for version in found], COLUMNS)


def diff(
    name: NameArgument,
    before: Annotated[str, typer.Argument(help="A version, e.g. v1.")],
    after: Annotated[str, typer.Argument(help="The one it is compared with, e.g. v7.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """How two versions differ: a unified diff of their sources, and the parameters that changed."""
    from api.cli.reading import reading
    from api.version_text import parameter_changes, source_diff
    from projections.models import plain

    with reading(home) as (_, queries):
        one, other = found(queries, name, before), found(queries, name, after)
        text = source_diff(source_of(queries, one), source_of(queries, other), (one.id, other.id))
    changes = parameter_changes(one.parameters, other.parameters)
    if json:
        print_json(
            {"before": one.id, "after": other.id, "diff": text, "parameters": plain(changes)}
        )
        return
    sys.stdout.write(printable(text))
    print_rows(changes, ("name", "before", "after"))


def export(
    name: NameArgument,
    version: Annotated[
        str | None, typer.Argument(help="Which version; the champion unless named.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="The directory to write to.")] = IMPROVED,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a version as a strategy file of its own, its parameters put in as the defaults."""
    from api.cli.reading import known, reading
    from api.version_text import exported

    with reading(home) as (_, queries):
        known(queries, name)
        if version is None:
            strategy = queries.strategy(name)
            version = "" if strategy is None or strategy.version is None else strategy.version
        chosen = found(queries, name, version)
        source, told = source_of(queries, chosen), heading(queries, chosen)
    file = to / f"{name}_{chosen.version}.py"
    write(file, exported(source, file.stem, chosen.parameters, told))
    if json:
        print_json({"file": str(file), "strategy": name, "version": chosen.version})
    else:
        sys.stdout.write(f"{file}\n")


def submit(
    file: Annotated[Path, typer.Argument(help="The strategy file that is to take over.")],
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="Of which strategy; the file's name else.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="name=value in place of a default; repeatable.")
    ] = None,
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Submit a version: tested against the champion, in its place from the next bar if it holds."""
    from api.cli.research import assignment
    from api.strategy_files import text_of

    command = Command(
        name="submit",
        strategy=file.stem if strategy is None else strategy,
        actor=operator(),
        command_id=command_id if command_id is not None else new_id(),
        reason=reason,
        source=text_of(file),
        parameters=dict(map(assignment, param or ())),
    )
    hand_over(command, home, json)


def rollback(
    name: NameArgument,
    version: Annotated[str, typer.Argument(help="The version that is to trade again, e.g. v1.")],
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have an earlier version trade again from the next bar, in accounts of its own."""
    command = Command(
        name="rollback",
        strategy=name,
        actor=operator(),
        command_id=command_id if command_id is not None else new_id(),
        reason=reason,
        version=version,
    )
    hand_over(command, home, json)


def found(queries: "Queries", strategy: str, version: str) -> "VersionView":
    """Find a version by name. Raises `UnknownName`."""
    from api.cli.reading import UnknownName, known

    known(queries, strategy)
    view = queries.version(strategy, version)
    if view is None:
        raise UnknownName(
            f"version was {version!r}, must be one that perpetua strategy versions {strategy} shows"
        )
    return view


def source_of(queries: "Queries", version: "VersionView") -> str:
    """Give a version's source from the log. Raises `UnknownName`."""
    from api.cli.reading import UnknownName

    text = queries.text(version.source_sha)
    if text is None:
        raise UnknownName(f"the log holds no source of {version.id} ({version.source_sha!r})")
    return text


def heading(queries: "Queries", version: "VersionView") -> tuple[str, ...]:
    """Tell where a version comes from, as the head of its file."""
    look = None
    if version.number is not None:
        look = queries.recode(version.strategy, version.number)
    cost = version.cost if look is None else look.cost
    looked = "" if look is None else f", look {look.number}"
    return (
        f"{version.strategy} {version.version}, written by perpetua strategy export",
        f"parent: {version.parent or 'none'}",
        f"author: {version.author}{looked}, cost ${cost:f}",
        f"hypothesis: {version.hypothesis or 'none'}",
    )


def write(file: Path, text: str) -> None:
    content = text.encode()
    if file.parent.exists() and not file.parent.is_dir():
        raise NotWritten(f"to was {file.parent}, must be a directory")
    if file.exists() and file.read_bytes() != content:
        raise NotWritten(f"{file} is there and holds something else, move it away or choose --to")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def shortened(version: "VersionView") -> SimpleNamespace:
    report = version.report
    figures = ("net", "champion_net", "p_value", "deflated")
    given = {name: getattr(version, name) for name in COLUMNS if hasattr(version, name)}
    short = printable(version.hypothesis[:HYPOTHESIS])
    tested = {name: None if report is None else getattr(report, name) for name in figures}
    words = {"look": version.number, "hypothesis": " ".join(short.split())}
    return SimpleNamespace(**(given | tested | words))
