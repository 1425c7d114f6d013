"""What the history of one account amounts to, exact to the last 1e-8 quote.

Cash moves with fees and funding at once and with the rest of a trade's result when it is flat
again; until then that rest is open P&L. So `cash + open P&L` is the equity at every moment, and
when flat the equity is the capital plus the nets of all trades. `evolve` is total and fast (a year
of one strategy is some hundred thousand events): it never judges and never raises.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.event import Event, Mode, Side
from domain.gate import Tally, add
from domain.portfolio.events import (
    AccountOpened,
    AccountRuined,
    BreakerCleared,
    BreakerTripped,
    EquityMarked,
    FundingPaid,
    Intent,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderSide,
    PositionClosed,
    PositionOpened,
)

ZERO = Decimal(0)


class Order(Struct, frozen=True):
    """An order that is out."""

    order_id: str
    symbol: str
    side: OrderSide
    intent: Intent
    quantity: Decimal
    reference_price: Decimal
    event_id: str  # of its OrderPlaced


class Position(Struct, frozen=True):
    """What is held, as sums of its fills: quantity × price, so that no average loses a digit."""

    symbol: str
    side: Side
    opened_at: int  # market time of the first fill
    fill_event: str  # id of the latest fill
    entered: Decimal = ZERO  # quantity, base
    entered_value: Decimal = ZERO  # at fill prices, quote
    entered_reference: Decimal = ZERO  # at the prices before slippage
    left: Decimal = ZERO  # quantity already closed
    left_value: Decimal = ZERO
    left_reference: Decimal = ZERO
    last_price: Decimal = ZERO  # of the latest fill
    closed_at: int = 0  # market time of the latest closing fill
    reason: Intent = "stop"  # of the latest closing fill
    fees: Decimal = ZERO
    slippage: Decimal = ZERO
    funding: Decimal = ZERO
    position_id: str = ""
    opened_event: str = ""  # id of its PositionOpened
    tag: str = ""

    @property
    def quantity(self) -> Decimal:
        """What is still open, base."""
        return self.entered - self.left

    def result(self, price: Decimal) -> Decimal:
        """Give what the trade would make before fees and funding if closed at `price`, quote."""
        made = self.left_value + self.quantity * price - self.entered_value
        return made if self.side == "long" else -made

    def gross(self) -> Decimal:
        """Give what the closed part made at reference prices, quote."""
        made = self.left_reference - self.entered_reference
        return made if self.side == "long" else -made


class Breaker(Struct, frozen=True):
    code: str
    until: int | None  # ms; None: until an operator looks


class Portfolio(Struct, frozen=True, kw_only=True):
    """One account; `version` 0 means that it was never opened."""

    stream: str
    version: int = 0
    mode: Mode = "paper"
    strategy: str = ""
    strategy_version: str = ""
    sleeve: str = ""
    leverage: int = 1
    capital: Decimal = ZERO
    cash: Decimal = ZERO
    orders: tuple[Order, ...] = ()
    position: Position | None = None
    tally: Tally = Tally()
    peak: Decimal = ZERO
    max_drawdown: Decimal = ZERO
    mark_price: Decimal | None = None  # the close it was last marked at
    breakers: tuple[Breaker, ...] = ()
    ruined: bool = False

    def equity(self, price: Decimal | None) -> Decimal | None:
        """Give cash plus open P&L at `price`; None where a position has no price."""
        if self.position is None:
            return self.cash
        return None if price is None else self.cash + self.position.result(price)

    def order(self, intent: Intent) -> Order | None:
        """Find the order that is out for `intent`."""
        return next((order for order in self.orders if order.intent == intent), None)

    def tripped(self, code: str) -> bool:
        """Tell whether a breaker is tripped."""
        return any(breaker.code == code for breaker in self.breakers)

    def open_nets(self) -> tuple[Decimal, ...]:
        """Give the nets of open positions as if closed at the last mark, without an exit fee."""
        held = self.position
        if held is None:
            return ()
        price = held.last_price if self.mark_price is None else self.mark_price
        return (held.result(price) - held.fees - held.funding,)


def evolve(state: Portfolio, event: Event) -> Portfolio:
    """Apply one event; an event of another kind only moves the stream version on."""
    step = EVOLVE.get(type(event))
    if step is None:
        return replace(state, version=event.stream_version)
    return step(state, event)


def opened(state: Portfolio, event: AccountOpened) -> Portfolio:
    return replace(
        state,
        version=event.stream_version,
        mode=event.mode,
        strategy=event.strategy,
        strategy_version=event.version,
        sleeve=event.sleeve,
        leverage=event.leverage,
        capital=event.capital,
        cash=event.capital,
        peak=event.capital,
    )


def placed(state: Portfolio, event: OrderPlaced) -> Portfolio:
    order = Order(
        event.order_id,
        event.symbol,
        event.side,
        event.intent,
        event.quantity,
        event.reference_price,
        event.event_id,
    )
    return replace(state, version=event.stream_version, orders=(*state.orders, order))


def cancelled(state: Portfolio, event: OrderCancelled) -> Portfolio:
    return replace(state, version=event.stream_version, orders=without(state, event.order_id))


def filled(state: Portfolio, event: OrderFilled) -> Portfolio:
    held = state.position
    if held is None or (held.side == "long") == (event.side == "buy"):
        position = entered(held, event)
    else:
        position = left(held, event, intent_of(state, event.order_id))
    return replace(
        state,
        version=event.stream_version,
        orders=without(state, event.order_id),
        cash=state.cash - event.fee,
        position=position,
    )


def entered(held: Position | None, event: OrderFilled) -> Position:
    if held is None:
        side: Side = "long" if event.side == "buy" else "short"
        held = Position(event.symbol, side, event.occurred_at, event.event_id)
    return replace(
        held,
        fill_event=event.event_id,
        entered=held.entered + event.quantity,
        entered_value=held.entered_value + event.quantity * event.price,
        entered_reference=held.entered_reference + event.quantity * event.reference_price,
        last_price=event.price,
        fees=held.fees + event.fee,
        slippage=held.slippage + event.slippage,
    )


def left(held: Position, event: OrderFilled, reason: Intent) -> Position:
    return replace(
        held,
        fill_event=event.event_id,
        left=held.left + event.quantity,
        left_value=held.left_value + event.quantity * event.price,
        left_reference=held.left_reference + event.quantity * event.reference_price,
        last_price=event.price,
        closed_at=event.occurred_at,
        reason=reason,
        fees=held.fees + event.fee,
        slippage=held.slippage + event.slippage,
    )


def intent_of(state: Portfolio, order_id: str) -> Intent:
    found = next((order.intent for order in state.orders if order.order_id == order_id), None)
    return "stop" if found is None else found


def without(state: Portfolio, order_id: str) -> tuple[Order, ...]:
    return tuple(order for order in state.orders if order.order_id != order_id)


def position_opened(state: Portfolio, event: PositionOpened) -> Portfolio:
    held = state.position
    if held is not None:
        held = replace(
            held, position_id=event.position_id, opened_event=event.event_id, tag=event.tag
        )
    return replace(state, version=event.stream_version, position=held)


def position_closed(state: Portfolio, event: PositionClosed) -> Portfolio:
    return replace(
        state,
        version=event.stream_version,
        cash=state.cash + event.gross - event.slippage,  # fees and funding are paid already
        position=None,
        tally=add(state.tally, event.net),
    )


def funded(state: Portfolio, event: FundingPaid) -> Portfolio:
    held = state.position
    if held is not None:
        held = replace(held, funding=held.funding + event.amount)
    return replace(
        state, version=event.stream_version, cash=state.cash - event.amount, position=held
    )


def marked(state: Portfolio, event: EquityMarked) -> Portfolio:
    return replace(
        state,
        version=event.stream_version,
        peak=event.peak,
        max_drawdown=event.max_drawdown,
        mark_price=event.price,
    )


def tripped(state: Portfolio, event: BreakerTripped) -> Portfolio:
    others = tuple(breaker for breaker in state.breakers if breaker.code != event.code)
    breakers = (*others, Breaker(event.code, event.until))
    return replace(state, version=event.stream_version, breakers=breakers)


def cleared(state: Portfolio, event: BreakerCleared) -> Portfolio:
    others = tuple(breaker for breaker in state.breakers if breaker.code != event.code)
    return replace(state, version=event.stream_version, breakers=others)


def ruined(state: Portfolio, event: AccountRuined) -> Portfolio:
    return replace(state, version=event.stream_version, ruined=True)


EVOLVE: Mapping[type[Event], Callable[[Portfolio, Any], Portfolio]] = {
    AccountOpened: opened,
    OrderPlaced: placed,
    OrderCancelled: cancelled,
    OrderFilled: filled,
    PositionOpened: position_opened,
    PositionClosed: position_closed,
    FundingPaid: funded,
    EquityMarked: marked,
    BreakerTripped: tripped,
    BreakerCleared: cleared,
    AccountRuined: ruined,
}
