"""Where an account and a market stand while steps are taken.

The domain's states are immutable; these hold the latest of each, and the few figures that come from
bars rather than from events: what an account was worth when the UTC day began.
"""

from decimal import Decimal
from math import floor

import numpy as np
from msgspec import Struct

from application.ports import Bars
from domain.event import Event
from domain.instrument import Instrument
from domain.portfolio.aggregate import Portfolio, evolve
from domain.portfolio.safety import DISAGREEMENT
from domain.timeframe import DAY


class Market:
    """One symbol's grid: whole ticks and lots to exact figures."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self._tick = instrument.tick
        self._lot = instrument.lot
        self._tick_size = float(instrument.tick)

    def price(self, ticks: float) -> Decimal:
        """Turn whole ticks into quote."""
        return self._tick * int(ticks)

    def level(self, ticks: float) -> Decimal | None:
        """Turn whole ticks into quote; None for NaN, which says that there is no such level."""
        return None if ticks != ticks else self._tick * int(ticks)

    def quantity(self, lots: float) -> Decimal:
        """Turn whole lots into base."""
        return self._lot * int(lots)

    def close(self, price: float) -> Decimal:
        """Put a bar's price on the grid, as the kernel does: the nearest tick, halves up."""
        return self._tick * floor(price / self._tick_size + 0.5)


class Account:
    """One account: its state, and its equity when the UTC day began."""

    def __init__(
        self, portfolio: Portfolio, day: int = -1, day_equity: Decimal | None = None
    ) -> None:
        self.portfolio = portfolio
        self.day = day
        self.day_equity = day_equity
        self._step = ""

    @property
    def is_open(self) -> bool:
        """Whether the account exists yet."""
        return self.portfolio.version > 0

    @property
    def stopped(self) -> bool:
        """Whether it was stopped for disagreeing with its broker."""
        return self.portfolio.tripped(DISAGREEMENT)

    def take(self, event: Event) -> None:
        """Fold one event."""
        self.portfolio = evolve(self.portfolio, event)
        self._step = event.correlation_id

    def last_event(self, correlation_id: str) -> str:
        """Give the id of the account's last event if it happened in that step, else ""."""
        state = self.portfolio
        return f"{state.stream}@{state.version}" if self._step == correlation_id else ""

    def begin_day(self, day: int, close: Decimal | None) -> None:
        """Start a UTC day whose last bar before it closed at `close`."""
        self.day = day
        self.day_equity = self.portfolio.equity(close)


class Closes(Struct):
    """The closes that UTC days begin from, kept across blocks."""

    day: int = -1  # UTC day of the last bar
    before_day: float | None = None  # close of the last bar before that day
    last: float | None = None  # close of the last bar

    def before(self, day: int, bars: Bars) -> float | None:
        """Give the close of the last bar before `day`, looking through the next bars too."""
        index = int(np.searchsorted(bars["timestamp"], day * DAY))
        if index > 0:
            return float(bars["close"][index - 1])
        return self.before_day if day == self.day else self.last

    def advance(self, bars: Bars) -> None:
        """Take the next bars."""
        day = int(bars["timestamp"][-1]) // DAY
        if day != self.day:
            self.before_day, self.day = self.before(day, bars), day
        self.last = float(bars["close"][-1])
