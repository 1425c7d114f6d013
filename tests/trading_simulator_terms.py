"""What goes into the slow simulator and what comes out of it.

Money is whole 1e-8 quote as `int`, prices are whole ticks, quantities whole lots. Prices, rates,
shares and distances come in as the doubles that everybody else is given. NaN means: none.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

NAN = math.nan
QUOTE = 10**8  # money in one unit of quote


@dataclass(frozen=True)
class Rules:
    """Switches of single rules, for comparing with a kernel that does not have all of them."""

    cut: bool = True  # smaller entries after losses in a row
    weekly: bool = True  # breakers
    monthly: bool = True
    losses: bool = True
    rapid: bool = True
    joint_notional: bool = True  # Σ notional counts other symbols, not this entry alone
    positions: bool = True  # the limit on how many there are


ALL_RULES = Rules()


@dataclass(frozen=True)
class Symbol:
    """One symbol of an account: how finely it trades and what it costs."""

    tick: float = 0.01  # quote
    lot: float = 1e-5  # base
    min_notional: int = 5 * QUOTE
    maker: float = 0.0  # fraction of notional
    taker: float = 0.0
    slippage: float = 0.0  # fraction of price; the base of the dynamic rate
    dynamic: bool = False
    maintenance: float = 0.005  # fraction of notional
    perpetual: bool = False

    @property
    def unit(self) -> int:
        """Money of one lot moving one tick."""
        unit = self.tick * self.lot * QUOTE
        if abs(unit - round(unit)) > 1e-6 * unit:
            raise ValueError(f"tick · lot · 1e8 was {unit}, must be whole")
        return round(unit)


@dataclass(frozen=True)
class Account:
    """One account and how it sizes its trades."""

    capital: int
    leverage: int = 1
    method: str = "notional"
    value: float = 1000.0
    bars_a_year: float = 525_600.0  # strategy bars
    reach: float | None = None  # notional that sizing can ask for / equity; none: the leverage


@dataclass(frozen=True)
class Limits:
    """What an account is held to. Money in 1e-8 quote."""

    enforced: bool = True  # False: research
    daily: int = 500 * QUOTE
    weekly: int = 1_500 * QUOTE
    monthly: int = 4_000 * QUOTE
    margin_fraction: float = 0.15  # of equity
    margin_absolute: int = 1_000 * QUOTE
    notional_multiple: float = 8.0  # of equity
    positions: int = 10
    losses: int = 3  # in a row
    rapid: int = 200 * QUOTE  # below the highest of the last twelve marks
    pause: int = 60 * 60_000  # ms, after the last two


@dataclass(frozen=True)
class Plan:
    """What `exits()` gives at one strategy close. Distances in quote.

    All plans of a strategy have as many targets, none of them taken to be one that is NaN.
    """

    stop: float
    targets: tuple[tuple[float, float], ...] = ()  # distance, share; the last takes what is left
    trail: float = NAN
    max_bars: float = NAN
    max_minutes: float = NAN
    soft_minutes: float = NAN
    soft_return: float = NAN


@dataclass(frozen=True)
class Wish:
    """What a strategy says of one symbol at a close of its bars."""

    side: int  # of entry(): +1, −1, or 0 where it is flat or not every series is warm
    plan: Plan
    confidence: float = 1.0
    tag: str = ""
    figure: float = NAN  # of sizing(method, value, figure)
    size: float = 1.0  # of long(…, size=x): the share of a full trade
    closed: int = 1  # strategy bars that closed at this base bar: two where a gap ended one late


@dataclass(frozen=True)
class Bar:
    """One base bar of one symbol; `funding` is the sum of rates since the bar before."""

    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0  # base
    funding: float = 0.0


@dataclass(frozen=True)
class Step:
    """One base timestamp: bars and wishes by symbol, and what the operator says."""

    opens_at: int  # ms
    bars: Mapping[str, Bar]
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    entries_off: bool = False
    flatten: bool = False


@dataclass(frozen=True)
class Fill:
    """An order filled. `step` is the open time of the base bar, ms."""

    step: int
    symbol: str
    side: int  # +1 buy, −1 sale
    intent: str
    lots: int
    price: int  # ticks
    reference: int  # ticks, before slippage
    fee: int
    slippage: int
    taker: bool


@dataclass(frozen=True)
class Funded:
    """Funding paid (+) or received (−) at a step's open."""

    step: int
    symbol: str
    paid: int


@dataclass(frozen=True)
class Trade:
    """A position from flat to flat. Money in 1e-8 quote, prices in ticks, as filled."""

    symbol: str
    opened: int  # open time of the base bar of the entry, ms
    closed: int  # and of the last exit
    side: int
    lots: int
    entry: int
    exit: int  # the last
    gross: int  # at reference prices
    fees: int
    slippage: int
    funding: int
    net: int
    mae: int  # at the worst reference price while held, 0 or less
    mfe: int  # at the best, 0 or more
    bars: int  # strategy bars held
    reason: str  # of the last exit
    tag: str


@dataclass(frozen=True)
class Refusal:
    """An entry that was not allowed; figures as they were compared."""

    step: int
    symbol: str
    code: str
    limit: float
    observed: float


@dataclass(frozen=True)
class Trip:
    """A breaker that began to hold."""

    step: int
    code: str
    until: int  # ms
    limit: int  # loss that may not be reached, or losses in a row
    observed: int


@dataclass(frozen=True)
class Clear:
    """A breaker whose time was over."""

    step: int
    code: str


@dataclass(frozen=True)
class Mark:
    """The account at a step's close."""

    step: int
    cash: int  # of closed trades, less fees and funding of what is open
    unrealised: int  # and what partial targets have realised
    peak: int
    drawdown: int  # deepest so far

    @property
    def equity(self) -> int:
        """Cash and what is open, at the last closes."""
        return self.cash + self.unrealised


@dataclass(frozen=True)
class Ruin:
    """The end of an account: what it had, and what the smallest order would need."""

    step: int
    equity: int
    required: int


@dataclass
class Outcome:
    """All that happened, each kind in the order in which it did."""

    fills: list[Fill] = field(default_factory=list)
    funded: list[Funded] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    trips: list[Trip] = field(default_factory=list)
    clears: list[Clear] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    ruin: Ruin | None = None
