"""What an account is worth, and what stops it.

A breaker blocks entries and never exits; the trip for a disagreement with the broker stays until an
operator looks, since nobody knows which of the two figures was right.
"""

from decimal import Decimal

from domain.cause import Cause
from domain.entries import Refused
from domain.portfolio.events import (
    AccountRuined,
    BreakerCleared,
    BreakerTripped,
    EquityMarked,
    RiskRefused,
)
from domain.portfolio.heading import head
from domain.portfolio.state import Portfolio

DISAGREEMENT = "RISK_DISAGREEMENT"


def mark(
    state: Portfolio,
    cause: Cause,
    cash: Decimal,
    unrealised: Decimal,
    peak: Decimal,
    max_drawdown: Decimal,
    price: Decimal | None,
    prices: dict[str, Decimal],
) -> EquityMarked:
    """Mark the account to a close: of its only symbol, or of what it holds of several."""
    return EquityMarked(
        **head(state, cause),
        cash=cash,
        unrealised=unrealised,
        peak=peak,
        max_drawdown=max_drawdown,
        price=price,
        prices=prices,
    )


def refuse(state: Portfolio, cause: Cause, symbol: str, refused: Refused) -> RiskRefused:
    """Record an entry that a limit refused."""
    return RiskRefused(
        **head(state, cause),
        code=refused.code,
        symbol=symbol,
        limit=refused.limit,
        observed=refused.observed,
    )


def trip(
    state: Portfolio, cause: Cause, code: str, limit: Decimal, observed: Decimal, until: int | None
) -> BreakerTripped:
    """Stop entries until `until` (ms), or until an operator looks."""
    return BreakerTripped(
        **head(state, cause), code=code, limit=limit, observed=observed, until=until
    )


def clear(state: Portfolio, cause: Cause, code: str) -> BreakerCleared:
    """End a breaker."""
    return BreakerCleared(**head(state, cause), code=code)


def ruin(state: Portfolio, cause: Cause, equity: Decimal, required: Decimal) -> AccountRuined:
    """Record that the equity can no longer carry the smallest order."""
    return AccountRuined(**head(state, cause), equity=equity, required=required)
