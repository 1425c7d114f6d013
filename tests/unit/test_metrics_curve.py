"""Figures of equity curves: against empyrical, by hand, and what holds for any curve."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.metrics.curve import (
    DAY,
    DailyCurve,
    curve_statistics,
    daily,
    monthly_returns,
)
from kernels.metrics.drawdown import drawdown, falls
from tests.metrics_oracle import FIGURES, agrees_with_empyrical
from tests.metrics_samples import HOUR, MIDNIGHT, Array, curve_of, midnights

equities = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=40)


def made(equity: Array) -> DailyCurve:
    return DailyCurve(midnights(len(equity)), np.asarray(equity, np.float64))


def agrees(equity: Array) -> None:
    curve = made(equity)
    agrees_with_empyrical(curve, curve_statistics(curve), monthly_returns(curve))


@pytest.mark.parametrize(
    ("count", "seed", "drift"),
    [(2, 1, 0.0), (5, 2, 0.01), (40, 3, -0.01), (365, 4, 0.001), (900, 5, 0.0), (4000, 6, 0.0005)],
)
def test_statistics_when_curves_are_made_up_then_are_those_of_empyrical(
    count: int, seed: int, drift: float
) -> None:
    agrees(curve_of(count, seed, drift))


def test_statistics_when_there_are_days_without_trades_then_are_those_of_empyrical() -> None:
    agrees(curve_of(400, 9).repeat(3))


def test_statistics_when_counted_by_hand_then_every_figure_is_that() -> None:
    found = curve_statistics(made(np.array([100.0, 110.0, 99.0, 99.0, 108.9])))
    returns = [0.1, -0.1, 0.0, 0.1]
    mean = sum(returns) / 4
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / 3)
    assert found.days == 4
    assert found.total_return == pytest.approx(0.089)
    assert found.annual_return == pytest.approx(1.089 ** (365 / 4) - 1)
    assert found.annual_volatility == pytest.approx(deviation * math.sqrt(365))
    assert found.sharpe == pytest.approx(mean / deviation * math.sqrt(365))
    assert found.sortino == pytest.approx(mean * math.sqrt(365) / math.sqrt(0.01 / 4))
    assert found.max_drawdown == pytest.approx(0.1)
    assert found.calmar == pytest.approx((1.089 ** (365 / 4) - 1) / 0.1)
    assert (found.best_day, found.worst_day) == pytest.approx((0.1, -0.1))


@pytest.mark.parametrize("equity", [[100.0], [100.0, -5.0, 3.0, 4.0], [100.0, 0.0, 0.0, 0.0]])
def test_statistics_when_returns_have_no_meaning_then_are_none(equity: list[float]) -> None:
    found = curve_statistics(made(np.array(equity)))
    told = {name: getattr(found, name) for name in FIGURES}
    assert set(told.values()) == {None}
    assert monthly_returns(made(np.array(equity))) == ()


def test_statistics_when_nothing_moves_then_ratios_are_none_and_not_infinite() -> None:
    flat = curve_statistics(made(np.full(30, 17_000.0)))
    assert flat.total_return == flat.annual_return == flat.annual_volatility == 0.0
    assert flat.sharpe is flat.sortino is flat.calmar is flat.skewness is flat.kurtosis is None
    steady = curve_statistics(made(100.0 * 1.001 ** np.arange(30)))  # but for rounding
    assert steady.sharpe is steady.sortino is steady.calmar is None
    assert steady.annual_return == pytest.approx(1.001**365 - 1)


def test_statistics_when_equity_ends_below_zero_then_growth_is_none_and_the_fall_is_told() -> None:
    found = curve_statistics(made(np.array([100.0, 50.0, -1.0])))
    assert found.total_return == pytest.approx(-1.01)
    assert found.annual_return is found.calmar is None
    assert found.max_drawdown == pytest.approx(1.01)


def test_statistics_when_a_day_grows_beyond_all_numbers_then_its_year_is_none() -> None:
    found = curve_statistics(made(np.array([1.0, 1e6])))
    assert found.total_return == pytest.approx(999_999.0)
    assert found.annual_return is found.calmar is None


@given(equities, st.integers(0, 20))
def test_statistics_when_money_is_counted_in_other_units_then_all_stay(
    drawn: list[float], power: int
) -> None:
    one, other = (curve_statistics(made(np.array(drawn) * unit)) for unit in (1.0, 2.0**power))
    assert one == other


@given(equities)
def test_statistics_when_any_curve_then_every_figure_is_finite_or_none(drawn: list[float]) -> None:
    found = curve_statistics(made(np.array(drawn)))
    for name in (*FIGURES, "best_day", "worst_day"):
        value = getattr(found, name)
        assert value is None or math.isfinite(value), name


@given(equities)
def test_months_when_any_curve_then_they_compound_to_the_whole(drawn: list[float]) -> None:
    curve = made(np.array(drawn))
    months = monthly_returns(curve)
    grown = math.prod(1.0 + each.value for each in months)
    assert grown == pytest.approx(drawn[-1] / drawn[0])
    assert sum(each.days for each in months) == curve.days


def test_daily_when_marks_lie_within_days_then_each_midnight_has_the_last_before_it() -> None:
    at = MIDNIGHT + HOUR * np.array([7, 23, 24, 30, 90], np.int64)
    equity = np.array([101.0, 102.0, 103.0, 104.0, 105.0])
    start, end = MIDNIGHT + 6 * HOUR, MIDNIGHT + 90 * HOUR
    curve = daily(at, equity, start=start, end=end, capital=100.0)
    assert curve.midnights.tolist() == midnights(5).tolist()
    # the mark at a midnight is that midnight's; two days without any; the last counts as whole
    assert curve.equity.tolist() == [100.0, 103.0, 104.0, 104.0, 105.0]


@pytest.mark.parametrize(("start", "end", "days"), [(0, 24, 1), (0, 25, 2), (5, 6, 1), (5, 5, 1)])
def test_daily_when_a_run_touches_a_day_then_it_counts_as_whole(
    start: int, end: int, days: int
) -> None:
    none = np.empty(0, np.int64)
    begin, finish = MIDNIGHT + start * HOUR, MIDNIGHT + end * HOUR
    curve = daily(none, none, start=begin, end=finish, capital=5.0)
    assert curve.days == days
    assert set(curve.equity) == {5.0}


def test_daily_when_marks_are_out_of_order_or_capital_is_none_then_is_refused() -> None:
    at, equity = np.array([2, 1]), np.array([1.0, 1.0])
    with pytest.raises(ValueError, match="at was not in order, must ascend"):
        daily(at, equity, start=0, end=5, capital=1.0)
    with pytest.raises(ValueError, match=r"capital was 0\.0, must be above 0"):
        daily(at[:1], equity[:1], start=0, end=5, capital=0.0)
    with pytest.raises(ValueError, match="at and equity were 2 and 1 long"):
        daily(at, equity[:1], start=0, end=5, capital=1.0)


def test_drawdown_when_told_by_hand_then_is_the_deepest_and_the_longest() -> None:
    at = midnights(9)
    found = drawdown(at, np.array([100.0, 120.0, 120.0, 90.0, 120.0, 119.0, 118.0, 119.0, 119.5]))
    assert found is not None
    assert found.fraction == 0.25
    assert (found.peak_at, found.trough_at, found.recovered_at) == (at[2], at[3], at[4])
    assert (found.duration_ms, found.longest_ms) == (2 * DAY, 4 * DAY)


def test_drawdown_when_it_never_recovers_then_lasts_to_the_end() -> None:
    found = drawdown(midnights(3), np.array([100.0, 80.0, 99.0]))
    assert found is not None
    assert found.recovered_at is None
    assert found.duration_ms == found.longest_ms == 2 * DAY


def test_drawdown_when_equity_only_rises_then_there_is_none() -> None:
    assert drawdown(midnights(3), np.array([1.0, 1.0, 2.0])) is None
    with pytest.raises(ValueError, match=r"equity began at 0\.0, must be above 0"):
        drawdown(midnights(1), np.array([0.0]))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_drawdown_when_any_curve_then_is_what_looking_at_all_pairs_finds(drawn: list[int]) -> None:
    equity, at = np.array(drawn, np.float64), midnights(len(drawn))
    fall, peak, trough = 0.0, 0, 0
    for i, high in enumerate(drawn):
        for j in range(i, len(drawn)):
            if high == max(drawn[: j + 1]) and (high - drawn[j]) / high > fall:
                fall, peak, trough = (high - drawn[j]) / high, i, j
    found = drawdown(at, equity)
    if found is None:
        assert fall == 0.0
        return
    peak = max(i for i in range(trough) if drawn[i] == drawn[peak])  # where it last stood there
    back = next((j for j in range(trough, len(drawn)) if drawn[j] >= drawn[peak]), None)
    assert found.fraction == fall == falls(equity).max()
    assert (found.peak_at, found.trough_at) == (at[peak], at[trough])
    assert found.recovered_at == (None if back is None else at[back])
    assert found.duration_ms == at[-1 if back is None else back] - at[peak]
    assert found.longest_ms >= found.duration_ms


def test_months_when_days_are_whole_then_a_month_ends_at_the_midnight_after_it() -> None:
    equity = np.concatenate([np.full(31, 100.0), np.full(29, 110.0), [121.0]])
    months = monthly_returns(made(equity))
    assert [(each.month, each.days) for each in months] == [("2024-01", 31), ("2024-02", 29)]
    assert [each.value for each in months] == pytest.approx([0.1, 0.1])
    assert datetime.fromtimestamp(MIDNIGHT / 1000, UTC).day == 1
