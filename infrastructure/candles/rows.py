"""What a candle must be before it may be used.

Strictly increasing, aligned to the timeframe, finite, prices above zero, low ≤ open and close ≤
high, volume ≥ 0. A row that is not is refused by name (file, row, column, value): a repaired or
skipped candle would make every later figure unprovable. A missing bar is no fault: it is absent.
"""

from typing import Any

import numpy as np
from msgspec import Struct

from application.ports import FeedError

Column = np.ndarray[Any, Any]

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close")


class BadRow(FeedError):
    """A row that is not a candle."""


class Fault(Struct, frozen=True):
    """Why a row is refused."""

    row: int  # index within the columns given
    column: str
    value: float | int
    rule: str  # what it had to be


def first_fault(columns: dict[str, Column], length: int, previous: int | None) -> Fault | None:
    """Find the first row that is no candle of `length` ms, after the bar opened at `previous`."""
    times, volume = columns["timestamp"], columns["volume"]
    if not len(times):
        return None
    opened, high, low, close = (columns[name] for name in PRICES)
    good = (low > 0) & (low <= opened) & (low <= close) & (high >= opened) & (high >= close)
    good &= (high < np.inf) & (volume >= 0) & (volume < np.inf) & (times % length == 0)
    good[1:] &= times[1:] > times[:-1]
    if previous is not None and times[0] <= previous:
        good[0] = False
    if times[0] < 0:
        good[0] = False
    if good.all():
        return None
    row = int(np.argmin(good))
    before = int(times[row - 1]) if row else previous
    return _name_fault({name: columns[name][row].item() for name in COLUMNS}, row, length, before)


def _name_fault(values: dict[str, Any], row: int, length: int, before: int | None) -> Fault:
    time = values["timestamp"]
    if time < 0 or time % length:
        return Fault(row, "timestamp", time, f"a multiple of {length} ms")
    if before is not None and time <= before:
        rule = "no duplicate" if time == before else "in order"
        return Fault(row, "timestamp", time, f"{rule}: after {before}, the row before")
    for name in PRICES:
        if not 0 < values[name] < np.inf:
            return Fault(row, name, values[name], "finite and above 0")
    if not 0 <= values["volume"] < np.inf:
        return Fault(row, "volume", values["volume"], "finite and at least 0")
    body = (values["open"], values["close"])
    if values["high"] < max(body):
        return Fault(row, "high", values["high"], f"at least open and close ({max(body)!r})")
    return Fault(row, "low", values["low"], f"at most open and close ({min(body)!r})")


def first_settlement_fault(times: Column, rates: Column, previous: int | None) -> Fault | None:
    """Find the first funding settlement that is out of order or has a rate beyond ±100 %."""
    good = np.abs(rates) < 1
    good[1:] &= times[1:] > times[:-1]
    if len(good) and previous is not None:
        good[0] &= times[0] > previous
    if good.all():
        return None
    row = int(np.argmin(good))
    before = int(times[row - 1]) if row else previous
    if before is not None and times[row] <= before:
        return Fault(row, "timestamp", int(times[row]), f"after {before}, the row before")
    return Fault(row, "rate", float(rates[row]), "between -1 and 1")


def refuse(source: str, fault: Fault, offset: int) -> BadRow:
    """Word the refusal; rows are counted from 1 in the file, `offset` rows came before."""
    return BadRow(
        f"{source}: row {offset + fault.row + 1}, column {fault.column}: "
        f"was {fault.value!r}, must be {fault.rule}"
    )


class Gaps(Struct):
    """How much is missing between the bars that came; built up block by block."""

    count: int = 0
    missing: int = 0  # bars
    largest: int = 0  # bars
    largest_after: int | None = None  # open of the bar before the largest gap, ms
    last: int | None = None
    first: int | None = None
    rows: int = 0

    def add(self, times: Column, length: int) -> None:
        """Count the gaps within a block of open times and between it and the block before."""
        if not len(times):
            return
        self.rows += len(times)
        if self.last is None:
            self.first = int(times[0])
        else:
            times = np.concatenate((np.array([self.last]), times))
        self.last = int(times[-1])
        holes = np.diff(times) // length - 1
        self.count += int(np.count_nonzero(holes))
        self.missing += int(holes.sum())
        if len(holes) and int(holes.max()) > self.largest:
            at = int(np.argmax(holes))
            self.largest, self.largest_after = int(holes[at]), int(times[at])
