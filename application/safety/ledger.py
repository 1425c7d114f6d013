"""An account's money and lots, added up from its fills and funding alone.

Equity is what came in less what went out, and what the lots held are worth: no entry price, no
average, no realised part, so nothing that a broker could have got wrong on the way is taken over.
"""

from decimal import Decimal

from application.safety.finding import Unequal, shown
from domain.event import Event
from domain.portfolio.events import (
    AccountOpened,
    AccountRuined,
    BreakerTripped,
    FundingPaid,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
)
from domain.portfolio.safety import DISAGREEMENT

ZERO = Decimal(0)


class Ledger:
    """One account's sums after the events given to `take`."""

    def __init__(self, opened: AccountOpened) -> None:
        self.capital = opened.capital
        self.leverage = opened.leverage
        self.money = opened.capital  # of lots too: a purchase takes its whole price
        self.lots: dict[str, Decimal] = {}  # held by symbol, base, signed; no zeros
        self.spent: dict[str, Decimal] = {}  # by trades that are open, all costs included
        self.waiting: dict[str, OrderPlaced] = {}  # entries that are out
        self.losses = 0  # in a row
        self.strikes = 0  # of them, since a breaker last counted them
        self.ruined = False
        self.stopped = False  # for disagreeing with its broker

    def equity(self, closes: dict[str, Decimal]) -> Decimal:
        """Give what the account is worth at these prices, quote."""
        return self.money + sum((n * closes[symbol] for symbol, n in self.lots.items()), ZERO)

    def held(self, symbol: str) -> Decimal:
        """Give what is held of a symbol, base, signed."""
        return self.lots.get(symbol, ZERO)

    def take(self, event: Event) -> None:
        """Add one event. Raises `Unequal` for a trade whose net is not that of its fills."""
        match event:
            case OrderFilled():
                self.fill(event)
            case FundingPaid():
                self.pay(event.symbol, event.amount)
            case PositionClosed():
                self.close(event)
            case OrderPlaced(intent="entry"):
                self.waiting[event.order_id] = event
            case OrderCancelled():
                self.waiting.pop(event.order_id, None)
            case AccountRuined():
                self.ruined = True
            case BreakerTripped(code=code) if code == DISAGREEMENT:
                self.stopped = True

    def fill(self, event: OrderFilled) -> None:
        signed = event.quantity if event.side == "buy" else -event.quantity
        self.waiting.pop(event.order_id, None)
        self.pay(event.symbol, signed * event.price + event.fee)
        left = self.held(event.symbol) + signed
        if left:
            self.lots[event.symbol] = left
        else:
            self.lots.pop(event.symbol, None)

    def pay(self, symbol: str, amount: Decimal) -> None:
        self.money -= amount
        self.spent[symbol] = self.spent.get(symbol, ZERO) + amount

    def close(self, event: PositionClosed) -> None:
        net = -self.spent.pop(event.symbol, ZERO)
        if self.held(event.symbol):
            held = shown(self.held(event.symbol))
            raise Unequal("TRADE", f"{held} {event.symbol} still held", "a trade closed")
        if net != event.net:
            raise Unequal("TRADE", f"net {shown(net)}", f"net {shown(event.net)}")
        if net > 0:
            self.losses = self.strikes = 0
        else:
            self.losses += 1
            self.strikes += 1
