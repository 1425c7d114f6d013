"""One account on one symbol: what a base bar does to it.

`simulate` is the broker on paper: funding, the open, the bar's range, the mark. `decide` (in
`decision`) turns the strategy's words into intents for the next open. Both are pure in (account,
intents, bar): live trading runs `decide` on an account folded from the venue's fills, `simulate`
beside it. Money is whole 1e-8 quote, prices whole ticks, quantities whole lots, so every sum is
exact. DESIGN's "Trading semantics" gives the order of phases.

This is the innermost loop of every sweep: what happens at most bars is a few operations, and what
is rare stands behind one condition.
"""

from typing import Any

from kernels.dialect import emit, floor, maximum
from kernels.dtypes import CANCELLED, ENTRY, FUNDED, MARKED, OPERATOR, ORDER, RUINED, WITHDRAWN
from kernels.library.exits import fill_inside, fill_open, follow
from kernels.library.fills import sign
from kernels.library.limits import begin_periods, clear_breakers, mark_five, trip_breakers
from kernels.library.windows import whole


def settle_funding(account: Any, held: Any, bar: Any, market: Any) -> float:
    """Phase 0: pay or receive what was settled since the previous bar, at this open."""
    if market.perpetual > 0.0 and held.position != 0.0 and bar.funding != 0.0:
        paid = whole(held.position * bar.open * market.unit * bar.funding)
        account.cash = account.cash - paid
        held.funding = held.funding + paid
        emit(FUNDED, 0, bar.funding, paid)
    return 0.0


def heed_operator(held: Any, intents: Any, bar: Any, control: Any, uses: Any) -> float:
    """Withdraw a pending entry where entries are off, and put in the operator's exit."""
    if control.entries_off > 0.0 and intents.entry_lots != 0.0:
        emit(CANCELLED, 0, WITHDRAWN, ENTRY)
        intents.entry_lots = 0.0
    if control.flatten > 0.0 and held.position != 0.0 and intents.exit_intent == 0.0:
        side = sign(held.position, uses)
        intents.exit_intent = OPERATOR
        emit(ORDER, 0, -side, OPERATOR, held.position * side, bar.open, 0.0)
    return 0.0


def open_profit(held: Any, bar: Any, market: Any, uses: Any) -> float:
    """Money that the position has made at the close, its closed parts included."""
    result = (bar.close - held.entry_ticks) * held.position * market.unit
    if uses.targets > 1.0:
        result = result + held.realised
    return result


def mark(
    account: Any,
    bar: Any,
    limits: Any,
    unrealised: float,
    position: float,
    smallest: float,
    price: float,
) -> float:
    """Phase 3: mark to the close, trip what must trip, and tell the hour's equity."""
    equity = account.cash + unrealised
    account.equity = equity
    account.peak = maximum(account.peak, equity)
    account.drawdown = maximum(account.drawdown, account.peak - equity)
    tripped = 0.0
    if limits.enforced > 0.0:
        tripped = trip_breakers(account, bar, limits, equity)
        mark_five(account, bar, equity)
    if bar.mark_due > 0.0 or tripped > 0.0:
        total = unrealised + 0.0  # never −0
        emit(MARKED, 1, account.cash, total, account.peak, account.drawdown, price)
    if position == 0.0 and account.ruined == 0.0 and not equity * account.reach >= smallest:
        account.ruined = 1.0
        emit(RUINED, 1, equity, -floor(-(smallest / account.reach)))
    return 0.0


def simulate(
    account: Any,
    held: Any,
    intents: Any,
    bar: Any,
    market: Any,
    limits: Any,
    control: Any,
    uses: Any,
) -> float:
    """Take one base bar: phases 0 to 3."""
    settle_funding(account, held, bar, market)
    begin_periods(account, bar)
    clear_breakers(account, bar, limits)
    heed_operator(held, intents, bar, control, uses)
    if held.position != 0.0 or intents.entry_lots != 0.0:
        fill_open(account, held, intents, bar, market, uses)
        if held.position != 0.0:
            fill_inside(account, held, bar, market, uses)
    unrealised = open_profit(held, bar, market, uses)
    smallest = maximum(market.min_notional, bar.close * market.unit)
    mark(account, bar, limits, unrealised, held.position, smallest, bar.close)
    follow(held, uses)
    return 0.0
