"""Whether a candidate earns more than its champion, and how exactly anything is known of a version.

All of it from the stationary bootstrap of `kernels.metrics.resampling`, in whole numbers: the same
days and the same seed give the same bytes. Days are int64 of 1e-8 quote, below 2^43 either way.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from kernels.metrics.daily_money import Array, annual, joined, ratio_of, squares_of, whole
from kernels.metrics.resampling import resampled, totals

RESAMPLES = 2_000


def paired_p(
    candidate: Sequence[int] | Array,
    champion: Sequence[int] | Array,
    seed: str,
    resamples: int = RESAMPLES,
) -> float | None:
    """Give the one-sided p-value of: on average the candidate earns no more than its champion.

    Of the daily differences d: resampled around their mean, as if it were 0, how often is their sum
    at least the one observed? (1 + how often) / (resamples + 1), so never 0. None for fewer than
    two days, or where all differences are alike. Raises ValueError for days that do not pair up.
    Source of the + 1: A. C. Davison and D. V. Hinkley, Bootstrap Methods and Their Application
    (1997), 4.2.
    """
    ours, theirs = whole(candidate), whole(champion)
    if len(ours) != len(theirs):
        raise ValueError(f"champion had {len(theirs)} days, must have {len(ours)} as the candidate")
    differences = ours - theirs  # below 2^44
    if still(differences):
        return None
    observed = int(differences.sum())
    # Σ(d* − mean) ≥ Σd is Σd* ≥ 2·Σd, n times the mean being Σd: whole, and below 2^59 both
    sums = totals(differences, resampled(len(differences), seed, resamples))
    return (1 + int(np.count_nonzero(sums >= 2 * observed))) / (resamples + 1)


def interval(
    pnl: Sequence[int] | Array, seed: str, resamples: int = RESAMPLES, level: float = 0.95
) -> tuple[Fraction, Fraction] | None:
    """Give both ends of the percentile interval of the mean daily P&L, 1e-8 quote, exactly.

    They are the means of two resamples: the k-th lowest and the k-th highest, k = (resamples + 1) ·
    (1 − level) / 2 rounded down, at least 1. None for fewer than two days, or where all are alike.
    Raises ValueError for a level that is not between 0 and 1. Source: B. Efron, The Jackknife, the
    Bootstrap and Other Resampling Plans (1982), 10.4.
    """
    rank = rank_of(resamples, level)
    days = whole(pnl)
    if still(days):
        return None
    sums = np.sort(totals(days, resampled(len(days), seed, resamples)))
    return Fraction(int(sums[rank - 1]), len(days)), Fraction(int(sums[-rank]), len(days))


def sharpe_interval(
    pnl: Sequence[int] | Array, seed: str, resamples: int = RESAMPLES, level: float = 0.95
) -> tuple[float, float] | None:
    """Give both ends of the percentile interval of the annualised Sharpe ratio, as `interval`.

    A resample whose days are all alike stands at 0 if they are 0, else beyond every other. None as
    well where an end lies beyond: so few days moved that nothing can be told.
    """
    rank = rank_of(resamples, level)
    days = whole(pnl)
    if still(days):
        return None
    blocks = resampled(len(days), seed, resamples)
    squares = joined(*(totals(part, blocks) for part in squares_of(days)))
    pairs = zip(totals(days, blocks).tolist(), squares.tolist(), strict=True)
    ratios = sorted(ratio_of(len(days), total, square) for total, square in pairs)
    low, high = ratios[rank - 1], ratios[-rank]
    return (annual(low), annual(high)) if np.isfinite([low, high]).all() else None


def still(values: Array) -> bool:
    return len(values) < 2 or bool(np.all(values == values[0]))


def rank_of(resamples: int, level: float) -> int:
    if not 0 < level < 1:
        raise ValueError(f"level was {level}, must be between 0 and 1")
    beyond = (1 - Fraction(str(level))) / 2  # 0.95 is 19/20, not the double beside it
    return max(1, int((resamples + 1) * beyond))
