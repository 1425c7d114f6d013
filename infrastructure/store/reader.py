"""Reading the log, from the engine or from any other process.

Every read sees durable events only and ends its transaction before it returns; long streams come in
pages. `changed()` tells a follower cheaply whether there is anything new.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from application.ports import Checkpoint, LogEntry
from domain.event import Event
from infrastructure.store.connection import ReadPool, connect
from infrastructure.store.errors import StoreFailed, UnreadableEvent, store_failed
from infrastructure.store.mapper import MsgspecMapper
from infrastructure.store.schema import check_schema

PAGE = 1_000  # events of a stream read in one statement

ENTRIES = "SELECT position, recorded_at, topic, state FROM events "

# The distinct streams of a prefix by hops through the index, not by a scan over every event.
STREAMS = """
    WITH RECURSIVE found (name) AS (
        SELECT min(stream_id) FROM events WHERE stream_id >= ?1 AND stream_id < ?2
        UNION ALL
        SELECT (SELECT min(stream_id) FROM events WHERE stream_id > name AND stream_id < ?2)
        FROM found WHERE name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL
"""
AFTER_ALL = "\U0010ffff"  # sorts after every character a stream name may go on with


class SqliteLogReader:
    """The reading half of `EventLog`. Safe to use from several threads; close when done.

    Raises `StoreFailed` for a file that is missing, no log, or of another version of the program.
    """

    def __init__(self, path: Path, mapper: MsgspecMapper | None = None) -> None:
        check_schema(path)
        self.path = path
        self.mapper = mapper or MsgspecMapper()
        self._pool = ReadPool(path)
        self._watch: sqlite3.Connection | None = None
        self._watched = -1
        self._watch_lock = threading.Lock()

    def head(self) -> int:
        """Give the last position, 0 for an empty log."""
        with self._pool.lend() as db:
            (head,) = db.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
        return int(head)

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[LogEntry]:
        """Give entries with position > after, in order, at most `limit`."""
        return self._entries("WHERE position > ? ORDER BY position LIMIT ?", (after, limit))

    def correlated(self, correlation_id: str) -> Sequence[LogEntry]:
        """Give every entry with that correlation id, in order."""
        return self._entries("WHERE correlation_id = ? ORDER BY position", (correlation_id,))

    def stream(self, stream: str, after: int = 0) -> Iterator[Event]:
        """Give one stream's events with stream_version > after, in order."""
        while True:
            with self._pool.lend() as db:
                page = db.execute(
                    "SELECT topic, state FROM events WHERE stream_id = ? AND version > ? "
                    "ORDER BY version LIMIT ?",
                    (stream, after, PAGE),
                ).fetchall()
            for topic, state in page:
                event = self.mapper.to_event(topic, state)
                after = event.stream_version
                yield event
            if len(page) < PAGE:
                return

    def streams(self, prefix: str) -> Sequence[str]:
        """Give the names of the streams that begin so, sorted."""
        with self._pool.lend() as db:
            return [name for (name,) in db.execute(STREAMS, (prefix, prefix + AFTER_ALL))]

    def blob(self, sha256: str) -> bytes:
        """Give a blob by its digest. Raises KeyError, and StoreFailed for one that was changed."""
        with self._pool.lend() as db:
            row = db.execute("SELECT content FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            raise KeyError(sha256)
        content: bytes = row[0]
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreFailed(f"log {self.path}: blob {sha256} is not what its name says")
        return content

    def checkpoint(self) -> Checkpoint | None:
        """Give the latest saved, if any."""
        with self._pool.lend() as db:
            row = db.execute("SELECT last_bar, state FROM checkpoint").fetchone()
        return None if row is None else Checkpoint(last_bar=row[0], state=row[1])

    def snapshot(self, stream: str, reducer: str) -> tuple[int, bytes] | None:
        """Give the version and the state of a stream's snapshot, if one is kept."""
        with self._pool.lend() as db:
            row: tuple[int, bytes] | None = db.execute(
                "SELECT version, state FROM snapshots WHERE stream_id = ? AND reducer = ?",
                (stream, reducer),
            ).fetchone()
        return row

    def lend(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a read-only connection; finish every statement before giving it back."""
        return self._pool.lend()

    def changed(self) -> bool:
        """Tell whether anyone committed since the last call; the first call says yes. ~5 µs."""
        with self._watch_lock:
            try:
                if self._watch is None:
                    self._watch = connect(self.path, "ro")
                (version,) = self._watch.execute("PRAGMA data_version").fetchone()
            except sqlite3.DatabaseError as error:
                raise store_failed(self.path, error) from error
            seen, self._watched = self._watched, version
        return bool(seen != version)

    def close(self) -> None:
        """Close every connection. May be called twice."""
        self._pool.close()
        with self._watch_lock:
            if self._watch is not None:
                self._watch.close()

    def _entries(self, where: str, values: Iterable[object]) -> Sequence[LogEntry]:
        with self._pool.lend() as db:
            rows = db.execute(ENTRIES + where, tuple(values)).fetchall()
        entries = []
        for position, recorded_at, topic, state in rows:
            try:
                event = self.mapper.to_event(topic, state)
            except UnreadableEvent as error:
                raise UnreadableEvent(f"log {self.path}, position {position}: {error}") from error
            entries.append(LogEntry(position, recorded_at, event))
        return entries
