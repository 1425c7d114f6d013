"""How large an entry is: what its method asks for, cut for losses in a row, in whole lots."""

from typing import Any

from kernels.dialect import floor, minimum
from kernels.dtypes import FIXED_NOTIONAL, FRACTION, MARGIN_OF_EQUITY, RISK


def cut(account: Any, limits: Any) -> float:
    """What is left of a size after losses in a row: a quarter less for each, at least a quarter."""
    result = 1.0
    if limits.enforced > 0.0:
        result = 1.0 - 0.25 * minimum(account.losses, 3.0)
    return result


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
    return floor(notional / worth * cut(account, limits) + 1e-9)


def reach(leverage: float, sizing: Any) -> float:
    """The largest notional that sizing can ask for, as a multiple of equity."""
    result = leverage
    if sizing.method == MARGIN_OF_EQUITY:
        result = leverage * sizing.value
    if sizing.method == FRACTION:
        result = sizing.value
    return result
