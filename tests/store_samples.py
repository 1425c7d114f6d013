"""Small events for tests of the store: one mark after another, on any stream."""

from decimal import Decimal
from pathlib import Path

from domain.event import Event
from domain.portfolio.events import EquityMarked
from infrastructure.store import SqliteEventLog

ACCOUNT = "portfolio/paper/vwap_reversion/v1/A"
FIRST_BAR = 1_700_000_000_000


class TickingClock:
    """Wall time that goes up by a microsecond a look, unless set otherwise."""

    def __init__(self, now: int = 1_735_732_800_000_000) -> None:
        self.now = now

    def now_us(self) -> int:
        self.now += 1
        return self.now


def mark(version: int, stream: str = ACCOUNT, correlation: str = "") -> Event:
    """Make the mark with that version of the stream."""
    at = FIRST_BAR + version * 60_000
    return EquityMarked(
        stream=stream,
        stream_version=version,
        kind="derived",
        occurred_at=at,
        correlation_id=correlation or f"step/{at}",
        actor="engine",
        cash=Decimal("17000.00000000") - version,
        unrealised=Decimal("0.00000001") * version,
        peak=Decimal("17000.00000000"),
        max_drawdown=Decimal(version),
        price=Decimal("43123.12"),
        prices={},
    )


def marks(first: int, count: int, stream: str = ACCOUNT) -> list[Event]:
    """Make `count` marks that follow one another."""
    return [mark(version, stream) for version in range(first, first + count)]


def opened(path: Path) -> SqliteEventLog:
    """Open a log whose recording times are made up."""
    return SqliteEventLog(path, now_us=TickingClock().now_us)
