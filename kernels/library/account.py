"""One account on one symbol: what a base bar does to it.

`simulate` is the broker on paper: funding, the open, the bar's range, the mark. `decide` (in
`decision`) turns the strategy's words into intents for the next open. Both are pure in (account,
intents, bar): live trading runs `decide` on an account folded from the venue's fills, `simulate`
beside it. Money is whole 1e-8 quote, prices whole ticks, quantities whole lots, so every sum is
exact. DESIGN's "Trading semantics" gives the order of phases.
"""

from typing import Any

from kernels.dialect import emit, floor, maximum
from kernels.dtypes import (
    CANCELLED,
    CLEARED,
    DAILY_LOSS,
    ENTRY,
    FUNDED,
    MARGIN_SHARE,
    MARKED,
    OPERATOR,
    ORDER,
    RUINED,
    TRIPPED,
    WITHDRAWN,
)
from kernels.library.fills import fill_inside, fill_open, sign
from kernels.library.windows import whole


def settle_funding(account: Any, bar: Any, market: Any) -> float:
    """Phase 0: pay or receive what was settled since the previous bar, at this open."""
    if market.perpetual > 0.0 and account.position != 0.0 and bar.funding != 0.0:
        ticks = whole(bar.open / market.tick)
        paid = whole(account.position * ticks * market.unit * bar.funding)
        account.cash = account.cash - paid
        account.funding = account.funding + paid
        emit(FUNDED, 0, bar.funding, paid)
    return 0.0


def begin_day(account: Any, bar: Any) -> float:
    """Start the day's loss account at the first bar of a UTC day, and end a block that is over."""
    if bar.timestamp >= account.day_ends:
        account.day_ends = (floor(bar.timestamp / 86400000.0) + 1.0) * 86400000.0
        account.day_equity = account.equity
    if account.blocked_until > 0.0 and bar.timestamp >= account.blocked_until:
        account.blocked_until = 0.0
        emit(CLEARED, 0, DAILY_LOSS)
    return 0.0


def heed_operator(account: Any, intents: Any, bar: Any, market: Any, control: Any) -> float:
    """Withdraw a pending entry where entries are off, and put in the operator's exit."""
    if control.entries_off > 0.0 and intents.entry_lots != 0.0:
        emit(CANCELLED, 0, WITHDRAWN, ENTRY)
        intents.entry_lots = 0.0
    if control.flatten > 0.0 and account.position != 0.0 and intents.exit_intent == 0.0:
        side = sign(account.position)
        intents.exit_intent = OPERATOR
        emit(ORDER, 0, -side, OPERATOR, account.position * side, whole(bar.open / market.tick), 0.0)
    return 0.0


def mark(account: Any, bar: Any, market: Any, limits: Any, clock: Any) -> float:
    """Phase 3: mark to the close, trip what must trip, and tell the hour's equity."""
    ticks = whole(bar.close / market.tick)
    unrealised = (ticks - account.entry_ticks) * account.position * market.unit
    equity = account.cash + unrealised
    account.equity = equity
    account.peak = maximum(account.peak, equity)
    account.drawdown = maximum(account.drawdown, account.peak - equity)
    closes_at = bar.timestamp + clock.base_ms
    lost = account.day_equity - equity
    tripped = 0.0
    if limits.enforced > 0.0 and account.blocked_until == 0.0 and not lost < limits.daily_loss:
        tripped = 1.0
        account.blocked_until = account.day_ends
        emit(TRIPPED, 1, DAILY_LOSS, limits.daily_loss, lost, account.blocked_until)
    if account.mark_at == 0.0:
        account.mark_at = (floor(bar.timestamp / 3600000.0) + 1.0) * 3600000.0
    if closes_at >= account.mark_at or tripped > 0.0:
        account.mark_at = (floor(closes_at / 3600000.0) + 1.0) * 3600000.0
        emit(MARKED, 1, account.cash, unrealised, account.peak, account.drawdown, ticks)
    if account.position == 0.0 and account.ruined == 0.0:
        check_ruin(account, market, equity, ticks)
    return 0.0


def check_ruin(account: Any, market: Any, equity: float, ticks: float) -> float:
    """Say so when what sizing would put up no longer reaches the smallest order."""
    reach = account.leverage * MARGIN_SHARE
    smallest = maximum(market.min_notional, ticks * market.unit)
    if not equity * reach >= smallest:
        account.ruined = 1.0
        emit(RUINED, 1, equity, -floor(-(smallest / reach)))
    return 0.0


def simulate(
    account: Any, intents: Any, bar: Any, market: Any, limits: Any, control: Any, clock: Any
) -> float:
    """Take one base bar: phases 0 to 3."""
    settle_funding(account, bar, market)
    begin_day(account, bar)
    heed_operator(account, intents, bar, market, control)
    if account.position != 0.0 or intents.entry_lots != 0.0:
        fill_open(account, intents, bar, market)
        if account.position != 0.0:
            fill_inside(account, bar, market)
    mark(account, bar, market, limits, clock)
    return 0.0
