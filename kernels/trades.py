"""Closed trades read off an account's records, and their digest.

Two runs traded alike exactly when their trade digests are equal: sha256 over the trades in the
order they closed, in the layout `dtypes.TRADE`; of several symbols each trade ends with its
symbol's index, `SYMBOL_TRADE`. An account has one position of a symbol at a time, so a symbol's
trades close in the order they were opened, whatever the others do.
"""

import hashlib
from typing import Any

import numpy as np

from kernels import dtypes

Array = np.ndarray[Any, Any]

# A closed trade of an account on several symbols, as digested.
SYMBOL_TRADE = np.dtype([*dtypes.TRADE.descr, ("symbol", "<i8")])

# TRADE field -> column of a CLOSED record
COLUMNS = {
    "side": dtypes.A,
    "lots": dtypes.B,
    "entry_ticks": dtypes.C,
    "exit_ticks": dtypes.D,
    "gross": dtypes.E,
    "fees": dtypes.F,
    "slippage": dtypes.G,
    "funding": dtypes.H,
    "net": dtypes.I,
    "intent": dtypes.M,
}


class TradeTape:
    """Collects one account's trades block by block."""

    def __init__(self, base_ms: int, symbols: int = 1) -> None:
        self.base_ms = base_ms
        self.layout = dtypes.TRADE if symbols == 1 else SYMBOL_TRADE
        self.entry_at = [np.empty(0, np.int64)] * symbols  # of positions still open, by symbol
        self.parts: list[Array] = []
        self.hash = hashlib.sha256()

    def add(self, records: Array, timestamps: Array) -> None:
        """Take one lane's records of a block, and the open times of the block's moments."""
        opened = records[records[:, dtypes.KIND] == dtypes.OPENED]
        closed = records[records[:, dtypes.KIND] == dtypes.CLOSED]
        trades = np.empty(len(closed), self.layout)
        opened_at = self.times(opened, timestamps)
        for symbol, waiting in enumerate(self.entry_at):
            own = closed[:, dtypes.SYMBOL] == symbol
            entries = np.concatenate([waiting, opened_at[opened[:, dtypes.SYMBOL] == symbol]])
            count = int(np.count_nonzero(own))
            trades["entry_at"][own] = entries[:count]
            self.entry_at[symbol] = entries[count:]
        trades["exit_at"] = self.times(closed, timestamps)
        for name, column in COLUMNS.items():
            trades[name] = closed[:, column]
        if len(self.entry_at) > 1:
            trades["symbol"] = closed[:, dtypes.SYMBOL]
        self.hash.update(trades.tobytes())
        self.parts.append(trades)

    def times(self, records: Array, timestamps: Array) -> Array:
        at: Array = timestamps[records[:, dtypes.BAR_INDEX].astype(np.int64)]
        return at + records[:, dtypes.AT_CLOSE].astype(np.int64) * self.base_ms

    def trades(self) -> Array:
        """Every trade so far, in the order they closed: dtype TRADE, of several SYMBOL_TRADE."""
        return np.concatenate([np.empty(0, self.layout), *self.parts])

    def digest(self) -> str:
        """sha256 over the trades so far."""
        return self.hash.hexdigest()
