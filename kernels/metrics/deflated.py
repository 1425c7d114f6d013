"""How far the Sharpe ratio of daily money is believed, when it was the best of many tries.

The figures that the formula takes are exact, the formula is that of `kernels.metrics.sharpe`; what
comes out is rounded half-even to eight places. The error function and the logarithm are the C
library's, whose last bits differ between machines by some 1e-16: eight places all but never show
them.
"""

from collections.abc import Sequence

from kernels.metrics.daily_money import Array, moments_of, sharpe_of
from kernels.metrics.sharpe import believed, expected_best

PLACES = 8


def deflated_sharpe(pnl: Sequence[int] | Array, tries: int) -> float | None:
    """Give the probability that the true daily ratio is above that of the best of worthless tries.

    `tries` are all versions that were tried, this one included; their ratios are taken to vary by
    1 / (n − 1), as those without skill do over n days. None for fewer than two days, where all are
    alike, or where the ratio's error is 0. Raises ValueError for tries below 1, and as `sharpe_of`.
    Source: D. H. Bailey and M. López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio
    Management 40 (2014), 94–107.
    """
    if tries < 1:
        raise ValueError(f"tries was {tries}, must be at least 1")
    ratio = sharpe_of(pnl)
    skewness, kurtosis = moments_of(pnl)
    if ratio is None or skewness is None or kurtosis is None:
        return None
    days = len(pnl)
    best = expected_best(tries, 1.0 / (days - 1))
    probability = believed(ratio, best, days, skewness, kurtosis)
    return None if probability is None else round(probability, PLACES)
