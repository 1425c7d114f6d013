"""Figures of an equity curve, sampled daily at UTC midnight.

Crypto trades every day, so a year has 365 of them, and the risk-free rate is 0. Every sample lies
at a midnight: the first at or before the first bar (nothing was traded before, so it is the
capital), the last at or after the last bar, so the first and the last day count as whole ones. On
a day without a mark equity stands where it stood. Ratios are float64; a curve that is flat, or one
that stood at or below 0 before its end, has none.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from kernels.metrics.drawdown import falls

Array = np.ndarray[Any, Any]

DAY = 86_400_000  # ms
YEAR = 365  # days
NOISE = 1e-14  # a return's own rounding error is some 1e-16: below this nothing has moved


@dataclass(frozen=True)
class DailyCurve:
    """Equity at consecutive UTC midnights, any unit of money."""

    midnights: Array  # int64 [n + 1], ms
    equity: Array  # float64 [n + 1]

    @property
    def days(self) -> int:
        return len(self.midnights) - 1

    def returns(self) -> Array | None:
        """Give the n daily returns; None where one has no meaning: equity ≤ 0 before it."""
        before = self.equity[:-1]
        if np.any(before <= 0):
            return None
        moved: Array = self.equity[1:] / before - 1.0
        return moved


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveStatistics:
    """Figures of a daily curve; fractions, not percent."""

    days: int
    total_return: float | None  # last / first − 1
    annual_return: float | None  # (last / first)^(365 / days) − 1
    annual_volatility: float | None  # deviation of daily returns (n − 1) · √365
    sharpe: float | None  # mean / deviation of daily returns (n − 1) · √365
    sortino: float | None  # mean · √365 / √(mean of squared negative daily returns)
    calmar: float | None  # annual return / max_drawdown
    max_drawdown: float | None  # deepest fall at midnights, as a fraction of the peak, ≥ 0
    skewness: float | None  # third standardised moment of daily returns, m3 / m2^1.5
    kurtosis: float | None  # fourth, m4 / m2²; 3 for a normal distribution
    best_day: float | None
    worst_day: float | None


NOTHING: dict[str, Any] = {field.name: None for field in fields(CurveStatistics)}


@dataclass(frozen=True, slots=True)
class MonthlyReturn:
    """What a calendar month (UTC) brought: the compound of its daily returns."""

    month: str  # YYYY-MM
    value: float
    days: int  # of the curve that are in it


def daily(at: Array, equity: Array, *, start: int, end: int, capital: float) -> DailyCurve:
    """Sample marks (times in ms, ascending; equity) daily; start ≤ end are those of the run, ms.

    Raises ValueError for times that descend, or capital that is not above 0.
    """
    if len(at) != len(equity):
        raise ValueError(f"at and equity were {len(at)} and {len(equity)} long, must be equally so")
    if np.any(np.diff(at) < 0):
        raise ValueError("at was not in order, must ascend")
    if not capital > 0:
        raise ValueError(f"capital was {capital}, must be above 0")
    midnights = np.arange(start // DAY, -(-end // DAY) + 1, dtype=np.int64) * DAY
    places = np.searchsorted(at, midnights, side="right")
    known = np.concatenate([[capital], equity])
    return DailyCurve(midnights, known[places].astype(np.float64))


def curve_statistics(curve: DailyCurve) -> CurveStatistics:
    """Take every figure of a daily curve.

    Sources: W. F. Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21 (1994), 49–58;
    F. A. Sortino and L. N. Price, Performance Measurement in a Downside Risk Framework, Journal of
    Investing 3 (1994), 59–64, target 0; T. W. Young, Calmar Ratio: A Smoother Tool, Futures 20
    (1991), 40, over the whole curve.
    """
    returns = curve.returns()
    if returns is None or len(returns) == 0:
        return CurveStatistics(**NOTHING | {"days": curve.days})
    gained, fallen = annual_return(curve), deepest(curve)
    skewness, kurtosis = moments(returns)
    return CurveStatistics(
        days=curve.days,
        total_return=float(curve.equity[-1] / curve.equity[0] - 1.0),
        annual_return=gained,
        annual_volatility=annual_volatility(returns),
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        calmar=None if gained is None or not fallen > NOISE else gained / fallen,
        max_drawdown=fallen,
        skewness=skewness,
        kurtosis=kurtosis,
        best_day=float(returns.max()),
        worst_day=float(returns.min()),
    )


def annual_return(curve: DailyCurve) -> float | None:
    """Compound annual growth rate; None where it has no meaning or is beyond float64."""
    growth = float(curve.equity[-1] / curve.equity[0])
    if curve.days == 0 or growth < 0:
        return None
    try:
        return float(growth ** (YEAR / curve.days)) - 1.0
    except OverflowError:
        return None


def deepest(curve: DailyCurve) -> float:
    return float(falls(curve.equity).max())


def flat(returns: Array) -> bool:
    return len(returns) < 2 or float(np.ptp(returns)) <= NOISE


def annual_volatility(returns: Array) -> float | None:
    """Sample standard deviation (n − 1) · √365; None for fewer than two returns."""
    return None if len(returns) < 2 else float(returns.std(ddof=1) * np.sqrt(YEAR))


def daily_sharpe(returns: Array) -> float | None:
    """Mean / sample standard deviation, not annualised; None where nothing moved."""
    return None if flat(returns) else float(returns.mean() / returns.std(ddof=1))


def sharpe(returns: Array) -> float | None:
    ratio = daily_sharpe(returns)
    return None if ratio is None else float(ratio * np.sqrt(YEAR))


def sortino(returns: Array) -> float | None:
    """None where nothing was lost on any day."""
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    return None if not downside > NOISE else float(returns.mean() * np.sqrt(YEAR) / downside)


def moments(returns: Array) -> tuple[float | None, float | None]:
    """Skewness and kurtosis, of the sample as it is (no correction for its size)."""
    if flat(returns):
        return None, None
    away = returns - returns.mean()
    spread = np.mean(away**2)
    return float(np.mean(away**3) / spread**1.5), float(np.mean(away**4) / spread**2)


def monthly_returns(curve: DailyCurve) -> tuple[MonthlyReturn, ...]:
    """Compound daily returns by the month of their day; none where returns have no meaning."""
    returns = curve.returns()
    if returns is None:
        return ()
    grown: dict[str, tuple[float, int]] = {}
    for midnight, moved in zip(curve.midnights[:-1].tolist(), returns.tolist(), strict=True):
        month = f"{datetime.fromtimestamp(midnight // 1000, UTC):%Y-%m}"
        product, days = grown.get(month, (1.0, 0))
        grown[month] = (product * (1.0 + moved), days + 1)
    return tuple(MonthlyReturn(m, product - 1.0, days) for m, (product, days) in grown.items())
