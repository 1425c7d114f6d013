"""A log that cannot be used says why in one line, and is left as it was."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from application.ports import Batch, Checkpoint, LogFailed
from infrastructure.store import (
    SqliteEventLog,
    SqliteLogReader,
    StoreFailed,
    digest,
    migrate_log,
    verify,
)
from infrastructure.store.schema import HEAD
from tests.conftest import ROOT
from tests.store_samples import ACCOUNT, mark, marks, opened


def limit_pages(log: object, pages: int) -> None:
    """Let the file grow by so many pages and no more, as a full disk would."""
    db: sqlite3.Connection = log._appender._db  # type: ignore[attr-defined]
    (now,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {now + pages}")


def test_log_when_disk_is_full_then_fails_in_one_line_and_keeps_what_it_had(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    with closing(opened(path)) as log:
        log.append(Batch(events=marks(1, 10), checkpoint=Checkpoint(1, b"one")))
        limit_pages(log, 20)
        batches = [
            Batch(events=marks(11 + 20 * n, 20), checkpoint=Checkpoint(2 + n, b"more"))
            for n in range(40)
        ]
        futures = [log.submit(batch) for batch in batches]
        failures = [future.exception(10) for future in futures]
        stored = failures.count(None)
        assert 0 <= stored < 40
        for failure in failures[stored:]:
            assert isinstance(failure, LogFailed)
            assert "the disk is full" in str(failure)
            assert str(path) in str(failure)
            assert "\n" not in str(failure)
        with pytest.raises(LogFailed, match="disk is full"):
            log.append(Batch(events=[mark(1, "home")]))
        assert log.head() == 10 + 20 * stored
        assert log.read(0, 10)[-1].event == mark(10)
    assert verify(path).ok
    with closing(opened(path)) as log:  # there is room again
        assert log.checkpoint() == Checkpoint(1 + stored, b"more" if stored else b"one")
        log.append(batches[stored])
        assert list(log.stream(ACCOUNT)) == marks(1, 30 + 20 * stored)


FILL = """
import resource, sys
from pathlib import Path
from application.ports import Batch, LogFailed
from tests.store_samples import marks, opened
log = opened(Path(sys.argv[1]))
log.append(Batch(events=marks(1, 50)))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
done = 50
try:
    while True:
        done = log.append(Batch(events=marks(done + 1, 50)))
except LogFailed as error:
    print(done, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits")
def test_log_when_system_refuses_to_let_file_grow_then_fails_and_loses_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    child = subprocess.run(
        [sys.executable, "-c", FILL, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    done, words = child.stdout.rstrip("\n").split(" ", 1)
    assert words.startswith(f"log {path}: the disk ")
    assert "\n" not in words
    report = verify(path)
    assert report.ok
    assert report.rows == int(done) >= 50


def test_log_when_anything_else_breaks_while_writing_then_nothing_overtakes_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    times = iter([1, "later", 3])
    with closing(SqliteEventLog(path, now_us=lambda: next(times))) as log:  # type: ignore[arg-type,return-value]
        log.append(Batch(events=[mark(1)]))
        with pytest.raises(LogFailed, match="not supported between"):
            log.append(Batch(events=[mark(2)]))
        with pytest.raises(LogFailed, match="not supported between"):
            log.append(Batch(events=[mark(2)]))
        assert log.head() == 1
    assert verify(path).ok


def log_of(path: Path, events: int) -> bytes:
    with closing(opened(path)) as log:
        log.append(Batch(events=marks(1, events)))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"not a database at all, but a long enough text " * 100, "it is not an SQLite database"),
        (b"short", "it is not an SQLite database"),
    ],
)
def test_log_when_file_is_not_a_database_then_refuses_and_leaves_it(
    tmp_path: Path, content: bytes, cause: str
) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(content)
    for use in (opened, SqliteLogReader, verify, digest, migrate_log):
        with pytest.raises(LogFailed, match=cause) as caught:
            use(path)
        assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_log_when_file_is_another_database_then_refuses(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE someone (elses INTEGER)")
    with pytest.raises(LogFailed, match="it is not a Perpetua log"):
        opened(path)


def test_log_when_written_by_a_newer_version_then_refuses_and_names_the_schema(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    log_of(path, 3)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num = 'log_9999'")
        db.commit()
    for use in (opened, SqliteLogReader, verify, digest):
        with pytest.raises(LogFailed, match=rf"schema was log_9999, must be {HEAD}.*newer version"):
            use(path)


def test_log_when_a_page_of_its_tail_is_damaged_then_refuses(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    content = bytearray(log_of(path, 500))
    with closing(sqlite3.connect(path)) as db:
        (state,) = db.execute("SELECT state FROM events WHERE position = 450").fetchone()
    page = content.index(state) // 4096 * 4096
    content[page : page + 4096] = b"\x00" * 4096
    path.write_bytes(content)
    with pytest.raises(LogFailed, match="it is corrupt"):
        opened(path)


def test_log_when_file_is_cut_short_then_refuses(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    content = log_of(path, 500)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(LogFailed, match="it is corrupt"):
        opened(path)


def test_log_when_folder_is_missing_then_names_it(tmp_path: Path) -> None:
    with pytest.raises(LogFailed, match="there is no folder"):
        opened(tmp_path / "nowhere" / "log.db")


def test_reader_when_log_is_missing_then_says_so_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    for use in (SqliteLogReader, verify, digest):
        with pytest.raises(LogFailed, match="there is no such file"):
            use(path)
    assert not path.exists()


def test_log_when_another_process_writes_too_long_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.store.connection.BUSY_SECONDS", 0.05)
    path = tmp_path / "log.db"
    with closing(opened(path)) as log:
        log.append(Batch(events=[mark(1)]))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreFailed, match="another process has been writing"):
                log.append(Batch(events=[mark(2)]))
        assert log.head() == 1


def test_log_when_an_event_in_it_is_unknown_then_names_position_and_topic(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log_of(path, 3)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER events_update")
        db.execute("UPDATE events SET topic = 'portfolio.teleported/1' WHERE position = 2")
        db.commit()
    with closing(SqliteLogReader(path)) as reader:
        with pytest.raises(LogFailed, match=r"position 2: topic 'portfolio.teleported/1'"):
            reader.read()
        assert reader.read(2)[0].event == mark(3)


def test_migrate_when_creation_was_interrupted_then_starts_over(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")  # as a crash before the first commit leaves it
    assert path.stat().st_size > 0
    migrate_log(path)
    migrate_log(path)
    assert log_of(path, 2)
    assert verify(path).rows == 2


def test_migrate_when_processes_start_together_then_each_finds_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    code = (
        "import sys; from pathlib import Path\n"
        "from infrastructure.store import migrate_log; migrate_log(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(path)]
    children = [subprocess.Popen(command) for _ in range(3)]
    assert [child.wait(30) for child in children] == [0, 0, 0]
    assert log_of(path, 1)


def test_migrate_when_path_is_odd_and_folder_is_elsewhere_then_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "50% of #what? é"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with closing(opened(Path("log.db"))) as log:
        log.append(Batch(events=marks(1, 2)))
        assert log.head() == 2
    assert verify(folder / "log.db").ok
    shutil.rmtree(folder)


def test_alembic_when_run_by_hand_then_makes_the_same_log(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    command = [sys.executable, "-m", "alembic", "-n", "log", "-x", f"path={path}", "upgrade"]
    subprocess.run([*command, "head"], check=True, cwd=ROOT, capture_output=True)
    assert log_of(path, 2)
    with closing(sqlite3.connect(path)) as db:
        made = db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    migrate_log(tmp_path / "other.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        assert db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall() == made
