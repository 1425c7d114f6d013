"""Run the revisions on the connection that `migrate_views` hands over, in its transaction.

From the command line (`alembic -n views`) there is no such connection: the file comes from
`-x path=…`.
"""

from pathlib import Path

from alembic import context
from sqlalchemy import Connection

from projections.database import writer_engine
from projections.tables import SERVICE


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SERVICE, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    views = context.get_x_argument(as_dictionary=True).get("path")
    if views is None:
        raise SystemExit("path was missing, must be given as -x path=VIEWS_FILE")
    engine = writer_engine(Path(views))
    with engine.begin() as own:
        migrate(own)
    engine.dispose()
