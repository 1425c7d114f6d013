"""The state machine of one strategy: every guard, in one place.

    paper → ready → live;  {paper, ready, live} ⇄ paused (resume restores);
    live or paused → paper by demotion;  any → retired, which is final.

Flattened is paused with all that is held closed: only a resume ends it, neither time nor demotion.

`decide` raises a typed `Forbidden` and writes nothing, or gives the events that are now true. It
reads no clock: a timed pause runs out when the trading step says so, with a `Resume`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from domain import errors
from domain.cause import Cause
from domain.event import Event
from domain.gate import GateVerdict, judge
from domain.strategy import improving
from domain.strategy.commands import (
    ActivateVersion,
    AuthorVersion,
    Command,
    Demote,
    Flatten,
    MarkReady,
    Pause,
    Register,
    RejectVersion,
    RequestPromotion,
    Resume,
    Retire,
)
from domain.strategy.events import (
    DemotedToPaper,
    Flattened,
    MarkedReady,
    Paused,
    PromotedToLive,
    PromotionRefused,
    PromotionRequested,
    Resumed,
    Retired,
    StrategyRegistered,
    VersionActivated,
    VersionAuthored,
    VersionRejected,
)
from domain.strategy.heading import DONE, caused_by, fields, known
from domain.strategy.state import Strategy, Version, evolve
from domain.timeframe import LATEST

__all__ = ["Strategy", "Version", "decide", "evolve"]


def decide(state: Strategy, command: Command) -> tuple[Event, ...]:
    """Turn a command into the events that follow from it, in order.

    Raises a `domain.errors.Forbidden` that names the state, what was asked and what is allowed.
    """
    asked = type(command).__name__
    if not isinstance(command, Register):
        if state.status == "unregistered":
            raise errors.NotRegistered(state.stream, state.status, asked)
        if state.status == "retired":
            raise errors.AlreadyRetired(state.name, state.status, asked)
    return DECIDE[type(command)](state, command)


def register(state: Strategy, command: Register) -> tuple[Event, ...]:
    if state.status != "unregistered":
        raise errors.AlreadyRegistered(state.name, state.status, "Register")
    head = fields(state, command.cause, "input")
    name, text = command.strategy, command.description
    return (StrategyRegistered(**head, strategy=name, description=text),)


def author(state: Strategy, command: AuthorVersion) -> tuple[Event, ...]:
    if state.unsealed:
        raise errors.HoldoutWasOpened(state.name, DONE, "author a version")
    if command.parent is not None:
        refuse_unknown(state, command.parent)
    return (
        VersionAuthored(
            **fields(state, command.cause, "input"),
            version=f"v{state.authored + 1}",
            source_sha=command.source_sha,
            parameters=command.parameters,
            timeframe=command.timeframe,
            author=command.author,
            parent=command.parent,
            hypothesis=command.hypothesis,
            tokens=command.tokens,
            cost=command.cost,
        ),
    )


def activate(state: Strategy, command: ActivateVersion) -> tuple[Event, ...]:
    version = known(state, command.version)
    if version.rejected:
        asked = f"activate {version.name}"
        raise errors.VersionWasRejected(state.name, f"rid of {version.name}", asked)
    since = version.active_from if command.mode == "paper" else version.live_from
    if since is not None and command.mode == "paper":
        asked = f"activate {version.name} on paper again"
        raise errors.AlreadyActive(state.name, state.status, asked)
    return (
        VersionActivated(
            **fields(state, command.cause, "derived"),
            mode=command.mode,
            version=version.name,
            from_bar=command.from_bar,
        ),
    )


def reject(state: Strategy, command: RejectVersion) -> tuple[Event, ...]:
    version = known(state, command.version)
    if version.rejected:
        return ()  # both sleeves of one version may be ruined: it is rejected once
    head = fields(state, command.cause, "derived")
    return (
        VersionRejected(**head, version=version.name, stage=command.stage, reasons=command.reasons),
    )


def mark_ready(state: Strategy, command: MarkReady) -> tuple[Event, ...]:
    version = known(state, command.version)
    standing = state.resumes_to if state.status == "paused" else state.status
    if version.was_ready or version.rejected or standing not in ("paper", "ready", "live"):
        return ()
    verdict = judge(command.tally, command.open_nets, command.gate, state.attempts, command.ruined)
    if not verdict.passed:
        return ()
    head = fields(state, command.cause, "derived")
    ready = MarkedReady(**head, version=version.name, verdict=verdict)
    if command.account is None or not state.is_later(version.name) or state.status == "paused":
        return (ready,)
    start = command.cause.occurred_at  # the close that brought it through: the next bar's open
    because = caused_by(ready, command.cause)
    return ready, *promoted(state, version.name, command.account, verdict, because, start)


def request_promotion(state: Strategy, command: RequestPromotion) -> tuple[Event, ...]:
    asked = state.next_live
    if asked is None or not promotable(state, asked):
        raise errors.NotPromotable(state.name, state.status, "promote it")
    ruined = command.ruined or asked.rejected
    verdict = judge(command.tally, command.open_nets, command.gate, state.attempts, ruined)
    request = PromotionRequested(
        **fields(state, command.cause, "input"), version=asked.name, reason=command.reason
    )
    because = caused_by(request, command.cause)
    if not verdict.passed:
        head = fields(state, because, "derived", after=1)
        return request, PromotionRefused(**head, version=asked.name, verdict=verdict)
    start = command.cause.effective_at
    since = command.cause.occurred_at if start is None else start
    return request, *promoted(state, asked.name, command.account, verdict, because, since)


def promotable(state: Strategy, version: Version) -> bool:
    """From paper; and live, where it is a later version than the one that trades."""
    if state.status == "live":
        return state.is_later(version.name)
    return state.status in ("paper", "ready")


def promoted(
    state: Strategy,
    version: str,
    account: str,
    verdict: GateVerdict,
    because: Cause,
    from_bar: int,
) -> tuple[Event, Event]:
    """A version goes live, behind the one event that it follows from."""
    promotion = PromotedToLive(
        **fields(state, because, "derived", after=1),
        version=version,
        account=account,
        verdict=verdict,
        attempts=state.attempts,
    )
    activated = VersionActivated(
        **fields(state, caused_by(promotion, because), "derived", after=2),
        mode="live",
        version=version,
        from_bar=from_bar,
    )
    return promotion, activated


def pause(state: Strategy, command: Pause) -> tuple[Event, ...]:
    if state.status == "paused":
        raise errors.AlreadyPaused(state.name, state.status, "pause it")
    cause, until = command.cause, command.until
    start = cause.occurred_at if cause.effective_at is None else cause.effective_at
    if until is not None and until <= start:
        raise errors.InvalidCommand("until", until, f"after {start}, when the pause begins (ms)")
    if until is not None and until > LATEST:
        raise errors.InvalidCommand("until", until, f"at most {LATEST} (ms UTC)")
    head = fields(state, cause, "input")
    return (Paused(**head, by=cause.actor, reason=command.reason, until=until),)


def resume(state: Strategy, command: Resume) -> tuple[Event, ...]:
    if state.status != "paused":
        raise errors.NotPaused(state.name, state.status, "resume it")
    start = command.cause.effective_at
    if state.flat_from is not None and start is not None and start <= state.flat_from:
        raise errors.NotFlatYet(state.name, "to be flattened at the next bar", "resume it")
    head = fields(state, command.cause, command.kind)
    return (Resumed(**head, by=head["actor"], reason=command.reason),)


def flatten(state: Strategy, command: Flatten) -> tuple[Event, ...]:
    if state.flat:
        raise errors.AlreadyFlat(state.name, "flattened", "flatten it")
    head = fields(state, command.cause, "input")
    by = command.cause.actor
    return (Flattened(**head, by=by, reason=command.reason, scope=command.scope),)


def demote(state: Strategy, command: Demote) -> tuple[Event, ...]:
    if state.status not in ("live", "paused"):
        raise errors.NotLive(state.name, state.status, "demote it")
    head = fields(state, command.cause, command.kind)
    return (DemotedToPaper(**head, by=head["actor"], reason=command.reason),)


def refuse_unknown(state: Strategy, name: str) -> None:
    """Raise `UnknownVersion` for one that was never authored; old ones may be forgotten."""
    number = name.removeprefix("v")
    if not (number.isdecimal() and 1 <= int(number) <= state.authored):
        known(state, name)


def retire(state: Strategy, command: Retire) -> tuple[Event, ...]:
    head = fields(state, command.cause, "input")
    return (Retired(**head, by=command.cause.actor, reason=command.reason),)


DECIDE: Mapping[type[Command], Callable[[Strategy, Any], tuple[Event, ...]]] = {
    Register: register,
    AuthorVersion: author,
    ActivateVersion: activate,
    RejectVersion: reject,
    MarkReady: mark_ready,
    RequestPromotion: request_promotion,
    Pause: pause,
    Resume: resume,
    Flatten: flatten,
    Demote: demote,
    Retire: retire,
    **improving.DECIDE,
}
