"""When a position is left: at the open, inside the bar, and where the venue takes it.

Inside a bar the worse reading is taken: the stop before any target, liquidation where it is nearer
than the stop. A target rests as maker and needs one tick of trade-through.
"""

from typing import Any

from kernels.dialect import emit, maximum, minimum, nan
from kernels.dtypes import (
    ALREADY_CLOSED,
    CANCELLED,
    LIQUIDATED,
    LIQUIDATION,
    ORDER,
    STOP,
    TARGET,
    TARGET_2,
    TARGET_3,
    TRAIL,
)
from kernels.library.fills import (
    at_edge,
    bankruptcy,
    close_lots,
    open_position,
    sign,
    slippage,
    worsened,
)


def take_part(
    account: Any,
    held: Any,
    market: Any,
    at_close: int,
    intent: float,
    lots: float,
    price: float,
    uses: Any,
) -> float:
    """Close what rests at a target: a maker, no slippage."""
    side = sign(held.position, uses)
    part = minimum(lots, held.position * side)
    held.best = maximum(held.best, price * side)  # a later one may lie nearer
    emit(ORDER, at_close, -side, intent, part, price, held.tag)
    close_lots(account, held, market, at_close, intent, part, price, price, 0.0, uses)
    return 0.0


def target_price(level: float, signed: float, gapped: float) -> float:
    """Signed ticks at which a target fills: its level, or the open that gapped beyond it."""
    result = level
    if gapped > 0.0:
        result = signed
    return result


def take_targets(
    account: Any,
    held: Any,
    market: Any,
    at_close: int,
    signed: float,
    gapped: float,
    uses: Any,
) -> float:
    """Fill each of several targets that `signed` ticks trade through, the first one first."""
    side = sign(held.position, uses)
    if signed > held.target:
        price = target_price(held.target, signed, gapped) * side
        lots = held.lots_1
        held.lots_1 = 0.0
        held.target = nan
        take_part(account, held, market, at_close, TARGET, lots, price, uses)
    if held.position != 0.0 and signed > held.target_2:
        price = target_price(held.target_2, signed, gapped) * side
        lots = held.lots_2
        held.lots_2 = 0.0
        held.target_2 = nan
        take_part(account, held, market, at_close, TARGET_2, lots, price, uses)
    if held.position != 0.0 and signed > held.target_3:
        price = target_price(held.target_3, signed, gapped) * side
        take_part(account, held, market, at_close, TARGET_3, held.position * side, price, uses)
    return 0.0


def through_target(held: Any, signed: float, uses: Any) -> bool:
    """Whether a signed price trades through any target."""
    result = False
    if uses.targets > 0.0:
        result = signed > held.target
    if uses.targets > 1.0:
        result = result or signed > held.target_2 or signed > held.target_3
    return result


def stopped(held: Any, uses: Any) -> float:
    """Which intent a reached stop is told as."""
    result = STOP
    if uses.trail > 0.0 and held.trailed > 0.0:
        result = TRAIL
    return result


def leave_at_open(
    account: Any, held: Any, intents: Any, bar: Any, market: Any, signed: float, uses: Any
) -> float:
    """Phase 1, exits: a level already passed fills at the open, else an exit that was waiting."""
    side = sign(held.position, uses)
    lots = held.position * side
    level = 0.0
    price = bar.open
    paid = worsened(-side, price, slippage(account, bar, market, lots, price))
    taker = 1.0
    if at_edge(account, held, signed, uses):
        level = LIQUIDATION
        price = bankruptcy(account, held, side)
        paid = price
        lost = (held.entry_ticks - price) * held.position * market.unit
        emit(LIQUIDATED, 0, price, lost)
    elif signed <= held.stop:
        level = stopped(held, uses)
    elif uses.targets == 1.0 and signed > held.target:
        level = TARGET
        paid = price
        taker = 0.0
    intent = intents.exit_intent
    if level > 0.0:
        if intent > 0.0:
            emit(CANCELLED, 0, ALREADY_CLOSED, intent)
        emit(ORDER, 0, -side, level, lots, price, held.tag)
        intent = level
    if intent > 0.0:
        close_lots(account, held, market, 0, intent, lots, price, paid, taker, uses)
    elif uses.targets > 1.0:
        take_targets(account, held, market, 0, signed, 1.0, uses)
    intents.exit_intent = 0.0
    return 0.0


def fill_open(account: Any, held: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Phase 1: exits first, then the entry that was waiting."""
    if held.position != 0.0:
        signed = bar.open * sign(held.position, uses)
        passed = signed <= held.stop or at_edge(account, held, signed, uses)
        if passed or intents.exit_intent > 0.0 or through_target(held, signed, uses):
            leave_at_open(account, held, intents, bar, market, signed, uses)
    if intents.entry_lots != 0.0:
        open_position(account, held, intents, bar, market, uses)
    return 0.0


def leave_inside(
    account: Any, held: Any, bar: Any, market: Any, worst: float, best: float, uses: Any
) -> float:
    """Phase 2, a level was reached: liquidation if it is nearer than the stop, stop, targets."""
    side = sign(held.position, uses)
    lots = held.position * side
    intent = 0.0
    price = held.stop * side
    paid = worsened(-side, price, slippage(account, bar, market, lots, price))
    taker = 1.0
    nearer = not (worst <= held.stop and held.stop >= held.edge)
    if at_edge(account, held, worst, uses) and nearer:
        intent = LIQUIDATION
        price = bankruptcy(account, held, side)
        paid = price
        lost = (held.entry_ticks - price) * held.position * market.unit
        emit(LIQUIDATED, 1, price, lost)
    elif worst <= held.stop:
        intent = stopped(held, uses)
    else:
        held.worst = minimum(held.worst, worst)
        if uses.targets == 1.0:
            intent = TARGET
            price = held.target * side
            paid = price
            taker = 0.0
    if intent > 0.0:
        emit(ORDER, 1, -side, intent, lots, price, held.tag)
        close_lots(account, held, market, 1, intent, lots, price, paid, taker, uses)
    elif uses.targets > 1.0:
        take_targets(account, held, market, 1, best, 0.0, uses)
        if held.position != 0.0:
            held.best = maximum(held.best, best)
    return 0.0


def fill_inside(account: Any, held: Any, bar: Any, market: Any, uses: Any) -> float:
    """Phase 2: what the bar's range reaches."""
    worst = bar.low
    best = bar.high
    if uses.shorts > 0.0 and held.position < 0.0:
        worst = -bar.high
        best = -bar.low
    if (
        worst <= held.stop
        or at_edge(account, held, worst, uses)
        or through_target(held, best, uses)
    ):
        leave_inside(account, held, bar, market, worst, best, uses)
    else:
        held.worst = minimum(held.worst, worst)
        held.best = maximum(held.best, best)
    return 0.0


def follow(held: Any, uses: Any) -> float:
    """Have the stop follow the best price, for the next bar."""
    if uses.trail > 0.0 and held.position != 0.0:
        level = held.best - held.trail
        if level > held.stop:
            held.stop = level
            held.trailed = 1.0
    return 0.0
