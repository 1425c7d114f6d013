"""What holding a perpetual costs at each settlement.

A bar carries the sum of the rates settled after the previous bar's open, up to its own: a gap
accrues what it spans. Every eight hours (00, 08, 16 UTC) are a settlement; where none is recorded
the venue's base rate of 0.01 % stands in, so that a missing record never makes holding free.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from application.ports import Bars
from infrastructure.candles.parquet import TableFile
from infrastructure.candles.rows import Column, first_settlement_fault, refuse
from infrastructure.feeds.resample import whole_bucket
from infrastructure.feeds.stream import BarSource

INTERVAL = 8 * 3_600_000  # ms
BASE_RATE = 0.0001  # paid by longs to shorts each settlement
MINUTE = 60_000  # ms; venues stamp a settlement some milliseconds late


class FundingSchedule:
    """Settlement times (ms, increasing) and rates, completed with the base rate on demand."""

    def __init__(self, times: Column, rates: Column) -> None:
        self._recorded = dict(zip((times - times % MINUTE).tolist(), rates.tolist(), strict=True))
        self._times = np.array(sorted(self._recorded), np.int64)

    @classmethod
    def empty(cls) -> "FundingSchedule":
        """Nothing recorded: every settlement at the base rate."""
        return cls(np.zeros(0, np.int64), np.zeros(0))

    def between(self, after: int, until: int) -> tuple[Column, Column]:
        """Give times and rates with after < time ≤ until, in order."""
        low, high = np.searchsorted(self._times, (after, until), side="right")
        grid = np.arange(whole_bucket(after + 1, INTERVAL), until + 1, INTERVAL)
        times = np.union1d(self._times[low:high], grid)
        rates = [self._recorded.get(time, BASE_RATE) for time in times.tolist()]
        return times, np.array(rates, np.float64)


def read_funding(path: Path) -> FundingSchedule:
    """Read a funding file. Raises `FeedError` naming the row that is no settlement."""
    table = TableFile(path, [("timestamp", "int64"), ("rate", "double")])
    pieces = list(table.pieces(0, 0))
    table.close()
    times = np.concatenate([columns["timestamp"] for _, columns in pieces] or [np.zeros(0, "<i8")])
    rates = np.concatenate([columns["rate"] for _, columns in pieces] or [np.zeros(0)])
    fault = first_settlement_fault(times, rates, None)
    if fault is not None:
        raise refuse(path.name, fault, 0)
    return FundingSchedule(times, rates)


class Funded:
    """A source whose bars carry their funding; the first bar of all carries none."""

    def __init__(self, source: BarSource, schedule: FundingSchedule) -> None:
        self._source = source
        self._schedule = schedule

    def seek(self, start: int) -> tuple[int | None, Iterator[Bars]]:
        """As `BarSource.seek`."""
        previous, pieces = self._source.seek(start)
        return previous, self._with_funding(previous, pieces)

    def close(self) -> None:
        """Close the source. May be called twice."""
        self._source.close()

    def _with_funding(self, previous: int | None, pieces: Iterator[Bars]) -> Iterator[Bars]:
        for bars in pieces:
            opens = bars["timestamp"]
            before = int(opens[0]) if previous is None else previous
            times, rates = self._schedule.between(before, int(opens[-1]))
            # np.add.at adds one by one in order: sums do not depend on how bars come in pieces
            np.add.at(bars["funding"], np.searchsorted(opens, times), rates)
            previous = int(opens[-1])
            yield bars
