"""Pages of events, served from the log itself.

The log is the only copy of an event: a second one among the views could differ from it, would
double what a projection writes, and would lag. What an index would give is had by bounding how much
of the log one call looks at; the cursor says how far it looked, found or not.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from application.ports import LogEntry, LogReader
from domain.event import Event
from projections.models import EventView, Page
from projections.paging import Paging, limit_of, position_after

WINDOW = 1000  # entries read at once
LOOKED_AT = 20_000  # entries at most per call, some 0.1 s

COMMON = frozenset(Event.__struct_fields__)


def events_page(
    log: LogReader, stream: str | None, topic: str | None, kind: str | None, paging: Paging
) -> Page[EventView]:
    """Find events by stream prefix, exact topic and kind. Raises BadQuery."""
    limit, after = limit_of(paging), position_after(paging)
    wanted = wanted_by(stream, topic, kind)
    found: list[EventView] = []
    looked_at, seen = after, 0
    for entry in backward(log, after) if paging.newest else forward(log, after or 0):
        if len(found) == limit or seen == LOOKED_AT:
            return Page(tuple(found), _cursor(looked_at), True)
        looked_at, seen = entry.position, seen + 1
        if wanted(entry.event):
            found.append(shown(entry))
    return Page(tuple(found), _cursor(looked_at), False)


def wanted_by(stream: str | None, topic: str | None, kind: str | None) -> Callable[[Event], bool]:
    def wanted(event: Event) -> bool:
        return (
            (stream is None or event.stream.startswith(stream))
            and (topic is None or topic == event.TOPIC)
            and (kind is None or event.kind == kind)
        )

    return wanted


def forward(log: LogReader, after: int) -> Iterator[LogEntry]:
    while entries := log.read(after=after, limit=WINDOW):
        yield from entries
        after = entries[-1].position


def backward(log: LogReader, before: int | None) -> Iterator[LogEntry]:
    end = log.head() + 1 if before is None else min(before, log.head() + 1)
    while end > 1:
        start = max(0, end - 1 - WINDOW)
        yield from reversed(log.read(after=start, limit=end - 1 - start))
        end = start + 1


def shown(entry: LogEntry) -> EventView:
    """Show an event: what all have in common, and its own fields apart."""
    event = entry.event
    own = {name: plain(getattr(event, name)) for name in own_fields(type(event))}
    return EventView(
        id=event.event_id,
        position=entry.position,
        recorded_at=entry.recorded_at,
        stream=event.stream,
        version=event.stream_version,
        topic=event.TOPIC,
        kind=event.kind,
        occurred_at=event.occurred_at,
        effective_at=event.effective_at,
        causation_id=event.causation_id,
        correlation_id=event.correlation_id,
        actor=event.actor,
        data=own,
    )


def own_fields(kind: type[Event]) -> list[str]:
    return [name for name in kind.__struct_fields__ if name not in COMMON]


def plain(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)


def _cursor(position: int | None) -> str | None:
    return None if position is None else str(position)
