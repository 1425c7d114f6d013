"""Loading a stream as a fold of its events, through the library's Repository.

A fold is a pure `evolve(state, event)` and its initial state. Snapshots keep long streams quick to
load: a cache keyed by stream and by the fold's own name/version, so a changed fold never sees the
state of an older one. Deleting every snapshot changes nothing but the time a load takes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import AggregateRecorder, JSONTranscoder, Mapper, StoredEvent
from msgspec import Struct

from application.ports import Fold, Folded, State
from infrastructure.store.appender import Appender
from infrastructure.store.reader import SqliteLogReader

SNAPSHOT_EVERY = 500  # events folded beyond the last snapshot before the next is kept


class Snapshot(Struct, Generic[State], frozen=True):
    """A kept state, as the library passes it from the snapshot store to the projector."""

    originator_id: str
    originator_version: int
    state: State


def projector(
    fold: Fold[State],
) -> Callable[[Folded[State] | None, Iterable[Any]], Folded[State] | None]:
    """Make the function that the library's `Repository.get` calls as `projector_func`."""

    def project(folded: Folded[State] | None, events: Iterable[Any]) -> Folded[State] | None:
        evolve = fold.evolve
        state, replayed = (folded.state, folded.replayed) if folded else (fold.initial, 0)
        last: Any = None
        for last in events:
            if isinstance(last, Snapshot):
                state = last.state
            else:
                state = evolve(state, last)
                replayed += 1
        if last is None:
            return folded
        return Folded(last.originator_id, last.originator_version, state, replayed)

    return project


class SnapshotMapper(Mapper[str]):
    """Between a fold's snapshots and their stored bytes; the topic is the reducer."""

    def __init__(self, fold: Fold[Any]) -> None:
        super().__init__(JSONTranscoder())  # the library asks for one; bytes come from msgspec
        self._reducer = fold.reducer
        self._decoder = msgspec.json.Decoder(type(fold.initial))

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        snapshot = cast(Snapshot[Any], domain_event)
        state = msgspec.json.encode(snapshot.state)
        return StoredEvent(
            snapshot.originator_id, snapshot.originator_version, self._reducer, state
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        snapshot = Snapshot(
            str(stored_event.originator_id),
            stored_event.originator_version,
            self._decoder.decode(stored_event.state),
        )
        return cast(DomainEventProtocol[str], snapshot)


class SnapshotRecorder(AggregateRecorder):
    """Keep the latest snapshot of each stream for one reducer."""

    def __init__(self, appender: Appender, reader: SqliteLogReader, reducer: str) -> None:
        self._appender = appender
        self._reader = reader
        self._reducer = reducer

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Keep each snapshot, unless a later one of its stream is kept already."""
        for event in stored_events:
            self._appender.save_snapshot(
                str(event.originator_id), self._reducer, event.originator_version, event.state
            )
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Give the stream's snapshot if it has one in the range."""
        row = self._reader.snapshot(str(originator_id), self._reducer)
        if row is None or (gt is not None and row[0] <= gt) or (lte is not None and row[0] > lte):
            return []
        return [StoredEvent(str(originator_id), row[0], self._reducer, row[1])]
