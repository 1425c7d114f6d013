"""How likely the best of many trials, chosen on some days, is no better than most on others.

Combinatorially symmetric cross-validation: days are cut into blocks, every half of the blocks once
plays the past in which the trial with the highest Sharpe ratio is chosen, and the other half tells
what became of it. Source: D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, The
Probability of Backtest Overfitting, Journal of Computational Finance 20 (2017), 39–69.

Sums, and what trials are ordered by, are whole numbers: the answer is exact, and neither the
machine nor the order of trials can move it.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from kernels.metrics.daily_money import Array, joined, squares_of, whole

LEAST_DAYS = 2  # in a block
SCALE = 2**228
BEYOND = 2**343  # a total that moved is below 2^57, its rank below 2^114 · 2^228


def overfitting(pnl: Sequence[Sequence[int]] | Array, blocks: int = 10) -> float | None:
    """Give the share of splits whose best trial was at or below the middle of the others' half.

    `pnl` is int64 [trials, days], 1e-8 quote. Blocks are of equal length: days that are left over,
    fewer than `blocks`, are the oldest, and are left out. At or below the middle: no more trials
    were worse than better, which is the paper's logit ≤ 0 with ranks of equals averaged. Where
    several were best, each counts with its part of one. None for fewer than two trials, or two days
    a block. Raises ValueError for blocks that are not even or below 2, and as `sharpe_of`.
    """
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks was {blocks}, must be even and at least 2")
    days = whole(pnl, dimensions=2)
    length = days.shape[1] // blocks
    if len(days) < 2 or length < LEAST_DAYS:
        return None
    cut = days[:, days.shape[1] - length * blocks :].reshape(len(days), blocks, length)
    halves = half_ranks(cut)
    # halves come in the order of their blocks, so the first is the last one's other half, …
    lost = sum(map(share_lost, halves, halves[::-1]), Fraction(0))
    return float(lost / len(halves))


def half_ranks(cut: Array) -> Array:
    """Rank trials in every half of the blocks: Python ints [halves, trials], as Sharpe ratios go.

    Σ · |Σ| / (n·Σx² − Σ²) goes as the ratio does. Its divisor is below 2^114, so quotients that are
    not equal differ by 2^−228 or more, and times 2^228, rounded down, order just as they do. A half
    whose days are all alike stands at 0 if they are 0, else beyond all that moved, as its sum is.
    """
    _, blocks, length = cut.shape
    halves = list(combinations(range(blocks), blocks // 2))
    days = blocks // 2 * length

    def summed(values: Array) -> Array:
        each = values.sum(axis=2)  # [trials, blocks]
        return np.array([each[:, list(half)].sum(axis=1) for half in halves])

    totals = summed(cut).astype(object)
    squares = joined(*(summed(part) for part in squares_of(cut)))
    spread = days * squares - totals * totals
    ranks = totals * BEYOND
    moved = spread != 0
    ranks[moved] = totals[moved] * abs(totals[moved]) * SCALE // spread[moved]
    return ranks


def share_lost(inside: Array, outside: Array) -> Fraction:
    """Of the trials that were best inside: which part was at or below the middle outside."""
    order = np.sort(outside)
    chosen = outside[inside == inside.max()]
    worse = np.searchsorted(order, chosen, side="left")
    better = len(order) - np.searchsorted(order, chosen, side="right")
    return Fraction(int(np.count_nonzero(worse <= better)), len(chosen))
