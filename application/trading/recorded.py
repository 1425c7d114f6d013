"""The inputs of a log, as they were given: what replay takes from it, and takes nowhere else.

Most inputs are one event. A strategy is registered with its first version behind it; flattening all
is an event for each; an author's answer is the answer, its candidates and the calls that it took;
what is said of a market's regime may be a model's call and words of two.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from application.improvement.written import Draft, Written
from application.ports import LogEntry
from application.trading.extent import Extent, strategy_of
from application.trading.inputs import Order
from application.trading.kernel import Program, as_kernel
from application.trading.replies import ROLLED_BACK, reason_of
from domain.event import Event
from domain.home import HomeOpened
from domain.ids import RECODE, REGIME
from domain.improvement import ImprovementSet
from domain.llm import LlmCalled
from domain.regime import RegimeClassified, RegimeLayerSet, RegimeRefreshAsked
from domain.strategy.events import (
    DemotedToPaper,
    Flattened,
    Paused,
    PromotionRequested,
    Resumed,
    StrategyRegistered,
    VersionAuthored,
)
from domain.strategy.improvement import HoldoutOpened, RecodeAnswered, RecodeFailed
from domain.tightening import LimitTightened

NAMES: dict[type[Event], str] = {
    PromotionRequested: "promote",
    Paused: "pause",
    Resumed: "resume",
    DemotedToPaper: "demote",
    Flattened: "flatten",
    LimitTightened: "tighten",
    VersionAuthored: "submit",
    RegimeRefreshAsked: "classify",
}
ANSWERS = (RecodeAnswered, RecodeFailed, LlmCalled)
REGIMES = (RegimeLayerSet, RegimeClassified)

Compiled = Callable[[Event, str], Program]


class Input(Struct):
    """An input from outside, at the bar where it takes effect."""

    effective_at: int
    event: Event
    rest: list[Event] = []  # what belongs to it, in order

    @property
    def answers(self) -> bool:
        """Whether it is what an author answered."""
        return self.event.correlation_id.startswith(RECODE)

    @property
    def says(self) -> bool:
        """Whether it is what was said of a market's regime."""
        return self.event.correlation_id.startswith(REGIME)


def gathered(entries: Iterable[LogEntry], extent: Extent) -> Iterator[Input]:
    """Give the inputs of a log in their order, those of an extent alone."""
    last: Input | None = None
    for entry in entries:
        event = entry.event
        if last is not None and continues(last, event):
            if extent.concerns(event.stream):
                last.rest.append(event)
            continue
        if not extent.reaches(entry.position):
            break
        if not extent.concerns(event.stream) or not is_input(event):
            continue
        if last is not None:
            yield last
        last = Input(event.effective_at or 0, event)
    if last is not None:
        yield last


def is_input(event: Event) -> bool:
    """Tell whether an event came from outside, and not from the market."""
    known = (HomeOpened, StrategyRegistered, ImprovementSet, HoldoutOpened, *ANSWERS, *REGIMES)
    return event.kind == "input" and (type(event) in NAMES or isinstance(event, known))


def continues(last: Input, event: Event) -> bool:
    """Tell whether an event is more of the input before it."""
    if not is_input(event) or event.correlation_id != last.event.correlation_id:
        return False
    if isinstance(last.event, StrategyRegistered):
        return not last.rest and isinstance(event, VersionAuthored)
    if isinstance(event, Flattened):
        return event.scope == "home" and isinstance(last.event, Flattened)
    return last.answers or last.says


def written_of(item: Input, compiled: Compiled) -> Written:
    """Give an author's answer as it was recorded; its candidates are compiled anew."""
    events = [item.event, *item.rest]
    calls = tuple(event for event in events if isinstance(event, LlmCalled))
    authored = [event for event in events if isinstance(event, VersionAuthored)]
    for event in events:
        if not isinstance(event, RecodeAnswered | RecodeFailed):
            continue
        strategy = strategy_of(event.stream) or ""
        drafts = tuple(
            Draft(
                program=as_kernel(compiled(each, strategy)),
                parameters=each.parameters,
                hypothesis=each.hypothesis,
            )
            for each in authored
        )
        written = Written(
            strategy=strategy,
            number=event.number,
            author=event.author,
            drafts=drafts,
            refused=event.refused,
            scored=event.scored,
            calls=calls,
            tokens=event.tokens,
            cost=event.cost,
        )
        if isinstance(event, RecodeFailed):
            return replace(written, code=event.code, reason=event.reason)
        return written
    return Written(strategy="", number=0, author="llm", calls=calls)  # of others than replayed


def as_order(event: Event, compiled: Compiled) -> Order:
    """Give the command that an event records."""
    everything = isinstance(event, Flattened) and event.scope == "home"
    strategy = "" if everything else strategy_of(event.stream) or ""
    symbols = event.symbols if isinstance(event, RegimeRefreshAsked) else ("",)
    order = Order(
        name=NAMES[type(event)],
        strategy=strategy,
        actor=event.actor,
        command_id=event.correlation_id.split("/", 1)[1],
        reason=getattr(event, "reason", ""),
        until=event.until if isinstance(event, Paused) else None,
        limit=event.name if isinstance(event, LimitTightened) else "",
        value=event.new if isinstance(event, LimitTightened) else None,
        symbol="" if getattr(event, "everything", False) else symbols[0],
    )
    if not isinstance(event, VersionAuthored):
        return order
    back = event.hypothesis.startswith(ROLLED_BACK)
    return Order(
        name="rollback" if back else "submit",
        strategy=strategy,
        actor=event.actor,
        command_id=order.command_id,
        reason=reason_of(event.hypothesis),
        program=compiled(event, strategy),
        parameters=event.parameters,
        version=event.parent or "",
    )
