"""All read models together: one pass over the log feeds every fold.

They share one tracking position, so that every view shows the same moment of the log.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from application.ports import LogEntry
from domain.event import Event
from projections.folds.accounts import Accounts
from projections.folds.fold import Fold, Handler
from projections.folds.holdout import Holdouts
from projections.folds.home import Home
from projections.folds.limits import Limits
from projections.folds.llm import LlmCalls
from projections.folds.losses import Losses
from projections.folds.orders import Orders
from projections.folds.positions import Positions
from projections.folds.recodes import Recodes
from projections.folds.regimes import Regimes
from projections.folds.signals import Signals
from projections.folds.stops import Stops
from projections.folds.strategies import Strategies
from projections.rows import Rows
from projections.tables import Tables


class Views:
    """The folds, and the rows that the entries given to `apply` leave to be written."""

    def __init__(self) -> None:
        self.rows = Rows()
        accounts = Accounts(self.rows)
        self.home = Home(self.rows)
        self.folds: tuple[Fold, ...] = (
            self.home,
            Limits(self.rows),
            Strategies(self.rows),
            LlmCalls(self.rows),
            Losses(self.rows),
            Recodes(self.rows),
            Holdouts(self.rows),
            Signals(self.rows),
            accounts,  # before those that ask it whose account a stream is
            Orders(self.rows, accounts),
            Positions(self.rows, accounts),
            Stops(self.rows, accounts),
            Regimes(self.rows, accounts),
        )
        self.handlers: dict[type[Event], list[Handler]] = {}
        for fold in self.folds:
            for event_class, handler in fold.handlers.items():
                self.handlers.setdefault(event_class, []).append(handler)

    def apply(self, entries: Sequence[LogEntry]) -> None:
        """Fold entries in log order; events that no view shows are passed over."""
        find = self.handlers.get
        for entry in entries:
            for handler in find(type(entry.event), ()):
                handler(entry.position, entry.event)
        self.home.reached(entries)

    def load(self, connection: Connection, tables: Tables) -> None:
        """Take up where the served tables stand, forgetting everything else."""
        self.rows.clear()
        for fold in self.folds:
            fold.load(connection, tables)
