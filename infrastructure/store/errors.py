"""What can go wrong in the store, in the words of our ports and of the eventsourcing library both.

A use case catches `Conflict` and `LogFailed`; the library's callers catch its `IntegrityError` and
`OperationalError`. Both see the same object, with a message of one line.
"""

from pathlib import Path

from eventsourcing.persistence import (
    IntegrityError,
    MapperDeserialisationError,
    OperationalError,
)

from application.ports import Conflict, LogFailed


class StreamConflict(Conflict, IntegrityError):
    """A stream is not where the batch expected it; nothing of that batch was stored."""

    def __init__(self, stream: str, offered: int, expected: int) -> None:
        super().__init__(
            f"stream {stream!r} is at version {expected - 1}: version of the next event was "
            f"{offered}, must be {expected}"
        )
        self.stream = stream
        self.offered = offered
        self.expected = expected


class StoreFailed(LogFailed, OperationalError):
    """The file cannot be used; the message names it and says why."""


class UnreadableEvent(LogFailed, MapperDeserialisationError):
    """A stored event cannot be decoded by this version of the program."""


class EventRefused(ValueError):
    """The event could not be read back if it were stored, so it is not; the message names it."""


CAUSES = (
    ("disk is full", "the disk is full"),
    ("disk I/O error", "the disk failed"),
    ("readonly", "it may not be written"),
    ("file is not a database", "it is not an SQLite database"),
    ("malformed", "it is corrupt"),
    ("unable to open", "it cannot be opened"),
    ("is locked", "another process has been writing to it for too long"),
    ("no such table", "it is not a Perpetua log"),
)


def store_failed(path: Path, error: BaseException) -> StoreFailed:
    """Turn a driver's error into one line that names the file and the cause."""
    words = " ".join(str(error).split()) or type(error).__name__
    for sign, cause in CAUSES:
        if sign in words:
            return StoreFailed(f"log {path}: {cause} ({words})")
    return StoreFailed(f"log {path}: {words}")
