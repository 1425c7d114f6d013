"""The event store on SQLite: one append-only, hash-chained table that is the only truth.

`SqliteEventLog` appends (one per home, in the engine); `SqliteLogReader` reads from any process;
`verify` and `digest` audit. Everything else in the home can be rebuilt from here and the bars.
"""

from infrastructure.store.audit import ChainReport, digest, verify
from infrastructure.store.errors import EventRefused, StoreFailed, StreamConflict, UnreadableEvent
from infrastructure.store.log import SqliteEventLog
from infrastructure.store.reader import SqliteLogReader
from infrastructure.store.schema import migrate_log

__all__ = [
    "ChainReport",
    "EventRefused",
    "SqliteEventLog",
    "SqliteLogReader",
    "StoreFailed",
    "StreamConflict",
    "UnreadableEvent",
    "digest",
    "migrate_log",
    "verify",
]
