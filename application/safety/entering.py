"""Entries placed, and entries refused, held against every limit once more.

What was placed must pass every limit and no breaker may hold; what was refused must have had to be,
for the very code and figures that were recorded. How large a refused entry would have been is in
the log only as far as the refusal tells it, so its figures are checked from what was observed.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from msgspec import Struct

from application.safety.breakers import (
    CODES,
    DAILY,
    LOSSES,
    MONTHLY,
    RAPID,
    WEEKLY,
    Breakers,
    Trip,
)
from application.safety.finding import Unequal, shown
from application.safety.ledger import ZERO, Ledger
from domain.entries import COUNTABLE, EntryOrder, Exposure, Refused, judge_order
from domain.instrument import Instrument
from domain.limits import Limits
from domain.money import UNIT
from domain.portfolio.events import OrderPlaced, RiskRefused

PERIODS = (DAILY, WEEKLY, MONTHLY)


class Moment(Struct):
    """What an entry is judged by: the account at a bar's close, after its marks."""

    ledger: Ledger
    breakers: Breakers
    limits: Limits
    closes: dict[str, Decimal]  # by symbol
    instrument: Instrument
    stop: Decimal | None  # that the signal planned, quote
    reversing: bool  # what is held of the symbol itself is left by this signal

    @property
    def equity(self) -> Decimal:
        """What the account is worth, quote."""
        return self.breakers.last

    @property
    def beside(self) -> list[Decimal]:
        """Notionals of positions and waiting entries that stay, quote."""
        own = self.instrument.symbol
        staying = [
            abs(lots) * self.closes[symbol]
            for symbol, lots in self.ledger.lots.items()
            if symbol != own or not self.reversing
        ]
        out = self.ledger.waiting.values()
        return staying + [order.quantity * self.closes[order.symbol] for order in out]


def check_placed(order: OrderPlaced, at: Moment) -> None:
    """Raise `Unequal` for an entry that should not have been placed."""
    held = next((code for code in CODES if code in at.breakers.until), None)
    if held is not None:
        raise Unequal(held, "no entry while this breaker holds", told(order))
    lots = order.quantity / at.instrument.lot
    if lots != lots.to_integral_value() or lots < 1:
        raise Unequal("RISK_MINIMUM", f"whole lots of {at.instrument.lot}", told(order))
    if order.reference_price != at.closes[order.symbol]:
        price = shown(at.closes[order.symbol])
        raise Unequal("ENTRY", f"a reference price of {price}", told(order))
    day, week, month = (at.breakers.fall(code, at.equity) for code in PERIODS)
    exposure = Exposure(
        equity=at.equity,
        day_loss=day,
        week_loss=week,
        month_loss=month,
        notional=sum(at.beside, ZERO),
        positions=len(at.beside),
        losses=at.ledger.losses,
    )
    notional = order.quantity * order.reference_price
    asked = EntryOrder(
        order.symbol, notional, at.instrument.min_notional, at.ledger.leverage, at.stop
    )
    verdict = judge_order(asked, exposure, at.limits)
    if isinstance(verdict, Refused):
        why = f"refused: limit {shown(verdict.limit)}, observed {shown(verdict.observed)}"
        raise Unequal(verdict.code, why, told(order))


def check_refused(refused: RiskRefused, at: Moment) -> None:
    """Raise `Unequal` for an entry that need not have been refused, or not for this."""
    held = next((code for code in CODES if code in at.breakers.until), None)
    if held is not None:
        due = blocked(held, at)
        found = (refused.code, refused.limit, refused.observed)
        if found != (due.code, due.limit, due.observed):
            raise Unequal(held, f"refused: {said(due.limit, due.observed)}", of(refused))
        return
    if refused.code in CODES:
        raise Unequal(refused.code, "no such breaker to hold", of(refused))
    check = CHECKS.get(refused.code)
    if check is None:
        raise Unequal(refused.code, "a limit that is known", of(refused))
    missing = at.stop is None or at.stop <= 0
    if missing != (refused.code == "RISK_STOP_MISSING") and within_reach(at):
        raise Unequal("RISK_STOP_MISSING", f"a stop of {shown(at.stop)} judged", of(refused))
    check(refused, at)


def within_reach(at: Moment) -> bool:
    """Tell whether the planned stop can be counted in ticks at all."""
    return at.stop is None or at.stop / at.instrument.tick < Decimal(2**53)


def blocked(code: str, at: Moment) -> Trip:
    """Give the limit and the figure that a refusal for a breaker tells."""
    limits, breakers = at.limits, at.breakers
    until = breakers.until[code]
    if code == LOSSES:
        return Trip(code, Decimal(limits.losses), Decimal(at.ledger.losses), until)
    if code == RAPID:
        return Trip(code, limits.rapid_loss, breakers.high - at.equity, until)
    limit = dict(zip(PERIODS, (limits.day_loss, limits.week_loss, limits.month_loss), strict=True))[
        code
    ]
    return Trip(code, limit, breakers.fall(code, at.equity), until)


# One check for each code: what the refusal tells must be over the limit, and within those before.


def stop_missing(refused: RiskRefused, at: Moment) -> None:
    due = (Decimal(0), at.stop)
    if (refused.limit, refused.observed) != due:
        raise Unequal(refused.code, said(*due), of(refused))


def figure_missing(refused: RiskRefused, at: Moment) -> None:
    observed = refused.observed
    if refused.limit != COUNTABLE or (observed is not None and observed < COUNTABLE):
        raise Unequal(refused.code, f"a notional of at least {COUNTABLE:f}, or none", of(refused))


def minimum(refused: RiskRefused, at: Moment) -> None:
    least = at.instrument.min_notional
    one = at.instrument.lot * at.closes[at.instrument.symbol]
    under = refused.observed is not None and refused.observed < max(least, one)
    expect(refused, least, under)


def margin_fraction(refused: RiskRefused, at: Moment) -> None:
    allowed = at.limits.margin_fraction * at.equity
    expect(refused, floor(allowed), exceeds(refused.observed, allowed), UNIT)


def margin_absolute(refused: RiskRefused, at: Moment) -> None:
    allowed = at.limits.margin_absolute
    expect(refused, allowed, exceeds(refused.observed, allowed) and margin_fits(refused, at))


def notional(refused: RiskRefused, at: Moment) -> None:
    allowed = at.limits.notional_multiple * at.equity
    observed = refused.observed
    own = None if observed is None else observed - sum(at.beside, ZERO)
    fits = own is not None and own / at.ledger.leverage <= at.limits.margin_absolute
    expect(refused, floor(allowed), exceeds(observed, allowed) and fits, UNIT)


def positions(refused: RiskRefused, at: Moment) -> None:
    count = Decimal(len(at.beside) + 1)
    over = refused.observed == count and count > at.limits.positions
    expect(refused, Decimal(at.limits.positions), over)


CHECKS: Final[Mapping[str, Callable[[RiskRefused, Moment], None]]] = {
    "RISK_STOP_MISSING": stop_missing,
    "RISK_FIGURE_MISSING": figure_missing,
    "RISK_MINIMUM": minimum,
    "RISK_MARGIN_FRACTION": margin_fraction,
    "RISK_MARGIN_ABSOLUTE": margin_absolute,
    "RISK_NOTIONAL": notional,
    "RISK_POSITIONS": positions,
}


def expect(refused: RiskRefused, limit: Decimal, over: bool, off: Decimal = ZERO) -> None:
    # `off`: a share of equity is a product of doubles, so its last unit may be one lower
    if abs(refused.limit - limit) > off or not over:
        raise Unequal(refused.code, f"limit {shown(limit)}, exceeded", of(refused))


def exceeds(observed: Decimal | None, allowed: Decimal) -> bool:
    return observed is not None and observed > allowed - UNIT


def margin_fits(refused: RiskRefused, at: Moment) -> bool:
    allowed = at.limits.margin_fraction * at.equity
    return refused.observed is not None and refused.observed <= allowed + UNIT


def floor(amount: Decimal) -> Decimal:
    return amount.quantize(UNIT, ROUND_FLOOR)


def said(limit: Decimal, observed: Decimal | None) -> str:
    return f"limit {shown(limit)}, observed {shown(observed)}"


def of(refused: RiskRefused) -> str:
    return f"{refused.event_id} refused for {refused.code}: {said(refused.limit, refused.observed)}"


def told(order: OrderPlaced) -> str:
    quantity, price = shown(order.quantity), shown(order.reference_price)
    return f"{order.event_id}: an entry of {quantity} {order.symbol} at {price}"
