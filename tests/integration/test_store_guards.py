"""The file itself refuses to forget: no statement changes or removes what was stored."""
# ruff: noqa: S608 -- statements are made of this file's own constants

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from application.ports import Batch
from infrastructure.store import verify
from tests.store_samples import ACCOUNT, marks, opened

BLOB = b"source"
NAME = sha256(BLOB).hexdigest()
ROW = "'t/1', x'7b7d', 9999999999999999, 'c', zeroblob(32)"

REFUSED = {
    "update": "UPDATE events SET state = x'00' WHERE position = 2",
    "update of nothing new": "UPDATE events SET version = version WHERE position = 2",
    "delete": "DELETE FROM events WHERE position = 2",
    "delete of all": "DELETE FROM events",
    "replace at a position": f"INSERT OR REPLACE INTO events VALUES (2, 'x', 1, {ROW})",
    "replace at a version": f"INSERT OR REPLACE INTO events VALUES (4, '{ACCOUNT}', 2, {ROW})",
    "replace statement": f"REPLACE INTO events VALUES (3, '{ACCOUNT}', 3, {ROW})",
    "upsert": f"INSERT INTO events VALUES (2, 'x', 1, {ROW}) "
    "ON CONFLICT DO UPDATE SET state = x'00'",
    "insert with a gap": f"INSERT INTO events VALUES (5, 'x', 1, {ROW})",
    "insert before the first": f"INSERT INTO events VALUES (0, 'x', 1, {ROW})",
    "insert without a position": f"INSERT INTO events VALUES (NULL, 'x', 1, {ROW})",
    "insert or ignore of a used version": f"INSERT INTO events VALUES (4, '{ACCOUNT}', 1, {ROW})",
    "blob update": "UPDATE blobs SET content = x'00'",
    "blob delete": "DELETE FROM blobs",
    "blob replace": f"INSERT OR REPLACE INTO blobs VALUES ('{NAME}', x'00')",
}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "log.db"
    with closing(opened(path)) as log:
        log.append(Batch(events=marks(1, 3), blobs={NAME: BLOB}))
    yield path
    assert verify(path).ok
    with closing(opened(path)) as log:
        assert list(log.stream(ACCOUNT)) == marks(1, 3)
        assert log.blob(NAME) == BLOB


@pytest.mark.parametrize("recursive", ["OFF", "ON"])
@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED.keys())
def test_file_when_a_statement_would_change_history_then_refuses(
    path: Path, statement: str, recursive: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)


def test_file_when_value_has_another_type_then_refuses(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute(f"INSERT INTO events VALUES (4, 'x', 'one', {ROW})")


def test_log_when_open_then_is_durable_and_guarded(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        db = log._appender._db
        pragmas = ("journal_mode", "synchronous", "recursive_triggers")
        values = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
        assert values == ["wal", 2, 1]
        with log.lend() as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM snapshots")
