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
    FIGURE_MISSING,
    FIXED_NOTIONAL,
    FRACTION,
    MARGIN_ABSOLUTE,
    MARGIN_FRACTION,
    MARGIN_OF_EQUITY,
    MINIMUM,
    NOTIONAL,
    ORDER,
    REFUSED,
    REVERSE,
    RISK,
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


def review(account: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Look at the open position again: stops may only tighten, and time may be up."""
    side = sign(account.position, uses)
    account.bars = account.bars + bar.closed
    price = account.entry_ticks * market.tick
    gain = side * (bar.close * market.tick / price - 1.0)
    stop, target, target_2, target_3, _, _, max_bars = exits(side, price, account.bars, gain)
    entered = account.entry_ticks * side
    level = entered - distance(market, stop)
    if stop > 0.0 and level > account.stop:
        account.stop = level
    if uses.targets > 0.0:
        account.target = entered + distance(market, target)
    if uses.targets > 1.0:
        account.target_2 = entered + distance(market, target_2)
        account.target_3 = entered + distance(market, target_3)
        if account.lots_1 == 0.0:  # taken
            account.target = nan
        if account.lots_2 == 0.0:
            account.target_2 = nan
    if account.bars >= max_bars:
        intents.exit_intent = TIME_LIMIT
        emit(ORDER, 1, -side, TIME_LIMIT, account.position * side, bar.close, account.tag)
    return 0.0


def refusal(
    account: Any, market: Any, limits: Any, lots: float, ticks: float, stop: float, gap: float
) -> float:
    """Judge an entry against every limit; the first that fails is recorded. 0: approved."""
    refused = 0.0
    notional = lots * ticks * market.unit
    if account.blocked_until > 0.0:
        refused = 1.0
        emit(REFUSED, 1, DAILY_LOSS, limits.daily_loss, account.day_equity - account.equity)
    elif not (stop > 0.0 and gap > 0.0):
        refused = 1.0
        emit(REFUSED, 1, STOP_MISSING, 0.0, stop)
    elif not notional < EXACT:  # NaN, or more than can be counted exactly
        refused = 1.0
        emit(REFUSED, 1, FIGURE_MISSING, EXACT, notional)
    elif not lots >= 1.0 or not notional >= market.min_notional:
        refused = 1.0
        emit(REFUSED, 1, MINIMUM, market.min_notional, notional)
    if limits.enforced > 0.0:
        margin = notional / account.leverage
        if refused == 0.0 and not margin <= limits.margin_fraction * account.equity:
            refused = 1.0
            allowed = floor(limits.margin_fraction * account.equity)
            emit(REFUSED, 1, MARGIN_FRACTION, allowed, -floor(-margin))
        if refused == 0.0 and not margin <= limits.margin_absolute:
            refused = 1.0
            emit(REFUSED, 1, MARGIN_ABSOLUTE, limits.margin_absolute, -floor(-margin))
        if refused == 0.0 and not notional <= limits.notional_multiple * account.equity:
            refused = 1.0
            emit(REFUSED, 1, NOTIONAL, floor(limits.notional_multiple * account.equity), notional)
    return refused


def sized(account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float) -> float:
    """Lots of an entry: what the method asks for, rounded down.

    margin: that share of equity is put up, at most what one trade may, times leverage; fraction:
    notional is that share of equity; notional: fixed, quote; risk: equity · share / stop distance.
    """
    worth = ticks * market.unit  # of one lot
    notional = account.equity * sizing.value
    if sizing.method == MARGIN_OF_EQUITY:
        if limits.enforced > 0.0:
            notional = minimum(limits.margin_absolute, notional)
        notional = notional * account.leverage
    if sizing.method == FIXED_NOTIONAL:
        notional = sizing.value * 1e8
    if sizing.method == RISK:
        worth = gap * market.unit
    return floor(notional / worth + 1e-9)


def reach(leverage: float, sizing: Any) -> float:
    """The largest notional that sizing can ask for, as a multiple of equity."""
    result = leverage
    if sizing.method == MARGIN_OF_EQUITY:
        result = leverage * sizing.value
    if sizing.method == FRACTION:
        result = sizing.value
    return result


def enter(
    account: Any,
    intents: Any,
    bar: Any,
    market: Any,
    limits: Any,
    sizing: Any,
    side: float,
    tag: float,
    stop: float,
    target: float,
    target_2: float,
    target_3: float,
    share_1: float,
    share_2: float,
    uses: Any,
) -> float:
    """Size an entry and, if every limit allows, put it in for the next open."""
    gap = distance(market, stop)
    lots = sized(account, market, limits, sizing, bar.close, gap)
    if refusal(account, market, limits, lots, bar.close, stop, gap) == 0.0:
        intents.entry_lots = side * lots
        intents.stop_ticks = gap
        if uses.targets > 0.0:
            intents.target_ticks = distance(market, target)
        if uses.targets > 1.0:
            intents.target_2_ticks = distance(market, target_2)
            intents.target_3_ticks = distance(market, target_3)
            intents.share_1 = share_1
            intents.share_2 = share_2
        intents.tag = tag
        emit(ORDER, 1, side, ENTRY, lots, bar.close, tag)
    return 0.0


def decide(
    account: Any,
    intents: Any,
    bar: Any,
    market: Any,
    limits: Any,
    control: Any,
    sizing: Any,
    uses: Any,
) -> float:
    """Phase 4, where a strategy bar closed: exits first, then the signal and what it asks for."""
    if account.position != 0.0:
        review(account, intents, bar, market, uses)
    side, confidence, tag = entry()
    if not warm():
        side = 0.0
    turned = side != 0.0 and side != account.side
    account.side = side
    if turned:
        stop, target, target_2, target_3, share_1, share_2, _ = exits(
            side, bar.close * market.tick, 0.0, 0.0
        )
        confidence = minimum(maximum(confidence, 0.0), 1.0)  # 0 where it is no number
        emit(SIGNAL, 1, side, confidence, tag, bar.index, stop, target, bar.close)
        against = account.position * side < 0.0
        if against and intents.exit_intent == 0.0:
            intents.exit_intent = REVERSE
            emit(ORDER, 1, side, REVERSE, -account.position * side, bar.close, account.tag)
        open_ = control.entries_off == 0.0 and account.ruined == 0.0
        if open_ and (against or account.position == 0.0):
            enter(
                account,
                intents,
                bar,
                market,
                limits,
                sizing,
                side,
                tag,
                stop,
                target,
                target_2,
                target_3,
                share_1,
                share_2,
                uses,
            )
    return 0.0
