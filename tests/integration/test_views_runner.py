"""The runner: each event has its effect once, whoever else writes and whenever it dies."""

import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import DatabaseError

from application.ports import Batch
from infrastructure.store import SqliteEventLog, SqliteLogReader
from projections.database import ViewsMissing, ViewsUnreadable, writer_engine
from projections.runner import Runner
from projections.start import LogBehind, open_runner, prepare
from projections.tables import definition
from projections.tracking import LostRace
from tests.event_samples import history
from tests.fakes import MemoryLog
from tests.view_tables import projected, runner_on, tables_of, tracked

ROOT = Path(__file__).parents[2]


def test_runner_when_log_grows_then_tables_follow_in_order(tmp_path: Path) -> None:
    events = history(1, 60)
    log = MemoryLog()
    runner = runner_on(log, tmp_path / "views.db")
    assert runner.advance() == 0
    for begin in range(0, len(events), 100):
        part = events[begin : begin + 100]
        log.append(Batch(events=part))
        assert runner.advance() == len(part)
        assert tracked(tmp_path / "views.db") == (log.head(), 1)
    assert tables_of(tmp_path / "views.db") == projected(log, tmp_path / "whole.db")


def test_runner_when_another_was_faster_then_race_is_lost_and_memory_dropped(
    tmp_path: Path,
) -> None:
    log = MemoryLog(history(2, 120))
    views = tmp_path / "views.db"
    slow, fast = runner_on(log, views, 200), runner_on(log, views, 300)
    slow.advance()
    fast.advance()
    before = tables_of(views)
    with pytest.raises(LostRace, match="views is no longer at position 200"):
        slow.advance()
    assert tables_of(views) == before, "a lost race wrote something"
    assert slow.place is None
    slow.run_to_head()
    assert tables_of(views) == projected(log, tmp_path / "whole.db")


def test_runner_when_three_compete_then_each_event_is_applied_once(tmp_path: Path) -> None:
    log = MemoryLog(history(3, 400))
    views = tmp_path / "views.db"
    barrier = threading.Barrier(3, timeout=30)

    def compete(batch: int) -> tuple[int, int]:
        runner = runner_on(log, views, batch)
        runner.resume()
        barrier.wait()  # all stand at the beginning: all but one must lose a race
        applied = lost = 0
        while True:
            try:
                count = runner.advance()
            except LostRace:
                lost += 1
                continue
            if count == 0:
                return applied, lost
            applied += count

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(compete, (17, 31, 53)))
    assert sum(applied for applied, _ in results) == log.head()
    assert sum(lost for _, lost in results) > 0, "nobody raced: the test shows nothing"
    assert tables_of(views) == projected(log, tmp_path / "whole.db")


def test_runner_when_killed_again_and_again_then_tables_are_whole(tmp_path: Path) -> None:
    seed, steps = 5, 60
    log = MemoryLog(history(seed, steps))
    views = tmp_path / "views.db"
    command = [sys.executable, "-m", "tests.integration.views_child", str(views)]
    for batch in (3, 7, 11):
        child = subprocess.Popen(
            [*command, str(seed), str(steps), str(batch)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(12)]
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split(b"\n")[:-1]]
        child.stdout.close()
        child.wait(10)
        position, _ = tracked(views)
        assert position >= acknowledged[-1]
        reached = MemoryLog([entry.event for entry in log.entries[:position]])
        assert tables_of(views) == projected(reached, tmp_path / f"to{position}.db")
    assert tracked(views)[0] < log.head()
    runner_on(log, views).run_to_head()
    assert tables_of(views) == projected(log, tmp_path / "whole.db")


def test_runner_when_a_write_fails_then_batch_leaves_nothing_and_next_try_is_whole(
    tmp_path: Path,
) -> None:
    log = MemoryLog(history(6, 200))
    views = tmp_path / "views.db"
    runner = runner_on(log, views, 400)
    runner.advance()
    before = tables_of(views)
    with closing(sqlite3.connect(views)) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON trades BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    for _ in range(2):
        with pytest.raises(DatabaseError):
            runner.advance()
        assert tables_of(views) == before
    with closing(sqlite3.connect(views)) as db:
        db.execute("DROP TRIGGER full")
    runner.run_to_head()
    assert tables_of(views) == projected(log, tmp_path / "whole.db")


def test_follow_when_log_grows_then_it_is_projected_until_stopped(tmp_path: Path) -> None:
    events = history(7, 100)
    log = MemoryLog(events[:300])
    views = tmp_path / "views.db"
    runner, stop = runner_on(log, views), threading.Event()
    following = threading.Thread(target=runner.follow, args=(stop, 0.005))
    following.start()
    log.append(Batch(events=events[300:]))
    for _ in range(2000):
        if tracked(views)[0] == log.head():
            break
        stop.wait(0.005)
    stop.set()
    following.join(10)
    assert not following.is_alive()
    assert tables_of(views) == projected(log, tmp_path / "whole.db")


def test_runner_when_log_is_the_store_on_disk_then_tables_equal(tmp_path: Path) -> None:
    events = history(8, 150)
    store = SqliteEventLog(tmp_path / "log.db")
    store.append(Batch(events=events))
    reader = SqliteLogReader(tmp_path / "log.db")
    runner = open_runner(reader, tmp_path / "views.db")
    assert runner.run_to_head() == len(events)
    runner.engine.dispose()
    reader.close()
    store.close()
    expected = projected(MemoryLog(events), tmp_path / "whole.db")
    found = tables_of(tmp_path / "views.db")
    del expected["home"], found["home"]  # holds recorded_at, which is the store's own clock
    assert found == expected


def test_open_when_log_is_shorter_than_views_then_refused(tmp_path: Path) -> None:
    events = history(9, 30)
    projected(MemoryLog(events), tmp_path / "views.db")
    with pytest.raises(LogBehind, match=f"stands at position {len(events)} but the log ends at 10"):
        open_runner(MemoryLog(events[:10]), tmp_path / "views.db")


def test_open_when_the_log_is_another_and_longer_then_refused(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    events = history(12, 30)
    open_runner(MemoryLog(events[:40]), path).run_to_head()
    other = MemoryLog(events)
    other.entries = [replace(e, recorded_at=e.recorded_at + 1) for e in other.entries]
    with pytest.raises(LogBehind, match="another event at position 40"):
        open_runner(other, path)
    assert open_runner(MemoryLog(events), path).run_to_head() == len(events)


def test_open_when_definitions_changed_then_views_are_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, views = MemoryLog(history(10, 40)), tmp_path / "views.db"
    expected = projected(log, views)
    with closing(sqlite3.connect(views)) as db:
        db.execute("UPDATE projection_tracking SET definition = 'older'")
        db.execute("ALTER TABLE trades DROP COLUMN bars")
        db.execute("DELETE FROM equity")
        db.commit()
    told: list[int] = []
    runner = open_runner(log, views, told.append)
    assert told[-1] == log.head()
    assert runner.advance() == 0
    assert tables_of(views) == expected
    assert prepare(views).definition == definition()


def test_open_when_file_is_no_database_then_refused_by_name(tmp_path: Path) -> None:
    views = tmp_path / "views.db"
    views.write_bytes(b"no database " * 1000)
    with pytest.raises(ViewsUnreadable, match=r"views\.db is damaged, delete it and rebuild"):
        prepare(views)
    assert views.read_bytes().startswith(b"no database")


def test_open_when_file_is_of_a_newer_program_then_refused(tmp_path: Path) -> None:
    views = tmp_path / "views.db"
    prepare(views)
    with closing(sqlite3.connect(views)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    with pytest.raises(ViewsUnreadable, match="written by a newer version"):
        prepare(views)


def test_prepare_when_several_start_at_once_then_one_set_of_tables(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        for attempt in range(25):
            views = tmp_path / f"{attempt}.db"
            begun = [pool.submit(prepare, views) for _ in range(6)]
            assert len({each.result() for each in begun}) == 1
            assert tracked(views) == (0, 1)


def test_runner_when_its_file_is_taken_away_then_it_says_so(tmp_path: Path) -> None:
    log, views = MemoryLog(history(12, 40)), tmp_path / "views.db"
    runner = runner_on(log, views, 100)
    runner.advance()
    views.unlink()
    with pytest.raises(ViewsMissing, match="removed or replaced while in use"):
        runner.advance()


def test_runner_when_tables_were_never_made_then_it_says_so(tmp_path: Path) -> None:
    views = tmp_path / "views.db"
    prepare(views)
    with closing(sqlite3.connect(views)) as db:
        db.execute("DELETE FROM projection_tracking")
        db.commit()
    with pytest.raises(ViewsMissing, match="projection views has no tables"):
        Runner(MemoryLog(), writer_engine(views)).advance()
