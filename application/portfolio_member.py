"""One strategy's account in a portfolio: run ahead, and taken back where an entry is refused.

Nothing but a refusal reaches an account from the others, so it runs a whole block ahead by itself.
Where one of its entries is refused it goes back to where its control last changed, comes again to
that close (the same records, bit for bit) and goes on with its entries off, until every entry that
waits is withdrawn. So blocks may be cut anywhere without changing a record.
"""

from typing import Any

import numpy as np
from msgspec import structs

from application.account_book import AccountBook
from application.backtest_account import Account
from application.kernel_rows import market_row
from application.ports import Stretch, between
from application.report import BacktestRun
from domain.limits import SLEEVE_CAPITAL
from domain.money import to_units
from kernels import dtypes

Array = np.ndarray[Any, Any]

NOTHING = np.empty((0, dtypes.RECORD_WIDTH))


class Member:
    """An account, its book up to the close that is judged, and its records to the block's end."""

    def __init__(self, account: Account) -> None:
        self.account = account
        units = [int(market_row(instrument)["unit"][0]) for instrument in account.instruments]
        self.book = AccountBook(to_units(SLEEVE_CAPITAL), units)
        self.withdrawing: frozenset[int] = frozenset()  # symbols whose entries are to go
        self.records = NOTHING  # of the block, to its end
        self.entered = 0  # of them, those in the book
        self.entries = NOTHING[:, dtypes.BAR_INDEX]  # moments at which one was placed
        self.saved, self.saved_at = b"", 0  # state before this moment of the block

    @property
    def name(self) -> str:
        """The strategy's name, by which accounts are ordered."""
        return self.account.program.name

    def begin(self, stretch: Stretch, times: Array) -> None:
        """Take up a block; `times` are its moments."""
        self.stretch, self.times = stretch, times
        self.records, self.entered = NOTHING, 0
        self.ahead(0)

    def ahead(self, first: int) -> None:
        """Run to the block's end, with entries off as long as one is to be withdrawn."""
        if self.withdrawing:
            end = self.gone_at(first)
            self.add(self.step(first, end, dtypes.ENTRIES_OFF))
            first = end
        self.saved, self.saved_at = self.account.runner.state(), first
        if first < len(self.times):
            self.add(self.step(first, len(self.times), 0))
        self.entries = self.records[enters(self.records), dtypes.BAR_INDEX]

    def gone_at(self, first: int) -> int:
        """The moment after that at which all symbols with an entry to withdraw have had a bar.

        Those that have had theirs are forgotten; where the block ends before, others are left.
        """
        since = self.times[first]
        nexts = {}
        for symbol in self.withdrawing:
            opens = self.stretch[symbol]["timestamp"]
            place = int(np.searchsorted(opens, since))
            if place < len(opens):
                nexts[symbol] = int(np.searchsorted(self.times, opens[place])) + 1
        left = self.withdrawing - nexts.keys()
        self.withdrawing = frozenset(left)
        return len(self.times) if left else max(nexts.values())

    def step(self, first: int, end: int, control: int) -> Array:
        part = self.within(first, end)
        records = self.account.step(part, control)
        records[:, dtypes.BAR_INDEX] += first
        return records

    def within(self, first: int, end: int) -> Stretch:
        return between(self.stretch, int(self.times[first]), int(self.times[end - 1]) + 1)

    def add(self, records: Array) -> None:
        self.records = np.concatenate([self.records, records])

    def next_entry(self, first: int) -> int | None:
        """The first moment from `first` on at whose close it places an entry."""
        place = int(np.searchsorted(self.entries, first))
        return int(self.entries[place]) if place < len(self.entries) else None

    def placed(self, moment: int) -> dict[int, int]:
        """The entries placed at a moment's close: signed lots, by symbol."""
        low, high = np.searchsorted(self.records[:, dtypes.BAR_INDEX], (moment, moment + 1))
        rows = self.records[low:high]
        return {
            int(row[dtypes.SYMBOL]): int(row[dtypes.A] * row[dtypes.C])
            for row in rows[enters(rows)]
        }

    def come_to(self, moment: int) -> None:
        """Take into the book what happened before a moment's end."""
        end = int(np.searchsorted(self.records[:, dtypes.BAR_INDEX], moment + 1))
        self.book.take(self.records[self.entered : end])
        self.entered = end

    def withdraw(self, moment: int) -> None:
        """Withdraw every entry that waits after a moment, at its symbol's next open."""
        self.withdrawing = frozenset(self.book.waiting)
        self.records = self.records[: self.entered]
        if moment + 1 == len(self.times):
            return
        self.account.runner.restore(self.saved)
        if moment + 1 > self.saved_at:
            self.step(self.saved_at, moment + 1, 0)
        self.ahead(moment + 1)

    def finish(self) -> None:
        """Keep what the block told."""
        self.come_to(len(self.times) - 1)
        self.account.keep(self.stretch, self.records)

    def told(self, last: int) -> BacktestRun:
        """Tell all there is; `last` is the open of the last bar. The seconds are the kernel's."""
        run = self.account.told(last)
        report = structs.replace(run.report, seconds=self.account.kernel_seconds)
        return structs.replace(run, report=report)


def enters(records: Array) -> Array:
    found: Array = (records[:, dtypes.KIND] == dtypes.ORDER) & (
        records[:, dtypes.B] == dtypes.ENTRY
    )
    return found
