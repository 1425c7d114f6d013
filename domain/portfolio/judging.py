"""An entry of one account, seen with all that the account has open.

What the account is worth is folded from its own fills, never taken from the broker.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from domain.entries import Approved, EntryOrder, Exposure, Refused, judge_order
from domain.limits import Limits
from domain.portfolio.state import ZERO, Portfolio


class Began(Struct, frozen=True):
    """Equity when the UTC day, the ISO week and the UTC month began, quote; None: not known."""

    day: Decimal | None
    week: Decimal | None
    month: Decimal | None


def judge_entry(
    state: Portfolio,
    symbol: str,
    quantity: Decimal,
    stop: Decimal | None,
    minimum: Decimal,
    began: Began,
    prices: Mapping[str, Decimal],
    limits: Limits,
) -> Approved[EntryOrder] | Refused:
    """Judge an entry against every limit, at the last closes of all symbols.

    `stop` is the planned distance from the fill. What is held of the symbol itself does not count
    beside the entry once its exit is out: it is what this entry reverses.
    """
    price = prices.get(symbol)
    equity = state.equity(prices)
    sizes = [
        (held.symbol, held.quantity)
        for held in state.positions
        if held.symbol != symbol or not state.leaving(symbol)
    ]
    sizes += [(order.symbol, order.quantity) for order in state.orders if order.intent == "entry"]
    exposure = Exposure(
        equity=equity,
        day_loss=fall(began.day, equity),
        week_loss=fall(began.week, equity),
        month_loss=fall(began.month, equity),
        notional=worth(sizes, prices),
        positions=len(sizes),
        losses=state.losses,
        breakers=tuple(breaker.code for breaker in state.breakers),
    )
    notional = None if price is None else quantity * price
    return judge_order(
        EntryOrder(symbol, notional, minimum, state.leverage, stop), exposure, limits
    )


def fall(began: Decimal | None, equity: Decimal | None) -> Decimal | None:
    return None if began is None or equity is None else began - equity


def worth(sizes: Sequence[tuple[str, Decimal]], prices: Mapping[str, Decimal]) -> Decimal | None:
    """Add up notionals; None where a symbol has no price."""
    if any(symbol not in prices for symbol, _ in sizes):
        return None
    return sum((quantity * prices[symbol] for symbol, quantity in sizes), ZERO)
