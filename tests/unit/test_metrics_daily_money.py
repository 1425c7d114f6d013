"""Sharpe ratio and moments of daily money: exact, rounded once, and those of the curve."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from kernels.metrics.curve import daily_sharpe, moments
from kernels.metrics.daily_money import (
    MOST_DAYS,
    MOST_MONEY,
    annual,
    joined,
    moments_of,
    ratio_of,
    root,
    sharpe_of,
    squares_of,
)
from kernels.metrics.deflated import deflated_sharpe
from kernels.metrics.sharpe import evidence

EDGE = MOST_MONEY - 1
money = st.integers(-EDGE, EDGE)
days_drawn = st.lists(money, min_size=2, max_size=60)
CAPITAL = 10_000 * 10**8


def moved(days: list[int]) -> bool:
    return len(set(days)) > 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [2, 30, 400, 3650])
def test_figures_when_taken_of_returns_by_the_curve_then_are_equal(seed: int, count: int) -> None:
    draws = np.random.default_rng(seed).standard_t(4, count) * 2e9 + 1e8
    pnl = np.clip(draws, -EDGE, EDGE).astype(np.int64)
    returns = pnl / CAPITAL
    assert sharpe_of(pnl) == pytest.approx(daily_sharpe(returns), rel=1e-12, abs=1e-12)
    assert moments_of(pnl) == pytest.approx(moments(returns), rel=1e-12, abs=1e-12)
    skewness, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    assert moments_of(pnl) == pytest.approx((skewness, kurtosis), rel=1e-12, abs=1e-12)


@given(st.integers(0, 2**400), st.integers(1, 2**400))
def test_root_when_squared_then_no_double_is_nearer(numerator: int, denominator: int) -> None:
    exact, found = Fraction(numerator, denominator), root(numerator, denominator)
    below = (Fraction(found) + Fraction(math.nextafter(found, 0.0))) / 2
    above = (Fraction(found) + Fraction(math.nextafter(found, math.inf))) / 2
    assert below**2 <= exact <= above**2


@pytest.mark.parametrize("value", [0, 1, 9, (2**53 - 1) ** 2, 10**40])
def test_root_when_it_is_whole_then_is_exact(value: int) -> None:
    assert root(value, 1) == math.isqrt(value)
    assert root(1, max(value, 1)) == 1 / math.isqrt(max(value, 1))


@given(days_drawn)
def test_sharpe_when_days_are_any_then_is_the_root_of_its_square(days: list[int]) -> None:
    assume(moved(days))
    count, mean = len(days), Fraction(sum(days), len(days))
    square = mean**2 / (sum((day - mean) ** 2 for day in days) / (count - 1))
    found = sharpe_of(days)
    assert found is not None
    assert abs(found) == root(square.numerator, square.denominator)
    assert (found > 0) == (mean > 0)


@given(days_drawn, st.integers(1, 1000))
def test_figures_when_money_is_scaled_or_days_are_shuffled_then_not_a_bit_moves(
    days: list[int], factor: int
) -> None:
    days = [day // 1000 for day in days]
    scaled = np.array([day * factor for day in sorted(days)])
    assert sharpe_of(scaled) == sharpe_of(days)
    assert moments_of(scaled) == moments_of(days)
    assert deflated_sharpe(scaled, 7) == deflated_sharpe(days, 7)


@given(days_drawn)
def test_figures_when_every_day_is_turned_around_then_only_signs_change(days: list[int]) -> None:
    assume(moved(days))
    found, turned = sharpe_of(days), sharpe_of([-day for day in days])
    (skew, kurt), (other_skew, other_kurt) = moments_of(days), moments_of([-day for day in days])
    assert found is not None
    assert skew is not None
    assert (turned, other_skew, other_kurt) == (-found, -skew, kurt)


def test_figures_when_nothing_moved_then_there_are_none() -> None:
    for days in ([], [5], [0, 0, 0], [7] * 10):
        assert sharpe_of(days) is None
        assert moments_of(days) == (None, None)
        assert deflated_sharpe(days, 3) is None
    assert sharpe_of([-1, 1]) == 0.0
    assert ratio_of(10, 70, 490) == math.inf
    assert ratio_of(10, -70, 490) == -math.inf
    assert ratio_of(10, 0, 0) == 0.0


def test_figures_when_days_are_as_many_and_as_large_as_can_be_then_are_exact() -> None:
    days = np.full(MOST_DAYS, EDGE)
    days[0] = EDGE - 1
    found = sharpe_of(days)
    mean = Fraction(EDGE * MOST_DAYS - 1, MOST_DAYS)
    assert found == pytest.approx(float(mean) * math.sqrt(MOST_DAYS), rel=1e-12)
    assert annual(1.0) == math.sqrt(365)


@given(st.lists(money, min_size=1, max_size=50))
def test_squares_when_their_parts_are_summed_then_join_to_the_exact_sum(days: list[int]) -> None:
    parts = squares_of(np.array(days, np.int64))
    sums = [np.array([int(part.sum())]) for part in parts]
    assert joined(*sums).tolist() == [sum(day * day for day in days)]
    assert all(0 <= int(part.max()) < 2**44 for part in parts)


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ([0.5, 1.0], "daily P&L was float64, must be whole numbers"),
        ([True, False], "daily P&L was bool, must be whole"),
        ([[1, 2], [3, 4]], "daily P&L had 2 dimensions, must have 1"),
        ([0, MOST_MONEY], "daily P&L was up to 8796093022208"),
        ([0, -MOST_MONEY], "daily P&L was up to 8796093022208"),
        ([0, -(2**63)], "daily P&L was up to 9223372036854775808"),
        ([0] * (MOST_DAYS + 1), "daily P&L had 16385 days, must have at most 16384"),
    ],
)
def test_days_when_they_are_not_whole_or_too_many_then_are_refused(
    days: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sharpe_of(days)


# Deflated


@pytest.mark.parametrize("tries", [1, 2, 50, 10_000])
def test_deflated_sharpe_when_weighed_as_returns_then_is_equal(tries: int) -> None:
    pnl = (np.random.default_rng(3).normal(1e8, 1e9, 300)).astype(np.int64)
    expected = evidence(pnl / CAPITAL, tries).deflated
    assert deflated_sharpe(pnl, tries) == pytest.approx(expected, abs=6e-9)


@given(days_drawn, st.integers(1, 10**6), st.integers(1, 10**6))
def test_deflated_sharpe_when_more_was_tried_then_is_no_higher(
    days: list[int], some: int, more: int
) -> None:
    fewer, many = (deflated_sharpe(days, tries) for tries in sorted((some, more)))
    assert (fewer is None) == (many is None)
    if fewer is not None and many is not None:
        assert 0.0 <= many <= fewer <= 1.0
        assert round(fewer, 8) == fewer


def test_deflated_sharpe_when_nothing_was_tried_then_is_refused() -> None:
    with pytest.raises(ValueError, match="tries was 0, must be at least 1"):
        deflated_sharpe([1, 2, 3], 0)
