"""What an entry must pass, and the breakers that stop entries for a time."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.trading_simulator_prices import exact
from tests.trading_simulator_sizing import History
from tests.trading_simulator_terms import Account, Clear, Limits, Rules, Trip

EXACT = 2**53
MINUTE = 60_000
SPACING = 5 * MINUTE  # of the marks that rapid loss looks at
MARKS = 12
DAILY, WEEKLY, MONTHLY = "RISK_DAILY_LOSS", "RISK_WEEKLY_LOSS", "RISK_MONTHLY_LOSS"
LOSSES, RAPID = "RISK_LOSSES", "RISK_RAPID_LOSS"
BREAKERS = (DAILY, WEEKLY, MONTHLY, LOSSES, RAPID)
Refused = tuple[str, float, float]  # code, limit, observed


def day_of(moment: int) -> tuple[int, int]:
    """First and last moment (exclusive) of the UTC day, ms."""
    start = datetime.fromtimestamp(moment // 1000, UTC).replace(hour=0, minute=0, second=0)
    return span(start, start + timedelta(days=1))


def week_of(moment: int) -> tuple[int, int]:
    """Of the ISO week."""
    day = datetime.fromtimestamp(day_of(moment)[0] // 1000, UTC)
    monday = day - timedelta(days=day.isoweekday() - 1)
    return span(monday, monday + timedelta(days=7))


def month_of(moment: int) -> tuple[int, int]:
    """Of the UTC month."""
    first = datetime.fromtimestamp(day_of(moment)[0] // 1000, UTC).replace(day=1)
    return span(first, (first + timedelta(days=32)).replace(day=1))


def span(start: datetime, end: datetime) -> tuple[int, int]:
    return int(start.timestamp()) * 1000, int(end.timestamp()) * 1000


PERIODS = {DAILY: day_of, WEEKLY: week_of, MONTHLY: month_of}


@dataclass
class Breakers:
    """What of an account's past the breakers depend on, and which of them hold."""

    limits: Limits
    rules: Rules
    periods: dict[str, tuple[int, int]] = field(default_factory=dict)
    starting: dict[str, int] = field(default_factory=dict)  # equity when a period began
    marks: deque[int] = field(default_factory=deque)  # the last twelve
    marked: int | None = None  # five minutes since 1970 of the last mark
    holding: dict[str, int] = field(default_factory=dict)  # code -> until, ms

    @classmethod
    def of(cls, limits: Limits, rules: Rules, capital: int) -> "Breakers":
        """Those of a new account: before the first mark, all twelve are its capital."""
        return cls(limits, rules, marks=deque([capital] * MARKS, maxlen=MARKS))

    def begin(self, opens_at: int, equity: int) -> Iterator[Clear]:
        """Begin a step: new periods, and breakers whose time is over."""
        for code, period_of in PERIODS.items():
            period = period_of(opens_at)
            if self.periods.get(code) != period:
                self.periods[code], self.starting[code] = period, equity
        if self.marked is None:
            self.marked = opens_at // SPACING
        for code in BREAKERS:
            if code in self.holding and opens_at >= self.holding[code]:
                del self.holding[code]
                yield Clear(opens_at, code)

    def judge(self, opens_at: int, closes_at: int, equity: int, history: History) -> Iterator[Trip]:
        """Judge all breakers at a mark, then take the five-minute mark."""
        for code in BREAKERS:
            if self.applies(code) and code not in self.holding:
                limit, observed = self.looked_at(code, equity, history)
                if observed >= limit:
                    over = closes_at + self.limits.pause
                    self.holding[code] = self.periods[code][1] if code in PERIODS else over
                    if code == LOSSES:
                        history.losses_since_trip = 0
                    yield Trip(opens_at, code, self.holding[code], limit, observed)
        if self.marked is not None and closes_at // SPACING > self.marked:
            self.marked = closes_at // SPACING
            self.marks.append(equity)

    def applies(self, code: str) -> bool:
        off = {
            WEEKLY: not self.rules.weekly,
            MONTHLY: not self.rules.monthly,
            LOSSES: not self.rules.losses,
            RAPID: not self.rules.rapid,
        }
        return self.limits.enforced and not off.get(code, False)

    def looked_at(self, code: str, equity: int, history: History) -> tuple[int, int]:
        """What may not be reached, and what was observed: a loss, or losses in a row."""
        bounds = self.limits
        if code == LOSSES:
            return bounds.losses, history.losses_since_trip
        if code == RAPID:
            return bounds.rapid, max(self.marks) - equity
        limit = {DAILY: bounds.daily, WEEKLY: bounds.weekly, MONTHLY: bounds.monthly}[code]
        return limit, self.starting[code] - equity


@dataclass(frozen=True)
class Proposal:
    """An entry as it is judged: the account at the decision's close."""

    lots: int | None  # none: could not be computed
    notional: int | None
    others: int  # notional of all that is open or waits, but what this signal reverses
    holdings: int  # in how many symbols: one that reverses has a position and an entry
    history: History
    stop: int | None  # ticks
    asked: float  # the stop's distance as it was asked for, quote
    min_notional: int
    equity: int


def refused(
    p: Proposal, account: Account, limits: Limits, rules: Rules, breakers: Breakers
) -> Refused | None:
    """The first limit that an entry fails, or none."""
    return next(failures(p, account, limits, rules, breakers), None)


def failures(
    p: Proposal, account: Account, limits: Limits, rules: Rules, breakers: Breakers
) -> Iterator[Refused]:
    for code in BREAKERS:
        if code in breakers.holding:
            limit, observed = breakers.looked_at(code, p.equity, p.history)
            in_row = p.history.losses_in_row
            yield code, float(limit), float(in_row if code == LOSSES else observed)
    if p.stop is None:
        yield "RISK_STOP_MISSING", 0.0, p.asked
    if p.lots is None or p.notional is None or p.notional >= EXACT:
        yield "RISK_FIGURE_MISSING", float(EXACT), float(p.notional or math.nan)
        return
    if p.lots < 1 or p.notional < p.min_notional:
        yield "RISK_MINIMUM", float(p.min_notional), float(p.notional)
    if limits.enforced:
        yield from enforced(p, p.notional, account, limits, rules)


def enforced(
    p: Proposal, notional: int, account: Account, limits: Limits, rules: Rules
) -> Iterator[Refused]:
    margin = Decimal(notional) / account.leverage
    total = notional + (p.others if rules.joint_notional else 0)
    share = exact(limits.margin_fraction) * p.equity
    multiple = exact(limits.notional_multiple) * p.equity
    for code, limit, observed in (
        ("RISK_MARGIN_FRACTION", share, margin),
        ("RISK_MARGIN_ABSOLUTE", limits.margin_absolute, margin),
        ("RISK_NOTIONAL", multiple, total),
    ):
        if observed > limit:
            yield code, float(math.floor(limit)), float(math.ceil(observed))
    if rules.positions and p.holdings + 1 > limits.positions:
        yield "RISK_POSITIONS", float(limits.positions), float(p.holdings + 1)
