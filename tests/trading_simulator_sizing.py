"""How large an entry is: the methods of `sizing`, and what they remember of closed trades.

Sizes are lots, not yet rounded; none where the figure that the method needs is not above 0.
Equity and balances are money, 1e-8 quote.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.trading_simulator_prices import exact, floored
from tests.trading_simulator_terms import QUOTE, Account, Limits, Symbol

YOUNG = 20  # trades before kelly and optimal_f are used
RECENT = 50  # trades that optimal_f looks at
BALANCES = 10  # that equity_curve takes the mean of
DOUBLINGS = 3
CUTS = (Decimal(1), Decimal("0.75"), Decimal("0.5"), Decimal("0.25"))
ONE_PER_CENT = Decimal("0.01")
Size = Decimal | None


@dataclass
class History:
    """Closed trades of an account, as far as sizes and breakers depend on them."""

    capital: int
    nets: list[int] = field(default_factory=list)
    per_lot: list[Decimal] = field(default_factory=list)  # money that one lot made
    losses_in_row: int = 0
    wins_in_row: int = 0
    losses_since_trip: int = 0

    def add(self, net: int, lots: int) -> None:
        """Take a closed trade."""
        self.nets.append(net)
        self.per_lot.append(Decimal(net) / lots)
        won = net > 0
        self.wins_in_row = self.wins_in_row + 1 if won else 0
        self.losses_in_row = 0 if won else self.losses_in_row + 1
        self.losses_since_trip = 0 if won else self.losses_since_trip + 1

    @property
    def cut(self) -> Decimal:
        """Share of its size that an entry is left after losses in a row."""
        return CUTS[min(self.losses_in_row, len(CUTS) - 1)]

    def balances(self) -> list[int]:
        """Capital and nets after each closed trade."""
        balance, found = self.capital, []
        for net in self.nets:
            balance += net
            found.append(balance)
        return found


@dataclass(frozen=True)
class Sizing:
    """What a method is told at one decision."""

    account: Account
    symbol: Symbol
    limits: Limits
    history: History
    equity: int
    close: int  # ticks
    stop: Decimal  # quote
    figure: Size

    @property
    def stake(self) -> Decimal:
        """E · value."""
        return self.equity * exact(self.account.value)

    def lots(self, notional: Decimal) -> Decimal:
        """Lots of a notional."""
        return notional / (self.close * self.symbol.unit)

    def at_risk(self, money: Decimal, quote: Decimal) -> Decimal:
        """Lots that lose so much money when the price goes so many quote against them."""
        return money / (quote * exact(self.symbol.lot) * QUOTE)


def margin(s: Sizing) -> Size:
    put_up = s.stake
    if s.limits.enforced:
        put_up = min(put_up, Decimal(s.limits.margin_absolute))
    return s.lots(put_up * s.account.leverage)


def fraction(s: Sizing) -> Size:
    return s.lots(s.stake)


def notional(s: Sizing) -> Size:
    return s.lots(exact(s.account.value) * QUOTE)


def risk(s: Sizing) -> Size:
    return s.at_risk(s.stake, s.stop)


def kelly(s: Sizing) -> Size:
    return s.lots(s.equity * kelly_share(s))


def kelly_half(s: Sizing) -> Size:
    return kelly_part(s, 2)


def kelly_quarter(s: Sizing) -> Size:
    return kelly_part(s, 4)


def kelly_part(s: Sizing, part: int) -> Size:
    share = kelly_share(s)
    return s.lots(s.equity * (share / part if settled(s.history) else share))


def kelly_share(s: Sizing) -> Decimal:
    if not settled(s.history):
        return exact(s.account.value)
    wins, losses = split(s.history.nets)
    p = Decimal(len(wins)) / len(s.history.nets)
    b = (Decimal(sum(wins)) / len(wins)) / (Decimal(sum(losses)) / len(losses))
    return max(p - (1 - p) / b, Decimal(0))


def settled(history: History) -> bool:
    wins, losses = split(history.nets)
    return len(history.nets) >= YOUNG and bool(wins) and sum(losses) > 0


def split(nets: list[int]) -> tuple[list[int], list[int]]:
    return [n for n in nets if n > 0], [-n for n in nets if n <= 0]


def above_zero(figure: Size) -> Size:
    """The figure of a method, which may be without end; none where it is not above 0."""
    return figure if figure is not None and figure > 0 else None


def atr(s: Sizing) -> Size:
    figure = above_zero(s.figure)
    return None if figure is None else s.at_risk(s.stake, figure)


def volatility_target(s: Sizing) -> Size:
    figure = above_zero(s.figure)
    if figure is None:
        return None
    return s.lots(s.stake / (figure * exact(s.account.bars_a_year).sqrt()))


def equity_curve(s: Sizing) -> Size:
    recent = s.history.balances()[-BALANCES:]
    below = bool(recent) and recent[-1] * len(recent) < sum(recent)
    return s.lots(s.stake / 2 if below else s.stake)


def martingale(s: Sizing) -> Size:
    return s.lots(s.stake * 2 ** min(s.history.losses_in_row, DOUBLINGS))


def anti_martingale(s: Sizing) -> Size:
    return s.lots(s.stake * 2 ** min(s.history.wins_in_row, DOUBLINGS))


def fixed_ratio(s: Sizing) -> Size:
    figure = above_zero(s.figure)
    if figure is None:
        return None
    profit = Decimal(max(sum(s.history.nets), 0)) / QUOTE
    units = floored((1 + (1 + 8 * profit / figure).sqrt()) / 2)
    return s.lots(exact(s.account.value) * QUOTE * units)


def williams(s: Sizing) -> Size:
    worst = largest_loss(s.history.per_lot)
    return s.stake / worst if worst else s.at_risk(s.stake, s.stop)


def optimal_f(s: Sizing) -> Size:
    recent = s.history.per_lot[-RECENT:]
    worst = largest_loss(recent)
    if len(s.history.nets) < YOUNG or not worst:
        return s.at_risk(s.equity * ONE_PER_CENT, s.stop)
    return s.stake * best_f(recent, worst) / worst


def best_f(recent: list[Decimal], worst: Decimal) -> Decimal:
    """The first of f = 0.05, 0.10 … 1 with the largest growth."""
    grid = [Decimal(step) / 20 for step in range(1, 21)]
    return max(grid, key=lambda f: math.prod((1 + f * each / worst for each in recent), start=1))


def largest_loss(per_lot: list[Decimal]) -> Decimal:
    return max((-each for each in per_lot if each < 0), default=Decimal(0))


METHODS: dict[str, Callable[[Sizing], Size]] = {
    "margin": margin,
    "fraction": fraction,
    "notional": notional,
    "risk": risk,
    "kelly": kelly,
    "kelly_half": kelly_half,
    "kelly_quarter": kelly_quarter,
    "atr": atr,
    "percent_volatility": atr,
    "volatility_target": volatility_target,
    "equity_curve": equity_curve,
    "martingale": martingale,
    "anti_martingale": anti_martingale,
    "fixed_ratio": fixed_ratio,
    "williams": williams,
    "optimal_f": optimal_f,
}
