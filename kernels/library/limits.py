"""What may stop an entry: breakers that hold, and limits it is judged against.

Breakers are judged once a step, after the mark. What holds is nearly always nothing, so a bar asks
one question; only where the answer may matter are the breakers looked at one by one.
"""

from typing import Any

from kernels.dialect import emit, floor, maximum
from kernels.dtypes import (
    CLEARED,
    DAILY_LOSS,
    EXACT,
    FIGURE_MISSING,
    LOSSES,
    MARGIN_ABSOLUTE,
    MARGIN_FRACTION,
    MINIMUM,
    MONTHLY_LOSS,
    NOTIONAL,
    POSITIONS,
    RAPID_LOSS,
    REFUSED,
    STOP_MISSING,
    TRIPPED,
    WEEKLY_LOSS,
)


def begin_periods(account: Any, bar: Any) -> float:
    """Keep the equity that a UTC day, an ISO week or a month begins with."""
    if bar.new_day > 0.0:
        account.day_equity = account.equity
        if bar.new_week > 0.0:
            account.week_equity = account.equity
        if bar.new_month > 0.0:
            account.month_equity = account.equity
    return 0.0


def over(until: float, now: float) -> bool:
    """Whether a breaker held until now."""
    return until > 0.0 and now >= until


def sooner(first: float, until: float) -> float:
    """The earlier of two times, of which 0 is none."""
    result = first
    if until > 0.0 and (first == 0.0 or until < first):
        result = until
    return result


def next_clear(account: Any) -> float:
    """When the first of the breakers that hold is over; 0 where none does."""
    found = sooner(account.day_until, account.week_until)
    found = sooner(found, account.month_until)
    found = sooner(found, account.losses_until)
    return sooner(found, account.rapid_until)


def clear_breakers(account: Any, bar: Any, limits: Any) -> float:
    """End the breakers whose time is over."""
    if limits.enforced > 0.0 and over(account.blocked_until, bar.timestamp):
        if over(account.day_until, bar.timestamp):
            account.day_until = 0.0
            emit(CLEARED, 0, DAILY_LOSS)
        if over(account.week_until, bar.timestamp):
            account.week_until = 0.0
            emit(CLEARED, 0, WEEKLY_LOSS)
        if over(account.month_until, bar.timestamp):
            account.month_until = 0.0
            emit(CLEARED, 0, MONTHLY_LOSS)
        if over(account.losses_until, bar.timestamp):
            account.losses_until = 0.0
            emit(CLEARED, 0, LOSSES)
        if over(account.rapid_until, bar.timestamp):
            account.rapid_until = 0.0
            emit(CLEARED, 0, RAPID_LOSS)
        account.blocked_until = next_clear(account)
    return 0.0


def trip_breakers(account: Any, bar: Any, limits: Any, equity: float) -> float:
    """Trip what must trip at a mark; gives 1 where anything did."""
    tripped = 0.0
    day = account.day_equity - equity
    week = account.week_equity - equity
    month = account.month_equity - equity
    fall = account.high - equity
    quiet = (
        day < limits.daily_loss
        and week < limits.weekly_loss
        and month < limits.monthly_loss
        and account.strikes < limits.losses
        and fall < limits.rapid_loss
    )
    if not quiet:
        if account.day_until == 0.0 and not day < limits.daily_loss:
            tripped = 1.0
            account.day_until = bar.day_ends
            emit(TRIPPED, 1, DAILY_LOSS, limits.daily_loss, day, bar.day_ends)
        if account.week_until == 0.0 and not week < limits.weekly_loss:
            tripped = 1.0
            account.week_until = bar.week_ends
            emit(TRIPPED, 1, WEEKLY_LOSS, limits.weekly_loss, week, bar.week_ends)
        if account.month_until == 0.0 and not month < limits.monthly_loss:
            tripped = 1.0
            account.month_until = bar.month_ends
            emit(TRIPPED, 1, MONTHLY_LOSS, limits.monthly_loss, month, bar.month_ends)
        if account.losses_until == 0.0 and not account.strikes < limits.losses:
            tripped = 1.0
            account.losses_until = bar.closes_at + limits.pause
            emit(TRIPPED, 1, LOSSES, limits.losses, account.strikes, account.losses_until)
            account.strikes = 0.0
        if account.rapid_until == 0.0 and not fall < limits.rapid_loss:
            tripped = 1.0
            account.rapid_until = bar.closes_at + limits.pause
            emit(TRIPPED, 1, RAPID_LOSS, limits.rapid_loss, fall, account.rapid_until)
        if tripped > 0.0:
            account.blocked_until = next_clear(account)
    return tripped


def mark_five(account: Any, bar: Any, equity: float) -> float:
    """Take a five-minute mark, and drop the thirteenth."""
    if bar.five > 0.0:
        account.mark_12 = account.mark_11
        account.mark_11 = account.mark_10
        account.mark_10 = account.mark_9
        account.mark_9 = account.mark_8
        account.mark_8 = account.mark_7
        account.mark_7 = account.mark_6
        account.mark_6 = account.mark_5
        account.mark_5 = account.mark_4
        account.mark_4 = account.mark_3
        account.mark_3 = account.mark_2
        account.mark_2 = account.mark_1
        account.mark_1 = equity
        first = maximum(maximum(account.mark_1, account.mark_2), account.mark_3)
        second = maximum(maximum(account.mark_4, account.mark_5), account.mark_6)
        third = maximum(maximum(account.mark_7, account.mark_8), account.mark_9)
        fourth = maximum(maximum(account.mark_10, account.mark_11), account.mark_12)
        account.high = maximum(maximum(first, second), maximum(third, fourth))
    return 0.0


def refuse_blocked(account: Any, limits: Any) -> float:
    """Tell which breaker an entry is refused for: the first that holds."""
    if account.day_until > 0.0:
        emit(REFUSED, 1, DAILY_LOSS, limits.daily_loss, account.day_equity - account.equity)
    elif account.week_until > 0.0:
        emit(REFUSED, 1, WEEKLY_LOSS, limits.weekly_loss, account.week_equity - account.equity)
    elif account.month_until > 0.0:
        emit(REFUSED, 1, MONTHLY_LOSS, limits.monthly_loss, account.month_equity - account.equity)
    elif account.losses_until > 0.0:
        emit(REFUSED, 1, LOSSES, limits.losses, account.losses)
    else:
        emit(REFUSED, 1, RAPID_LOSS, limits.rapid_loss, account.high - account.equity)
    return 0.0


def oversized(account: Any, held: Any, limits: Any, notional: float, uses: Any) -> float:
    """Judge what an entry would tie up; 0: nothing against it."""
    refused = 0.0
    margin = notional / account.leverage
    whole = notional
    taken = 1.0
    if uses.several > 0.0:  # what this very entry reverses is not counted
        whole = whole + (account.notional - held.notional)
        taken = taken + account.taken
        if held.position != 0.0:
            taken = taken - 1.0
    if not margin <= limits.margin_fraction * account.equity:
        refused = 1.0
        allowed = floor(limits.margin_fraction * account.equity)
        emit(REFUSED, 1, MARGIN_FRACTION, allowed, -floor(-margin))
    elif not margin <= limits.margin_absolute:
        refused = 1.0
        emit(REFUSED, 1, MARGIN_ABSOLUTE, limits.margin_absolute, -floor(-margin))
    elif not whole <= limits.notional_multiple * account.equity:
        refused = 1.0
        emit(REFUSED, 1, NOTIONAL, floor(limits.notional_multiple * account.equity), whole)
    elif not taken <= limits.positions:
        refused = 1.0
        emit(REFUSED, 1, POSITIONS, limits.positions, taken)
    return refused


def refusal(
    account: Any,
    held: Any,
    market: Any,
    limits: Any,
    lots: float,
    ticks: float,
    stop: float,
    gap: float,
    uses: Any,
) -> float:
    """Judge an entry against every limit; the first that fails is recorded. 0: approved."""
    refused = 0.0
    notional = lots * ticks * market.unit
    if account.blocked_until > 0.0:
        refused = 1.0
        refuse_blocked(account, limits)
    elif not (stop > 0.0 and gap > 0.0):
        refused = 1.0
        emit(REFUSED, 1, STOP_MISSING, 0.0, stop)
    elif not notional < EXACT:  # NaN, or more than can be counted exactly
        refused = 1.0
        emit(REFUSED, 1, FIGURE_MISSING, EXACT, notional)
    elif not lots >= 1.0 or not notional >= market.min_notional:
        refused = 1.0
        emit(REFUSED, 1, MINIMUM, market.min_notional, notional)
    if limits.enforced > 0.0 and refused == 0.0:
        refused = oversized(account, held, limits, notional, uses)
    return refused
