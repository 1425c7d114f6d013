"""What an account decides at the close of a strategy bar, for the next open.

Exits come first and are never blocked. An entry needs a signal that turned, a stop and the consent
of every limit; it is sized before it is judged.
"""

from typing import Any

from kernels.dialect import emit, entry, exits, maximum, minimum, nan, warm
from kernels.dtypes import ENTRY, EXACT, ORDER, REVERSE, SIGNAL, SOFT_TIME, TIME_LIMIT
from kernels.library.fills import sign
from kernels.library.limits import refusal
from kernels.library.sizing import sized
from kernels.library.windows import whole


def distance(market: Any, quote: float) -> float:
    """A planned distance in whole ticks, at least one; NaN where there is none, or none so far."""
    ticks = maximum(1.0, whole(quote / market.tick))
    result = nan
    if ticks < EXACT:
        result = ticks
    return result


def tighten(held: Any, market: Any, entered: float, stop: float, trail: float, uses: Any) -> float:
    """Move the stop of an open position: it may only come nearer."""
    level = entered - distance(market, stop)
    if stop > 0.0 and level > held.stop:
        held.stop = level
        if uses.trail > 0.0:
            held.trailed = 0.0
    if uses.trail > 0.0:
        held.trail = distance(market, trail)
    return 0.0


def aim(
    held: Any,
    market: Any,
    entered: float,
    target: float,
    target_2: float,
    target_3: float,
    uses: Any,
) -> float:
    """Move the targets of an open position, those that are not taken yet."""
    if uses.targets > 0.0:
        held.target = entered + distance(market, target)
    if uses.targets > 1.0:
        held.target_2 = entered + distance(market, target_2)
        held.target_3 = entered + distance(market, target_3)
        if held.lots_1 == 0.0:  # taken
            held.target = nan
        if held.lots_2 == 0.0:
            held.target_2 = nan
    return 0.0


def time_is_up(
    held: Any,
    bar: Any,
    gain: float,
    max_bars: float,
    max_minutes: float,
    soft_minutes: float,
    soft_return: float,
    uses: Any,
) -> float:
    """The intent of an exit for time, 0 for none."""
    result = 0.0
    if held.bars >= max_bars:
        result = TIME_LIMIT
    if uses.clock > 0.0:
        since = (bar.closes_at - held.opened_at) / 60000.0
        if since >= max_minutes:
            result = TIME_LIMIT
        if result == 0.0 and since >= soft_minutes and abs(gain) < soft_return:
            result = SOFT_TIME
    return result


def review(held: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Look at the open position again: stops may only tighten, and time may be up."""
    side = sign(held.position, uses)
    held.bars = held.bars + bar.closed
    price = held.entry_ticks * market.tick
    gain = side * (bar.close * market.tick / price - 1.0)
    stop, target, target_2, target_3, _, _, max_bars, trail, max_minutes, minutes, least = exits(
        side, price, held.bars, gain
    )
    entered = held.entry_ticks * side
    tighten(held, market, entered, stop, trail, uses)
    aim(held, market, entered, target, target_2, target_3, uses)
    intent = time_is_up(held, bar, gain, max_bars, max_minutes, minutes, least, uses)
    if intent > 0.0:
        intents.exit_intent = intent
        emit(ORDER, 1, -side, intent, held.position * side, bar.close, held.tag)
    return 0.0


def enter(
    account: Any,
    held: Any,
    intents: Any,
    bar: Any,
    market: Any,
    limits: Any,
    sizing: Any,
    side: float,
    tag: float,
    size: float,
    stop: float,
    target: float,
    target_2: float,
    target_3: float,
    share_1: float,
    share_2: float,
    trail: float,
    uses: Any,
) -> float:
    """Size an entry and, if every limit allows, put it in for the next open."""
    gap = distance(market, stop)
    lots = sized(account, market, limits, sizing, bar.close, gap, size, uses)
    if refusal(account, held, market, limits, lots, bar.close, stop, gap, uses) == 0.0:
        intents.entry_lots = side * lots
        if uses.several > 0.0:
            held.waiting = lots * bar.close * market.unit
            account.notional = account.notional + held.waiting
            if held.position == 0.0:
                account.taken = account.taken + 1.0
        intents.stop_ticks = gap
        if uses.targets > 0.0:
            intents.target_ticks = distance(market, target)
        if uses.targets > 1.0:
            intents.target_2_ticks = distance(market, target_2)
            intents.target_3_ticks = distance(market, target_3)
            intents.share_1 = share_1
            intents.share_2 = share_2
        if uses.trail > 0.0:
            intents.trail_ticks = distance(market, trail)
        intents.tag = tag
        emit(ORDER, 1, side, ENTRY, lots, bar.close, tag)
    return 0.0


def decide(
    account: Any,
    held: Any,
    intents: Any,
    bar: Any,
    market: Any,
    limits: Any,
    control: Any,
    sizing: Any,
    uses: Any,
) -> float:
    """Phase 4, where a strategy bar closed: exits first, then the signal and what it asks for."""
    if held.position != 0.0:
        review(held, intents, bar, market, uses)
    side, confidence, tag, size = entry()
    if not warm():
        side = 0.0
    turned = side != 0.0 and side != held.side
    held.side = side
    if turned:
        stop, target, target_2, target_3, share_1, share_2, _, trail, _, _, _ = exits(
            side, bar.close * market.tick, 0.0, 0.0
        )
        confidence = minimum(maximum(confidence, 0.0), 1.0)  # 0 where it is no number
        emit(SIGNAL, 1, side, confidence, tag, bar.index, stop, target, bar.close)
        against = held.position * side < 0.0
        if against and intents.exit_intent == 0.0:
            intents.exit_intent = REVERSE
            emit(ORDER, 1, side, REVERSE, -held.position * side, bar.close, held.tag)
        open_ = control.entries_off == 0.0 and account.ruined == 0.0
        if open_ and (against or held.position == 0.0):
            enter(
                account,
                held,
                intents,
                bar,
                market,
                limits,
                sizing,
                side,
                tag,
                size,
                stop,
                target,
                target_2,
                target_3,
                share_1,
                share_2,
                trail,
                uses,
            )
    return 0.0
