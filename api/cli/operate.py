"""`promote`, `pause`, `resume`, `demote`, `flatten`: an operator's commands.

They go to the running engine over its socket. Where none runs this process takes the home lock and
carries the command out itself, through the same code: never both, never two at once.
"""

import getpass
import secrets
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import (
    HomeOption,
    JsonOption,
    moment,
    print_fields,
    print_json,
    settings_of,
    shown,
    used_home,
)
from api.processes.home import Home
from application.engine_port import (
    LONGEST_NAME,
    LONGEST_REASON,
    Command,
    CommandName,
    CommandReply,
    EngineUnavailable,
)
from infrastructure.logging import configure_from
from infrastructure.settings import Settings

NameArgument = Annotated[str, typer.Argument(help="The strategy's name.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Recorded with the command.")]
IdOption = Annotated[
    str | None,
    typer.Option("--command-id", help="Repeat with the same id: the command is carried out once."),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Resume by itself then: 2026-01-31T12:00Z, or ms UTC.")
]


class CommandRefused(Exception):
    """The engine recorded or refused the command; the message is its reason."""


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (promote, pause, resume, demote, flatten):
        app.command()(command)


def promote(
    strategy: NameArgument,
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask for a strategy to trade live (live/sim for now); the gate decides, and says why."""
    carry_out("promote", strategy, reason, command_id, None, home, json)


def pause(
    strategy: NameArgument,
    reason: ReasonOption = "",
    until: UntilOption = None,
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take no new positions from the next bar; exits go on."""
    carry_out("pause", strategy, reason, command_id, until, home, json)


def resume(
    strategy: NameArgument,
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Trade again from the next bar."""
    carry_out("resume", strategy, reason, command_id, None, home, json)


def demote(
    strategy: NameArgument,
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Bring a live strategy back to paper, closing what it holds live."""
    carry_out("demote", strategy, reason, command_id, None, home, json)


def flatten(
    strategy: Annotated[str | None, typer.Argument(help="The strategy's name.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All strategies, in place of a name.")
    ] = False,
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Close all positions at the next open; entries stay off until resumed."""
    if (strategy is None) != everything:
        raise typer.BadParameter("name a strategy, or say --all: one of the two")
    carry_out("flatten", strategy or "", reason, command_id, None, home, json)


def carry_out(
    name: CommandName,
    strategy: str,
    reason: str,
    command_id: str | None,
    until: str | None,
    home: Path | None,
    json: bool,
) -> None:
    command = Command(
        name=name,
        strategy=strategy,
        actor=operator(),
        command_id=command_id if command_id is not None else new_id(),
        reason=reason,
        until=moment(until) if until is not None else None,
    )
    hand_over(command, home, json)


def operator() -> str:
    """Name the actor that an operator at this terminal is."""
    return f"operator:{getpass.getuser()}"


def new_id() -> str:
    """Make up a command id."""
    return secrets.token_hex(8)


def hand_over(command: Command, home: Path | None, json: bool) -> None:
    """Have a command carried out and print its reply. Raises `CommandRefused`."""
    refuse_unwritable("command-id", command.command_id, 1, LONGEST_NAME)
    refuse_unwritable("reason", command.reason, 0, LONGEST_REASON)
    settings = settings_of("operator")
    found = used_home(home, settings)
    configure_from(settings, "operator", found.logs / "operator.log")
    reply = send(found, command, settings)
    if json:
        print_json(reply)
    else:
        show(command, reply)
    if not reply.accepted:
        raise CommandRefused(f"{reply.code}: {reply.message}")


def refuse_unwritable(name: str, value: str, least: int, most: int) -> None:
    """Raise `typer.BadParameter` for words that no event can hold, or too many of them."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"{name} was no UTF-8, must be text") from None
    if not least <= len(value) <= most:
        shown = f"{len(value):,} characters long" if value else "empty"
        raise typer.BadParameter(f"{name} was {shown}, must have {least} to {most:,} characters")


def send(home: Home, command: Command, settings: Settings) -> CommandReply:
    """Carry a command out: by the engine if one runs, else here. Raises `EngineUnavailable`."""
    from api.processes.command_socket import NoEngine, SocketEngineClient
    from api.processes.lock import HomeBusy, HomeLock

    try:
        with HomeLock.acquire(home.lock, f"perpetua {command.said}"):
            return execute_here(home, command, settings)
    except HomeBusy as busy:
        try:
            return SocketEngineClient(home.socket).send(command)
        except NoEngine:
            raise EngineUnavailable(f"{busy}, which takes no command now: try again") from None


def execute_here(home: Home, command: Command, settings: Settings) -> CommandReply:
    from api import bootstrap
    from api.home_log import open_log
    from api.regimes import classifying_idle
    from infrastructure.llm.ledger import Ledger

    log = open_log(home)
    try:
        asked = command.name == "classify"
        classifier = classifying_idle(settings, log, Ledger(home.calls)) if asked else None
        opened = bootstrap.open_idle_trader(home, log, classifier)
        try:
            return opened.trader.execute(command)
        finally:
            opened.journal.close()
    finally:
        log.close()


def show(command: Command, reply: CommandReply) -> None:
    said = "accepted" if reply.accepted else f"refused ({reply.code})"
    print_fields(
        {
            "command": command.said,
            "id": command.command_id,
            "reply": f"{said}: {reply.message}" if reply.message else said,
            "position": reply.position,
            "events": reply.events,
        }
    )
    if reply.verdict is not None:
        verdict = reply.verdict
        print_fields(
            {
                "trades": verdict.trades,
                "win rate": verdict.win_rate,
                "win rate, low": verdict.win_rate_low,
                "profit factor": verdict.profit_factor,
                "net": verdict.net,
                "attempts": verdict.attempts,
                "fails": [
                    f"{f.code} {shown(f.observed)} < {shown(f.required)}" for f in verdict.failures
                ],
            }
        )
