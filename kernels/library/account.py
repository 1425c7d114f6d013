"""One account on one symbol: what a bar does to it, and what it then decides.

`simulate` is the broker on paper: funding, the open, the bar's range, the mark. `decide` turns the
strategy's words into intents for the next open. Both are pure in (account, intents, bar): live
trading runs `decide` on an account folded from the venue's fills, `simulate` beside it. Money is
whole 1e-8 quote, prices whole ticks, quantities whole lots, so every sum below is exact. DESIGN's
"Trading semantics" gives the order of phases; inside a bar the worse reading is taken.
"""

from typing import Any

from kernels.dialect import emit, entry, exits, floor, maximum, minimum, nan, warm
from kernels.dtypes import (
    ALREADY_CLOSED,
    CANCELLED,
    CLEARED,
    CLOSED,
    DAILY_LOSS,
    ENTRY,
    EXACT,
    FILL,
    FUNDED,
    LIQUIDATED,
    LIQUIDATION,
    MARGIN_ABSOLUTE,
    MARGIN_FRACTION,
    MARGIN_SHARE,
    MARKED,
    MINIMUM,
    NOTIONAL,
    OPENED,
    OPERATOR,
    ORDER,
    REFUSED,
    REVERSE,
    RUINED,
    SIGNAL,
    STOP,
    STOP_MISSING,
    TARGET,
    TIME_LIMIT,
    TRIPPED,
    WITHDRAWN,
)
from kernels.library.windows import whole


def sign(x: float) -> float:
    """+1 for x ≥ 0, −1 below."""
    result = 1.0
    if x < 0.0:
        result = -1.0
    return result


def worsened(side: float, ticks: float, slippage: float) -> float:
    """Price in whole ticks after slippage, rounded against a taker who buys (+1) or sells (−1)."""
    result = floor(ticks * (1.0 - slippage) + 1e-6)
    if side > 0.0:
        result = -floor(-(ticks * (1.0 + slippage) - 1e-6))
    return maximum(result, 1.0)


def bankruptcy(account: Any, side: float) -> float:
    """Price in ticks at which an isolated position has lost its margin; not above 0: never."""
    return floor(account.entry_ticks * (1.0 - side / account.leverage) + 0.5)


def liquidation(account: Any, market: Any, side: float) -> float:
    """Price in ticks at which the venue takes an isolated position; not above 0: never.

    Long entry·(1 − 1/L)/(1 − mmr), short entry·(1 + 1/L)/(1 + mmr); a long at L = 1 never.
    """
    return account.entry_ticks * (1.0 - side / account.leverage) / (1.0 - side * market.maintenance)


def close_position(
    account: Any, market: Any, at_close: int, intent: float, price: float, paid: float, taker: float
) -> float:
    """Close all at `paid` ticks, decided at `price` ticks; write the fill and the trade."""
    size = account.position
    side = sign(size)
    rate = market.maker
    if taker > 0.0:
        rate = market.taker
    if intent == LIQUIDATION:  # its cost is the margin between here and bankruptcy
        rate = 0.0
    fee = whole(paid * size * side * market.unit * rate)
    slip = (price - paid) * size * market.unit
    gross = (price - account.entry_price) * size * market.unit
    fees = account.entry_fee + fee
    slippage = account.entry_slippage + slip
    net = gross - fees - slippage - account.funding
    account.mae = minimum(account.mae, gross)
    account.mfe = maximum(account.mfe, gross)
    emit(FILL, at_close, -side, intent, size * side, paid, price, fee, slip, taker)
    emit(
        CLOSED,
        at_close,
        side,
        size * side,
        account.entry_ticks,
        paid,
        gross,
        fees,
        slippage,
        account.funding,
        net,
        account.mae,
        account.mfe,
        account.bars,
        intent,
    )
    account.cash = account.cash + (paid - account.entry_ticks) * size * market.unit - fee
    account.realised = account.realised + net
    account.trades = account.trades + 1.0
    if net > 0.0:
        account.wins = account.wins + 1.0
    account.position = 0.0
    account.stop = nan
    account.target = nan
    return net


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


def leave_at_open(account: Any, intents: Any, market: Any, ticks: float) -> float:
    """Phase 1, exits: a level already passed fills at the open, else an exit that was waiting."""
    side = sign(account.position)
    intent = 0.0
    paid = worsened(-side, ticks, market.slippage)
    price = ticks
    taker = 1.0
    edge = liquidation(account, market, side)
    if edge > 0.0 and side * (ticks - edge) <= 0.0:
        intent = LIQUIDATION
        price = bankruptcy(account, side)
        paid = price
        tell_liquidation(account, market, 0, price)
    elif side * (ticks - account.stop) <= 0.0:
        intent = STOP
    elif side * (ticks - account.target) >= 1.0:
        intent = TARGET
        paid = ticks
        taker = 0.0
    if intent > 0.0:
        if intents.exit_intent > 0.0:
            emit(CANCELLED, 0, ALREADY_CLOSED, intents.exit_intent)
        emit(ORDER, 0, -side, intent, account.position * side, price, account.tag)
    else:
        intent = intents.exit_intent
    if intent > 0.0:
        close_position(account, market, 0, intent, price, paid, taker)
    return 0.0


def tell_liquidation(account: Any, market: Any, at_close: int, price: float) -> float:
    """Record that the margin is lost."""
    lost = (account.entry_ticks - price) * account.position * market.unit
    emit(LIQUIDATED, at_close, price, lost)
    return lost


def fill_open(account: Any, intents: Any, bar: Any, market: Any) -> float:
    """Phase 1: exits first, then the entry that was waiting."""
    if account.position != 0.0:
        leave_at_open(account, intents, market, whole(bar.open / market.tick))
    intents.exit_intent = 0.0
    if intents.entry_lots != 0.0:
        open_position(account, intents, bar, market)
    return 0.0


def open_position(account: Any, intents: Any, bar: Any, market: Any) -> float:
    """Fill the waiting entry at the open; its levels are anchored to the fill."""
    side = sign(intents.entry_lots)
    price = whole(bar.open / market.tick)
    paid = worsened(side, price, market.slippage)
    lots = intents.entry_lots * side
    fee = whole(paid * lots * market.unit * market.taker)
    slip = (paid - price) * intents.entry_lots * market.unit
    account.position = intents.entry_lots
    account.entry_price = price
    account.entry_ticks = paid
    account.entry_at = bar.timestamp
    account.entry_fee = fee
    account.entry_slippage = slip
    account.funding = 0.0
    account.bars = 0.0
    account.mae = 0.0
    account.mfe = 0.0
    account.tag = intents.tag
    account.stop = maximum(paid - side * intents.stop_ticks, 1.0)
    account.target = paid + side * intents.target_ticks
    account.cash = account.cash - fee
    emit(FILL, 0, side, ENTRY, lots, paid, price, fee, slip, 1.0)
    emit(OPENED, 0, side, lots, paid, account.stop, account.target, account.tag)
    intents.entry_lots = 0.0
    return 0.0


def fill_inside(account: Any, bar: Any, market: Any) -> float:
    """Phase 2: within the bar the stop comes before any target; liquidation only if it is nearer.

    A stop is a taker at its level, worsened by slippage; a target rests as maker and needs one tick
    of trade-through.
    """
    side = sign(account.position)
    worst = bar.low
    best = bar.high
    if side < 0.0:
        worst = bar.high
        best = bar.low
    worst = whole(worst / market.tick)
    best = whole(best / market.tick)
    intent = 0.0
    price = account.stop
    paid = price
    taker = 1.0
    edge = liquidation(account, market, side)
    stopped = side * (worst - account.stop) <= 0.0
    taken = edge > 0.0 and side * (worst - edge) <= 0.0
    if taken and (not stopped or side * (account.stop - edge) < 0.0):
        intent = LIQUIDATION
        price = bankruptcy(account, side)
        paid = price
        tell_liquidation(account, market, 1, price)
    elif stopped:
        intent = STOP
        paid = worsened(-side, price, market.slippage)
    else:
        account.mae = minimum(
            account.mae, (worst - account.entry_price) * account.position * market.unit
        )
        if side * (best - account.target) >= 1.0:
            intent = TARGET
            price = account.target
            paid = price
            taker = 0.0
        else:
            account.mfe = maximum(
                account.mfe, (best - account.entry_price) * account.position * market.unit
            )
    if intent > 0.0:
        emit(ORDER, 1, -side, intent, account.position * side, price, account.tag)
        close_position(account, market, 1, intent, price, paid, taker)
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
        check_ruin(account, market, limits, equity, ticks)
    return 0.0


def check_ruin(account: Any, market: Any, limits: Any, equity: float, ticks: float) -> float:
    """Say so when equity can no longer put up the margin of the smallest order."""
    reach = account.leverage
    if limits.enforced > 0.0:
        reach = reach * limits.margin_fraction
    smallest = maximum(market.min_notional, ticks * market.unit)
    if not equity * reach >= smallest:
        account.ruined = 1.0
        emit(RUINED, 1, equity, -floor(-(smallest / reach)))
    return 0.0


def distance(market: Any, quote: float) -> float:
    """A planned distance in whole ticks, at least one; NaN where there is none, or none so far."""
    ticks = maximum(1.0, whole(quote / market.tick))
    result = nan
    if ticks < EXACT:
        result = ticks
    return result


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


def review(account: Any, intents: Any, market: Any, ticks: float, closed: float) -> float:
    """Look at the open position again: stops may only tighten, and time may be up."""
    side = sign(account.position)
    account.bars = account.bars + closed
    entry_price = account.entry_ticks * market.tick
    gain = side * (ticks * market.tick / entry_price - 1.0)
    stop, target, max_bars = exits(side, entry_price, account.bars, gain)
    level = account.entry_ticks - side * distance(market, stop)
    if side * (level - account.stop) > 0.0:
        account.stop = level
    account.target = account.entry_ticks + side * distance(market, target)
    if account.bars >= max_bars:
        intents.exit_intent = TIME_LIMIT
        emit(ORDER, 1, -side, TIME_LIMIT, account.position * side, ticks, account.tag)
    return 0.0


def refusal(
    account: Any, market: Any, limits: Any, lots: float, ticks: float, stop: float
) -> float:
    """Judge an entry against every limit; the first that fails is recorded. 0: approved."""
    refused = 0.0
    notional = lots * ticks * market.unit
    margin = notional / account.leverage
    if account.blocked_until > 0.0:
        refused = 1.0
        emit(REFUSED, 1, DAILY_LOSS, limits.daily_loss, account.day_equity - account.equity)
    elif not (stop > 0.0 and distance(market, stop) > 0.0):
        refused = 1.0
        emit(REFUSED, 1, STOP_MISSING, 0.0, stop)
    elif not lots >= 1.0 or not notional >= market.min_notional:
        refused = 1.0
        emit(REFUSED, 1, MINIMUM, market.min_notional, notional)
    elif limits.enforced > 0.0:
        if not margin <= limits.margin_fraction * account.equity:
            refused = 1.0
            emit(
                REFUSED,
                1,
                MARGIN_FRACTION,
                floor(limits.margin_fraction * account.equity),
                -floor(-margin),
            )
        elif not margin <= limits.margin_absolute:
            refused = 1.0
            emit(REFUSED, 1, MARGIN_ABSOLUTE, limits.margin_absolute, -floor(-margin))
        elif not notional <= limits.notional_multiple * account.equity:
            refused = 1.0
            emit(REFUSED, 1, NOTIONAL, floor(limits.notional_multiple * account.equity), notional)
    return refused


def enter(
    account: Any,
    intents: Any,
    market: Any,
    limits: Any,
    control: Any,
    side: float,
    tag: float,
    ticks: float,
    stop: float,
    target: float,
) -> float:
    """Size an entry and, if every limit allows, put it in for the next open."""
    if control.entries_off == 0.0 and account.ruined == 0.0:
        margin = account.equity * MARGIN_SHARE
        lots = floor(margin * account.leverage / (ticks * market.unit) + 1e-9)
        if refusal(account, market, limits, lots, ticks, stop) == 0.0:
            intents.entry_lots = side * lots
            intents.stop_ticks = distance(market, stop)
            intents.target_ticks = distance(market, target)
            intents.tag = tag
            emit(ORDER, 1, side, ENTRY, lots, ticks, tag)
    return 0.0


def decide(
    account: Any, intents: Any, row: Any, market: Any, limits: Any, control: Any, clock: Any
) -> float:
    """Phase 4, where a strategy bar closed: exits first, then the signal and what it asks for."""
    ticks = whole(row.close / market.tick)
    if account.position != 0.0:
        review(account, intents, market, ticks, clock.closed)
    side, confidence, tag = entry()
    if not warm():
        side = 0.0
    turned = side != 0.0 and side != account.side
    account.side = side
    if turned:
        stop, target, _ = exits(side, ticks * market.tick, 0.0, 0.0)
        confidence = minimum(maximum(confidence, 0.0), 1.0)  # 0 where it is no number
        emit(SIGNAL, 1, side, confidence, tag, clock.index, stop, target, ticks)
        against = account.position * side < 0.0
        if against and intents.exit_intent == 0.0:
            intents.exit_intent = REVERSE
            emit(ORDER, 1, side, REVERSE, -account.position * side, ticks, account.tag)
        if against or account.position == 0.0:
            enter(account, intents, market, limits, control, side, tag, ticks, stop, target)
    return 0.0
