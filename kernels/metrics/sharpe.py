"""How far a Sharpe ratio can be believed: over a short curve, with fat tails, after many tries.

The best of many trials looks good by luck alone. The probabilistic Sharpe ratio says how likely the
true ratio is above a benchmark, given the length and the shape of the curve; the deflated one takes
as benchmark what the best of N worthless trials would be expected to show. Ratios are those of
daily returns, not annualised.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from kernels.metrics.curve import daily_sharpe, moments

Array = np.ndarray[Any, Any]

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeEvidence:
    """What speaks for a Sharpe ratio. Ratios are daily, probabilities 0 … 1."""

    daily_sharpe: float | None
    probabilistic: float | None  # that the true ratio is above 0
    deflated: float | None  # that it is above `expected_best`
    expected_best: float | None  # of the ratios of `trials` without any skill
    trials: int  # parameter sets that were tried, this one included
    trial_variance: float | None  # of the daily ratios of the trials; None: not to be told


def evidence(
    returns: Array | None, trials: int = 1, trial_variance: float | None = None
) -> SharpeEvidence:
    """Weigh daily returns (None: they have no meaning) that were the best of `trials`.

    Without `trial_variance` (of the trials' daily ratios), 1 / (n − 1) is taken: that of ratios
    estimated over n days without any skill. Raises ValueError for trials below 1 or a variance
    that is not finite and ≥ 0.
    """
    if trials < 1:
        raise ValueError(f"trials was {trials}, must be at least 1")
    if trial_variance is not None and not 0 <= trial_variance < math.inf:
        raise ValueError(f"trial variance was {trial_variance}, must be finite and at least 0")
    days = 0 if returns is None else len(returns)
    variance = trial_variance
    if variance is None and days > 1:
        variance = 1.0 / (days - 1)
    best = None if variance is None else expected_best(trials, variance)
    return SharpeEvidence(
        daily_sharpe=None if returns is None else daily_sharpe(returns),
        probabilistic=None if returns is None else probabilistic_sharpe(returns),
        deflated=None if returns is None or best is None else probabilistic_sharpe(returns, best),
        expected_best=best,
        trials=trials,
        trial_variance=variance,
    )


def probabilistic_sharpe(returns: Array, benchmark: float = 0.0) -> float | None:
    """Give the probability that the true daily Sharpe ratio is above a daily benchmark.

    Φ((SR − SR*) · √(n − 1) / √(1 − γ3·SR + (γ4 − 1)/4 · SR²)), with the skewness γ3 and kurtosis γ4
    of the returns. None where nothing moved, or where that error is 0. Source: D. H. Bailey and
    M. López de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15 (2012), 3–44.
    """
    ratio = daily_sharpe(returns)
    skewness, kurtosis = moments(returns)
    if ratio is None or skewness is None or kurtosis is None:
        return None
    return believed(ratio, benchmark, len(returns), skewness, kurtosis)


def believed(
    ratio: float, benchmark: float, count: int, skewness: float, kurtosis: float
) -> float | None:
    """Spell the formula of `probabilistic_sharpe`, for returns of which only these are known."""
    error = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    if not error > 0.0:
        return None
    return NORMAL.cdf((ratio - benchmark) * math.sqrt(count - 1) / math.sqrt(error))


def expected_best(trials: int, variance: float) -> float:
    """Give the highest Sharpe ratio to be expected of `trials` independent ones without skill.

    √V · ((1 − γ) · Φ⁻¹(1 − 1/N) + γ · Φ⁻¹(1 − 1/(N·e))), γ Euler–Mascheroni's constant; 0 for one
    trial, which nothing was chosen from. Source: D. H. Bailey and M. López de Prado, The Deflated
    Sharpe Ratio, Journal of Portfolio Management 40 (2014), 94–107, eq. 1.
    """
    if trials == 1:
        return 0.0
    first = -NORMAL.inv_cdf(1.0 / trials)  # = Φ⁻¹(1 − 1/N), without the loss of digits
    second = -NORMAL.inv_cdf(1.0 / (trials * math.e))
    weight = EULER_MASCHERONI
    return math.sqrt(variance) * ((1.0 - weight) * first + weight * second)
