"""Connections to the log file: one that writes, and read-only ones that are lent out.

Writing is `synchronous=FULL`: a commit that returned survives power loss. Readers are opened
`mode=ro`, never hold a transaction beyond one statement, and so never hold back the WAL.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infrastructure.store.errors import StoreFailed, store_failed

BUSY_SECONDS = 5.0  # how long another process may hold the write lock
CACHE_KIB = 16_384
WAL_LIMIT = 64 * 2**20  # bytes kept of a WAL that once grew larger

WRITER = f"""
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA recursive_triggers = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -{CACHE_KIB};
    PRAGMA journal_size_limit = {WAL_LIMIT};
"""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file for appending; transactions are begun and ended by hand."""
    db = connect(path, "rw")
    db.executescript(WRITER)
    return db


def connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # one thread at a time, seen to by a lock or by the pool
    )


class ReadPool:
    """Read-only connections, as many as are read with at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; a driver's error inside becomes `StoreFailed`."""
        try:
            db = self._take()
            try:
                yield db
            finally:
                self._give_back(db)
        except sqlite3.DatabaseError as error:
            raise store_failed(self.path, error) from error

    def close(self) -> None:
        """Close what is idle now and what is lent when it comes back. May be called twice."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreFailed(f"log {self.path}: it is closed")
            if self._idle:
                return self._idle.pop()
        return connect(self.path, "ro")

    def _give_back(self, db: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(db)
                return
        db.close()
