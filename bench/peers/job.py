"""What a peer is asked and what it answers: shared by the bench and by every peer's own Python.

Only numpy and the standard library may be imported here, for nothing else is in all environments.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["sma_cross", "ema_cross"]
Floats = NDArray[np.float64]
COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
LOT = 1e-8  # base


@dataclass(frozen=True)
class Job:
    """One question: the same account, run for each (fast, slow) pair of periods in bars."""

    kind: Kind
    sets: tuple[tuple[int, int], ...]
    cash: float = 50_000_000.0  # quote, at the start: enough that no buy is ever cut or refused
    notional: float = 1_000_000.0  # quote, of one buy at the decision's close
    fee: float = 0.001  # of the value of each fill
    rounds: int = 1  # runs timed, after the warm-up; the median counts

    def __post_init__(self) -> None:
        wrong = [pair for pair in self.sets if not 1 <= pair[0] < pair[1]]
        if wrong or not self.sets:
            raise ValueError(f"sets held {wrong or 'nothing'}, must be pairs with 1 ≤ fast < slow")
        if self.rounds < 1:
            raise ValueError(f"rounds was {self.rounds}, must be 1 or more")


@dataclass(frozen=True)
class Bars:
    """Columns of one symbol: timestamp in ms (UTC, bar open), prices in quote, volume in base.

    Quote is whatever unit makes every price a whole number: the tick (a cent for BTC/USDT).
    """

    timestamp: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.close)

    def head(self, count: int) -> "Bars":
        """Keep the first `count` bars."""
        return Bars(*(getattr(self, name)[:count] for name in COLUMNS))


@dataclass(frozen=True)
class Outcome:
    """What one set gave."""

    fast: int
    slow: int
    closed_trades: int
    final_equity: float  # quote, an open position marked at the last close
    max_drawdown: float  # fraction of the peak, at closes
    max_drawdown_value: float  # quote, at closes


def whole_ticks(candles: Any, tick: float) -> Bars:
    """Take candles (a record array or a mapping of columns) with prices counted in ticks.

    Raises ValueError where a price is not a whole multiple of `tick`.
    """
    columns = {name: np.ascontiguousarray(candles[name]) for name in COLUMNS}
    for name in ("open", "high", "low", "close"):
        counted = columns[name] / tick
        off = np.abs(counted - np.rint(counted)) > 1e-6
        if off.any():
            raise ValueError(f"{name} was {columns[name][off][0]}, must be a multiple of {tick}")
        columns[name] = np.rint(counted)
    return Bars(**columns)


def save_bars(path: Path, bars: Bars) -> None:
    """Write bars where a peer can read them."""
    columns = {name: getattr(bars, name) for name in COLUMNS}
    np.savez(path, allow_pickle=False, **columns)


def load_bars(path: Path) -> Bars:
    """Read what `save_bars` wrote."""
    with np.load(path) as stored:
        return Bars(*(stored[name] for name in COLUMNS))


def amounts(close: Floats, notional: float) -> Floats:
    """Amount in base that a buy decided at each close asks for, rounded down to the lot."""
    return np.floor(notional / close / LOT + 1e-9) * LOT


def drawdown(equity: Floats, cash: float) -> tuple[float, float]:
    """Greatest fall of equity at closes from its peak: as a fraction of the peak, and in quote."""
    peak = np.maximum(np.maximum.accumulate(equity), cash)
    fallen = peak - equity
    return float((fallen / peak).max()), float(fallen.max())
