"""What every fact in the log has in common.

An event is INPUT (it came from outside: a bar seal, a command, a strategy file) or DERIVED (a pure
function of the inputs before it). Replay recomputes DERIVED from INPUT and compares by bytes, so
nothing here may depend on a wall clock, a random id or a Python path: the stored name of an event
is its `TOPIC`, `name/version`, and a landed topic never changes its meaning.
"""

from typing import Any, ClassVar, Literal, TypeVar

from msgspec import Struct

Kind = Literal["input", "derived"]
Mode = Literal["paper", "live"]
Side = Literal["long", "short"]

EventType = TypeVar("EventType", bound=type[Any])

TOPICS: dict[str, type["Event"]] = {}


class Event(Struct, frozen=True, kw_only=True):
    """One immutable fact. All times are integer milliseconds UTC, all money is `Decimal` quote."""

    TOPIC: ClassVar[str]

    stream: str  # e.g. portfolio/paper/vwap_reversion/v1/A
    stream_version: int  # 1, 2, 3 … within the stream
    kind: Kind
    occurred_at: int  # market time
    effective_at: int | None = None  # inputs: open time of the first bar they act on
    causation_id: str = ""  # `<stream>@<version>` of the cause; "": the bar itself
    correlation_id: str  # `step/<ms>`, or `command/<id>`
    actor: str  # who: engine, operator:<name>, seed

    @property
    def originator_id(self) -> str:
        """The stream, under the name the eventsourcing library uses."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version within the stream, under the name the eventsourcing library uses."""
        return self.stream_version

    @property
    def event_id(self) -> str:
        """The id other events cite as their cause."""
        return f"{self.stream}@{self.stream_version}"


def topic(name: str) -> Any:
    """Register an event class under its stored name, `name/version`."""

    def register(cls: EventType) -> EventType:
        if name in TOPICS:
            raise ValueError(f"topic was {name!r}, which {TOPICS[name].__name__} already uses")
        cls.TOPIC = name
        TOPICS[name] = cls
        return cls

    return register
