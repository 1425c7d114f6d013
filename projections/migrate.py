"""Bring the read-model file to the schema this code needs, at every start.

Alembic owns what must survive a change of code: the tracking table. The view tables are created
from their definitions, and rebuilt when those differ, since everything in them comes from the log.
"""

import logging
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError

from projections.database import ViewsUnreadable, explained, writer_engine

SCRIPTS = Path(__file__).parent / "migrations"


def migrate_views(path: Path) -> None:
    """Create the file if need be and upgrade it, in one transaction; several processes may call it.

    Raises ViewsUnreadable for a file that is not a database, is damaged, or was written by a newer
    version of the program.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    engine = writer_engine(path)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise ViewsUnreadable(f"{path} was written by a newer version: {error}") from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise explained(path, error) from error
    finally:
        engine.dispose()
