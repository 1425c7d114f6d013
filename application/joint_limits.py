"""The entries of one close, judged against what all accounts of a venue account hold.

The rules are `domain.venue_limits`; here is the order in which a close is judged: by the account's
name, then in the order of symbols. An entry stands against all positions and against the waiting
entries that were approved; one that is not judged yet counts for nothing. An account whose entry is
refused has its entries turned off until every one that waits is withdrawn, so all of them go, and
what goes counts no longer for those judged after it. Exits are not known here, and never judged.

Nothing is kept between two closes: whoever knows positions and entries, from a kernel's records or
from a venue's fills, asks, and does what the judgement says.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from domain.entries import Refused
from domain.event import Side
from domain.limits import CORRELATED_MULTIPLE
from domain.venue_limits import Correlations, Holding, Market, judge_across

ZERO = Decimal(0)


class Stake(Struct, frozen=True):
    """A position, or an entry that waits."""

    held: Holding
    waits: bool


class JointRefusal(Struct, frozen=True, kw_only=True):
    """An entry that its own account may make, and all accounts together may not."""

    at: int  # close of the bar, ms
    account: str
    symbol: str
    side: Side
    code: str
    limit: Decimal
    observed: Decimal | None  # None: could not be computed
    withdrawn: tuple[str, ...]  # symbols whose entries go with it, its own included


class Together(Protocol):
    """Knows how much symbols move together."""

    def all_of(self, symbol: str, others: Sequence[str], at: int) -> Correlations:
        """Give the correlations of a symbol and others as of a moment (ms), those known."""


class JointLimits:
    """Judges entries across accounts."""

    def __init__(self, symbols: Sequence[str], together: Together) -> None:
        self.places = {symbol: place for place, symbol in enumerate(symbols)}
        self.together = together

    def judge(
        self,
        at: int,
        entries: Iterable[Holding],
        stakes: Iterable[Stake],
        equity: Decimal | None,
        spreads: Mapping[str, Decimal | None],
    ) -> list[JointRefusal]:
        """Judge a close's new entries; `stakes` are all positions, and what waits since before.

        `equity` is that of the venue account (quote); `spreads` are fractions of the middle, by
        symbol, and a symbol without one is refused. All are at the symbols' last prices.
        """
        standing = list(stakes)
        refusals: list[JointRefusal] = []
        order = sorted(entries, key=lambda e: (e.account, self.places[e.symbol]))
        for entry in order:
            if any(refusal.account == entry.account for refusal in refusals):
                continue  # gone already
            market = self.market(at, entry, standing, equity, spreads.get(entry.symbol))
            judged = judge_across(entry, [stake.held for stake in standing], market)
            if not isinstance(judged, Refused):
                standing.append(Stake(entry, True))
                continue
            own = [each.symbol for each in order if each.account == entry.account]
            own += [s.held.symbol for s in standing if s.waits and s.held.account == entry.account]
            standing = [s for s in standing if not (s.waits and s.held.account == entry.account)]
            refusals.append(
                JointRefusal(
                    at=at,
                    account=entry.account,
                    symbol=entry.symbol,
                    side=entry.side,
                    code=judged.code,
                    limit=judged.limit,
                    observed=judged.observed,
                    withdrawn=tuple(sorted(set(own), key=self.places.__getitem__)),
                )
            )
        return refusals

    def market(
        self,
        at: int,
        entry: Holding,
        standing: Sequence[Stake],
        equity: Decimal | None,
        spread: Decimal | None,
    ) -> Market:
        known: Correlations = {}
        if not harmless(entry, standing, equity):
            others = sorted({stake.held.symbol for stake in standing})
            known = self.together.all_of(entry.symbol, others, at)
        return Market(equity, spread, known)


def harmless(entry: Holding, standing: Sequence[Stake], equity: Decimal | None) -> bool:
    """Tell whether all that is held is within what one bet may be: then no correlation matters."""
    notionals = [entry.notional, *(stake.held.notional for stake in standing)]
    if equity is None or any(notional is None for notional in notionals):
        return True  # refused for that, whatever correlations say
    every = sum((notional for notional in notionals if notional is not None), ZERO)
    return every <= CORRELATED_MULTIPLE * equity
