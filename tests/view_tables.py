"""Read-model files as tests make and compare them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from projections.database import writer_engine
from projections.runner import Runner
from projections.start import prepare
from tests.fakes import MemoryLog

Tables = dict[str, list[tuple[Any, ...]]]


def tables_of(path: Path) -> Tables:
    """Give every row of every view table, with its SQLite types, in key order."""
    with closing(sqlite3.connect(path)) as db:
        names = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name not in ("alembic_version", "projection_tracking")
        ]
        every = {name: f'SELECT * FROM "{name}"' for name in names}  # noqa: S608 -- own names
        return {name: sorted(db.execute(query), key=repr) for name, query in every.items()}


def tracked(path: Path) -> tuple[int, int]:
    """Give the position and the generation of the served views."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT position, generation FROM projection_tracking WHERE name = 'views'"
        ).fetchone()
        return int(found[0]), int(found[1])


def runner_on(log: MemoryLog, path: Path, batch: int = 1000) -> Runner:
    """Make the file ready and give a runner on it; fsync is left out, for speed."""
    prepare(path)
    return Runner(log, writer_engine(path, synchronous="OFF"), batch=batch)


def projected(log: MemoryLog, path: Path) -> Tables:
    """Apply the whole log in big batches and give the tables."""
    runner = runner_on(log, path)
    runner.run_to_head()
    runner.engine.dispose()
    return tables_of(path)
