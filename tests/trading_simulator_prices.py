"""Numbers of the slow simulator: rounding, what a fill costs, where a venue takes a position.

Everything is worked out in decimal, from the shortest decimal that each given double stands for.
Doubles are asked in one case alone: where the exact value lies so near to a half that a double
cannot tell the difference (1000.5 · 0.0006 / 0.0006), `whole` of the double computation is taken,
for the text defines `whole` on doubles.
"""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import lru_cache

from tests.trading_simulator_terms import QUOTE, Bar, Symbol

DIGITS = Context(prec=50)
HALF = Decimal("0.5")
DOUBLE = Decimal(2) ** -51  # relative: what two or three operations on doubles may be off by
SLACK = Decimal("1e-6")  # ticks that the rounding of a fill forgives
FARTHEST = 2**53  # ticks: a distance of so many is none
CROWN = Decimal("1e-9")  # lots that rounding down forgives
LEAST, MOST = Decimal("0.00005"), Decimal("0.005")  # dynamic slippage
IMPACT, IMPACT_MOST = Decimal("0.01"), Decimal("0.005")
RANGE, RANGE_MOST, GEARING = Decimal("0.02"), Decimal(4), Decimal("62.5")


@lru_cache(maxsize=100_000)
def exact(x: float) -> Decimal:
    """The shortest decimal that stands for a double."""
    return Decimal(repr(float(x)))


def floored(x: Decimal) -> int:
    """The largest whole number that is not above x."""
    return int(x.to_integral_value(ROUND_FLOOR))


def whole(x: Decimal, double: float) -> int:
    """floor(x + 0.5); `double` is x as doubles give it, which decides where x is all but a half."""
    up = x + HALF
    edge = abs(up - up.to_integral_value()) <= abs(x) * DOUBLE
    return math.floor(double + 0.5) if edge else floored(up)


def grid(price: float, tick: float) -> int:
    """A price in ticks."""
    return whole(exact(price) / exact(tick), price / tick)


def distance(quote: float, tick: float) -> int | None:
    """A plan's distance in ticks, one at least; none where there is none, or none so far."""
    if math.isnan(quote) or quote / tick >= FARTHEST:
        return None
    return max(1, grid(max(quote, 0.0), tick))


def stop_distance(quote: float, tick: float) -> int | None:
    """The same of a stop, which is none where it is not above 0."""
    return distance(quote, tick) if quote > 0 else None


def share_of(money: int, rate: float) -> int:
    """Money times a rate: a fee, or funding."""
    return whole(money * exact(rate), float(money) * rate)


def rounded_down(lots: Decimal) -> int:
    """Whole lots of a size."""
    return floored(lots + CROWN)


def slipped(reference: int, side: int, rate: Decimal) -> int:
    """Fill price of a taker, in ticks, rounded against the account; `side` +1 buys."""
    if side > 0:
        paid = reference * (1 + rate) - SLACK
        return max(1, int(paid.to_integral_value(ROUND_CEILING)))
    return max(1, floored(reference * (1 - rate) + SLACK))


def slippage_rate(
    symbol: Symbol, leverage: int, before: Bar | None, lots: int, reference: int
) -> Decimal:
    """Slippage of a taker's fill, fraction of price; `before` is the symbol's previous bar."""
    base = exact(symbol.slippage)
    if not symbol.dynamic:
        return base
    before = before or Bar(reference, reference, reference, reference)
    high, low, close = (grid(p, symbol.tick) for p in (before.high, before.low, before.close))
    notional = Decimal(lots * reference * symbol.unit)
    turnover = exact(before.volume) * close * exact(symbol.tick) * QUOTE
    impact = IMPACT_MOST if turnover == 0 else min(IMPACT * notional / turnover, IMPACT_MOST)
    stretch = min(1 + Decimal(high - low) / close / RANGE, RANGE_MOST)
    rate = (base + impact) * stretch * (1 + leverage / GEARING)
    return min(max(rate, LEAST), MOST)


def liquidation_price(entry: int, side: int, leverage: int, maintenance: float) -> Decimal | None:
    """Where the venue takes a position, in ticks, not rounded; none: never."""
    if side > 0 and leverage == 1:
        return None
    return entry * (1 - side / Decimal(leverage)) / (1 - side * exact(maintenance))


def bankruptcy_price(entry: int, side: int, leverage: int) -> int:
    """What a liquidated position is closed at, in ticks."""
    return whole(
        Decimal(entry * (leverage - side)) / leverage, float(entry) * (1.0 - side / leverage)
    )
