"""Which schema a log file has, and how it gets the one this code needs.

The file says its revision itself (alembic's table). A file of a newer program is refused, never
guessed at. Upgrading happens in one IMMEDIATE transaction: a crash leaves the old schema, and two
processes that start together take turns.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError

from infrastructure.store.errors import StoreFailed, store_failed

HEAD = "log_0001"
KNOWN = frozenset({HEAD})
SCRIPTS = Path(__file__).parent / "migrations"
OLDEST_SQLITE = (3, 37)  # STRICT tables


def migrate_log(path: Path) -> None:
    """Create the file, or bring it to this code's schema; does nothing where it has it already.

    May be called at every start and from several processes. Raises `StoreFailed` for a file that is
    not a log, is corrupt, or belongs to a newer version of the program.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreFailed(f"sqlite was {sqlite3.sqlite_version}, must be 3.37 or newer")
    if path.exists() and path.stat().st_size and revision(path) == HEAD:
        return
    if not path.parent.is_dir():
        raise StoreFailed(f"log {path}: there is no folder {path.parent}")
    upgrade(path)


def check_schema(path: Path) -> None:
    """Raise `StoreFailed` unless the file is a log with exactly this code's schema."""
    if not path.exists():
        raise StoreFailed(f"log {path}: there is no such file")
    found = revision(path)
    if found != HEAD:
        raise StoreFailed(f"log {path}: its schema was {found}, must be {HEAD}: start the engine")


def revision(path: Path) -> str | None:
    """Give the schema revision of an existing file, None for a database without any table.

    Raises `StoreFailed` for anything that is not a log this code knows.
    """
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as db:
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None  # a crash between creating the file and its first commit
            rows = db.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.DatabaseError as error:
        raise store_failed(path, error) from error
    if len(rows) != 1:
        raise StoreFailed(f"log {path}: it holds {len(rows)} schema revisions, must be one")
    found = str(rows[0][0])
    if found not in KNOWN:
        raise StoreFailed(
            f"log {path}: its schema was {found}, must be {HEAD} or older: "
            "it was written by a newer version of the program"
        )
    return found


def upgrade(path: Path) -> None:
    # Imported here: half a second that a start with a current schema does not pay.
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    try:
        with migrating(path) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        raise store_failed(
            path, error.orig if isinstance(error.orig, Exception) else error
        ) from error


@contextmanager
def migrating(path: Path) -> Iterator[Connection]:
    """Give a connection in one IMMEDIATE transaction that covers DDL too; commits at the end."""
    engine = create_engine(URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def begin_immediate(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
