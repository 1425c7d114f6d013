"""What every fold offers to the runner."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection

from domain.event import Event, Mode
from projections.tables import Tables

Handler = Callable[[int, Any], None]  # (log position, event of the class it is registered for)

LIVE = "live/sim"  # orders of live accounts are simulated until venues exist


class Fold(Protocol):
    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        """Which events change these read models, and how."""

    def load(self, connection: Connection, tables: Tables) -> None:
        """Take up where these tables stand: read back what is still changing."""


def label(mode: Mode) -> str:
    """Name a mode as every view shows it."""
    return "paper" if mode == "paper" else LIVE
