"""What an operator is told: the same words the first time and every time after."""

from collections.abc import Mapping, Sequence

from application.engine_port import Command, CommandReply
from application.ports import LogEntry
from domain.errors import CommandIdReused, Forbidden
from domain.event import Event
from domain.strategy.events import (
    DemotedToPaper,
    Paused,
    PromotedToLive,
    PromotionRefused,
    PromotionRequested,
    Resumed,
)

ASKED: Mapping[type[Event], str] = {
    PromotionRequested: "promote",
    Paused: "pause",
    Resumed: "resume",
    DemotedToPaper: "demote",
}
REFUSED = "GATE_NOT_PASSED"


def forbidden(refusal: Forbidden, head: int) -> CommandReply:
    """Tell why nothing happened."""
    return CommandReply(accepted=False, position=head, code=refusal.code, message=str(refusal))


def carried_out(command: Command, events: Sequence[Event], position: int) -> CommandReply:
    """Tell what a command came to."""
    ids = tuple(event.event_id for event in events)
    for event in events:
        if isinstance(event, PromotionRefused):
            failed = ", ".join(failure.code for failure in event.verdict.failures)
            return CommandReply(
                accepted=False,
                position=position,
                code=REFUSED,
                message=f"{command.strategy} {event.version} stays on paper: {failed}",
                verdict=event.verdict,
                events=ids,
            )
    verdicts = [event.verdict for event in events if isinstance(event, PromotedToLive)]
    return CommandReply(
        accepted=True,
        position=position,
        message=f"{command.name} {command.strategy}: from the bar at {events[0].effective_at}",
        verdict=verdicts[0] if verdicts else None,
        events=ids,
    )


def recorded(command: Command, entries: Sequence[LogEntry]) -> CommandReply:
    """Tell what a command came to when it was first given. Raises `CommandIdReused`."""
    events = [entry.event for entry in entries]
    strategy = events[0].stream.split("/", 1)[-1]
    name = ASKED.get(type(events[0]), type(events[0]).__name__)
    if (name, strategy) != (command.name, command.strategy):
        asked = f"{command.name} {command.strategy}"
        raise CommandIdReused(command.command_id, f"{name} {strategy}", asked)
    return carried_out(command, events, entries[-1].position)
