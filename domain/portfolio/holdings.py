"""What an account has out and holds: orders, positions, breakers.

A position is kept as sums of its fills, quantity × price, so that no average loses a digit.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.event import Side
from domain.portfolio.events import Intent, OrderFilled, OrderSide

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
    """What is held of one symbol, as sums of its fills."""

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


def entered(held: Position | None, event: OrderFilled) -> Position:
    """Add an entry fill to what is held, or begin with it."""
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
    """Take a closing fill off what is held."""
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
