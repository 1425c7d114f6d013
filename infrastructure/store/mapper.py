"""Between domain events and stored bytes.

An event is stored as the JSON of its Struct, fields in their declared order, `Decimal` as text, so
equal events are equal bytes. Its stored name is `name/version`, never a Python path. A landed event
never changes: a new shape is a new topic, and an upcaster turns the old one into it on reading.

What could not be read back is never stored: every event is decoded again before it is accepted
(1 µs), since one unreadable row would stop every later replay.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from msgspec import inspect

# Importing a module of events registers its topics.
import domain.home
import domain.improvement
import domain.llm
import domain.market
import domain.portfolio.events
import domain.regime
import domain.signals
import domain.strategy.events
import domain.strategy.improvement
import domain.tightening  # noqa: F401
from domain.event import TOPICS, Event
from infrastructure.store.errors import EventRefused, UnreadableEvent

Fields = dict[str, Any]  # the decoded JSON of a state


class Upcaster(NamedTuple):
    """How a state of an old topic becomes a state of a newer one. `change` must be pure."""

    to: str
    change: Callable[[Fields], Fields]


def marked_on_one(fields: Fields) -> Fields:
    return {**fields, "prices": {}}


def refused_none(fields: Fields) -> Fields:
    return {**fields, "refused": []}


UPCASTERS: Mapping[str, Upcaster] = {  # old topic -> how it is read today
    "portfolio.equity_marked/1": Upcaster("portfolio.equity_marked/2", marked_on_one),
    "strategy.recode_failed/1": Upcaster("strategy.recode_failed/2", refused_none),
}


class Row(NamedTuple):
    """One event as the appender takes it."""

    stream: str
    version: int
    topic: str
    state: bytes
    correlation_id: str


class Codec(NamedTuple):
    topic: str
    decoder: "msgspec.json.Decoder[Event]"
    has_floats: bool


class MsgspecMapper(Mapper[str]):
    """Map between `Event`s and rows; the library's `EventStore` and `Repository` use it too.

    `topics` and `upcasters` default to everything the domain registered. One mapper may be used
    from several threads.
    """

    def __init__(
        self,
        topics: Mapping[str, type[Event]] = TOPICS,
        upcasters: Mapping[str, Upcaster] = UPCASTERS,
    ) -> None:
        super().__init__(JSONTranscoder())  # the library asks for one; bytes come from msgspec
        self._topics = topics
        self._upcasters = upcasters
        self._encoder = msgspec.json.Encoder()
        self._codecs: dict[type[Any], Codec] = {}
        self._decoders: dict[str, msgspec.json.Decoder[Event]] = {}

    def to_row(self, event: Event) -> Row:
        """Encode one event. Raises `EventRefused` for one that could not be read back."""
        try:
            codec = self._codecs.get(type(event)) or self._codec(type(event))
            state = self._encoder.encode(event)
            self._check(event, state, codec)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            raise EventRefused(f"event {name_of(event)} cannot be stored: {error}") from error
        return Row(event.stream, event.stream_version, codec.topic, state, event.correlation_id)

    def to_event(self, topic: str, state: bytes) -> Event:
        """Decode one state. Raises `UnreadableEvent` naming the topic or the field at fault."""
        try:
            decoder = self._decoders.get(topic)
            if decoder is not None:
                return decoder.decode(state)
            return self._upcast(topic, state)
        except UnreadableEvent:
            raise
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            raise UnreadableEvent(f"state of topic {topic!r} cannot be read: {error!r}") from error

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Encode for the library; the result carries the correlation id along."""
        row = self.to_row(cast(Event, domain_event))
        return CorrelatedEvent(row.stream, row.version, row.topic, row.state, row.correlation_id)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """Decode for the library."""
        event = self.to_event(stored_event.topic, stored_event.state)
        return cast(DomainEventProtocol[str], event)

    def _check(self, event: Event, state: bytes, codec: Codec) -> None:
        if "\n" in event.stream:
            raise ValueError("stream held a newline, must be one line")
        again = codec.decoder.decode(state)
        if codec.has_floats and again != event:  # JSON has no NaN and no infinity
            raise ValueError("a number was not finite, must be")

    def _codec(self, cls: type[Any]) -> Codec:
        topic = getattr(cls, "TOPIC", None)
        if topic is None or self._topics.get(topic) is not cls:
            raise TypeError(f"{cls.__name__} has no registered topic, must have one")
        if topic in self._upcasters:
            raise TypeError(f"topic {topic!r} is an old shape, must be written as its newer one")
        codec = Codec(topic, self._decoder(topic), has_floats(inspect.type_info(cls)))
        self._codecs[cls] = codec
        return codec

    def _decoder(self, topic: str) -> "msgspec.json.Decoder[Event]":
        if topic not in self._decoders:
            self._decoders[topic] = msgspec.json.Decoder(self._topics[topic])
        return self._decoders[topic]

    def _upcast(self, topic: str, state: bytes) -> Event:
        current, fields, seen = topic, None, {topic}
        while current in self._upcasters:
            current, change = self._upcasters[current]
            fields = change(msgspec.json.decode(state) if fields is None else fields)
            if current in seen:
                raise UnreadableEvent(f"topic {topic!r} is upcast in a circle through {current!r}")
            seen.add(current)
        if current not in self._topics:
            raise UnreadableEvent(f"topic {current!r} is unknown to this version of the program")
        if fields is None:
            return self._decoder(current).decode(state)
        return self._decoder(current).decode(self._encoder.encode(fields))


class CorrelatedEvent(StoredEvent):
    """The library's stored event, with the column it does not know."""

    correlation_id: str

    def __init__(
        self, stream: str, version: int, topic: str, state: bytes, correlation_id: str
    ) -> None:
        super().__init__(stream, version, topic, state)
        object.__setattr__(self, "correlation_id", correlation_id)


def name_of(event: Event) -> str:
    topic = getattr(event, "TOPIC", type(event).__name__)
    return f"{topic} {getattr(event, 'event_id', '')}".rstrip()


def has_floats(info: object) -> bool:
    seen: set[type[Any]] = set()
    todo: list[object] = [info]
    while todo:
        item = todo.pop()
        if isinstance(item, inspect.FloatType | inspect.AnyType):
            return True
        if isinstance(item, inspect.StructType):
            if item.cls in seen:
                continue
            seen.add(item.cls)
            todo.extend(field.type for field in item.fields)
        todo.extend(parts_of(item))
    return False


def parts_of(item: object) -> list[object]:
    if isinstance(item, inspect.UnionType):
        return list(item.types)
    if isinstance(item, inspect.VarTupleType | inspect.ListType):
        return [item.item_type]
    if isinstance(item, inspect.TupleType):
        return list(item.item_types)
    if isinstance(item, inspect.DictType):
        return [item.key_type, item.value_type]
    return []
