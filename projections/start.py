"""Open the read-model file for following a log: migrated, created, rebuilt for new code."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from application.ports import LogReader
from projections.database import explained, writer_engine
from projections.migrate import migrate_views
from projections.rebuild import rebuild
from projections.runner import Runner
from projections.tables import VIEWS, definition
from projections.tracking import VIEWS_NAME, Place, begin, find


class LogBehind(Exception):
    """The read models know more than the log holds: they belong to another log."""


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
    elif place.position > log.head():
        raise LogBehind(
            f"{path} stands at position {place.position} but the log ends at {log.head()}: it "
            "belongs to another log, delete it and rebuild"
        )
    return Runner(log, writer_engine(path))


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
