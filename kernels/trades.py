"""Closed trades read off an account's records, and their digest.

Two runs traded alike exactly when their trade digests are equal: sha256 over the trades in the
order they closed, in the layout `dtypes.TRADE`.
"""

import hashlib
from typing import Any

import numpy as np

from kernels import dtypes

Array = np.ndarray[Any, Any]

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

    def __init__(self, base_ms: int) -> None:
        self.base_ms = base_ms
        self.entry_at = np.empty(0, np.int64)  # of the position still open, if any
        self.parts: list[Array] = []
        self.hash = hashlib.sha256()

    def add(self, records: Array, timestamps: Array) -> None:
        """Take one lane's records of a block, and the block's bar open times."""
        opened = records[records[:, dtypes.KIND] == dtypes.OPENED]
        closed = records[records[:, dtypes.KIND] == dtypes.CLOSED]
        entries = np.concatenate([self.entry_at, self.times(opened, timestamps)])
        trades = np.empty(len(closed), dtypes.TRADE)
        trades["entry_at"] = entries[: len(closed)]
        trades["exit_at"] = self.times(closed, timestamps)
        for name, column in COLUMNS.items():
            trades[name] = closed[:, column]
        self.entry_at = entries[len(closed) :]
        self.hash.update(trades.tobytes())
        self.parts.append(trades)

    def times(self, records: Array, timestamps: Array) -> Array:
        at: Array = timestamps[records[:, dtypes.BAR_INDEX].astype(np.int64)]
        return at + records[:, dtypes.AT_CLOSE].astype(np.int64) * self.base_ms

    def trades(self) -> Array:
        """Every trade so far, dtype TRADE, in the order they closed."""
        return np.concatenate([np.empty(0, dtypes.TRADE), *self.parts])

    def digest(self) -> str:
        """sha256 over the trades so far."""
        return self.hash.hexdigest()
