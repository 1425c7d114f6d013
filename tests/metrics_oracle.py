"""Figures of a daily curve by other people's code: empyrical, and scipy for the moments."""

import math
import warnings
from collections.abc import Callable, Sequence

import empyrical
import pandas as pd
import pytest
from scipy import stats

from kernels.metrics.curve import CurveStatistics, DailyCurve, MonthlyReturn

FIGURES: dict[str, Callable[["pd.Series[float]"], float]] = {
    "total_return": lambda r: empyrical.cum_returns_final(r),
    "annual_return": lambda r: empyrical.annual_return(r, annualization=365),
    "annual_volatility": lambda r: empyrical.annual_volatility(r, annualization=365),
    "sharpe": lambda r: empyrical.sharpe_ratio(r, annualization=365),
    "sortino": lambda r: empyrical.sortino_ratio(r, annualization=365),
    "calmar": lambda r: empyrical.calmar_ratio(r, annualization=365),
    "max_drawdown": lambda r: -empyrical.max_drawdown(r),
    "skewness": lambda r: stats.skew(r),
    "kurtosis": lambda r: stats.kurtosis(r, fisher=False),
}


def agrees_with_empyrical(
    curve: DailyCurve, found: CurveStatistics, months: Sequence[MonthlyReturn]
) -> None:
    """Compare every figure that empyrical or scipy has, to 1e-9 relative.

    Where they give infinity or NaN (nothing was lost, nothing moved), ours must be None.
    """
    returns = curve.returns()
    assert returns is not None
    days = pd.to_datetime(curve.midnights[:-1], unit="ms", utc=True)
    series = pd.Series(returns, index=days)
    for name, oracle in FIGURES.items():
        expected, figure = float(oracle(series)), getattr(found, name)
        if not math.isfinite(expected):
            assert figure is None, name
        else:
            assert figure == pytest.approx(expected, rel=1e-9, abs=1e-15), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' of time zones that are dropped by grouping
        grouped = empyrical.aggregate_returns(series, "monthly")
    by_month = {f"{y}-{m:02}": value for (y, m), value in grouped.items()}
    told = {each.month: each.value for each in months}
    assert told == pytest.approx(by_month, rel=1e-9, abs=1e-15)
