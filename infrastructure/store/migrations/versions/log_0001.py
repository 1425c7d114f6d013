"""The log: events, blobs, and two disposable caches (snapshots, checkpoint).

Triggers keep events and blobs append-only against every statement, `INSERT OR REPLACE` included: it
deletes without firing DELETE triggers unless the connection asks for it, so INSERT is guarded too.
They stop mistakes, not an owner of the file, who can drop them: that is what the chain is for.
"""

from alembic import op

revision = "log_0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE events (
        position       INTEGER PRIMARY KEY,  -- 1, 2, 3 … without gaps
        stream_id      TEXT NOT NULL,
        version        INTEGER NOT NULL,     -- 1, 2, 3 … within the stream
        topic          TEXT NOT NULL,        -- name/version
        state          BLOB NOT NULL,        -- JSON, UTF-8, one line
        recorded_at    INTEGER NOT NULL,     -- µs UTC, never decreasing
        correlation_id TEXT NOT NULL,        -- copy of the state's field, for the index
        chain          BLOB NOT NULL         -- sha256, 32 bytes
    ) STRICT
    """,
    "CREATE UNIQUE INDEX events_stream ON events (stream_id, version)",
    "CREATE INDEX events_correlation ON events (correlation_id)",
    """
    CREATE TABLE blobs (
        sha256  TEXT PRIMARY KEY,  -- of the content, hex
        content BLOB NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE snapshots (       -- a cache: may be emptied at any time
        stream_id TEXT NOT NULL,
        reducer   TEXT NOT NULL,   -- name/version of the fold
        version   INTEGER NOT NULL,
        state     BLOB NOT NULL,
        PRIMARY KEY (stream_id, reducer)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE checkpoint (      -- a cache: one row, replaced with each step
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        last_bar INTEGER NOT NULL, -- ms UTC
        state    BLOB NOT NULL
    ) STRICT
    """,
)

TRIGGERS = (
    """
    CREATE TRIGGER events_insert BEFORE INSERT ON events
    WHEN new.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
        OR EXISTS (
            SELECT 1 FROM events WHERE stream_id = new.stream_id AND version = new.version
        )
    BEGIN
        SELECT RAISE(ABORT, 'events are append-only: position must be head + 1, version unused');
    END
    """,
    """
    CREATE TRIGGER events_update BEFORE UPDATE ON events
    BEGIN
        SELECT RAISE(ABORT, 'events are append-only: no row is ever changed');
    END
    """,
    """
    CREATE TRIGGER events_delete BEFORE DELETE ON events
    BEGIN
        SELECT RAISE(ABORT, 'events are append-only: no row is ever deleted');
    END
    """,
    """
    CREATE TRIGGER blobs_insert BEFORE INSERT ON blobs
    WHEN EXISTS (SELECT 1 FROM blobs WHERE sha256 = new.sha256)
    BEGIN
        SELECT RAISE(ABORT, 'blobs are append-only: this one is already stored');
    END
    """,
    """
    CREATE TRIGGER blobs_update BEFORE UPDATE ON blobs
    BEGIN
        SELECT RAISE(ABORT, 'blobs are append-only: no row is ever changed');
    END
    """,
    """
    CREATE TRIGGER blobs_delete BEFORE DELETE ON blobs
    BEGIN
        SELECT RAISE(ABORT, 'blobs are append-only: no row is ever deleted');
    END
    """,
)


def upgrade() -> None:
    for statement in (*TABLES, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log only grows: restore a copy instead")
