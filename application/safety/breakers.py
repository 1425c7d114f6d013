"""The five breakers of one account, recomputed at every base-bar close.

Written from the rules ("Breakers" in docs/trading.md): periods and their starting equities, the
twelve five-minute marks, losses in a row; what trips, until when, and when it is over.
"""

from collections import deque
from decimal import Decimal
from typing import Final

from msgspec import Struct

from domain.limits import RAPID_LOSS_MARKS, Limits
from domain.periods import Periods, begun, over

DAILY, WEEKLY, MONTHLY, LOSSES, RAPID = CODES = (
    "RISK_DAILY_LOSS",
    "RISK_WEEKLY_LOSS",
    "RISK_MONTHLY_LOSS",
    "RISK_LOSSES",
    "RISK_RAPID_LOSS",
)
FIVE: Final = 5 * 60_000  # ms


class Trip(Struct, frozen=True):
    """A breaker that trips at a close."""

    code: str
    limit: Decimal
    observed: Decimal
    until: int  # ms UTC


class Breakers:
    """Where an account's breakers stand."""

    def __init__(self, capital: Decimal, first_bar: int) -> None:
        self.until: dict[str, int] = {}  # of those that hold
        self.last = capital  # equity at the last mark
        self.began: dict[str, Decimal] = dict.fromkeys((DAILY, WEEKLY, MONTHLY), capital)
        self.marks = deque([capital] * RAPID_LOSS_MARKS, RAPID_LOSS_MARKS)
        self.high = capital
        self.five_at = (first_bar // FIVE + 1) * FIVE
        self.periods = begun(first_bar)
        self.ends = over(first_bar)

    def open(self, bar: int) -> list[str]:
        """Come to a bar's open: begin its periods; give the breakers that are over, in order."""
        if bar >= self.ends.day:
            self.begin(bar)
        if not self.until or bar < min(self.until.values()):
            return []
        cleared = [code for code in CODES if code in self.until and self.until[code] <= bar]
        for code in cleared:
            del self.until[code]
        return cleared

    def begin(self, bar: int) -> None:
        before: Periods = self.periods
        self.periods, self.ends = begun(bar), over(bar)
        self.began[DAILY] = self.last
        if self.periods.week != before.week:
            self.began[WEEKLY] = self.last
        if self.periods.month != before.month:
            self.began[MONTHLY] = self.last

    def close(self, at: int, equity: Decimal, strikes: int, limits: Limits) -> list[Trip]:
        """Come to a bar's close, `at` ms: give the breakers that trip; then take its mark."""
        tripped = [
            trip
            for trip in self.reached(at, equity, strikes, limits)
            if trip.code not in self.until and trip.observed >= trip.limit
        ]
        for trip in tripped:
            self.until[trip.code] = trip.until
        if at >= self.five_at:
            self.five_at = (at // FIVE + 1) * FIVE
            self.marks.append(equity)
            self.high = max(self.marks)
        self.last = equity
        return tripped

    def reached(self, at: int, equity: Decimal, strikes: int, limits: Limits) -> list[Trip]:
        paused = at + limits.pause
        return [
            Trip(DAILY, limits.day_loss, self.fall(DAILY, equity), self.ends.day),
            Trip(WEEKLY, limits.week_loss, self.fall(WEEKLY, equity), self.ends.week),
            Trip(MONTHLY, limits.month_loss, self.fall(MONTHLY, equity), self.ends.month),
            Trip(LOSSES, Decimal(limits.losses), Decimal(strikes), paused),
            Trip(RAPID, limits.rapid_loss, self.high - equity, paused),
        ]

    def fall(self, code: str, equity: Decimal) -> Decimal:
        """Give how far equity is below where a period began, quote."""
        return self.began[code] - equity
