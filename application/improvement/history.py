"""The bars that were traded, as arrays: what losses are told from and candidates are tested on.

Read from the journal once and kept, since every look takes most of what the look before took.
"""

import numpy as np

from application.ports import BarJournal, Stretch, between, until
from domain.timeframe import DAY

SPARE = 30 * DAY  # kept before what was last asked for: looks of several strategies differ a little


class History:
    """Bars of all symbols of a home. One thread at a time."""

    def __init__(self, journal: BarJournal, base_ms: int) -> None:
        self._journal = journal
        self._base_ms = base_ms
        self._held: Stretch = ()
        self._from = self._to = 0  # held are the bars that open in [from, to)

    def between(self, start: int, end: int) -> Stretch:
        """Give each symbol's bars with start ≤ open < end (ms). Not to be written to."""
        if start < self._from or not self._held:
            self._held, self._from, self._to = self._read(start, end), start, end
        elif end > self._to:
            more = self._read(self._to, end)
            kept = max(self._from, start - SPARE)
            self._held = tuple(
                np.concatenate([bars[int(np.searchsorted(bars["timestamp"], kept)) :], new])
                for bars, new in zip(self._held, more, strict=True)
            )
            self._from, self._to = kept, end
        return between(self._held, start, end)

    def _read(self, start: int, end: int) -> Stretch:
        moments = max((end - start) // self._base_ms, 1)
        return until(self._journal.read(start - 1, moments), end)
