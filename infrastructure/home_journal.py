"""The bars of all symbols of a home, as `application.ports.BarJournal`: a file for each symbol.

Several files cannot be written at once, so after each block one more record says up to which moment
all of them are whole, and how many bars they hold together (`moments.bars`, in the same layout, the
count as volume). What lies beyond it after a crash was never used, and is cut; where bars before it
are missing, a file was lost. A home of one symbol needs no such record: its file says it itself.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from application.ports import BAR, Stretch, moments, until
from infrastructure.journal import FileBarJournal, JournalError
from infrastructure.symbols import stored_symbol

FOLDER = "bars"
MOMENTS = "moments.bars"


class HomeJournal:
    """One writer at a time (the home's lock sees to that); any number of readers."""

    def __init__(
        self,
        journals: Mapping[str, FileBarJournal],
        whole: FileBarJournal | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """Take the symbols' journals in their order, and of several the journal of moments.

        A reader sees the moments that were whole when it looked. Raises `JournalError`.
        """
        if not journals or (len(journals) > 1) != (whole is not None):
            raise ValueError(f"journals were {len(journals)}, moments are told of several alone")
        self._journals = dict(journals)
        self._whole = whole
        if whole is not None:
            last = -1 if (found := whole.last()) is None else found
            self._refuse_loss(whole, last)
            for journal in () if read_only else self._journals.values():
                journal.cut(last)

    def append(self, stretch: Stretch) -> None:
        """Write and fsync, a symbol after another, then say that the moments are whole.

        Raises ValueError for a bar that is not after the last moment, `JournalError` when the disk
        does not take it.
        """
        times = moments(stretch)
        last = self.last()
        if len(times) and last is not None and times[0] <= last:
            raise ValueError(f"bar was {times[0]}, must be after {last}, the last moment")
        for journal, bars in zip(self._journals.values(), stretch, strict=True):
            journal.append(bars)
        if self._whole is not None and len(times):
            mark = np.zeros(1, BAR)
            mark["timestamp"] = times[-1]
            mark["volume"] = sum(map(len, self._journals.values()))
            self._whole.append(mark)

    def last(self) -> int | None:
        """Give the last whole moment, ms."""
        if self._whole is not None:
            return self._whole.last()
        return next(iter(self._journals.values())).last()

    def read(self, after: int, limit: int) -> Stretch:
        """Give the bars after `after`, of at most `limit` moments. Raises `JournalError`."""
        stretch = tuple(journal.read(after, limit) for journal in self._journals.values())
        if self._whole is None:
            return stretch
        last = self._whole.last()
        stretch = until(stretch, 0 if last is None else last + 1)
        # Where a symbol's bars were cut off by the limit, what is beyond them is not known yet.
        full = [int(bars["timestamp"][-1]) for bars in stretch if len(bars) == limit]
        stretch = until(stretch, min(full) + 1) if full else stretch
        times = moments(stretch)
        return stretch if len(times) <= limit else until(stretch, int(times[limit]))

    def records(self, symbol: str, start: int, end: int) -> bytes:
        """Give a symbol's raw records with start ≤ timestamp < end. Raises `JournalError`."""
        return self._journals[symbol].records(start, end)

    def _refuse_loss(self, whole: FileBarJournal, last: int) -> None:
        told = int(whole.read(last - 1, 1)["volume"].sum())
        held = {symbol: each.count(last) for symbol, each in self._journals.items()}
        if sum(held.values()) != told:
            each = ", ".join(f"{count} of {symbol}" for symbol, count in held.items())
            raise JournalError(
                f"{whole.path.parent}: bars up to {last} were {each}, must be {told} together: "
                "a file was lost or is not this home's"
            )

    def close(self) -> None:
        """Close the files. May be called twice."""
        for journal in (*self._journals.values(), *filter(None, [self._whole])):
            journal.close()


def open_journal(home: Path, symbols: Sequence[str], *, read_only: bool = False) -> HomeJournal:
    """Open the journal of a home, `bars/SYMBOL.bars` for each symbol. Raises `JournalError`."""
    folder = home / FOLDER
    opened: list[FileBarJournal] = []

    def open_one(name: str) -> FileBarJournal:
        opened.append(FileBarJournal(folder / name, read_only=read_only))
        return opened[-1]

    try:
        # A reader looks at the moments first: the bars that they tell of are there by then.
        whole = open_one(MOMENTS) if len(symbols) > 1 else None
        journals = {symbol: open_one(f"{stored_symbol(symbol)}.bars") for symbol in symbols}
        return HomeJournal(journals, whole, read_only=read_only)
    except BaseException:
        for journal in opened:
            journal.close()
        raise
