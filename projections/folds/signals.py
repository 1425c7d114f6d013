"""What strategies said: `signals`."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from domain.event import Event
from domain.signals import SignalRaised
from projections.columns import plain
from projections.folds.fold import Handler, label
from projections.rows import Rows
from projections.tables import Tables


class Signals:
    """Adds one row per signal; nothing changes afterwards."""

    def __init__(self, rows: Rows) -> None:
        self.added = rows.added["signals"]

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {SignalRaised: self.raised}

    def raised(self, position: int, event: SignalRaised) -> None:
        self.added.append(
            (
                position,
                event.event_id,
                event.strategy,
                event.version,
                label(event.mode),
                event.symbol,
                event.bar,
                event.occurred_at,
                event.side,
                event.confidence,
                event.tag,
                plain(event.price),
                event.stop,
                event.target,
                msgspec.json.encode(event.series).decode(),
            )
        )

    def load(self, connection: Connection, tables: Tables) -> None:
        """Nothing is kept in memory."""
