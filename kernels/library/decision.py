"""What an account decides at the close of a strategy bar, for the next open.

Exits come first and are never blocked. An entry needs a signal that turned, a stop and the consent
of every limit; it is sized before it is judged.
"""

from typing import Any

from kernels.dialect import emit, entry, exits, floor, maximum, minimum, nan, warm
from kernels.dtypes import (
    DAILY_LOSS,
    ENTRY,
    EXACT,
    MARGIN_ABSOLUTE,
    MARGIN_FRACTION,
    MARGIN_SHARE,
    MINIMUM,
    NOTIONAL,
    ORDER,
    REFUSED,
    REVERSE,
    SIGNAL,
    STOP_MISSING,
    TIME_LIMIT,
)
from kernels.library.fills import sign
from kernels.library.windows import whole


def distance(market: Any, quote: float) -> float:
    """A planned distance in whole ticks, at least one; NaN where there is none, or none so far."""
    ticks = maximum(1.0, whole(quote / market.tick))
    result = nan
    if ticks < EXACT:
        result = ticks
    return result


def review(account: Any, intents: Any, market: Any, ticks: float, closed: float) -> float:
    """Look at the open position again: stops may only tighten, and time may be up."""
    side = sign(account.position)
    account.bars = account.bars + closed
    entry_price = account.entry_ticks * market.tick
    gain = side * (ticks * market.tick / entry_price - 1.0)
    stop, target, max_bars = exits(side, entry_price, account.bars, gain)
    level = account.entry_ticks - side * distance(market, stop)
    if stop > 0.0 and side * (level - account.stop) > 0.0:
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


def margin_for(account: Any, limits: Any) -> float:
    """Default sizing: a fixed share of equity as margin, at most what one trade may put up."""
    margin = account.equity * MARGIN_SHARE
    if limits.enforced > 0.0:
        margin = minimum(limits.margin_absolute, margin)
    return margin


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
        notional = margin_for(account, limits) * account.leverage
        lots = floor(notional / (ticks * market.unit) + 1e-9)
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
