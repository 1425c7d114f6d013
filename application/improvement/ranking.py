"""How good a parameter set was before the split, as a search ranks it.

A set is worth what its worse half of the days was worth: what earned its money in one stretch is
more often luck than what earned in both. A profit from few trades counts for less, and sets with
too few stand behind all others, since a ratio of a handful of trades says nothing. A profit also
counts for as much less as its share of wins is below the gate's: what wins too seldom may earn, but
is never promoted. Every figure is made of exact sums, so that the order is the same on every
machine.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np

from application.improvement.authoring import Scores
from domain.gate import Gate
from domain.money import from_units
from kernels.metrics.daily_money import annual, sharpe_of

Array = np.ndarray[Any, Any]

LEAST_TRADES = 30  # closed, before a set may stand before others
SHRUNK = 30  # a profit of so many trades counts for half
LEAST_DAYS = 8  # that are looked at in halves
WIN_RATE = float(Gate().win_rate)


@dataclass(frozen=True)
class Figures:
    """What one set did. Ratios are Sharpe ratios of daily money, annualised."""

    trades: int
    wins: int
    net: Decimal  # quote
    ratio: float  # of all days; 0 where all were alike
    worse: float  # of the worse half of them

    @property
    def worth(self) -> tuple[bool, float]:
        """What sets are ordered by: whether trades were enough, and the worse half, shrunk."""
        shrunk = self.worse * self.trades / (self.trades + SHRUNK) if self.worse > 0 else self.worse
        return self.trades >= LEAST_TRADES, towards_gate(shrunk, self.wins, self.trades)

    def __str__(self) -> str:
        trades = "1 trade" if self.trades == 1 else f"{self.trades:,} trades"
        won = f", {self.wins / self.trades:.0%} won" if self.trades else ""
        return (
            f"{self.net:,.2f} quote in {trades}{won}, "
            f"ratio {self.ratio:.2f} and {self.worse:.2f} in the worse half"
        )


def figures_of(scores: Scores, count: int) -> list[Figures | None]:
    """Read what `count` sets did; None for those without figures that could be true.

    Raises ValueError for scores of another number of sets.
    """
    pnl, trades, wins = (np.asarray(each) for each in (scores.pnl, scores.trades, scores.wins))
    if pnl.ndim != 2 or len(pnl) != count or trades.shape != (count,) or wins.shape != (count,):
        raise ValueError(
            f"scores were of pnl {pnl.shape}, trades {trades.shape} and wins {wins.shape}, "
            f"must be of {count} sets"
        )
    return [
        figures(days.tolist(), closed, won)
        for days, closed, won in zip(pnl, trades.tolist(), wins.tolist(), strict=True)
    ]


def towards_gate(ratio: float, wins: int, trades: int) -> float:
    """Give what a ratio counts for where fewer trades were won than the gate asks for."""
    if ratio <= 0 or trades < 1:
        return ratio
    return ratio * min(wins / (WIN_RATE * trades), 1.0)


def figures(pnl: list[float], trades: float, wins: float) -> Figures | None:
    if not all(isfinite(value) and value == int(value) for value in (*pnl, trades, wins)):
        return None
    days = [int(day) for day in pnl]
    half = len(days) // 2
    try:
        ratio = ratio_of(days)
        halves = [ratio_of(days[:half]), ratio_of(days[half:])]
    except ValueError:  # more money in a day than there is
        return None
    worse = min(halves) if len(days) >= LEAST_DAYS else ratio
    return Figures(int(trades), int(wins), from_units(sum(days)), ratio, worse)


def ratio_of(days: list[int]) -> float:
    found = sharpe_of(days)
    return 0.0 if found is None else annual(found)
