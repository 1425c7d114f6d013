"""What the queries give: one frozen struct per item, ready for an API or a terminal.

Money, prices and quantities are exact decimals in quote or base; ratios are None where there is
nothing to divide by. Times are ms UTC but for `recorded_at` (µs). `mode` is `paper` or `live/sim`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from domain.gate import GateVerdict
from domain.strategy.improvement import TestReport

T = TypeVar("T")


class Status(Struct, frozen=True, kw_only=True):
    feed: str  # "" until the home was opened
    venue: str
    timeframe: str
    data_digest: str
    symbols: tuple[str, ...]
    opened_at: int | None
    last_step: int | None  # open of the last base bar that left an event
    last_recorded_at: int | None  # ms
    position: int  # what the views show
    head: int | None  # what the log holds; None where no log was given
    lag: int | None  # events the views have yet to show
    strategies: int
    accounts: int
    trades: int
    open_positions: int


class LimitView(Struct, frozen=True, kw_only=True):
    id: str  # field of domain.limits.Limits
    unit: str
    constant: Decimal  # what it is while nobody has tightened it
    value: Decimal  # what is in force
    allowed: str  # what it may be tightened to
    tightened: bool
    reason: str
    changed_by: str
    changed_at: int | None
    effective_at: int | None


class StrategyView(Struct, frozen=True, kw_only=True):
    id: str
    version: str | None  # the champion
    status: str  # paper | ready | live/sim | paused | retired
    mode: str
    description: str
    resumes_to: str  # the status a resume restores
    live_version: str | None
    live_account: str | None
    reason: str  # of the last change of status
    changed_by: str
    paused_until: int | None
    flat: bool  # all it holds is closed, until it is resumed
    registered_at: int
    changed_at: int


class VersionView(Struct, frozen=True, kw_only=True):
    id: str
    position: int  # log position of the event that authored it: the key it is paged by
    strategy: str
    version: str
    status: str  # candidate | passed | paper | ready | retired | live/sim | rejected
    author: str
    parent: str | None
    hypothesis: str
    source_sha: str
    parameters: dict[str, float]
    timeframe: str
    tokens: int
    cost: Decimal  # dollars
    authored_at: int
    activated_at: int | None
    from_bar: int | None  # open of the first base bar it trades on paper
    live_from: int | None
    rejected_stage: str
    reasons: tuple[str, ...]
    verdict: GateVerdict | None  # the gate's last answer, in full
    verdict_at: int | None
    number: int | None  # of the look it was written for
    passed: bool | None  # its test on bars its author did not know; None: it was not tested
    failures: tuple[str, ...]  # codes that it failed on
    report: TestReport | None
    test_digest: str  # sha256 of the daily money it was judged by
    tested_at: int | None
    retired: str  # why it enters nothing more: trades | crowded; "": it does
    retired_at: int | None


class PerformanceView(Struct, frozen=True, kw_only=True):
    id: str
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str  # open | ruined
    trades: int
    wins: int
    win_rate: Decimal | None
    win_rate_low: Decimal | None  # Wilson 95 % lower bound
    profit_factor: Decimal | None  # None: no loss to divide by
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal
    max_drawdown: Decimal  # deepest fall of equity from a peak
    capital: Decimal
    equity: Decimal  # at the last mark
    open_pnl: Decimal  # of positions now open, at the last mark's price
    marked_at: int | None
    ruined: bool


class OwnedView(Struct, frozen=True, kw_only=True):
    id: str
    position: int  # log position of the event that made it: the key it is paged by
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str
    symbol: str
    side: str


class PositionView(OwnedView, frozen=True, kw_only=True):
    quantity: Decimal
    entry_price: Decimal
    stop: Decimal | None
    target: Decimal | None
    tag: str
    opened_at: int
    closed_at: int | None
    net: Decimal | None  # once closed
    mark_price: Decimal | None  # while open: the account's last mark
    open_pnl: Decimal | None  # while open, at that mark


class TradeView(OwnedView, frozen=True, kw_only=True):
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
    reason: str
    tag: str
    mae: Decimal
    mfe: Decimal
    bars: int


class OrderView(OwnedView, frozen=True, kw_only=True):
    intent: str
    order_type: str
    quantity: Decimal
    reference_price: Decimal
    filled: Decimal  # quantity
    average_price: Decimal | None  # of its fills, to eight places
    fees: Decimal
    tag: str
    reason: str  # of a cancellation
    placed_at: int
    closed_at: int | None


class FillView(OwnedView, frozen=True, kw_only=True):
    order_id: str
    quantity: Decimal
    price: Decimal
    reference_price: Decimal
    fee: Decimal
    slippage: Decimal
    liquidity: str
    at: int


class SignalView(Struct, frozen=True, kw_only=True):
    id: str
    position: int
    strategy: str
    version: str
    mode: str
    status: str  # raised
    symbol: str
    bar: int
    at: int
    side: str
    confidence: float
    tag: str
    price: Decimal
    stop: float | None
    target: float | None
    series: dict[str, float | None]


class EquityView(Struct, frozen=True, kw_only=True):
    position: int
    account: str
    version: str
    at: int
    cash: Decimal
    unrealised: Decimal
    equity: Decimal
    peak: Decimal
    max_drawdown: Decimal
    price: Decimal | None  # the close it was marked at; None where it trades several symbols


class RefusalView(Struct, frozen=True, kw_only=True):
    position: int
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    symbol: str
    code: str
    limit: Decimal
    observed: Decimal | None
    at: int


class BreakerView(Struct, frozen=True, kw_only=True):
    position: int
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    status: str  # tripped | cleared
    code: str
    limit: Decimal
    observed: Decimal
    tripped_at: int
    until: int | None
    cleared_at: int | None


class EventView(Struct, frozen=True, kw_only=True):
    id: str
    position: int
    recorded_at: int  # µs
    stream: str
    version: int  # within the stream
    topic: str
    kind: str
    occurred_at: int
    effective_at: int | None
    causation_id: str
    correlation_id: str
    actor: str
    data: dict[str, Any]  # the event's own fields, decimals as text


def cursor_of(item: Any) -> str:
    """Give the cursor that asks for what comes after this item of a page."""
    if isinstance(item, EquityView):
        return f"{item.at}-{item.position}"
    return str(item.position)


class Page(Struct, Generic[T], frozen=True):
    """Some items, and where to ask on."""

    items: tuple[T, ...]
    cursor: str | None  # give it as `after` to go on from here; None: there was nothing
    more: bool


def plain_item(item: Struct) -> dict[str, Any]:
    """Turn an item into JSON-ready values, decimals as text without exponents."""
    return {name: plain(getattr(item, name)) for name in item.__struct_fields__}


def plain(value: Any) -> Any:
    """Turn anything these items hold, and they themselves, into JSON-ready values likewise."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Struct):
        return plain_item(value)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return msgspec.to_builtins(value)
