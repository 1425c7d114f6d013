"""How much symbols move together: the correlation of the returns of their closes over 30 days.

Looked at in hours (longer where base bars are longer), so that the figure hardly depends on the
timeframe and is new once an hour: an hour's close is that of the symbol's last bar that closed in
it. At a moment the last whole hour and the 720 before it count, those in which both symbols had a
bar; of less than half of them nothing is known, nor of a symbol that never moved. Bars may be taken
ahead: nothing later than the moment asked about is looked at.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from domain.limits import CORRELATION_DAYS
from domain.venue_limits import Correlations, correlation

Array = np.ndarray[Any, Any]

HOUR = 3_600_000  # ms
DAY = 24 * HOUR
NONE = np.empty(0, np.int64)


class CloseTape:
    """Closes of several symbols, hour by hour, as far back as correlations look."""

    def __init__(self, symbols: Sequence[str], base_ms: int) -> None:
        self.interval = max(HOUR, base_ms)  # ms
        self.back = CORRELATION_DAYS * DAY // self.interval  # returns looked at
        self.hours = dict.fromkeys(symbols, NONE)  # by symbol: number of the hour, ascending
        self.closes = dict.fromkeys(symbols, NONE)  # whole ticks, of each of these hours
        self.known: dict[frozenset[str], tuple[int, Decimal | None]] = {}  # the hour it is of

    def take(self, symbol: str, closes_at: Array, ticks: Array) -> None:
        """Take a symbol's next bars: when each was over (ms), and its close in whole ticks."""
        if len(closes_at) == 0:
            return
        hours = np.concatenate([self.hours[symbol], -(-closes_at // self.interval)])
        closes = np.concatenate([self.closes[symbol], ticks.astype(np.int64)])
        last = np.append(hours[1:] != hours[:-1], True)
        # An hour before the first of these may still be asked about.
        last &= hours >= int(closes_at[0]) // self.interval - self.back - 1
        self.hours[symbol], self.closes[symbol] = hours[last], closes[last]

    def between(self, one: str, other: str, at: int) -> Decimal | None:
        """Give the correlation of two symbols as of a moment (ms); None where it is not known.

        No moment may lie before one asked about a bar earlier: what is older was forgotten.
        """
        hour, pair = at // self.interval, frozenset((one, other))
        found = self.known.get(pair)
        if found is None or found[0] != hour:
            first, second = sorted(pair)
            found = self.known[pair] = (hour, self.compute(first, second, hour))
        return found[1]

    def compute(self, one: str, other: str, hour: int) -> Decimal | None:
        common = np.intersect1d(self.hours[one], self.hours[other])
        common = common[(common >= hour - self.back) & (common <= hour)]
        if len(common) < self.back // 2 + 1:
            return None
        first, second = (
            list(
                map(Decimal, self.closes[each][np.searchsorted(self.hours[each], common)].tolist())
            )
            for each in (one, other)
        )
        return correlation(first, second)

    def all_of(self, symbol: str, others: Sequence[str], at: int) -> Correlations:
        """Give what is known of a symbol and others; a pair left out counts as 1."""
        pairs = {other: self.between(symbol, other, at) for other in others if other != symbol}
        return {
            frozenset((symbol, other)): value for other, value in pairs.items() if value is not None
        }
