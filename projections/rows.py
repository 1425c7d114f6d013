"""The rows one batch of events leaves behind, gathered in memory and written once.

A fact (a fill, a trade) is added as its row. A thing that goes on changing (an order, an account)
is touched, and its row is made when the batch is written, so that a thousand changes to it cost one
row. Rows are tuples in the order of the table's columns.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from projections.tables import VIEWS

Row = tuple[Any, ...]


class Rows:
    """What is to be written, by table name."""

    def __init__(self) -> None:
        self.added: dict[str, list[Row]] = {name: [] for name in VIEWS.tables}
        self.touched: dict[str, dict[Any, Callable[[], Row]]] = {name: {} for name in VIEWS.tables}

    def touch(self, table: str, key: object, row: Callable[[], Row]) -> None:
        """Have the row with this key written once, as `row` gives it when the batch ends."""
        self.touched[table][key] = row

    def clear(self) -> None:
        for rows in self.added.values():
            rows.clear()
        for changes in self.touched.values():
            changes.clear()


class Writer:
    """Writes rows into one set of tables: those being served, or those being rebuilt."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        dialect = sqlite.dialect()
        self.adding = {n: str(t.insert().compile(dialect=dialect)) for n, t in tables.items()}
        self.replacing = {
            n: str(t.insert().prefix_with("OR REPLACE").compile(dialect=dialect))
            for n, t in tables.items()
        }

    def write(self, connection: Connection, rows: Rows) -> None:
        """Write everything gathered, in the caller's transaction."""
        for table, added in rows.added.items():
            if added:
                connection.exec_driver_sql(self.adding[table], added)
        for table, touched in rows.touched.items():
            if touched:
                values = [row() for row in touched.values()]
                connection.exec_driver_sql(self.replacing[table], values)
