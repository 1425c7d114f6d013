"""The read-model file: one SQLite database, apart from the log and disposable.

It is apart because a rebuild in the log's own file makes appends wait. One writer at a time
(BEGIN IMMEDIATE), any number of readers, and no reader holds a transaction for more than a second:
a statement that would is stopped.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, QueuePool, create_engine, event

READ_SECONDS = 1.0  # longest read transaction
STEPS_BETWEEN_CHECKS = 10_000  # SQLite virtual machine steps, some 0.1 ms
BUSY_MS = 15_000  # how long a writer waits for another


class ViewsMissing(Exception):
    """The read-model file is not there, or holds no read models."""


class ViewsUnreadable(Exception):
    """The file cannot be used as read models; deleting it loses nothing."""


class QueryTooSlow(Exception):
    """A read took longer than `READ_SECONDS` and was stopped."""


def writer_engine(path: Path, *, synchronous: str = "NORMAL") -> Engine:
    """Open the file for writing, creating it; every transaction takes the write lock at once."""
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=1, max_overflow=0)

    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are ours to begin
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        _enter_wal(connection)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA cache_size=-32768")  # KiB

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _enter_wal(connection: sqlite3.Connection) -> None:
    # On a new file two connections may want this at once, and SQLite then refuses one of them
    # without waiting, whatever its busy timeout.
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.005)
        else:
            return


def reader_engine(path: Path, *, connections: int = 8, seconds: float = READ_SECONDS) -> Engine:
    """Open the file for reading; a transaction is a snapshot that lives at most `seconds`."""
    existing = f"file:{quote(str(path.absolute()))}?mode=rw"  # never creates the file
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(existing, uri=True, check_same_thread=False),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30,
    )

    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=5000")
        connection.execute("PRAGMA query_only=ON")

    def begun(connection: Any) -> None:
        deadline = time.monotonic() + seconds
        driver = connection.connection.driver_connection
        driver.set_progress_handler(lambda: int(time.monotonic() > deadline), STEPS_BETWEEN_CHECKS)
        connection.exec_driver_sql("BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def identity(path: Path) -> tuple[int, int] | None:
    """Tell one file from another that was put in its place; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def explained(path: Path, error: BaseException) -> ViewsUnreadable:
    """Say in one line what is wrong with the file, and what helps."""
    given = getattr(error, "orig", None) or error
    words = " ".join(str(given).split())
    if isinstance(given, sqlite3.OperationalError):  # locked, full, read-only: the file is sound
        return ViewsUnreadable(f"{path} cannot be used: {words}")
    return ViewsUnreadable(f"{path} is damaged, delete it and rebuild: {words}")
