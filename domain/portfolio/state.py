"""What the history of one account amounts to, exact to the last 1e-8 quote.

An account holds at most one position of each symbol. Cash moves with fees and funding at once and
with the rest of a trade's result when the symbol is flat again; until then that rest is open P&L.
So `cash + open P&L` is the equity at every moment, and when flat the equity is the capital plus the
nets of all trades. `evolve` is total and fast (a year of one strategy is some hundred thousand
events): it never judges and never raises.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.event import Event, Mode
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
    PositionClosed,
    PositionOpened,
)
from domain.portfolio.holdings import ZERO, Breaker, Order, Position, entered, left

__all__ = ["ZERO", "Breaker", "Order", "Portfolio", "Position", "evolve"]


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
    positions: tuple[Position, ...] = ()  # by symbol, each once
    losses: int = 0  # trades lost in a row
    tally: Tally = Tally()
    peak: Decimal = ZERO
    max_drawdown: Decimal = ZERO
    mark_price: Decimal | None = None  # the close it was last marked at, of its only symbol
    mark_prices: dict[str, Decimal] = {}  # of several: the closes of what it held then
    breakers: tuple[Breaker, ...] = ()
    ruined: bool = False

    def position(self, symbol: str) -> Position | None:
        """Find what is held of a symbol."""
        return next((held for held in self.positions if held.symbol == symbol), None)

    def equity(self, prices: Mapping[str, Decimal]) -> Decimal | None:
        """Give cash plus open P&L at `prices` by symbol; None where a position has no price."""
        equity = self.cash
        for held in self.positions:
            price = prices.get(held.symbol)
            if price is None:
                return None
            equity += held.result(price)
        return equity

    def order(self, symbol: str, intent: Intent) -> Order | None:
        """Find the order that is out for a symbol and an intent."""
        asked = (symbol, intent)
        return next((o for o in self.orders if (o.symbol, o.intent) == asked), None)

    def leaving(self, symbol: str) -> bool:
        """Tell whether an exit of a symbol is out."""
        return any(o.symbol == symbol and o.intent != "entry" for o in self.orders)

    def tripped(self, code: str) -> bool:
        """Tell whether a breaker is tripped."""
        return any(breaker.code == code for breaker in self.breakers)

    def open_nets(self) -> tuple[Decimal, ...]:
        """Give the nets of open positions as if closed at the last mark, without an exit fee.

        What was entered since counts at its last fill.
        """
        return tuple(
            held.result(self._marked(held)) - held.fees - held.funding for held in self.positions
        )

    def _marked(self, held: Position) -> Decimal:
        close = self.mark_prices.get(held.symbol, self.mark_price)
        return held.last_price if close is None else close


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
    held = state.position(event.symbol)
    if held is None or (held.side == "long") == (event.side == "buy"):
        position = entered(held, event)
    else:
        position = left(held, event, intent_of(state, event.order_id))
    return replace(
        state,
        version=event.stream_version,
        orders=without(state, event.order_id),
        cash=state.cash - event.fee,
        positions=holding(state, position),
    )


def holding(state: Portfolio, position: Position) -> tuple[Position, ...]:
    """The positions with one of them new, or in place of what it was."""
    if len(state.positions) <= 1 and all(p.symbol == position.symbol for p in state.positions):
        return (position,)
    others = [held for held in state.positions if held.symbol != position.symbol]
    return tuple(sorted([*others, position], key=lambda held: held.symbol))


def intent_of(state: Portfolio, order_id: str) -> Intent:
    found = next((order.intent for order in state.orders if order.order_id == order_id), None)
    return "stop" if found is None else found


def without(state: Portfolio, order_id: str) -> tuple[Order, ...]:
    return tuple(order for order in state.orders if order.order_id != order_id)


def position_opened(state: Portfolio, event: PositionOpened) -> Portfolio:
    held = state.position(event.symbol)
    if held is None:
        return replace(state, version=event.stream_version)
    held = replace(held, position_id=event.position_id, opened_event=event.event_id, tag=event.tag)
    return replace(state, version=event.stream_version, positions=holding(state, held))


def position_closed(state: Portfolio, event: PositionClosed) -> Portfolio:
    return replace(
        state,
        version=event.stream_version,
        cash=state.cash + event.gross - event.slippage,  # fees and funding are paid already
        positions=tuple(held for held in state.positions if held.symbol != event.symbol),
        losses=0 if event.net > 0 else state.losses + 1,
        tally=add(state.tally, event.net),
    )


def funded(state: Portfolio, event: FundingPaid) -> Portfolio:
    held, positions = state.position(event.symbol), state.positions
    if held is not None:
        positions = holding(state, replace(held, funding=held.funding + event.amount))
    return replace(
        state, version=event.stream_version, cash=state.cash - event.amount, positions=positions
    )


def marked(state: Portfolio, event: EquityMarked) -> Portfolio:
    return replace(
        state,
        version=event.stream_version,
        peak=event.peak,
        max_drawdown=event.max_drawdown,
        mark_price=event.price,
        mark_prices=event.prices,
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
