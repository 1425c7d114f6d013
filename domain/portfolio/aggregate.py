"""What may happen to an account, and the events that say so.

Each function takes the state and the cause and gives the events that follow; it never changes
anything. Entries pass through `judging.judge_entry` before they are placed. A trade's figures are
folded here from its own fills in `Decimal`, so that the parts sum to the whole whoever the broker
was; `agrees` holds them against the broker's account of the same trade.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from domain.cause import Cause
from domain.entries import Approved, EntryOrder
from domain.event import Mode
from domain.ids import order_id, position_id
from domain.money import in_places
from domain.portfolio.events import (
    AccountOpened,
    FundingPaid,
    Intent,
    Liquidated,
    Liquidity,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderSide,
    OrderType,
    PositionClosed,
    PositionOpened,
)
from domain.portfolio.heading import head
from domain.portfolio.state import Order, Portfolio, Position, evolve

__all__ = ["Order", "Portfolio", "Position", "evolve"]

ORDER_TYPES: dict[Intent, OrderType] = {
    "entry": "market",
    "stop": "stop",
    "target": "limit",
    "target_2": "limit",
    "target_3": "limit",
    "time_limit": "market",
    "reverse": "market",
    "liquidation": "market",
    "operator": "market",
    "trail": "stop",
    "soft_time": "market",
}


class NothingToClose(ValueError):
    """A trade was said to be closed that the account does not hold, or holds a part of still."""


class Figures(Struct, frozen=True):
    """What the broker says a trade came to, quote."""

    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal


def open_account(
    state: Portfolio,
    cause: Cause,
    mode: Mode,
    strategy: str,
    version: str,
    sleeve: str,
    leverage: int,
    capital: Decimal,
) -> Sequence[AccountOpened]:
    """Open the account, once; nothing where it is open already."""
    if state.version:
        return ()
    return (
        AccountOpened(
            **head(state, cause),
            mode=mode,
            strategy=strategy,
            version=version,
            sleeve=sleeve,
            leverage=leverage,
            capital=in_places(capital),
        ),
    )


def place_order(
    state: Portfolio,
    cause: Cause,
    bar: int,
    symbol: str,
    side: OrderSide,
    intent: Intent,
    quantity: Decimal,
    price: Decimal,
    tag: str,
    approval: Approved[EntryOrder] | None = None,
) -> OrderPlaced:
    """Place an order decided in the step of `bar`; an entry needs its approval."""
    if intent == "entry" and approval is None:
        raise ValueError(f"entry of {quantity} {symbol} was not approved, must pass judge_order")
    return OrderPlaced(
        **head(state, cause),
        order_id=order_id(state.stream, bar, symbol, intent, 1),
        symbol=symbol,
        side=side,
        intent=intent,
        order_type=ORDER_TYPES[intent],
        quantity=quantity,
        reference_price=price,
        tag=tag,
    )


def fill_order(
    state: Portfolio,
    cause: Cause,
    order: Order,
    quantity: Decimal,
    price: Decimal,
    reference: Decimal,
    fee: Decimal,
    liquidity: Liquidity,
) -> OrderFilled:
    """Fill an order; slippage is what the fill lost against the reference price."""
    worse = price - reference if order.side == "buy" else reference - price
    return OrderFilled(
        **head(state, cause),
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=price,
        reference_price=reference,
        fee=fee,
        slippage=in_places(worse * quantity),
        liquidity=liquidity,
    )


def cancel_order(state: Portfolio, cause: Cause, order: Order, reason: str) -> OrderCancelled:
    """Withdraw an order that is out."""
    return OrderCancelled(**head(state, cause), order_id=order.order_id, reason=reason)


def open_position(
    state: Portfolio,
    cause: Cause,
    bar: int,
    symbol: str,
    stop: Decimal | None,
    target: Decimal | None,
    tag: str,
) -> PositionOpened:
    """Name what the entry fill opened, with its first levels."""
    held = state.position(symbol)
    if held is None:
        raise NothingToClose(
            f"{state.stream} holds no {symbol}, an entry must fill before it is open"
        )
    return PositionOpened(
        **head(state, cause),
        position_id=position_id(state.stream, bar, held.symbol),
        symbol=held.symbol,
        side=held.side,
        quantity=held.quantity,
        entry_price=held.entered_value / held.entered,
        stop=stop,
        target=target,
        tag=tag,
    )


def close_position(
    state: Portfolio, cause: Cause, symbol: str, mae: Decimal, mfe: Decimal, bars: int
) -> PositionClosed:
    """Close the trade whose last fill brought the symbol back to flat."""
    held = state.position(symbol)
    if held is None or held.quantity != 0:
        size = None if held is None else held.quantity
        raise NothingToClose(
            f"{state.stream} holds {size} {symbol}, must be 0 once its exit is filled"
        )
    gross = held.gross()
    net = gross - held.fees - held.slippage - held.funding
    return PositionClosed(
        **head(state, cause),
        position_id=held.position_id,
        symbol=held.symbol,
        side=held.side,
        quantity=held.entered,
        entry_at=held.opened_at,
        exit_at=held.closed_at,
        entry_price=held.entered_value / held.entered,
        exit_price=held.left_value / held.left,
        gross=in_places(gross),
        fees=in_places(held.fees),
        slippage=in_places(held.slippage),
        funding=in_places(held.funding),
        net=in_places(net),
        reason=held.reason,
        tag=held.tag,
        mae=mae,
        mfe=mfe,
        bars=bars,
    )


def agrees(trade: PositionClosed, figures: Figures) -> bool:
    """Tell whether the broker's figures are the account's own, every part to the last 1e-8."""
    own = Figures(trade.gross, trade.fees, trade.slippage, trade.funding, trade.net)
    return own == figures


def pay_funding(
    state: Portfolio, cause: Cause, symbol: str, rate: float, amount: Decimal
) -> FundingPaid:
    """Pay (+) or receive (−) what was settled."""
    return FundingPaid(**head(state, cause), symbol=symbol, rate=rate, amount=amount)


def liquidate(
    state: Portfolio, cause: Cause, symbol: str, price: Decimal, lost: Decimal
) -> Liquidated:
    """Record that the venue took the position; its fill follows."""
    return Liquidated(**head(state, cause), symbol=symbol, price=price, margin_lost=lost)
