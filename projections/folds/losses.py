"""What each look found that the champion's losing trades have in common: `losses`."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from domain.event import Event
from domain.strategy.improvement import LossesAnalysed
from projections.columns import plain
from projections.folds.fold import Handler
from projections.rows import Rows
from projections.tables import Tables


class Losses:
    """Folds the analyses: facts, one row each."""

    def __init__(self, rows: Rows) -> None:
        self.added = rows.added["losses"]

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {LossesAnalysed: self.analysed}

    def analysed(self, position: int, event: LossesAnalysed) -> None:
        self.added.append(
            (
                position,
                event.event_id,
                event.stream.removeprefix("strategy/"),
                event.number,
                event.version,
                event.start,
                event.until,
                event.trades,
                event.losses,
                plain(event.net),
                msgspec.json.encode(event.patterns).decode(),
                event.report_sha,
                event.occurred_at,
            )
        )

    def load(self, connection: Connection, tables: Tables) -> None:
        """Nothing: a row never changes."""
