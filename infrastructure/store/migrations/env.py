"""Run the revisions on the connection that `migrate_log` hands over, in its transaction.

From the command line (`alembic -n log`) there is no such connection: the file comes from
`-x path=…`.
"""

from pathlib import Path

from alembic import context
from sqlalchemy import Connection

from infrastructure.store.schema import migrating


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    log = context.get_x_argument(as_dictionary=True).get("path")
    if log is None:
        raise SystemExit("path was missing, must be given as -x path=LOG_FILE")
    with migrating(Path(log)) as own:
        migrate(own)
