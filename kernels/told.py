"""What was said of one symbol's regime from outside, and when it held: read as of each close.

A classification holds from its start to before its end, and no longer than to the start of the next
one: what a later one has replaced never comes back. What holds at a close is a pure function of the
list, so it does not matter how the bars are cut, nor whether a classification was known from the
beginning or told just before the first bar that it holds for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LOWEST, HIGHEST = -2, 2  # codes: strong bear … strong bull, as `market_regime()` gives them


@dataclass(frozen=True, eq=False)
class Told:
    """The classifications of one symbol, by their start; where two start together, the last counts.

    One that ends as it starts holds nowhere: it takes back what was said before it. Raises
    ValueError for lists that do not fit together, or a code that is no regime.
    """

    starts: Array  # int64 [n], ms, inclusive
    ends: Array  # int64 [n], ms, exclusive
    codes: Array  # float64 [n], −2 … 2

    def __post_init__(self) -> None:
        lengths = (len(self.starts), len(self.ends), len(self.codes))
        if len(set(lengths)) > 1:
            raise ValueError(f"starts, ends and codes were {lengths}, must be equally many")
        for at, (start, end, code) in enumerate(self.rows()):
            if at and start < self.starts[at - 1]:
                before = int(self.starts[at - 1])
                raise ValueError(f"start was {start} after {before}, must be in order of time")
            if end < start:
                raise ValueError(f"end was {end}, must not be before its start {start}")
            if code not in range(LOWEST, HIGHEST + 1):
                raise ValueError(f"code was {code}, must be a whole number {LOWEST} to {HIGHEST}")

    def at(self, closes: Array) -> Array:
        """Give the code that holds at each close (ms), float64; NaN where none does."""
        if not len(self.starts):
            return np.full(len(closes), np.nan)
        latest = np.searchsorted(self.starts, closes, side="right") - 1
        holds = (latest >= 0) & (closes < self.ends[latest])
        return np.where(holds, self.codes[latest], np.nan)

    def rows(self) -> list[tuple[int, int, float]]:
        """Give (start, end, code) of each."""
        columns = (self.starts.tolist(), self.ends.tolist(), self.codes.tolist())
        return list(zip(*columns, strict=True))


def told_of(rows: Iterable[tuple[int, int, int]]) -> Told:
    """Lay out (start ms, end ms, code) in the order in which they were said.

    Raises ValueError for a code that is no regime, or an end before its start.
    """
    ordered = sorted(rows, key=itemgetter(0))  # stable: what starts together stays in its order
    starts, ends = (np.array([row[n] for row in ordered], np.int64) for n in (0, 1))
    return Told(starts, ends, np.array([row[2] for row in ordered], np.float64))


NOTHING_TOLD = told_of(())
