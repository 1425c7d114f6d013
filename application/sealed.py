"""Whether the journal still holds the bars that were used, as the log sealed them day by day."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from application.ports import RECORD_BYTES, BarJournal, LogReader
from domain.market import BarsSealed

MARKETS = "market/"  # what their streams' names begin with


class Changed(Struct, frozen=True):
    """A day whose bars are not those that were used."""

    position: int  # of its seal in the log
    sealed: BarsSealed
    found: BarsSealed  # the seal that the journal's bars would get now

    def __str__(self) -> str:
        day = datetime.fromtimestamp(self.sealed.start // 1000, UTC)
        return f"the journal's bars of {day:%Y-%m-%d} are not those that were used"


def changed_day(
    log: LogReader, journal: BarJournal, reaches: Callable[[int], bool] = lambda position: True
) -> Changed | None:
    """Find the first day whose bars in the journal are not those that were sealed.

    Only seals at positions that `reaches` holds for are looked at.
    """
    for market in log.streams(MARKETS):
        for event in log.stream(market):
            if not isinstance(event, BarsSealed):
                continue
            found = sealed_now(event, journal)
            if found == event:
                continue
            position = position_of(event, log)
            if not reaches(position):
                break
            return Changed(position, event, found)
    return None


def position_of(event: BarsSealed, log: LogReader) -> int:
    entries = log.correlated(event.correlation_id)
    return next(entry.position for entry in entries if entry.event == event)


def sealed_now(seal: BarsSealed, journal: BarJournal) -> BarsSealed:
    records = journal.records(seal.symbol, seal.start, seal.end)
    rows = len(records) // RECORD_BYTES
    return replace(
        seal,
        rows=rows,
        absent=seal.rows + seal.absent - rows,
        sha256=sha256(records).hexdigest(),
    )
