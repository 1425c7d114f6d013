"""What holds across the accounts that share one live venue account.

An account's own limits say nothing of its neighbours: five strategies may each be within theirs and
all hold the same thing. So an entry that has passed its account's limits is judged once more over
the open positions and waiting entries of all. Exits are never judged. The functions are pure: who
calls them brings every figure, and a figure that is missing refuses.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from domain.entries import COUNTABLE, Approved, Refused, known
from domain.event import Side
from domain.limits import (
    ACCOUNTS_PER_DIRECTION,
    ACCOUNTS_PER_SYMBOL,
    CORRELATED,
    CORRELATED_MULTIPLE,
    SPREAD,
)

ONE, TWO, ZERO = Decimal(1), Decimal(2), Decimal(0)

Correlations = Mapping[frozenset[str], Decimal]  # of two symbols, −1 to 1


class Holding(Struct, frozen=True):
    """A position, or an entry that waits: a pending order counts as if it had filled."""

    account: str
    symbol: str
    side: Side
    notional: Decimal | None  # quote, at the symbol's last price; None: could not be computed


class Market(Struct, frozen=True):
    """What is known outside the accounts. None: could not be computed."""

    equity: Decimal | None  # of the venue account, quote
    spread: Decimal | None  # between bid and ask of the entry's symbol, fraction of the middle
    correlations: Correlations


def judge_across(
    entry: Holding, others: Iterable[Holding], market: Market
) -> Approved[Holding] | Refused:
    """Judge an entry against what all accounts hold, the first limit that fails naming the refusal.

    `others` are all positions and waiting entries of the venue account. What the entry's own
    account holds of its symbol is left out: an account has one net position of a symbol, so that
    is what the entry reverses.
    """
    beside = [h for h in others if (h.account, h.symbol) != (entry.account, entry.symbol)]
    return (
        unknown(entry, beside, market)
        or wide(market)
        or crowded(entry, beside)
        or correlated(entry, beside, market)
        or Approved(entry)
    )


def unknown(entry: Holding, beside: Sequence[Holding], market: Market) -> Refused | None:
    figures = [entry.notional, market.equity, market.spread]
    figures += [held.notional for held in beside]
    figures += list(market.correlations.values())
    sound = all(map(known, figures)) and all(f is not None and f > ZERO for f in figures[:2])
    return None if sound else Refused("RISK_FIGURE_MISSING", COUNTABLE, None)


def wide(market: Market) -> Refused | None:
    spread = market.spread
    if spread is None or not ZERO <= spread <= SPREAD:
        return Refused("RISK_SPREAD", SPREAD, spread)
    return None


def crowded(entry: Holding, beside: Sequence[Holding]) -> Refused | None:
    same = [held for held in beside if held.symbol == entry.symbol]
    along = len({held.account for held in same if held.side == entry.side}) + 1
    if along > ACCOUNTS_PER_DIRECTION:
        limit = Decimal(ACCOUNTS_PER_DIRECTION)
        return Refused("RISK_ACCOUNTS_PER_DIRECTION", limit, Decimal(along))
    accounts = len({held.account for held in same}) + 1
    if accounts > ACCOUNTS_PER_SYMBOL:
        return Refused("RISK_ACCOUNTS_PER_SYMBOL", Decimal(ACCOUNTS_PER_SYMBOL), Decimal(accounts))
    return None


def correlated(entry: Holding, beside: Sequence[Holding], market: Market) -> Refused | None:
    bet = exposure(entry, beside, market.correlations)
    if bet is None or market.equity is None:
        return Refused("RISK_FIGURE_MISSING", COUNTABLE, None)
    limit = CORRELATED_MULTIPLE * market.equity
    return Refused("RISK_CORRELATED", limit, bet) if bet > limit else None


def exposure(
    entry: Holding, beside: Iterable[Holding], correlations: Correlations
) -> Decimal | None:
    """Add up the notional of one bet: the entry's, and of all that would win and lose with it.

    That is the same side of a symbol that moves with the entry's, and the other side of one that
    moves against it. A correlation that is missing counts as 1. None: a notional is missing.
    """
    bet = [entry.notional]
    for held in beside:
        together = correlations.get(frozenset((entry.symbol, held.symbol)), ONE)
        if held.symbol == entry.symbol:
            together = ONE
        if (together if held.side == entry.side else -together) >= CORRELATED:
            bet.append(held.notional)
    if any(notional is None for notional in bet):
        return None
    return sum((notional for notional in bet if notional is not None), ZERO)


def spread_of(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Give the spread as a fraction of the middle; None where a side is missing, or they cross."""
    if bid is None or ask is None or not (bid.is_finite() and ask.is_finite()):
        return None
    return (ask - bid) * TWO / (ask + bid) if ZERO < bid <= ask else None


def correlation(first: Sequence[Decimal], second: Sequence[Decimal]) -> Decimal | None:
    """Give Pearson's correlation of the returns of two symbols, from closes at the same times.

    None where there are too few closes (under three), or one of the two never moved.
    """
    if len(first) != len(second):
        raise ValueError(f"closes were {len(first)} and {len(second)}, must be as many of each")
    own, other = returns(first), returns(second)
    if len(own) < 2:
        return None
    mean, mean_other = sum(own, ZERO) / len(own), sum(other, ZERO) / len(other)
    pairs = [(a - mean, b - mean_other) for a, b in zip(own, other, strict=True)]
    spread = sum((a * a for a, _ in pairs), ZERO) * sum((b * b for _, b in pairs), ZERO)
    if spread == ZERO:
        return None
    together = sum((a * b for a, b in pairs), ZERO) / spread.sqrt()
    return max(-ONE, min(ONE, together))


def returns(closes: Sequence[Decimal]) -> list[Decimal]:
    return [after / before - ONE for before, after in pairwise(closes)]
