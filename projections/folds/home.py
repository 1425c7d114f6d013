"""What this home trades and how far it has come: `home`, a single row."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from application.ports import LogEntry
from domain.event import Event
from domain.home import HomeOpened
from domain.ids import step_bar
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables

KEY = "home"
UNOPENED: Row = ("", "", "", "", "[]", None)


class Home:
    """Folds the home's opening, and the last step that left an event."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.facts: Row = UNOPENED
        self.last_step: int | None = None
        self.last_recorded_at = 0

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {HomeOpened: self.opened}

    def opened(self, position: int, event: HomeOpened) -> None:
        symbols = [instrument.symbol for instrument in event.instruments]
        self.facts = (
            event.feed,
            event.venue,
            event.timeframe,
            event.data_digest,
            msgspec.json.encode(symbols).decode(),
            event.occurred_at,
        )

    def reached(self, entries: Sequence[LogEntry]) -> None:
        """Note how far the log has come; every batch moves it."""
        self.last_recorded_at = entries[-1].recorded_at
        for entry in reversed(entries):
            bar = step_bar(entry.event.correlation_id)
            if bar is not None:
                self.last_step = bar
                break
        self.rows.touch("home", KEY, self.row)

    def row(self) -> Row:
        return (KEY, *self.facts, self.last_step, self.last_recorded_at)

    def load(self, connection: Connection, tables: Tables) -> None:
        self.facts, self.last_step, self.last_recorded_at = UNOPENED, None, 0
        for stored in connection.execute(tables["home"].select()):
            self.facts = (
                stored.feed,
                stored.venue,
                stored.timeframe,
                stored.data_digest,
                stored.symbols,
                stored.opened_at,
            )
            self.last_step = stored.last_step
            self.last_recorded_at = stored.last_recorded_at
