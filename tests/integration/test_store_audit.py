"""Whatever is changed in a stored log is found, and named."""
# ruff: noqa: S608 -- statements are made of this file's own constants

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports import Batch, LogFailed
from infrastructure.store import digest, verify
from infrastructure.store.chain import link
from tests.event_samples import history
from tests.store_samples import marks, opened

ROWS = 300
BLOB = b"a strategy's source"
COLUMNS = ("stream_id", "version", "topic", "state", "recorded_at", "correlation_id", "chain")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "log.db"
    events = history(seed=2, steps=60)[:ROWS]
    assert len(events) == ROWS
    with closing(opened(path)) as log:
        for at in range(0, ROWS, 50):
            log.append(Batch(events=events[at : at + 50]))
        log.append(Batch(events=[], blobs={sha256(BLOB).hexdigest(): BLOB}))
    assert not path.with_name("log.db-wal").exists()
    return path


def unguarded(path: Path) -> sqlite3.Connection:
    """Open as an owner of the file can: with every trigger dropped."""
    db = sqlite3.connect(path, isolation_level=None)
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert len(names) == 6
    for (name,) in names:
        db.execute(f"DROP TRIGGER {name}")
    return db


def tampered(good: Path, folder: Path, change: Callable[[sqlite3.Connection], object]) -> Path:
    path = folder / "tampered.db"
    shutil.copy(good, path)
    with closing(unguarded(path)) as db:
        change(db)
    return path


def test_verify_when_nothing_was_changed_then_reports_every_row(good: Path) -> None:
    report = verify(good)
    assert (report.ok, report.rows, report.head, report.blobs) == (True, ROWS, ROWS, 1)
    assert (report.first_bad, report.reason) == (None, "")
    with closing(sqlite3.connect(good)) as db:
        (tip,) = db.execute("SELECT chain FROM events WHERE position = ?", (ROWS,)).fetchone()
    assert report.chain == tip.hex()


def test_verify_when_log_is_empty_then_is_good(tmp_path: Path) -> None:
    opened(tmp_path / "log.db").close()
    report = verify(tmp_path / "log.db")
    assert (report.ok, report.rows, report.chain) == (True, 0, "00" * 32)


def flipped(value: object, byte: int, bit: int) -> object:
    if isinstance(value, int):
        return value ^ (1 << ((byte * 8 + bit) % 40))
    raw = bytearray(value if isinstance(value, bytes) else str(value).encode())
    raw[byte % len(raw)] ^= 1 << bit
    if isinstance(value, bytes):
        return bytes(raw)
    return raw.decode("ascii", errors="replace")


@given(
    position=st.integers(1, ROWS),
    column=st.sampled_from(COLUMNS),
    byte=st.integers(0, 1000),
    bit=st.integers(0, 6),
)
@settings(max_examples=120)
def test_verify_when_any_byte_of_any_column_is_changed_then_names_the_position(
    good: Path,
    tmp_path_factory: pytest.TempPathFactory,
    position: int,
    column: str,
    byte: int,
    bit: int,
) -> None:
    def change(db: sqlite3.Connection) -> None:
        query = f"SELECT {column} FROM events WHERE position = ?"
        (value,) = db.execute(query, (position,)).fetchone()
        db.execute("DROP INDEX events_stream")  # a changed key may collide with another
        db.execute(
            f"UPDATE events SET {column} = ? WHERE position = ?",
            (flipped(value, byte, bit), position),
        )

    report = verify(tampered(good, tmp_path_factory.mktemp("bad"), change))
    assert not report.ok
    assert report.first_bad == position
    assert report.rows == position - 1


@given(start=st.integers(0, 10**9), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_verify_when_a_byte_of_a_stored_state_is_flipped_in_the_file_then_is_found(
    good: Path, tmp_path_factory: pytest.TempPathFactory, start: int, bit: int
) -> None:
    content = bytearray(good.read_bytes())
    with closing(sqlite3.connect(good)) as db:
        query = "SELECT state FROM events WHERE position = ?"
        (state,) = db.execute(query, (start % ROWS + 1,)).fetchone()
    assert content.count(state[:200]) == 1
    content[content.index(state[:200]) + start % 200] ^= 1 << bit
    path = tmp_path_factory.mktemp("flipped") / "log.db"
    path.write_bytes(content)
    report = verify(path)
    assert not report.ok
    assert report.first_bad == start % ROWS + 1


def test_verify_when_any_page_of_the_file_is_overwritten_then_never_says_ok(
    good: Path, tmp_path: Path
) -> None:
    content = good.read_bytes()
    path = tmp_path / "log.db"
    for page in range(1, len(content) // 4096):
        path.write_bytes(content[: page * 4096] + b"\xa5" * 4096 + content[(page + 1) * 4096 :])
        try:
            found = verify(path).reason
        except LogFailed as error:  # the schema itself was hit
            found = str(error)
        assert found, page


def test_verify_when_a_row_is_deleted_then_reports_the_gap(good: Path, tmp_path: Path) -> None:
    path = tampered(good, tmp_path, lambda db: db.execute("DELETE FROM events WHERE position=77"))
    report = verify(path)
    assert (report.ok, report.first_bad) == (False, 77)
    assert report.reason == "gap: position 77 is missing"


def test_verify_when_two_rows_change_places_then_reports_the_first(
    good: Path, tmp_path: Path
) -> None:
    def swap(db: sqlite3.Connection) -> None:
        for old, new in ((40, -1), (41, 40), (-1, 41)):
            db.execute("UPDATE events SET position = ? WHERE position = ?", (new, old))

    report = verify(tampered(good, tmp_path, swap))
    assert (report.ok, report.first_bad) == (False, 40)
    assert report.reason.startswith("chain mismatch")


def rechain(db: sqlite3.Connection, first: int) -> None:
    """Recompute every chain from a position on, as a careful forger would."""
    db.text_factory = bytes
    query = "SELECT chain FROM events WHERE position = ?"
    (tip,) = db.execute(query, (first - 1,)).fetchone()
    rows = db.execute(
        "SELECT position, stream_id, version, recorded_at, topic, state FROM events "
        "WHERE position >= ? ORDER BY position",
        (first,),
    ).fetchall()
    for row in rows:
        tip = link(tip, *row)
        db.execute("UPDATE events SET chain = ? WHERE position = ?", (tip, row[0]))


def test_verify_when_time_goes_back_in_a_rechained_log_then_says_so(
    good: Path, tmp_path: Path
) -> None:
    def change(db: sqlite3.Connection) -> None:
        db.execute("UPDATE events SET recorded_at = recorded_at - 9 WHERE position = 200")
        rechain(db, 200)

    report = verify(tampered(good, tmp_path, change))
    assert (report.ok, report.first_bad) == (False, 200)
    assert report.reason.startswith("recorded_at goes back")


def test_verify_when_versions_jump_in_a_rechained_log_then_says_so(
    good: Path, tmp_path: Path
) -> None:
    def change(db: sqlite3.Connection) -> None:
        db.execute("UPDATE events SET version = version + 1000 WHERE position = 200")
        rechain(db, 200)

    report = verify(tampered(good, tmp_path, change))
    assert (report.ok, report.first_bad) == (False, 200)
    assert report.reason.startswith("order: stream")


def test_verify_when_a_blob_is_changed_then_names_it(good: Path, tmp_path: Path) -> None:
    path = tampered(good, tmp_path, lambda db: db.execute("UPDATE blobs SET content = x'00'"))
    report = verify(path)
    assert (report.ok, report.rows, report.first_bad, report.blobs) == (False, ROWS, None, 0)
    assert sha256(BLOB).hexdigest() in report.reason
    with closing(opened(path)) as log, pytest.raises(LogFailed, match="is not what its name says"):
        log.blob(sha256(BLOB).hexdigest())


def test_verify_when_an_engine_is_writing_then_walks_up_to_the_head_it_found(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    with closing(opened(path)) as log:
        log.append(Batch(events=marks(1, 6000)))
        futures = [log.submit(Batch(events=marks(6001 + n, 1))) for n in range(300)]
        report = verify(path)
        assert report.ok
        assert report.rows == report.head >= 6000
        assert futures[-1].result(10) == 6300


def test_digest_when_recomputed_by_hand_then_is_equal(good: Path) -> None:
    hashes = {"input": sha256(), "derived": sha256()}
    for event in history(seed=2, steps=60)[:ROWS]:
        with closing(sqlite3.connect(good)) as db:
            stream, version, topic, state = db.execute(
                "SELECT stream_id, version, topic, state FROM events "
                "WHERE stream_id = ? AND version = ?",
                (event.stream, event.stream_version),
            ).fetchone()
        line = f"{stream}\n{version}\n{topic}\n".encode() + state + b"\n"
        hashes[event.kind].update(line)
    assert digest(good) == {kind: value.hexdigest() for kind, value in hashes.items()}


def test_open_when_the_tail_was_changed_then_refuses_and_names_the_position(
    good: Path, tmp_path: Path
) -> None:
    path = tampered(
        good,
        tmp_path,
        lambda db: db.execute("UPDATE events SET state = x'7b7d' WHERE position = 290"),
    )
    with pytest.raises(LogFailed, match="position 290: chain mismatch"):
        opened(path)
