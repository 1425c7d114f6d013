"""The probability of backtest overfitting: as its paper counts it, whatever the order of trials."""

import math
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.metrics.daily_money import MOST_MONEY
from kernels.metrics.overfitting import overfitting

Array = np.ndarray[Any, Any]

EDGE = MOST_MONEY - 1


def plain_rank(days: list[int]) -> tuple[int, Fraction]:
    """Orders as the Sharpe ratio; its first tells loss and gain without any movement apart."""
    mean = Fraction(sum(days), len(days))
    spread = sum((day - mean) ** 2 for day in days)
    if spread == 0:
        return (mean > 0) - (mean < 0), mean
    return 0, mean * abs(mean) / spread


def plain(table: list[list[int]], blocks: int) -> float:
    """Bailey et al. (2017), section 2, step by step: every split, every rank, every logit."""
    trials, length = len(table), len(table[0]) // blocks
    cut = [days[len(days) - length * blocks :] for days in table]
    lost, splits = Fraction(0), 0
    for chosen in combinations(range(blocks), blocks // 2):
        halves: tuple[list[list[int]], list[list[int]]] = ([], [])
        for days in cut:
            for half, wanted in zip(halves, (True, False), strict=True):
                half.append([d for i, d in enumerate(days) if (i // length in chosen) is wanted])
        inside, outside = ([plain_rank(days) for days in half] for half in halves)
        best = [trial for trial in range(trials) if inside[trial] == max(inside)]
        for trial in best:
            below = sum(other < outside[trial] for other in outside)
            alike = sum(other == outside[trial] for other in outside)
            rank = Fraction(2 * below + alike + 1, 2)  # the mean of the ranks of equals
            relative = rank / (trials + 1)
            lost += Fraction(int(math.log(relative / (1 - relative)) <= 0), len(best))
        splits += 1
    return float(lost / splits)


tables = st.integers(2, 5).flatmap(
    lambda trials: st.integers(8, 13).flatmap(
        lambda days: st.lists(
            st.lists(
                st.one_of(st.integers(-2, 2), st.sampled_from([EDGE, -EDGE])),
                min_size=days,
                max_size=days,
            ),
            min_size=trials,
            max_size=trials,
        )
    )
)


@given(tables)
@settings(max_examples=150)
def test_overfitting_when_counted_as_the_paper_does_then_is_equal(table: list[list[int]]) -> None:
    assert overfitting(table, blocks=4) == plain(table, 4)
    assert overfitting(np.array(table), blocks=2) == plain(table, 2)


@given(tables, st.randoms(use_true_random=False), st.integers(1, 1000))
def test_overfitting_when_trials_change_places_or_money_is_scaled_then_is_the_same(
    table: list[list[int]], order: Any, factor: int
) -> None:
    small = [[day % 1000 for day in days] for days in table]
    shuffled = [[day * factor for day in days] for days in small]
    order.shuffle(shuffled)
    assert overfitting(shuffled, blocks=4) == overfitting(small, blocks=4)


def test_overfitting_when_two_trials_are_alike_then_neither_place_decides() -> None:
    rng = np.random.default_rng(4)
    good, bad = rng.integers(-100, 120, 40), rng.integers(-100, 100, 40)
    tables_of = [
        np.array(rows) for rows in ([good, good, bad], [good, bad, good], [bad, good, good])
    ]
    assert len({overfitting(table) for table in tables_of}) == 1
    assert overfitting(np.array([bad, bad])) == 1.0  # the best is never above the middle


def test_overfitting_when_all_trials_are_noise_then_is_about_a_half() -> None:
    rng = np.random.default_rng(9)
    found = [overfitting(rng.normal(0, 1e9, (10, 200)).astype(np.int64)) for _ in range(100)]
    assert np.mean(np.array(found, float)) == pytest.approx(0.5, abs=0.07)


def test_overfitting_when_one_trial_is_truly_better_then_is_about_nothing() -> None:
    rng = np.random.default_rng(10)
    table = rng.normal(0, 1e9, (10, 400))
    table[3] += 4e8
    assert overfitting(table.astype(np.int64)) == pytest.approx(0.0, abs=0.01)


def test_overfitting_when_days_are_left_over_then_the_oldest_are_left_out() -> None:
    table = np.random.default_rng(1).integers(-1000, 1000, (4, 47))
    table[0, :7] = EDGE
    assert overfitting(table) == overfitting(table[:, 7:])
    assert overfitting(table) != overfitting(table[:, :40])


def test_overfitting_when_there_is_too_little_then_is_none() -> None:
    assert overfitting(np.zeros((1, 100), np.int64)) is None
    assert overfitting(np.zeros((0, 100), np.int64)) is None
    assert overfitting(np.zeros((3, 19), np.int64)) is None
    assert overfitting(np.zeros((3, 0), np.int64)) is None
    assert overfitting(np.zeros((3, 20), np.int64)) == 1.0


@pytest.mark.parametrize("blocks", [-2, 0, 1, 7])
def test_overfitting_when_blocks_cannot_be_halved_then_is_refused(blocks: int) -> None:
    with pytest.raises(ValueError, match=f"blocks was {blocks}, must be even and at least 2"):
        overfitting(np.zeros((3, 100), np.int64), blocks)


def test_overfitting_when_days_are_not_whole_then_is_refused() -> None:
    with pytest.raises(ValueError, match="daily P&L was float64, must be whole numbers"):
        overfitting(np.zeros((3, 100)))
    with pytest.raises(ValueError, match="daily P&L had 1 dimensions, must have 2"):
        overfitting(np.zeros(100, np.int64))
