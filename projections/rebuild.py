"""Build the read models anew from the log while the old ones go on being served.

The new tables are filled beside the old under other names, in big batches and without indexes; then
one transaction drops the old, renames the new and moves the tracking row. Readers see the old or
the new, never a part. A runner that was following loses its next race, and goes on from the new
tables. A rebuild cut short leaves tables that the next one removes.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, Table, inspect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql import quoted_name

from application.ports import LogReader
from projections.database import explained, writer_engine
from projections.migrate import migrate_views
from projections.runner import Runner
from projections.tables import VIEWS, Tables, definition
from projections.tracking import VIEWS_NAME, Place, begin, find, move, remove

BATCH = 5000  # events


def rebuild(log: LogReader, path: Path, progress: Callable[[int], None] | None = None) -> int:
    """Build all read models of `path` from nothing and swap them in; return the position reached.

    `progress` is told the log position after every batch. The file is created if it is not there.
    Raises ViewsUnreadable, and LostRace when another rebuild of the same file took over.
    """
    migrate_views(path)
    engine = writer_engine(path, synchronous="OFF")
    try:
        return _rebuild(log, engine, progress)
    except DatabaseError as error:
        raise explained(path, error) from error
    finally:
        engine.dispose()


def _rebuild(log: LogReader, engine: Engine, progress: Callable[[int], None] | None) -> int:
    with engine.begin() as connection:
        shadow, place = _start(connection)
    runner = Runner(log, engine, name=place.name, tables=shadow, batch=BATCH)
    with _no_garbage_collection():
        _fill(runner, progress)
    for table in shadow.values():
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            with engine.begin() as connection:
                _still_ours(connection, runner.place or place)
                connection.execute(CreateIndex(index))
    _fill(runner, progress)
    _settle(engine)
    with engine.begin() as connection:
        _swap(connection, shadow, runner.place or place)
    return runner.position


def _start(connection: Connection) -> tuple[Tables, Place]:
    served = find(connection)
    generation = 1 if served is None else served.generation + 1
    for left in inspect(connection).get_table_names():
        if "@" in left:
            connection.exec_driver_sql(f'DROP TABLE "{left}"')
    place = Place(f"{VIEWS_NAME}@{generation}", 0, generation, definition())
    begin(connection, place)
    shadow: dict[str, Table] = {}
    metadata = MetaData()
    for name, table in VIEWS.tables.items():
        shadow[name] = table.to_metadata(metadata, name=f"{name}@{generation}")
        for index in shadow[name].indexes:
            index.name = quoted_name(f"{index.name}@{generation}", quote=True)
        _create_bare(connection, shadow[name])
    return shadow, place


def _create_bare(connection: Connection, table: Table) -> None:
    indexes = set(table.indexes)
    table.indexes.clear()
    table.create(connection)
    table.indexes.update(indexes)


def _fill(runner: Runner, progress: Callable[[int], None] | None) -> None:
    while runner.advance():
        if progress is not None:
            progress(runner.position)


def _still_ours(connection: Connection, place: Place) -> None:
    move(connection, place, place.position)  # raises LostRace if another rebuild took over


def _settle(engine: Engine) -> None:
    # What was written without waiting for the disk must be on it before it is served.
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 -- a checked-out connection has its driver's
        driver.execute("PRAGMA synchronous=FULL")
        driver.execute("PRAGMA wal_checkpoint(FULL)")


def _swap(connection: Connection, shadow: Tables, place: Place) -> None:
    _still_ours(connection, place)
    served = set(inspect(connection).get_table_names())
    for name, table in shadow.items():
        if name in served:
            connection.exec_driver_sql(f'DROP TABLE "{name}"')
        connection.exec_driver_sql(f'ALTER TABLE "{table.name}" RENAME TO "{name}"')
    remove(connection, place.name)
    begin(connection, Place(VIEWS_NAME, place.position, place.generation, place.definition))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
