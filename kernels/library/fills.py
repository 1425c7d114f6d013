"""How orders fill: at the open, inside the bar, and where a venue takes the position.

Inside a bar the worse reading is taken: the stop before any target, liquidation where it is nearer
than the stop. Takers are worsened by slippage and rounded against; targets rest as makers. Levels
are signed (ticks × side): a level is reached where the signed price is at or below it, or above it
for a target, whichever the side.
"""

from typing import Any

from kernels.dialect import emit, floor, maximum, minimum, nan
from kernels.dtypes import (
    ALREADY_CLOSED,
    CANCELLED,
    CLOSED,
    ENTRY,
    FILL,
    LIQUIDATED,
    LIQUIDATION,
    OPENED,
    ORDER,
    STOP,
    TARGET,
    TARGET_2,
    TARGET_3,
)
from kernels.library.windows import whole


def sign(x: float, uses: Any) -> float:
    """+1 for x ≥ 0, −1 below."""
    result = 1.0
    if uses.shorts > 0.0 and x < 0.0:
        result = -1.0
    return result


def at_edge(account: Any, signed: float, uses: Any) -> bool:
    """Whether a signed price is where the venue takes the position; a long at 1× never."""
    result = False
    if account.leverage > 1.0 or uses.shorts > 0.0:
        result = signed <= account.edge
    return result


def worsened(side: float, ticks: float, slippage: float) -> float:
    """Price in whole ticks after slippage, rounded against a taker who buys (+1) or sells (−1)."""
    result = floor(ticks * (1.0 - slippage) + 1e-6)
    if side > 0.0:
        result = -floor(-(ticks * (1.0 + slippage) - 1e-6))
    return maximum(result, 1.0)


def bankruptcy(account: Any, side: float) -> float:
    """Price in ticks at which an isolated position has lost its margin."""
    return floor(account.entry_ticks * (1.0 - side / account.leverage) + 0.5)


def liquidation(account: Any, market: Any, side: float) -> float:
    """Signed ticks at which the venue takes an isolated position; NaN: never.

    Long entry·(1 − 1/L)/(1 − mmr), short entry·(1 + 1/L)/(1 + mmr); a long at L = 1 never.
    """
    kept = 1.0 - side * market.maintenance
    edge = account.entry_ticks * (1.0 - side / account.leverage) / kept
    result = nan
    if edge > 0.0:
        result = side * edge
    return result


def finish(
    account: Any, market: Any, at_close: int, side: float, intent: float, price: float, paid: float
) -> float:
    """Settle a position that is flat again, and write the trade."""
    net = account.realised - account.fees - account.funding
    worst = minimum(account.worst, price * side) - account.entry_price * side
    best = maximum(account.best, price * side) - account.entry_price * side
    emit(
        CLOSED,
        at_close,
        side,
        account.lots,
        account.entry_ticks,
        paid,
        account.realised + account.slippage,
        account.fees,
        account.slippage,
        account.funding,
        net,
        worst * account.lots * market.unit,
        best * account.lots * market.unit,
        account.bars,
        intent,
    )
    account.cash = account.cash + account.realised
    account.trades = account.trades + 1.0
    if net > 0.0:
        account.wins = account.wins + 1.0
        account.profit = account.profit + net
    else:
        account.loss = account.loss - net
    account.all_fees = account.all_fees + account.fees
    account.all_slippage = account.all_slippage + account.slippage
    account.all_funding = account.all_funding + account.funding
    account.realised = 0.0
    account.stop = nan
    account.edge = nan
    account.target = nan
    account.target_2 = nan
    account.target_3 = nan
    return 0.0


def close_lots(
    account: Any,
    market: Any,
    at_close: int,
    intent: float,
    lots: float,
    price: float,
    paid: float,
    taker: float,
    uses: Any,
) -> float:
    """Close some of the position at `paid` ticks, decided at `price` ticks."""
    side = sign(account.position, uses)
    rate = market.maker
    if taker > 0.0:
        rate = market.taker
    if intent == LIQUIDATION:  # its cost is the margin between here and bankruptcy
        rate = 0.0
    fee = whole(paid * lots * market.unit * rate)
    slip = (price - paid) * side * lots * market.unit
    made = (paid - account.entry_ticks) * side * lots * market.unit
    account.cash = account.cash - fee
    account.fees = account.fees + fee
    account.slippage = account.slippage + slip
    account.realised = account.realised + made
    account.position = account.position - side * lots
    emit(FILL, at_close, -side, intent, lots, paid, price, fee, slip, taker)
    if account.position == 0.0:
        finish(account, market, at_close, side, intent, price, paid)
    return 0.0


def open_position(account: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Fill the waiting entry at the open; its levels are anchored to the fill."""
    side = sign(intents.entry_lots, uses)
    price = bar.open
    paid = worsened(side, price, market.slippage)
    lots = intents.entry_lots * side
    fee = whole(paid * lots * market.unit * market.taker)
    slip = (paid - price) * intents.entry_lots * market.unit
    account.position = intents.entry_lots
    account.lots = lots
    account.entry_price = price
    account.entry_ticks = paid
    account.realised = 0.0
    account.fees = fee
    account.slippage = slip
    account.funding = 0.0
    account.bars = 0.0
    account.worst = price * side
    account.best = price * side
    account.tag = intents.tag
    account.stop = side * maximum(paid - side * intents.stop_ticks, 1.0)
    if account.leverage > 1.0 or uses.shorts > 0.0:
        account.edge = liquidation(account, market, side)
    if uses.targets > 0.0:
        account.target = paid * side + intents.target_ticks
    if uses.targets > 1.0:
        account.target_2 = paid * side + intents.target_2_ticks
        account.target_3 = paid * side + intents.target_3_ticks
        account.lots_1 = maximum(floor(lots * intents.share_1 + 1e-9), 1.0)
        account.lots_2 = maximum(floor(lots * intents.share_2 + 1e-9), 1.0)
    account.cash = account.cash - fee
    emit(FILL, 0, side, ENTRY, lots, paid, price, fee, slip, 1.0)
    emit(OPENED, 0, side, lots, paid, account.stop * side, account.target * side, account.tag)
    intents.entry_lots = 0.0
    return 0.0


def take_part(
    account: Any, market: Any, at_close: int, intent: float, lots: float, price: float, uses: Any
) -> float:
    """Close what rests at a target: a maker, no slippage."""
    side = sign(account.position, uses)
    part = minimum(lots, account.position * side)
    emit(ORDER, at_close, -side, intent, part, price, account.tag)
    close_lots(account, market, at_close, intent, part, price, price, 0.0, uses)
    return 0.0


def target_price(level: float, signed: float, gapped: float) -> float:
    """Signed ticks at which a target fills: its level, or the open that gapped beyond it."""
    result = level
    if gapped > 0.0:
        result = signed
    return result


def take_targets(
    account: Any, market: Any, at_close: int, signed: float, gapped: float, uses: Any
) -> float:
    """Fill each of several targets that `signed` ticks trade through, the first one first."""
    side = sign(account.position, uses)
    if signed > account.target:
        price = target_price(account.target, signed, gapped) * side
        lots = account.lots_1
        account.lots_1 = 0.0
        account.target = nan
        take_part(account, market, at_close, TARGET, lots, price, uses)
    if account.position != 0.0 and signed > account.target_2:
        price = target_price(account.target_2, signed, gapped) * side
        lots = account.lots_2
        account.lots_2 = 0.0
        account.target_2 = nan
        take_part(account, market, at_close, TARGET_2, lots, price, uses)
    if account.position != 0.0 and signed > account.target_3:
        price = target_price(account.target_3, signed, gapped) * side
        take_part(account, market, at_close, TARGET_3, account.position * side, price, uses)
    return 0.0


def through_target(account: Any, signed: float, uses: Any) -> bool:
    """Whether a signed price trades through any target."""
    result = False
    if uses.targets > 0.0:
        result = signed > account.target
    if uses.targets > 1.0:
        result = result or signed > account.target_2 or signed > account.target_3
    return result


def leave_at_open(
    account: Any, intents: Any, bar: Any, market: Any, signed: float, uses: Any
) -> float:
    """Phase 1, exits: a level already passed fills at the open, else an exit that was waiting."""
    side = sign(account.position, uses)
    lots = account.position * side
    level = 0.0
    price = bar.open
    paid = worsened(-side, price, market.slippage)
    taker = 1.0
    if at_edge(account, signed, uses):
        level = LIQUIDATION
        price = bankruptcy(account, side)
        paid = price
        lost = (account.entry_ticks - price) * account.position * market.unit
        emit(LIQUIDATED, 0, price, lost)
    elif signed <= account.stop:
        level = STOP
    elif uses.targets == 1.0 and signed > account.target:
        level = TARGET
        paid = price
        taker = 0.0
    intent = intents.exit_intent
    if level > 0.0:
        if intent > 0.0:
            emit(CANCELLED, 0, ALREADY_CLOSED, intent)
        emit(ORDER, 0, -side, level, lots, price, account.tag)
        intent = level
    if intent > 0.0:
        close_lots(account, market, 0, intent, lots, price, paid, taker, uses)
    elif uses.targets > 1.0:
        take_targets(account, market, 0, signed, 1.0, uses)
    intents.exit_intent = 0.0
    return 0.0


def fill_open(account: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Phase 1: exits first, then the entry that was waiting."""
    if account.position != 0.0:
        signed = bar.open * sign(account.position, uses)
        passed = signed <= account.stop or at_edge(account, signed, uses)
        if passed or intents.exit_intent > 0.0 or through_target(account, signed, uses):
            leave_at_open(account, intents, bar, market, signed, uses)
    if intents.entry_lots != 0.0:
        open_position(account, intents, bar, market, uses)
    return 0.0


def leave_inside(account: Any, market: Any, worst: float, best: float, uses: Any) -> float:
    """Phase 2, a level was reached: liquidation if it is nearer than the stop, stop, targets.

    A stop is a taker at its level, worsened by slippage; a target rests as maker and needs one tick
    of trade-through.
    """
    side = sign(account.position, uses)
    lots = account.position * side
    intent = 0.0
    price = account.stop * side
    paid = worsened(-side, price, market.slippage)
    taker = 1.0
    nearer = not (worst <= account.stop and account.stop >= account.edge)
    if at_edge(account, worst, uses) and nearer:
        intent = LIQUIDATION
        price = bankruptcy(account, side)
        paid = price
        lost = (account.entry_ticks - price) * account.position * market.unit
        emit(LIQUIDATED, 1, price, lost)
    elif worst <= account.stop:
        intent = STOP
    else:
        account.worst = minimum(account.worst, worst)
        if uses.targets == 1.0:
            intent = TARGET
            price = account.target * side
            paid = price
            taker = 0.0
    if intent > 0.0:
        emit(ORDER, 1, -side, intent, lots, price, account.tag)
        close_lots(account, market, 1, intent, lots, price, paid, taker, uses)
    elif uses.targets > 1.0:
        take_targets(account, market, 1, best, 0.0, uses)
        if account.position != 0.0:
            account.best = maximum(account.best, best)
    return 0.0


def fill_inside(account: Any, bar: Any, market: Any, uses: Any) -> float:
    """Phase 2: what the bar's range reaches."""
    worst = bar.low
    best = bar.high
    if uses.shorts > 0.0 and account.position < 0.0:
        worst = -bar.high
        best = -bar.low
    if (
        worst <= account.stop
        or at_edge(account, worst, uses)
        or through_target(account, best, uses)
    ):
        leave_inside(account, market, worst, best, uses)
    else:
        account.worst = minimum(account.worst, worst)
        account.best = maximum(account.best, best)
    return 0.0
