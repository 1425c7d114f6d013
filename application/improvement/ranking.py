"""How good a parameter set was before the split, as a search ranks it.

A set is worth what its worse half of the days was worth: what earned its money in one stretch is
more often luck than what earned in both. A profit from few trades counts for less, and sets with
too few stand behind all others, since a ratio of a handful of trades says nothing. Every figure is
made of exact sums, so that the order is the same on every machine.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np

from application.improvement.authoring import Scores
from domain.money import from_units
from kernels.metrics.daily_money import annual, sharpe_of

Array = np.ndarray[Any, Any]

LEAST_TRADES = 30  # closed, before a set may stand before others
SHRUNK = 30  # a profit of so many trades counts for half
LEAST_DAYS = 8  # that are looked at in halves


@dataclass(frozen=True)
class Figures:
    """What one set did. Ratios are Sharpe ratios of daily money, annualised."""

    trades: int
    net: Decimal  # quote
    ratio: float  # of all days; 0 where all were alike
    worse: float  # of the worse half of them

    @property
    def worth(self) -> tuple[bool, float]:
        """What sets are ordered by: whether trades were enough, and the worse half, shrunk."""
        shrunk = self.worse * self.trades / (self.trades + SHRUNK) if self.worse > 0 else self.worse
        return self.trades >= LEAST_TRADES, shrunk

    def __str__(self) -> str:
        trades = "1 trade" if self.trades == 1 else f"{self.trades:,} trades"
        return (
            f"{self.net:,.2f} quote in {trades}, "
            f"ratio {self.ratio:.2f} and {self.worse:.2f} in the worse half"
        )


def figures_of(scores: Scores, count: int) -> list[Figures | None]:
    """Read what `count` sets did; None for those without figures that could be true.

    Raises ValueError for scores of another number of sets.
    """
    pnl, trades = np.asarray(scores.pnl), np.asarray(scores.trades)
    if pnl.ndim != 2 or len(pnl) != count or trades.shape != (count,):
        raise ValueError(
            f"scores were of pnl {pnl.shape} and trades {trades.shape}, must be of {count} sets"
        )
    return [
        figures(days.tolist(), closed) for days, closed in zip(pnl, trades.tolist(), strict=True)
    ]


def figures(pnl: list[float], trades: float) -> Figures | None:
    if not all(isfinite(value) and value == int(value) for value in (*pnl, trades)):
        return None
    days = [int(day) for day in pnl]
    half = len(days) // 2
    try:
        ratio = ratio_of(days)
        halves = [ratio_of(days[:half]), ratio_of(days[half:])]
    except ValueError:  # more money in a day than there is
        return None
    worse = min(halves) if len(days) >= LEAST_DAYS else ratio
    return Figures(int(trades), from_units(sum(days)), ratio, worse)


def ratio_of(days: list[int]) -> float:
    found = sharpe_of(days)
    return 0.0 if found is None else annual(found)
