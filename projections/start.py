"""Open the read-model file for following a log: migrated, created, rebuilt for new code."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from application.ports import LogReader
from projections.database import explained, writer_engine
from projections.migrate import migrate_views
from projections.rebuild import rebuild
from projections.runner import Runner
from projections.tables import HOME, VIEWS, definition
from projections.tracking import VIEWS_NAME, Place, begin, find


class LogBehind(Exception):
    """The read models saw what the log does not hold: they belong to another log."""


def open_runner(
    log: LogReader, path: Path, progress: Callable[[int], None] | None = None
) -> Runner:
    """Make the file ready and give the runner that follows `log` into it.

    Several processes may do so at once. Tables built by other definitions than this code's are
    rebuilt first (`progress` is told the position after each batch). Raises ViewsUnreadable and
    LogBehind.
    """
    place = prepare(path)
    if place.definition != definition():
        rebuild(log, path, progress)
    else:
        refuse_other_log(log, path, place)
    return Runner(log, writer_engine(path))


def refuse_other_log(log: LogReader, path: Path, place: Place) -> None:
    """Refuse tables that were built from another log than the one to be followed."""
    if place.position == 0:
        return
    found = log.read(after=place.position - 1, limit=1)
    if not found:
        what = f"stands at position {place.position} but the log ends at {log.head()}"
    elif found[0].recorded_at != last_recorded_at(path):
        what = f"saw another event at position {place.position} than the log holds"
    else:
        return
    raise LogBehind(f"{path} {what}: it belongs to another log, delete it and rebuild")


def last_recorded_at(path: Path) -> int | None:
    """When the event that the tables saw last was recorded, µs."""
    engine = writer_engine(path)
    try:
        with engine.connect() as connection:
            return connection.execute(select(HOME.c.last_recorded_at)).scalar_one_or_none()
    finally:
        engine.dispose()


def prepare(path: Path) -> Place:
    """Migrate the file, create empty tables where there are none, and tell where they stand."""
    migrate_views(path)
    engine = writer_engine(path)
    try:
        with engine.begin() as connection:
            place = find(connection)
            if place is None:
                VIEWS.create_all(connection)
                place = Place(VIEWS_NAME, 0, 1, definition())
                begin(connection, place)
            return place
    except DatabaseError as error:
        raise explained(path, error) from error
    finally:
        engine.dispose()
