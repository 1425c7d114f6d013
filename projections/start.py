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
        refuse_other_log(log, path)
    return Runner(log, writer_engine(path))


def refuse_other_log(log: LogReader, path: Path) -> None:
    """Refuse tables that were built from another log than the one to be followed."""
    position, recorded_at = last_seen(path)
    if position == 0:
        return
    found = log.read(after=position - 1, limit=1)
    if not found:
        what = f"stands at position {position} but the log ends at {log.head()}"
    elif found[0].recorded_at != recorded_at:
        what = f"saw another event at position {position} than the log holds"
    else:
        return
    raise LogBehind(f"{path} {what}: it belongs to another log, delete it and rebuild")


def last_seen(path: Path) -> tuple[int, int | None]:
    """The position that the tables saw last, and when its event was recorded, µs.

    Read in one transaction: another process may be moving both.
    """
    engine = writer_engine(path)
    try:
        with engine.begin() as connection:
            place = find(connection)
            at = connection.execute(select(HOME.c.last_recorded_at)).scalar_one_or_none()
            return (0 if place is None else place.position), at
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
