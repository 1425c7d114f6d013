"""`EventLog` on SQLite: the one appender of a home, and its readers.

What fails together:
- `Conflict` (another writer used a version) and `EventRefused` (an event that could not be read
  back) fail their own batch alone: a command may lose a race without stopping the engine.
- Batches that carry a checkpoint are one sequence, each built on the one before. Once one of them
  fails, for any reason, every later one fails with `LogFailed`, so that a checkpoint can never
  describe a step that is not in the log.
- `LogFailed` from the database (disk full, corrupt, read-only) fails the whole transaction and
  everything after it, until the log is opened anew.
After a failed sync the disk alone knows whether the last transaction will be there when the log is
opened again; it is there whole or not at all.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.persistence import EventStore

from application.ports import Batch, Fold, Folded, State
from infrastructure.clock import SystemClock
from infrastructure.store.appender import Appender, Write
from infrastructure.store.errors import EventRefused, StoreFailed
from infrastructure.store.folding import (
    SNAPSHOT_EVERY,
    Snapshot,
    SnapshotMapper,
    SnapshotRecorder,
    projector,
)
from infrastructure.store.mapper import MsgspecMapper
from infrastructure.store.pump import Job, Pump
from infrastructure.store.reader import SqliteLogReader
from infrastructure.store.recorder import SqliteRecorder
from infrastructure.store.schema import migrate_log

WALL_CLOCK = SystemClock()


class SqliteEventLog(SqliteLogReader):
    """Append to and read one log file, created or migrated as need be.

    `now_us` gives `recorded_at` (wall time, µs UTC); it enters nothing that replay compares.
    Safe to use from several threads. In asyncio, await `asyncio.wrap_future(log.submit(batch))`.
    """

    def __init__(
        self,
        path: Path,
        mapper: MsgspecMapper | None = None,
        now_us: Callable[[], int] = WALL_CLOCK.now_us,
    ) -> None:
        migrate_log(path)
        self._appender = Appender(path, now_us)
        super().__init__(path, mapper)
        self.recorder = SqliteRecorder(self._appender, self)
        self._folds: dict[str, tuple[Repository[str], EventStore[str]]] = {}
        self._pump = Pump(self._write)

    def submit(self, batch: Batch) -> "Future[int]":
        """Queue a batch; blocks only while 64 batches or 20,000 events are waiting already.

        The future gives the position of its last event (the head, for a batch without events) once
        it is durable, or raises `Conflict`, `EventRefused` or `LogFailed` (see above).
        """
        return self._pump.submit(batch) or self._closed()

    def append(self, batch: Batch) -> int:
        """Submit and wait: give the position, or raise what the future would.

        Not for a future's callback, which runs on the thread that would have to do the writing.
        """
        return (self._pump.run(batch) or self._closed()).result()

    def event_store(self) -> EventStore[str]:
        """Give the library's event store over this log. Its `put` commits before it returns."""
        return EventStore(self.mapper, self.recorder)

    def repository(self, fold: Fold[Any] | None = None) -> Repository[str]:
        """Give the library's repository over this log, with the fold's snapshots where given.

        Call its `get` with `projector_func=projector(fold)`.
        """
        if fold is None:
            return Repository(self.event_store())
        return self._fold_stores(fold)[0]

    def load(self, stream: str, fold: Fold[State]) -> Folded[State]:
        """Fold one stream; a stream without events gives the initial state at version 0.

        Keeps a snapshot once `SNAPSHOT_EVERY` events had to be replayed.
        """
        repository, snapshots = self._fold_stores(fold)
        project = cast(Any, projector(fold))
        try:
            folded = cast(Folded[State], repository.get(stream, projector_func=project))
        except AggregateNotFoundError:
            return Folded(stream, 0, fold.initial)
        if folded.replayed >= SNAPSHOT_EVERY:
            snapshots.put([cast(Any, Snapshot(stream, folded.version, folded.state))])
        return folded

    def close(self) -> None:
        """Write what is queued, then close. May be called twice."""
        self._pump.close()
        super().close()
        self._appender.close()

    def _fold_stores(self, fold: Fold[Any]) -> tuple[Repository[str], EventStore[str]]:
        if fold.reducer not in self._folds:
            recorder = SnapshotRecorder(self._appender, self, fold.reducer)
            snapshots: EventStore[str] = EventStore(SnapshotMapper(fold), recorder)
            repository = Repository(self.event_store(), snapshot_store=snapshots)
            self._folds[fold.reducer] = (repository, snapshots)
        return self._folds[fold.reducer]

    def _closed(self) -> "Future[int]":
        future: Future[int] = Future()
        future.set_exception(StoreFailed(f"log {self.path}: it is closed"))
        return future

    def _write(self, jobs: Sequence[Job]) -> None:
        outcomes = self._appender.append([self._encode(job.batch) for job in jobs])
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Exception):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome)

    def _encode(self, batch: Batch) -> Write:
        try:
            for name, content in batch.blobs.items():
                if sha256(content).hexdigest() != name:
                    raise EventRefused(f"blob was named {name!r}, must be its sha256")
            rows = [self.mapper.to_row(event) for event in batch.events]
        except EventRefused as error:
            return Write([], checkpoint=batch.checkpoint, refused=error)
        return Write(rows, batch.blobs, batch.checkpoint)
