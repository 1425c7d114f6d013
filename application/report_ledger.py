"""What an account's records tell of a run: its trades with all their costs, and its equity.

Everything here is read off the records that the kernel writes, nothing is computed anew but units:
whole ticks, lots and 1e-8 quote become exact decimals. A trade is made of its OPENED and CLOSED
records, so what it shows is what the account was charged. An account has one position of a symbol
at a time: the records of each symbol pair up in order.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.instrument import Instrument
from domain.money import from_units
from kernels import dtypes
from kernels.metrics.trades import Trade

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Marks:
    """Equity as it was marked: about hourly, at base-bar closes, and whenever a breaker tripped."""

    at: Array  # int64, ms, ascending
    equity: Array  # float64, whole 1e-8 quote


class Ledger:
    """Collects one account's trades and marks block by block."""

    def __init__(
        self, instruments: Sequence[Instrument], base_ms: int, tags: Sequence[str]
    ) -> None:
        self.instruments = tuple(instruments)
        self.base_ms = base_ms
        self.tags = tags
        self.opened: list[Array] = []  # [entry_at, tag, symbol]
        self.closed: list[Array] = []  # CLOSED records
        self.closed_at: list[Array] = []  # [exit_at, open of the bar]
        self.marked: list[Array] = []  # [at, equity]
        self.trips: Counter[str] = Counter()  # breakers that tripped, by code
        self.refusals: Counter[str] = Counter()  # entries that were refused, by the limit's code

    def add(self, records: Array, timestamps: Array) -> None:
        """Take a block's records of the account, and the open times of the block's moments."""
        begun = timestamps[records[:, dtypes.BAR_INDEX].astype(np.int64)]
        times = begun + records[:, dtypes.AT_CLOSE].astype(np.int64) * self.base_ms
        kinds = records[:, dtypes.KIND]
        opened, closed, marked = (
            kinds == kind for kind in (dtypes.OPENED, dtypes.CLOSED, dtypes.MARKED)
        )
        what = records[opened][:, (dtypes.F, dtypes.SYMBOL)].astype(np.int64)
        self.opened.append(np.concatenate([times[opened][:, None], what], axis=1))
        self.closed.append(records[closed])
        self.closed_at.append(np.stack([times[closed], begun[closed]], axis=1))
        equity = records[marked, dtypes.A] + records[marked, dtypes.B]
        self.marked.append(np.stack([times[marked].astype(np.float64), equity], axis=1))
        for counted, kind in ((self.trips, dtypes.TRIPPED), (self.refusals, dtypes.REFUSED)):
            codes = records[kinds == kind, dtypes.A].astype(np.int64)
            counted.update(dtypes.LIMIT_CODES[code] for code in codes.tolist())

    def entries(self) -> Array:
        """Entry time (ms), tag and symbol index of every position, int64 [n, 3]; some may be open.

        In the order they were opened.
        """
        return np.concatenate([np.empty((0, 3), np.int64), *self.opened])

    def entered(self) -> Array:
        """Say which entry each closed trade began with: its place among `entries`."""
        symbols = self.entries()[:, 2]
        closed = [part[:, dtypes.SYMBOL] for part in self.closed]
        owners = np.concatenate([np.empty(0), *closed]).astype(np.int64)
        places = np.empty(len(owners), np.int64)
        for symbol in range(len(self.instruments)):
            own = owners == symbol
            places[own] = np.flatnonzero(symbols == symbol)[: np.count_nonzero(own)]
        return places

    def open_since(self) -> list[int]:
        """Entry times (ms) of the positions that are open, in the order they were opened."""
        since: list[int] = np.delete(self.entries()[:, 0], self.entered()).tolist()
        return since

    def exits(self) -> Array:
        """Exit time and open of the bar it was in, ms, of every closed trade: int64 [n, 2]."""
        return np.concatenate([np.empty((0, 2), np.int64), *self.closed_at])

    def left_in(self) -> Array:
        """Open of the bar that each trade was left in, ms."""
        left: Array = self.exits()[:, 1]
        return left

    def marks(self) -> Marks:
        """Give every mark so far."""
        whole = np.concatenate([np.empty((0, 2)), *self.marked])
        return Marks(whole[:, 0].astype(np.int64), whole[:, 1])

    def trades(self, regimes: Sequence[str | None] | None = None) -> tuple[Trade, ...]:
        """Give every closed trade, in the order they closed; `regimes` are those of `entries`.

        Raises `domain.money.InexactMoney` where the account outgrew exact money.
        """
        exits = self.exits()[:, 0].tolist()
        places = self.entered()
        entries = self.entries()[places].tolist()
        records = [record for part in self.closed for record in part.tolist()]
        known = [None] * len(exits) if regimes is None else [regimes[n] for n in places.tolist()]
        rows = zip(entries, exits, records, known, strict=True)
        return tuple(self.trade(*row) for row in rows)

    def trade(
        self, entry: Sequence[int], exit_at: int, record: Sequence[float], regime: str | None
    ) -> Trade:
        instrument = self.instruments[int(record[dtypes.SYMBOL])]
        return Trade(
            symbol=instrument.symbol,
            side=int(record[dtypes.A]),
            tag=self.tags[entry[1]],
            reason=dtypes.INTENTS[int(record[dtypes.M])],
            entry_at=entry[0],
            exit_at=exit_at,
            quantity=int(record[dtypes.B]) * instrument.lot,
            entry_price=int(record[dtypes.C]) * instrument.tick,
            exit_price=int(record[dtypes.D]) * instrument.tick,
            gross=from_units(record[dtypes.E]),
            fees=from_units(record[dtypes.F]),
            slippage=from_units(record[dtypes.G]),
            funding=from_units(record[dtypes.H]),
            net=from_units(record[dtypes.I]),
            mae=from_units(record[dtypes.J]),
            mfe=from_units(record[dtypes.K]),
            bars=int(record[dtypes.L]),
            regime=regime,
        )
