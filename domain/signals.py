"""What a strategy said, kept apart from what was done about it.

One stream per strategy and month: signals are many and are never folded into the Strategy.
"""

from decimal import Decimal

from domain.event import Event, Mode, Side, topic


@topic("signal.raised/1")
class SignalRaised(Event, frozen=True, kw_only=True):
    """`entry()` turned to a side; once per change, never for FLAT."""

    mode: Mode
    strategy: str
    version: str
    symbol: str
    bar: int  # open time of the strategy-timeframe bar that closed
    side: Side
    confidence: float
    tag: str
    price: Decimal  # that bar's close
    stop: float | None  # distance from the fill that exits() planned, quote; None: none
    target: float | None
    series: dict[str, float | None]  # the strategy's named series at that bar, None for NaN
