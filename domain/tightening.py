"""Limits in force: the constants, or tighter where an operator said so.

A stream of its own, `limits`: what a home was opened with never changes, while these do, and who
asks what is in force need not read the home. There is one way, towards tighter. A limit is given
back by nothing in the program, so neither a mistake nor a break-in at three in the morning can
widen what an account may lose.

`leverage` is no limit that can be tightened here: an account trades at the leverage that it was
opened with, and a lower bound would only refuse its every entry.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from domain.cause import Cause
from domain.errors import Forbidden, InvalidCommand
from domain.event import Event, topic
from domain.limits import Limits
from domain.money import PLACES

STREAM = "limits"
DAYS_30: Final = Decimal(30 * 86_400_000)
LONGEST_REASON: Final = 1000  # characters


@topic("limits.tightened/1")
class LimitTightened(Event, frozen=True, kw_only=True):
    """INPUT: an operator tightened a limit; it holds for every account from `effective_at` on."""

    name: str  # field of `domain.limits.Limits`
    old: Decimal
    new: Decimal
    reason: str


class Bound(Struct, frozen=True):
    """What a limit counts, and how far it may be tightened."""

    unit: str
    furthest: Decimal
    whole: bool = False
    upwards: bool = False  # a larger figure is the tighter one


QUOTE, SHARE = "quote", "share of equity"

BOUNDS: Final[dict[str, Bound]] = {
    "day_loss": Bound(QUOTE, Decimal(1)),
    "week_loss": Bound(QUOTE, Decimal(1)),
    "month_loss": Bound(QUOTE, Decimal(1)),
    "rapid_loss": Bound(QUOTE, Decimal(1)),
    "losses": Bound("trades in a row", Decimal(1), whole=True),
    "pause": Bound("ms", DAYS_30, whole=True, upwards=True),
    "margin_fraction": Bound(SHARE, Decimal(0)),
    "margin_absolute": Bound(QUOTE, Decimal(0)),
    "notional_multiple": Bound("times equity", Decimal(0)),
    "positions": Bound("positions", Decimal(0), whole=True),
}


class InForce(Struct, frozen=True):
    """The limits as they stand; `version` 0 means that none was ever tightened."""

    limits: Limits
    version: int = 0


class Tighten(Struct, frozen=True, kw_only=True):
    cause: Cause
    name: str
    value: Decimal
    reason: str


class UnknownLimit(Forbidden):
    code = "UNKNOWN_LIMIT"

    def __init__(self, name: str) -> None:
        super().__init__(f"limit was {name!r}, must be one of: {', '.join(BOUNDS)}")


class NotTighter(Forbidden):
    """What was asked would loosen the limit, or leave it as it is."""

    code = "LIMIT_NOT_TIGHTER"

    def __init__(self, name: str, value: Decimal, held: Decimal) -> None:
        super().__init__(f"{name} was {value}, must be {allowed(name, held)}")


def decide(state: InForce, command: Tighten) -> tuple[LimitTightened, ...]:
    """Tighten a limit. Raises a `Forbidden` that names the field, its value and what is allowed."""
    bound, value = BOUNDS.get(command.name), command.value
    if bound is None:
        raise UnknownLimit(command.name)
    refuse_odd(command, bound)
    held = figure(state.limits, command.name)
    if not is_tighter(bound, value, held):
        raise NotTighter(command.name, value, held)
    if value != round(value, PLACES):
        raise InvalidCommand(command.name, str(value), f"at most {PLACES} places after the point")
    cause = command.cause
    return (
        LimitTightened(
            stream=STREAM,
            stream_version=state.version + 1,
            kind="input",
            occurred_at=cause.occurred_at,
            effective_at=cause.effective_at,
            causation_id=cause.causation_id,
            correlation_id=cause.correlation_id,
            actor=cause.actor,
            name=command.name,
            old=held,
            new=value,
            reason=command.reason,
        ),
    )


def refuse_odd(command: Tighten, bound: Bound) -> None:
    value = command.value
    if not value.is_finite():
        raise InvalidCommand(command.name, str(value), f"a number of {bound.unit}")
    if bound.whole and value != value.to_integral_value():
        raise InvalidCommand(command.name, str(value), f"a whole number of {bound.unit}")
    if not 1 <= len(command.reason.strip()) <= LONGEST_REASON:
        why = f"1 to {LONGEST_REASON} characters: it is recorded"
        raise InvalidCommand("reason", command.reason[:40], why)


def evolve(state: InForce, event: Event) -> InForce:
    """Apply one event; a limit it would loosen stays as it is, whatever was recorded."""
    limits = state.limits
    if isinstance(event, LimitTightened) and event.name in BOUNDS:
        bound = BOUNDS[event.name]
        if is_tighter(bound, event.new, figure(limits, event.name)):
            value = int(event.new) if bound.whole else event.new
            limits = replace(limits, **{event.name: value})
    return InForce(limits, event.stream_version)


def figure(limits: Limits, name: str) -> Decimal:
    """Give a limit by its name."""
    return Decimal(getattr(limits, name))


def allowed(name: str, held: Decimal) -> str:
    """Say what a limit may be tightened to from what it is held at."""
    bound = BOUNDS[name]
    if held == bound.furthest:
        return f"left at {held:f} {bound.unit}: it cannot be tighter"
    if bound.upwards:
        return f"above {held:f}, up to {bound.furthest:f} {bound.unit}: limits are only tightened"
    return f"below {held:f}, down to {bound.furthest:f} {bound.unit}: limits are only tightened"


def is_tighter(bound: Bound, value: Decimal, held: Decimal) -> bool:
    """Tell whether a value is tighter than what is held, and no further than it may go."""
    if not value.is_finite():
        return False
    if bound.upwards:
        return held < value <= bound.furthest
    return bound.furthest <= value < held
