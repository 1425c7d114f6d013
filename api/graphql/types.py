"""What GraphQL shows: the items of `projections.models`, field by field.

`mode` is `paper`, or `live/sim`: live accounts are simulated until venues exist.
"""

from decimal import Decimal
from typing import Generic, TypeVar

import strawberry
from strawberry.scalars import JSON

from api.graphql.scalars import Instant, Long

Node = TypeVar("Node")


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[Node]):
    cursor: str
    node: Node


@strawberry.type
class Connection(Generic[Node]):
    nodes: list[Node]
    edges: list[Edge[Node]]
    page_info: PageInfo


@strawberry.type
class Status:
    feed: str
    venue: str
    timeframe: str
    data_digest: str
    symbols: list[str]
    opened_at: Instant | None
    last_step: Instant | None
    position: Long
    head: Long | None
    lag: Long | None
    strategies: int
    accounts: int
    trades: int
    open_positions: int


@strawberry.type(description="A safety limit: a constant, or tighter where an operator said so.")
class Limit:
    id: strawberry.ID
    unit: str
    constant: Decimal
    value: Decimal
    allowed: str
    tightened: bool
    reason: str
    changed_by: str
    changed_at: Instant | None
    effective_at: Instant | None


@strawberry.type
class GateFailure:
    code: str
    required: Decimal
    observed: Decimal | None


@strawberry.type(description="The gate's answer, with every figure it was made from.")
class Verdict:
    passed: bool
    trades: int
    open_trades: int
    wins: int
    win_rate: Decimal | None
    win_rate_low: Decimal | None
    profit_factor: Decimal | None
    net: Decimal
    attempts: int
    failures: list[GateFailure]


@strawberry.type
class Performance:
    id: strawberry.ID
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str
    trades: int
    wins: int
    win_rate: Decimal | None
    win_rate_low: Decimal | None
    profit_factor: Decimal | None
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal
    max_drawdown: Decimal
    capital: Decimal
    equity: Decimal
    open_pnl: Decimal
    marked_at: Instant | None
    ruined: bool


@strawberry.type
class Position:
    id: strawberry.ID
    position: Long
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str
    symbol: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    stop: Decimal | None
    target: Decimal | None
    tag: str
    opened_at: Instant
    closed_at: Instant | None
    net: Decimal | None
    mark_price: Decimal | None
    open_pnl: Decimal | None


@strawberry.type
class Trade:
    id: strawberry.ID
    position: Long
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str
    symbol: str
    side: str
    quantity: Decimal
    entry_at: Instant
    exit_at: Instant
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal
    reason: str
    tag: str
    mae: Decimal
    mfe: Decimal
    bars: int


@strawberry.type
class Order:
    id: strawberry.ID
    position: Long
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str
    symbol: str
    side: str
    intent: str
    order_type: str
    quantity: Decimal
    reference_price: Decimal
    filled: Decimal
    average_price: Decimal | None
    fees: Decimal
    tag: str
    reason: str
    placed_at: Instant
    closed_at: Instant | None


@strawberry.type
class Signal:
    id: strawberry.ID
    position: Long
    strategy: str
    version: str
    mode: str
    status: str
    symbol: str
    bar: Instant
    at: Instant
    side: str
    confidence: float
    tag: str
    price: Decimal
    stop: float | None
    target: float | None
    series: JSON


@strawberry.type
class EquityMark:
    position: Long
    account: str
    version: str
    at: Instant
    cash: Decimal
    unrealised: Decimal
    equity: Decimal
    peak: Decimal
    max_drawdown: Decimal
    price: Decimal | None


@strawberry.type
class LogEvent:
    id: strawberry.ID
    position: Long
    recorded_at: Instant
    stream: str
    version: int
    topic: str
    kind: str
    occurred_at: Instant
    effective_at: Instant | None
    causation_id: str
    correlation_id: str
    actor: str
    data: JSON
