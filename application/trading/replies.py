"""What an operator is told: the same words the first time and every time after."""

from collections.abc import Mapping, Sequence

from application.engine_port import (
    EVERY_SYMBOL,
    EVERYTHING,
    Command,
    CommandReply,
    submission,
)
from application.ports import LogEntry
from domain.errors import CommandIdReused, Forbidden
from domain.event import Event
from domain.regime import RegimeRefreshAsked
from domain.strategy.events import (
    DemotedToPaper,
    Flattened,
    Paused,
    PromotedToLive,
    PromotionRefused,
    PromotionRequested,
    Resumed,
    VersionAuthored,
)
from domain.strategy.improvement import VersionTested
from domain.tightening import LimitTightened

ASKED: Mapping[type[Event], str] = {
    PromotionRequested: "promote",
    Paused: "pause",
    Resumed: "resume",
    DemotedToPaper: "demote",
    Flattened: "flatten",
    LimitTightened: "tighten",
    VersionAuthored: "submit",
}
REFUSED = "GATE_NOT_PASSED"
UNTESTED = "TEST_NOT_PASSED"
SUBMITTED = "submitted by hand"  # how the hypothesis of a version that was submitted begins
ROLLED_BACK = "rolled back to "  # and of one that was rolled back to


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
        if isinstance(event, VersionTested) and not event.passed:
            return CommandReply(
                accepted=False,
                position=position,
                code=UNTESTED,
                message=f"{command.strategy} {event.version}: {', '.join(event.failures)}",
                events=ids,
            )
    verdicts = [event.verdict for event in events if isinstance(event, PromotedToLive)]
    return CommandReply(
        accepted=True,
        position=position,
        message=f"{command.said}: from the bar at {events[0].effective_at}",
        verdict=verdicts[0] if verdicts else None,
        events=ids,
    )


def recorded(command: Command, entries: Sequence[LogEntry]) -> CommandReply:
    """Tell what a command came to when it was first given. Raises `CommandIdReused`."""
    events = [entry.event for entry in entries]
    before, asked = said_by(events[0]), command.said
    if before != asked or parameters_differ(command, events[0]):
        raise CommandIdReused(command.command_id, before, asked)
    return carried_out(command, events, entries[-1].position)


def parameters_differ(command: Command, event: Event) -> bool:
    if command.name != "submit" or not isinstance(event, VersionAuthored):
        return False
    return any(event.parameters.get(name) != n for name, n in command.parameters.items())


def worded(what: str, reason: str) -> str:
    """Give the hypothesis of a version that an operator authored."""
    return f"{what}: {reason}" if reason else what


def reason_of(hypothesis: str) -> str:
    """Give the reason that `worded` put in."""
    return hypothesis.partition(": ")[2]


def said_by(event: Event) -> str:
    """Say what an event was asked for by, in the words of its command."""
    if isinstance(event, LimitTightened):
        return f"tighten {event.name} to {event.new}"
    if isinstance(event, RegimeRefreshAsked):
        return f"classify {EVERY_SYMBOL if event.everything else event.symbols[0]}"
    if isinstance(event, VersionAuthored):
        strategy = event.stream.split("/", 1)[-1]
        if event.hypothesis.startswith(ROLLED_BACK):
            return f"rollback {strategy} to {event.parent}"
        return submission(strategy, event.source_sha)
    name = ASKED.get(type(event), type(event).__name__)
    everything = isinstance(event, Flattened) and event.scope == "home"
    return f"{name} {EVERYTHING if everything else event.stream.split('/', 1)[-1]}"
