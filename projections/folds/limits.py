"""Which limits an operator tightened, to what, and why: `limits`."""

from collections.abc import Mapping

from sqlalchemy import Connection

from domain.event import Event
from domain.tightening import LimitTightened
from projections.columns import plain
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables


class Limits:
    """Folds what was tightened: one row for each limit, the last word on it."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {LimitTightened: self.tightened}

    def tightened(self, position: int, event: LimitTightened) -> None:
        row: Row = (
            event.name,
            plain(event.new),
            event.reason,
            event.actor,
            event.occurred_at,
            event.effective_at,
            position,
        )
        self.rows.touch("limits", event.name, lambda: row)

    def load(self, connection: Connection, tables: Tables) -> None:
        """Nothing: a row is replaced as a whole."""
