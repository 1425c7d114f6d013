"""What a report shows of the market itself: prices for charts, and the regime at every entry.

Accounts that trade the same bars share it, so that neither is computed twice.
"""

from collections.abc import Sequence

import numpy as np

from application.kernel_rows import Row
from application.ports import Stretch
from application.report import Chart
from application.report_candles import LIMIT, CandleTape
from application.report_ledger import Array
from application.report_regimes import RegimeTape

FEWEST = 1_000  # candles of each symbol's chart, however many symbols share a page


class Prices:
    """Charts of several symbols."""

    def __init__(self, symbols: Sequence[str], base_ms: int) -> None:
        self.symbols = tuple(symbols)
        most = max(LIMIT // len(self.symbols), FEWEST)
        self.tapes = tuple(CandleTape(base_ms, most) for _ in self.symbols)

    def add(self, stretch: Stretch) -> None:
        """Take the next bars of each symbol."""
        for tape, bars in zip(self.tapes, stretch, strict=True):
            tape.add(bars)

    def charts(self) -> tuple[Chart, ...]:
        """Give a chart a symbol, of all bars so far."""
        return tuple(
            Chart(symbol=symbol, candles=tape.candles(), width=tape.width)
            for symbol, tape in zip(self.symbols, self.tapes, strict=True)
        )


class Regimes:
    """The regime of several symbols, in one timeframe."""

    def __init__(self, timeframe: str, markets: Sequence[Row], base_ms: int) -> None:
        self.tapes = tuple(RegimeTape(timeframe, market, base_ms) for market in markets)

    @property
    def seconds(self) -> float:
        """Time spent here."""
        return sum(tape.seconds for tape in self.tapes)

    def add(self, stretch: Stretch) -> None:
        """Take the next bars of each symbol."""
        for tape, bars in zip(self.tapes, stretch, strict=True):
            if len(bars):
                tape.add(bars)

    def labels(self, entries: Array) -> list[str | None]:
        """Name the regime of its symbol at each of `Ledger.entries`."""
        labels: list[str | None] = [None] * len(entries)
        for symbol, tape in enumerate(self.tapes):
            own = np.flatnonzero(entries[:, 2] == symbol)
            for place, label in zip(own.tolist(), tape.at(entries[own, 0]), strict=True):
                labels[place] = label
        return labels
