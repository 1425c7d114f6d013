"""Where an account and a market stand while steps are taken.

The domain's states are immutable; these hold the latest of each, and the few figures that come from
bars rather than from events: what an account was worth when its day, week and month began.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import floor

import numpy as np
from msgspec import Struct

from application.ports import Bars
from domain.event import Event
from domain.instrument import Instrument
from domain.periods import Periods, begun
from domain.portfolio.aggregate import Portfolio, evolve
from domain.portfolio.judging import Began
from domain.portfolio.safety import DISAGREEMENT
from domain.timeframe import DAY

NO_PERIODS = Periods(-DAY, -DAY, -DAY)  # before the account's first bar
UNKNOWN = Began(None, None, None)


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
    """One account: its state, and its equity when its day, week and month began."""

    def __init__(
        self, portfolio: Portfolio, periods: Periods = NO_PERIODS, began: Began = UNKNOWN
    ) -> None:
        self.portfolio = portfolio
        self.periods = periods
        self.began = began
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

    def reach(self, bar: int, closes: Callable[[int], Mapping[str, Decimal]]) -> None:
        """Come to the bar that opens at `bar`, before anything of its step is folded.

        Where a day, a week or a month began since, its equity is that of the last bar before:
        `closes` gives prices by symbol before a moment. Nothing happened to the account since then.
        """
        if self.periods.day <= bar < self.periods.day + DAY:
            return
        before, self.periods = self.periods, begun(bar)
        now, was = self.periods, self.began
        self.began = Began(
            self._worth(now.day, closes),
            was.week if now.week == before.week else self._worth(now.week, closes),
            was.month if now.month == before.month else self._worth(now.month, closes),
        )

    def _worth(self, moment: int, closes: Callable[[int], Mapping[str, Decimal]]) -> Decimal | None:
        return self.portfolio.equity(closes(moment))


class Closes(Struct):
    """One symbol's closes that days, weeks and months begin from, kept across blocks."""

    last: float | None = None  # close of the last bar
    starts: dict[int, float | None] = {}  # of its day, week, month (ms) -> the close before

    def before(self, moment: int, bars: Bars) -> float | None:
        """Give the close of the last bar before a moment, through the next bars too.

        The moment is one of them, or when a day, a week or a month of theirs began.
        """
        index = int(np.searchsorted(bars["timestamp"], moment))
        if index > 0:
            return float(bars["close"][index - 1])
        return self.starts.get(moment, self.last)

    def advance(self, bars: Bars) -> None:
        """Take the next bars, if there are any."""
        if len(bars) == 0:
            return
        now = begun(int(bars["timestamp"][-1]))
        self.starts = {start: self.before(start, bars) for start in (now.day, now.week, now.month)}
        self.last = float(bars["close"][-1])
