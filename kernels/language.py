"""The words of the strategy language, so that editors know them.

A strategy file may begin with `from kernels.language import *`; the compiler skips that line. A
strategy is parsed, never executed. The reference is docs/language.md.
"""

from typing import Any, NoReturn

from kernels.library.averages import ema, rma, sma, vwap, wma
from kernels.library.momentum import macd, macd_histogram, macd_signal, roc, rsi
from kernels.library.patterns import bars_since, crossed_above, crossed_below, value_when
from kernels.library.volatility import atr, bollinger_lower, bollinger_upper, stdev, true_range
from kernels.library.windows import highest, lowest

__all__ = [
    "FLAT",
    "LONG",
    "SHORT",
    "atr",
    "bars_since",
    "bollinger_lower",
    "bollinger_upper",
    "close",
    "crossed_above",
    "crossed_below",
    "ema",
    "high",
    "highest",
    "long",
    "low",
    "lowest",
    "macd",
    "macd_histogram",
    "macd_signal",
    "open",
    "param",
    "plan",
    "position",
    "rma",
    "roc",
    "rsi",
    "short",
    "sma",
    "stdev",
    "timeframe",
    "true_range",
    "value_when",
    "volume",
    "vwap",
    "wma",
]

open: Any = None  # noqa: A001  (the strategy bar that just closed)
high: Any = None
low: Any = None
close: Any = None
volume: Any = None
position: Any = None  # in exits(): .side (+1, −1), .entry_price, .bars, .return_
FLAT: Any = 0
LONG: Any = 1
SHORT: Any = -1


def never() -> NoReturn:
    raise RuntimeError("a strategy is parsed, never executed")


def timeframe(name: str) -> None:
    """Trade bars of this length: 1m, 5m, 15m, 1h …"""
    never()


def param(default: float, low: float, high: float) -> Any:
    """Declare a parameter and its search range, ends included; whole if all three are whole."""
    never()


def long(tag: str = "", confidence: float = 1.0) -> Any:
    """Ask for a long position."""
    never()


def short(tag: str = "", confidence: float = 1.0) -> Any:
    """Ask for a short position."""
    never()


def plan(stop: float, target: float | None = None, max_bars: float | None = None) -> Any:
    """Plan the way out: distances in quote from the fill, and strategy bars to hold at most."""
    never()
