"""Facts of one account: orders, fills, positions, marks, and what stopped it."""

from decimal import Decimal
from typing import Literal

from domain.event import Event, Mode, Side, topic

OrderSide = Literal["buy", "sell"]
Intent = Literal[
    "entry",
    "stop",
    "target",
    "time_limit",
    "reverse",
    "liquidation",
    "operator",
    "target_2",
    "target_3",
    "trail",
    "soft_time",
]
OrderType = Literal["market", "stop", "limit"]
Liquidity = Literal["maker", "taker"]


@topic("portfolio.opened/1")
class AccountOpened(Event, frozen=True, kw_only=True):
    mode: Mode
    strategy: str
    version: str
    sleeve: str  # A | B; the sleeve whose rules a live account follows is B
    leverage: int
    capital: Decimal


@topic("portfolio.order_placed/1")
class OrderPlaced(Event, frozen=True, kw_only=True):
    order_id: str
    symbol: str
    side: OrderSide
    intent: Intent
    order_type: OrderType
    quantity: Decimal  # base, whole lots
    reference_price: Decimal  # the price it was decided at, quote
    tag: str


@topic("portfolio.order_filled/1")
class OrderFilled(Event, frozen=True, kw_only=True):
    order_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    reference_price: Decimal  # the price before slippage
    fee: Decimal
    slippage: Decimal  # |price − reference| × quantity
    liquidity: Liquidity


@topic("portfolio.order_cancelled/1")
class OrderCancelled(Event, frozen=True, kw_only=True):
    order_id: str
    reason: str


@topic("portfolio.position_opened/1")
class PositionOpened(Event, frozen=True, kw_only=True):
    position_id: str
    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    stop: Decimal | None
    target: Decimal | None
    tag: str


@topic("portfolio.position_closed/1")
class PositionClosed(Event, frozen=True, kw_only=True):
    """A trade, flat to flat. net = gross − fees − slippage − funding, to the last 1e-8.

    `gross` is at reference prices, so that slippage is told apart; `funding` is what was paid.
    """

    position_id: str
    symbol: str
    side: Side
    quantity: Decimal
    entry_at: int
    exit_at: int
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal
    reason: Intent
    tag: str
    mae: Decimal  # most adverse open P&L at reference prices, ≤ 0
    mfe: Decimal  # most favourable, ≥ 0
    bars: int  # strategy bars held


@topic("portfolio.funding_paid/1")
class FundingPaid(Event, frozen=True, kw_only=True):
    symbol: str
    rate: float  # sum of the settlements since the previous bar
    amount: Decimal  # paid (+) or received (−)


@topic("portfolio.liquidated/1")
class Liquidated(Event, frozen=True, kw_only=True):
    symbol: str
    price: Decimal
    margin_lost: Decimal


@topic("portfolio.equity_marked/2")
class EquityMarked(Event, frozen=True, kw_only=True):
    """What the account is worth at a close; version 1 knew accounts of one symbol alone."""

    cash: Decimal
    unrealised: Decimal
    peak: Decimal  # highest equity so far, at base-bar closes
    max_drawdown: Decimal  # deepest fall from a peak so far, quote
    price: Decimal | None  # the close it was marked at, of an account on one symbol
    prices: dict[str, Decimal]  # of one on several: the closes of what it holds, by symbol

    def close_of(self, symbol: str) -> Decimal | None:
        """Give the close at which a symbol was valued, None where it was not held."""
        return self.prices.get(symbol, self.price)


@topic("portfolio.risk_refused/1")
class RiskRefused(Event, frozen=True, kw_only=True):
    code: str
    symbol: str
    limit: Decimal
    observed: Decimal | None  # None: the figure could not be computed, which is refused too


@topic("portfolio.breaker_tripped/1")
class BreakerTripped(Event, frozen=True, kw_only=True):
    code: str
    limit: Decimal
    observed: Decimal
    until: int | None  # None: until an operator looks


@topic("portfolio.breaker_cleared/1")
class BreakerCleared(Event, frozen=True, kw_only=True):
    code: str


@topic("portfolio.account_ruined/1")
class AccountRuined(Event, frozen=True, kw_only=True):
    """Equity can no longer carry the smallest order the venue takes."""

    equity: Decimal
    required: Decimal
