"""What a list of closed trades amounts to, defined once for every place that shows it.

Read models, backtests and reports must agree to the last digit, so each figure is a pure function
of counts and exact sums. Ratios are rounded half-even to `PLACES`; a ratio without a denominator is
None, never 0 or infinity. A trade wins when its net is above zero; net = 0 is a loss.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

PLACES = Decimal("0.00000001")
Z_95 = Decimal("1.959963984540054")  # two-sided 95 % point of the normal distribution
EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)  # own context: no caller's settings leak in
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of closed trades. Money is quote; profit and loss are sums of net, both ≥ 0."""

    trades: int
    wins: int
    win_rate: Decimal | None  # wins / trades
    win_rate_low: Decimal | None  # Wilson 95 % lower bound of it
    profit: Decimal  # Σ net of the wins
    loss: Decimal  # −Σ net of the losses
    profit_factor: Decimal | None  # profit / loss; None: there was no loss to divide by
    net: Decimal  # profit − loss


def ratio(numerator: Decimal | int, denominator: Decimal | int) -> Decimal | None:
    """Divide and round to `PLACES`; None where the denominator is 0."""
    if denominator == 0:
        return None
    quotient = EXACT.divide(Decimal(numerator), Decimal(denominator))
    return quotient.quantize(PLACES, context=EXACT)


def wilson(wins: int, trades: int) -> tuple[Decimal, Decimal] | None:
    """Give both ends of the 95 % Wilson score interval for wins / trades; None for no trades.

    Raises ValueError unless 0 ≤ wins ≤ trades. Source: E. B. Wilson, JASA 22 (1927), 209–212.
    """
    if not 0 <= wins <= trades:
        raise ValueError(f"wins was {wins}, must be 0–{trades} (trades)")
    if trades == 0:
        return None
    count, square = Decimal(trades), EXACT.multiply(Z_95, Z_95)
    rate = EXACT.divide(Decimal(wins), count)
    spread = EXACT.add(
        EXACT.divide(EXACT.multiply(rate, EXACT.subtract(1, rate)), count),
        EXACT.divide(square, EXACT.multiply(EXACT.multiply(4, count), count)),
    )
    centre = EXACT.add(rate, EXACT.divide(square, EXACT.multiply(2, count)))
    margin = EXACT.multiply(Z_95, EXACT.sqrt(spread))
    whole = EXACT.add(Decimal(1), EXACT.divide(square, count))
    low = EXACT.divide(EXACT.subtract(centre, margin), whole)
    high = EXACT.divide(EXACT.add(centre, margin), whole)
    return (
        max(ZERO, low).quantize(PLACES, context=EXACT),
        min(Decimal(1), high).quantize(PLACES, context=EXACT),
    )


def wilson_low(wins: int, trades: int) -> Decimal | None:
    """Give the lower end of `wilson`, with the same errors; None for no trades."""
    ends = wilson(wins, trades)
    return None if ends is None else ends[0]


def figures(trades: int, wins: int, profit: Decimal, loss: Decimal) -> Summary:
    """Turn a running tally into figures; `profit` and `loss` are sums of net, both ≥ 0."""
    return Summary(
        trades=trades,
        wins=wins,
        win_rate=ratio(wins, trades),
        win_rate_low=wilson_low(wins, trades),
        profit=profit,
        loss=loss,
        profit_factor=ratio(profit, loss),
        net=EXACT.subtract(profit, loss),
    )


def summarise(nets: Sequence[Decimal]) -> Summary:
    """Sum up closed trades by their net P&L, quote."""
    wins = [net for net in nets if net > 0]
    profit = total(wins)
    return figures(len(nets), len(wins), profit, EXACT.subtract(profit, total(nets)))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add exactly: up to 50 digits, whatever the caller's decimal context."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def max_drawdown(equities: Iterable[Decimal]) -> Decimal:
    """Give the deepest fall from an earlier peak, quote, ≥ 0; 0 for no equities."""
    peak: Decimal | None = None
    deepest = ZERO
    for equity in equities:
        peak = equity if peak is None else max(peak, equity)
        deepest = max(deepest, EXACT.subtract(peak, equity))
    return deepest
