"""What an account holds, what waits, and what it is worth, added up from a kernel's records.

Money is what came in less what went out: a purchase takes its whole price, so equity needs no entry
price and no realised part. All figures are whole 1e-8 quote, so sums are exact.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels import dtypes

Array = np.ndarray[Any, Any]

HEEDED = (dtypes.ORDER, dtypes.CANCELLED, dtypes.FILL, dtypes.FUNDED)


class AccountBook:
    """One account after the records given to `take`."""

    def __init__(self, capital: int, units: Sequence[int]) -> None:
        """Begin with `capital`; `units` are the money of one lot moving one tick, by symbol."""
        self.units = tuple(units)
        self.money = capital
        self.lots: dict[int, int] = {}  # held by symbol index, signed; no zeros
        self.waiting: dict[int, int] = {}  # entries that wait, likewise

    def take(self, records: Array) -> None:
        """Take the next records, in their order."""
        for row in records[np.isin(records[:, dtypes.KIND], HEEDED)].tolist():
            kind, symbol = int(row[dtypes.KIND]), int(row[dtypes.SYMBOL])
            if kind == dtypes.FILL:
                self.fill(row, symbol)
            elif kind == dtypes.FUNDED:
                self.money -= int(row[dtypes.B])
            elif row[dtypes.B] == dtypes.ENTRY:
                placed = kind == dtypes.ORDER
                self.wait(symbol, int(row[dtypes.A]) * int(row[dtypes.C]) if placed else 0)

    def wait(self, symbol: int, lots: int) -> None:
        self.waiting.pop(symbol, None)
        if lots:
            self.waiting[symbol] = lots

    def fill(self, row: Sequence[float], symbol: int) -> None:
        signed = int(row[dtypes.A]) * int(row[dtypes.C])
        self.money -= signed * int(row[dtypes.D]) * self.units[symbol] + int(row[dtypes.F])
        left = self.lots.pop(symbol, 0) + signed
        if left:
            self.lots[symbol] = left
        if row[dtypes.B] == dtypes.ENTRY:
            self.waiting.pop(symbol, None)

    def equity(self, closes: Mapping[int, int]) -> int:
        """Give what the account is worth at these closes (ticks, by symbol index)."""
        held = self.lots.items()
        return self.money + sum(lots * closes[s] * self.units[s] for s, lots in held)
