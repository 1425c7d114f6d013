"""How a home improves its strategies: decided once, an INPUT, and part of what replay goes by.

Nothing here loosens a limit or the gate. The stream is the home's own; its last event holds.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from domain.cause import Cause
from domain.event import Event, topic

STREAM = "improvement"

AuthorKind = Literal["search", "llm"]


@topic("improvement.set/1")
class ImprovementSet(Event, frozen=True, kw_only=True):
    author: AuthorKind
    candidates: int  # asked for at every look
    seed: int  # of the search, and of the model where it takes one
    auto_promote: bool  # whether a version that passes the gate goes live by itself
    trades: int  # closed since the last look, at least
    bars: int  # strategy bars since the last look, at least
    growth: Decimal  # of the history since the last look, at least, as a share of it
    least_days: int  # of history before the first look
    most_days: int  # of history looked at
    holdout_from: int | None  # open of the first sealed bar, ms; None: the future is the holdout
    knows_until: (
        int | None
    )  # ms up to which the model may know the market; None: not known, or none


class Policy(Struct, frozen=True, kw_only=True):
    """What `ImprovementSet` holds, and its defaults."""

    author: AuthorKind = "search"
    candidates: int = 16
    seed: int = 1
    auto_promote: bool = False
    trades: int = 5
    bars: int = 10
    growth: Decimal = Decimal("0.05")
    least_days: int = 60
    most_days: int = 4000
    holdout_from: int | None = None
    knows_until: int | None = None


class Improvement(Struct, frozen=True):
    """What holds; `policy` None: nothing is improved."""

    version: int = 0
    policy: Policy | None = None


class SetImprovement(Struct, frozen=True, kw_only=True):
    cause: Cause
    policy: Policy


def decide(state: Improvement, command: SetImprovement) -> tuple[Event, ...]:
    """Put a policy in force; nothing where it holds already."""
    if state.policy == command.policy:
        return ()
    cause, policy = command.cause, command.policy
    return (
        ImprovementSet(
            stream=STREAM,
            stream_version=state.version + 1,
            kind="input",
            occurred_at=cause.occurred_at,
            effective_at=cause.effective_at,
            causation_id=cause.causation_id,
            correlation_id=cause.correlation_id,
            actor=cause.actor,
            **{name: getattr(policy, name) for name in Policy.__struct_fields__},
        ),
    )


def evolve(state: Improvement, event: Event) -> Improvement:
    """Apply one event of the stream; other events leave the state as it is."""
    if not isinstance(event, ImprovementSet):
        return state
    return Improvement(event.stream_version, policy_of(event))


def policy_of(event: ImprovementSet) -> Policy:
    """Give the policy that an event put in force."""
    return Policy(**{name: getattr(event, name) for name in Policy.__struct_fields__})
