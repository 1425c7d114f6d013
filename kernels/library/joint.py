"""One account on several symbols: each phase takes all symbols before the next begins.

The parts are those of an account on one symbol; what is the account's as a whole is summed over the
symbols between them. A symbol without a bar keeps the worth of its last close.
"""

from typing import Any

from kernels.dialect import maximum, minimum, nan
from kernels.library.account import heed_operator, mark, open_profit, settle_funding
from kernels.library.decision import decide
from kernels.library.exits import fill_inside, fill_open, follow
from kernels.library.limits import begin_periods, clear_breakers


def joint_funding(account: Any, held: Any, bar: Any, market: Any) -> float:
    """Each symbol with a bar: phase 0."""
    settle_funding(account, held, bar, market)
    return 0.0


def joint_begin(account: Any, bar: Any, limits: Any) -> float:
    """Once: periods that begin, breakers that are over."""
    begin_periods(account, bar)
    clear_breakers(account, bar, limits)
    return 0.0


def joint_open(
    account: Any, held: Any, intents: Any, bar: Any, market: Any, control: Any, uses: Any
) -> float:
    """Each symbol with a bar: phase 1."""
    heed_operator(held, intents, bar, control, uses)
    if held.position != 0.0 or intents.entry_lots != 0.0:
        fill_open(account, held, intents, bar, market, uses)
    return 0.0


def joint_inside(account: Any, held: Any, bar: Any, market: Any, uses: Any) -> float:
    """Each symbol with a bar: phase 2."""
    if held.position != 0.0:
        fill_inside(account, held, bar, market, uses)
    return 0.0


def joint_worth(held: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Each symbol with a bar: what it is worth at this close."""
    held.unrealised = open_profit(held, bar, market, uses)
    held.notional = abs(held.position) * bar.close * market.unit
    held.waiting = abs(intents.entry_lots) * bar.close * market.unit
    held.smallest = maximum(market.min_notional, bar.close * market.unit)
    return 0.0


def joint_clear(account: Any) -> float:
    """Once: before the symbols are summed up."""
    account.unrealised = 0.0
    account.notional = 0.0
    account.taken = 0.0
    account.open = 0.0
    account.smallest = nan
    return 0.0


def joint_sum(account: Any, held: Any, intents: Any) -> float:
    """Each symbol, with a bar or without one."""
    account.unrealised = account.unrealised + held.unrealised
    account.notional = account.notional + held.notional + held.waiting
    if held.position != 0.0:
        account.open = account.open + 1.0
    if held.position != 0.0 or intents.entry_lots != 0.0:
        account.taken = account.taken + 1.0
    if held.smallest > 0.0:
        account.smallest = minimum(account.smallest, held.smallest)
    return 0.0


def joint_mark(account: Any, bar: Any, limits: Any) -> float:
    """Once: phase 3."""
    mark(account, bar, limits, account.unrealised, account.open, account.smallest, nan)
    return 0.0


def joint_follow(held: Any, uses: Any) -> float:
    """Each symbol with a bar: stops that follow."""
    follow(held, uses)
    return 0.0


def joint_decide(
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
    """Each symbol at whose bar a strategy bar closed: phase 4."""
    decide(account, held, intents, bar, market, limits, control, sizing, uses)
    return 0.0
