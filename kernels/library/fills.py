"""How orders fill: at the open, inside the bar, and where a venue takes the position.

Inside a bar the worse reading is taken: the stop before any target, liquidation where it is nearer
than the stop. Takers are worsened by slippage and rounded against; targets rest as makers.
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


def tell_liquidation(account: Any, market: Any, at_close: int, price: float) -> float:
    """Record that the margin is lost."""
    lost = (account.entry_ticks - price) * account.position * market.unit
    emit(LIQUIDATED, at_close, price, lost)
    return lost


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
    account.position = 0.0
    account.stop = nan
    account.target = nan
    return net


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


def fill_open(account: Any, intents: Any, bar: Any, market: Any) -> float:
    """Phase 1: exits first, then the entry that was waiting."""
    if account.position != 0.0:
        leave_at_open(account, intents, market, whole(bar.open / market.tick))
    intents.exit_intent = 0.0
    if intents.entry_lots != 0.0:
        open_position(account, intents, bar, market)
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
