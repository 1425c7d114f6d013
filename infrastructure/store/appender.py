"""The only code that writes to the log: one transaction for a group of batches.

Always true: positions are 1, 2, 3 … ; `recorded_at` never decreases; a stream's versions follow one
another; each row's chain covers all rows before it. A batch whose versions do not fit is left out
of the transaction and reported; any failure of the database leaves nothing of the group behind and
stops the appender for good, since what could not be written now must not be overtaken.

Rows go in as few statements as powers of two allow: the driver drops the interpreter lock once a
statement, and beside a busy Python thread each return to it can cost 5 ms (measured: 264 rows/s
with a statement per row, 2,300 like this at batch 100, 18,700 at 3,000).
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from msgspec import Struct

from application.ports import Checkpoint
from infrastructure.store.audit import check_tail
from infrastructure.store.chain import GENESIS, link
from infrastructure.store.connection import open_writer
from infrastructure.store.errors import EventRefused, StoreFailed, StreamConflict, store_failed
from infrastructure.store.mapper import Row

SIZES = tuple(2**n for n in range(10, -1, -1))  # 1024 … 1 rows; SQLite binds at most 32,766 values
INSERTS = {
    size: "INSERT INTO events VALUES " + ",".join(["(?,?,?,?,?,?,?,?)"] * size)  # noqa: S608
    for size in SIZES
}
TAIL = 100  # rows whose chain is checked at every start
STREAMS_KNOWN = 10_000  # streams whose next version is kept; beyond that all are looked up anew

Inserted = tuple[int, str, int, str, bytes, int, str, bytes]


class Write(Struct):
    """A batch, encoded."""

    rows: Sequence[Row]
    blobs: Mapping[str, bytes] = {}
    checkpoint: Checkpoint | None = None
    refused: EventRefused | None = None  # why it could not be encoded


class Appender:
    """Append to one file. Other processes may write to it too: they are noticed, not overwritten.

    `first_versions` are the numbers a stream may start with. Safe to use from several threads.
    """

    def __init__(
        self, path: Path, now_us: Callable[[], int], first_versions: Sequence[int] = (1,)
    ) -> None:
        self.path = path
        self._now_us = now_us
        self._first_versions = first_versions
        self._lock = threading.Lock()
        self._failure: StoreFailed | None = None
        self._broken: Exception | None = None  # why the sequence of checkpoints ended
        self._head, self._recorded_at, self._tip = 0, 0, GENESIS
        self._data_version = -1
        self._following: dict[str, int] = {}  # stream -> its next version, 0 for a new stream
        check_tail(path, TAIL)
        try:
            self._db = open_writer(path)
            self._reload()
        except sqlite3.DatabaseError as error:
            raise store_failed(path, error) from error

    def append(self, writes: Sequence[Write]) -> list[int | Exception]:
        """Commit a group; give each batch's last position, or why it was left out.

        Raises `StoreFailed`, and from then on always.
        """
        with self._transaction():
            recorded_at = max(self._now_us(), self._recorded_at)
            head, tip = self._head, self._tip
            following: dict[str, int] = {}
            inserted: list[Inserted] = []
            outcomes: list[int | Exception] = []
            checkpoint: Checkpoint | None = None
            for write in writes:
                objection = self._objection(write, following)
                if objection is not None:
                    outcomes.append(objection)
                    continue
                for stream, version, topic, state, correlation in write.rows:
                    head += 1
                    tip = link(
                        tip, head, stream.encode(), version, recorded_at, topic.encode(), state
                    )
                    inserted.append(
                        (head, stream, version, topic, state, recorded_at, correlation, tip)
                    )
                self._store_blobs(write.blobs)
                checkpoint = write.checkpoint or checkpoint
                outcomes.append(head)
            self._insert(inserted)
            if checkpoint is not None:
                self._store_checkpoint(checkpoint)
            self._db.execute("COMMIT")
            if inserted:
                self._head, self._tip, self._recorded_at = head, tip, recorded_at
                self._following.update(following)
        return outcomes

    def save_snapshot(self, stream: str, reducer: str, version: int, state: bytes) -> None:
        """Keep a fold's state, unless a later one is kept already."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO snapshots VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "version = excluded.version, state = excluded.state "
                "WHERE excluded.version > version",
                (stream, reducer, version, state),
            )
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            self._failure = self._failure or StoreFailed(f"log {self.path}: it is closed")
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._failure is not None:
                raise StoreFailed(str(self._failure)) from self._failure
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._notice_others()
                yield
            except BaseException as error:
                self._failure = store_failed(self.path, error)
                self._roll_back()
                if isinstance(error, Exception):
                    raise self._failure from error
                raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with suppress(sqlite3.Error):  # the failure before it is the one to report
                self._db.execute("ROLLBACK")

    def _notice_others(self) -> None:
        if self._db.execute("PRAGMA data_version").fetchone()[0] != self._data_version:
            self._reload()

    def _reload(self) -> None:
        rows = self._db.execute(
            "SELECT position, recorded_at, chain FROM events ORDER BY position DESC LIMIT 1"
        ).fetchall()
        self._head, self._recorded_at, self._tip = rows[0] if rows else (0, 0, GENESIS)
        self._data_version = self._db.execute("PRAGMA data_version").fetchone()[0]
        self._following.clear()

    def _objection(self, write: Write, following: dict[str, int]) -> Exception | None:
        sequenced = write.checkpoint is not None
        if sequenced and self._broken is not None:
            return StoreFailed(f"log {self.path}: an earlier step was not stored ({self._broken})")
        objection = write.refused or self._admit(write.rows, following)
        if sequenced and objection is not None:
            self._broken = objection
        return objection

    def _admit(self, rows: Sequence[Row], following: dict[str, int]) -> StreamConflict | None:
        mine: dict[str, int] = {}
        for row in rows:
            stream, version = row.stream, row.version
            due = mine.get(stream) or following.get(stream) or self._due(stream)
            if version != due and (due or version not in self._first_versions):
                return StreamConflict(stream, version, due or self._first_versions[-1])
            mine[stream] = version + 1
        following.update(mine)
        return None

    def _due(self, stream: str) -> int:
        due = self._following.get(stream)
        if due is None:
            if len(self._following) >= STREAMS_KNOWN:
                self._following.clear()
            (head,) = self._db.execute(
                "SELECT max(version) FROM events WHERE stream_id = ?", (stream,)
            ).fetchone()
            due = self._following[stream] = 0 if head is None else head + 1
        return due

    def _store_blobs(self, blobs: Mapping[str, bytes]) -> None:
        for name, content in blobs.items():
            self._db.execute(
                "INSERT INTO blobs SELECT ?1, ?2 "
                "WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE sha256 = ?1)",
                (name, content),
            )

    def _store_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._db.execute(
            "INSERT INTO checkpoint VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET "
            "last_bar = excluded.last_bar, state = excluded.state",
            (checkpoint.last_bar, checkpoint.state),
        )

    def _insert(self, rows: Sequence[Inserted]) -> None:
        start = 0
        for size in SIZES:
            while len(rows) - start >= size:
                part = rows[start : start + size]
                self._db.execute(INSERTS[size], list(chain.from_iterable(part)))
                start += size
