"""Rebuilding: equal tables, swapped in whole, whatever goes on around it."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from application.ports import Batch, LogEntry
from projections import rebuild as rebuilding
from projections.database import ViewsUnreadable
from projections.paging import Paging
from projections.queries import Queries
from projections.rebuild import rebuild
from projections.tracking import LostRace
from tests.event_samples import history
from tests.fakes import MemoryLog
from tests.view_tables import projected, runner_on, tables_of, tracked


def table_names(views: Path) -> set[str]:
    with closing(sqlite3.connect(views)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def test_rebuild_when_file_was_deleted_then_every_row_is_equal(tmp_path: Path) -> None:
    log, views = MemoryLog(history(1, 500)), tmp_path / "views.db"
    before = projected(log, views)
    for file in tmp_path.glob("views.db*"):
        file.unlink()
    told: list[int] = []
    assert rebuild(log, views, told.append) == log.head()
    assert tables_of(views) == before
    assert told == [5000, log.head()]
    assert {name: len(rows) > 0 for name, rows in before.items()} == dict.fromkeys(before, True)


def test_rebuild_when_tables_were_spoilt_then_they_are_right_again(tmp_path: Path) -> None:
    log, views = MemoryLog(history(2, 100)), tmp_path / "views.db"
    before = projected(log, views)
    with closing(sqlite3.connect(views)) as db:
        db.execute("UPDATE performance SET profit = '1'")
        db.execute("DROP TABLE orders")
        db.commit()
    rebuild(log, views)
    assert tables_of(views) == before
    assert tracked(views) == (log.head(), 2)


def test_rebuild_when_done_then_indexes_are_those_of_new_tables(tmp_path: Path) -> None:
    log = MemoryLog(history(3, 30))
    projected(log, tmp_path / "fresh.db")
    rebuild(log, tmp_path / "rebuilt.db")
    rebuild(log, tmp_path / "rebuilt.db")
    indexed = {}
    for name in ("fresh", "rebuilt"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as db:
            found = db.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'")
            indexed[name] = sorted((table, index.split("@")[0]) for table, index in found)
    assert indexed["rebuilt"] == indexed["fresh"]
    assert len(indexed["fresh"]) > 10


def test_rebuild_when_log_is_empty_then_tables_are_empty(tmp_path: Path) -> None:
    assert rebuild(MemoryLog(), tmp_path / "views.db") == 0
    assert not any(tables_of(tmp_path / "views.db").values())


def test_rebuild_when_one_was_cut_short_then_the_next_removes_its_tables(tmp_path: Path) -> None:
    events = history(4, 60)
    log, views = MemoryLog(events), tmp_path / "views.db"
    before = projected(log, views)

    class Cut(Exception):
        pass

    def cut(position: int) -> None:
        raise Cut

    with pytest.raises(Cut):
        rebuild(log, views, cut)
    assert any("@" in name for name in table_names(views))
    served = {name: rows for name, rows in tables_of(views).items() if "@" not in name}
    assert served == before
    rebuild(log, views)
    assert tables_of(views) == before


def test_rebuild_when_another_takes_over_then_the_first_gives_up(tmp_path: Path) -> None:
    log, views = MemoryLog(history(5, 60)), tmp_path / "views.db"
    before = projected(log, views)
    others: list[int] = []

    def take_over(position: int) -> None:
        if not others:
            others.append(position)
            rebuild(log, views)

    with pytest.raises(LostRace):
        rebuild(log, views, take_over)
    assert tables_of(views) == before
    assert tracked(views) == (log.head(), 2)


def test_rebuild_when_a_runner_follows_and_readers_read_then_nobody_sees_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 150)
    events = history(6, 400)
    log, views = MemoryLog(events[:500]), tmp_path / "views.db"
    runner, stop = runner_on(log, views, 50), threading.Event()
    runner.run_to_head()

    def read() -> set[int]:
        generations, trades = set(), 0
        with Queries(views, log, connections=1) as queries:
            while not stop.is_set():
                status = queries.status()
                assert status.trades >= trades, "a reader saw less than before"
                trades = status.trades
                queries.trades(paging=Paging(first=10))
                generations.add(tracked(views)[1])
        return generations

    with ThreadPoolExecutor(2) as pool:
        reading, following = pool.submit(read), pool.submit(runner.follow, stop, 0.001)
        try:
            for begin in range(500, len(events), 500):
                log.append(Batch(events=events[begin : begin + 500]))
                rebuild(log, views)
            runner_on(log, views).run_to_head()
        finally:
            stop.set()
        following.result(30)
        assert len(reading.result(30)) > 3
    assert tables_of(views) == projected(log, tmp_path / "whole.db")


def test_rebuild_when_events_arrive_meanwhile_then_they_are_in(tmp_path: Path) -> None:
    events = history(7, 100)
    views = tmp_path / "views.db"

    class GrowingLog(MemoryLog):
        def read(self, after: int = 0, limit: int = 1000) -> "list[LogEntry]":
            found = list(super().read(after, limit))
            if not found and len(self.entries) < len(events):
                self.append(Batch(events=events[len(self.entries) : len(self.entries) + 200]))
            return found

    log = GrowingLog(events[:200])
    position = rebuild(log, views)
    assert position > 200
    assert tables_of(views) == projected(MemoryLog(events[:position]), tmp_path / "whole.db")


def test_rebuild_when_file_is_no_database_then_refused_and_kept(tmp_path: Path) -> None:
    views = tmp_path / "views.db"
    views.write_bytes(b"\0nonsense" * 500)
    with pytest.raises(ViewsUnreadable, match="delete it and rebuild"):
        rebuild(MemoryLog(), views)
    assert views.stat().st_size == 4500
