"""An entry against every limit.

The kernel has judged it already, in doubles; here it is judged again in `Decimal`, by code of its
own. Only an `Approved` order may reach a broker, and only `judge_order` makes one. A figure that is
missing or no number refuses the order: an unknown risk is not a small one. Exits are never judged:
nothing may stand between an account and being flat.
"""

from decimal import Decimal
from typing import Final, Generic, TypeVar

from msgspec import Struct

from domain.limits import Limits
from domain.money import LARGEST, PLACES

# The kernel sizes in doubles and rounds to lots with a 1e-9 lot allowance; what it may thereby
# exceed a limit by is far below this, and below this nothing is at stake.
ROUNDING: Final = Decimal("0.000001")  # quote

COUNTABLE: Final = Decimal(LARGEST).scaleb(-PLACES)  # quote: money from here on is not exact

T = TypeVar("T")


class EntryOrder(Struct, frozen=True):
    """An entry as it stands before the gate. None: the figure could not be computed."""

    symbol: str
    notional: Decimal | None  # quantity × reference price, quote
    minimum: Decimal  # the venue's smallest order, quote
    leverage: int
    stop: Decimal | None  # planned distance from the fill, quote


class Exposure(Struct, frozen=True):
    """What the account looks like when the entry is judged. None: could not be computed."""

    equity: Decimal | None  # cash + open P&L, quote
    day_loss: Decimal | None  # fall of equity since the UTC day began, quote; negative for a gain
    week_loss: Decimal | None  # since the ISO week began
    month_loss: Decimal | None  # since the UTC month began
    notional: Decimal | None  # of positions and waiting entries that stay beside it, quote
    positions: int  # how many those are
    losses: int = 0  # trades lost in a row
    breakers: tuple[str, ...] = ()  # codes of the breakers that hold


class Approved(Struct, Generic[T], frozen=True):
    """An order that passed every limit: the only kind that reaches a broker."""

    order: T


class Refused(Struct, frozen=True):
    """An order that did not pass, as recorded in `RiskRefused`."""

    code: str
    limit: Decimal
    observed: Decimal | None  # None: the figure could not be computed


def judge_order(
    order: EntryOrder, exposure: Exposure, limits: Limits
) -> Approved[EntryOrder] | Refused:
    """Judge an entry, the first limit that fails naming the refusal.

    The order of codes is the kernel's. With limits off (research) an entry still needs a stop, a
    notional that can be counted, and the venue's smallest order.
    """
    refusal = (
        (blocked(exposure, limits) if limits.enforced else None)
        or uncounted(order, exposure, limits)
        or (sized(order, exposure, limits) if limits.enforced else None)
    )
    return refusal or Approved(order)


def blocked(exposure: Exposure, limits: Limits) -> Refused | None:
    """Find the first breaker that holds, or that the account's own figures ask for."""
    figures: tuple[tuple[str, Decimal, Decimal | None, bool], ...] = (
        ("RISK_DAILY_LOSS", limits.day_loss, exposure.day_loss, True),
        ("RISK_WEEKLY_LOSS", limits.week_loss, exposure.week_loss, True),
        ("RISK_MONTHLY_LOSS", limits.month_loss, exposure.month_loss, True),
        ("RISK_LOSSES", Decimal(limits.losses), Decimal(exposure.losses), False),
        ("RISK_RAPID_LOSS", limits.rapid_loss, None, False),
    )
    for code, limit, observed, at_once in figures:
        reached = at_once and known(observed) and observed is not None and observed >= limit
        if code in exposure.breakers or reached:
            return Refused(code, limit, observed)
    codes = {code for code, _, _, _ in figures}
    other = next((code for code in exposure.breakers if code not in codes), None)
    return None if other is None else Refused(other, Decimal(0), None)


def known(figure: Decimal | None) -> bool:
    """Tell whether a figure is there, and a number."""
    return figure is not None and figure.is_finite()


def uncounted(order: EntryOrder, exposure: Exposure, limits: Limits) -> Refused | None:
    stop, notional = order.stop, order.notional
    if stop is None or not stop.is_finite() or stop <= 0:
        return Refused("RISK_STOP_MISSING", Decimal(0), stop if known(stop) else None)
    if notional is None or not notional.is_finite() or notional >= COUNTABLE:
        return Refused("RISK_FIGURE_MISSING", COUNTABLE, notional if known(notional) else None)
    beside = (exposure.equity, exposure.day_loss, exposure.week_loss, exposure.month_loss)
    if limits.enforced and not all(map(known, (*beside, exposure.notional))):
        return Refused("RISK_FIGURE_MISSING", COUNTABLE, None)
    if notional <= 0 or notional < order.minimum:
        return Refused("RISK_MINIMUM", order.minimum, notional)
    return None


def sized(order: EntryOrder, exposure: Exposure, limits: Limits) -> Refused | None:
    notional, equity, beside = order.notional, exposure.equity, exposure.notional
    if notional is None or equity is None or beside is None:
        return Refused("RISK_FIGURE_MISSING", COUNTABLE, None)
    if not 1 <= order.leverage <= limits.leverage:
        return Refused("RISK_LEVERAGE", Decimal(limits.leverage), Decimal(order.leverage))
    margin, together = notional / order.leverage, notional + beside
    if margin > limits.margin_fraction * equity + ROUNDING:
        return Refused("RISK_MARGIN_FRACTION", limits.margin_fraction * equity, margin)
    if margin > limits.margin_absolute + ROUNDING:
        return Refused("RISK_MARGIN_ABSOLUTE", limits.margin_absolute, margin)
    if together > limits.notional_multiple * equity + ROUNDING:
        return Refused("RISK_NOTIONAL", limits.notional_multiple * equity, together)
    if exposure.positions + 1 > limits.positions:
        return Refused("RISK_POSITIONS", Decimal(limits.positions), Decimal(exposure.positions + 1))
    return None
