"""The stationary bootstrap: block by block as its paper says, exact, calibrated, the same bytes."""

import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kernels.metrics.bootstrap import interval, paired_p, sharpe_interval
from kernels.metrics.daily_money import MOST_DAYS, MOST_MONEY, annual, ratio_of, sharpe_of
from kernels.metrics.draws import bits
from kernels.metrics.resampling import block_length, resampled, totals

Array = np.ndarray[Any, Any]

EDGE = MOST_MONEY - 1
days_drawn = st.lists(st.integers(-EDGE, EDGE), min_size=2, max_size=40)
pairs_drawn = st.lists(
    st.tuples(st.integers(-EDGE, EDGE), st.integers(-EDGE, EDGE)), min_size=2, max_size=40
)
MASK = 2**64 - 1
PINNED_P = 0.7271364317841079  # of the days in the test that uses them
PINNED_ENDS = (Fraction(-1479, 25), Fraction(1684, 25))
PINNED_RATIOS = (-2.0134546145120096, 2.303233747596819)


def plain_bits(seed: str, name: str, place: int) -> int:
    key = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little")
    z = (key + (place + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plain_resample(days: int, seed: str, resample: int) -> list[int]:
    """Politis and Romano (1994), section 2, a day at a time: which days a resample has."""
    stays = 1 - Fraction(1, block_length(days))
    chosen: list[int] = []
    block = 0
    while len(chosen) < days:
        place = resample * days + block
        day = (plain_bits(seed, "starts", place) >> 32) * days >> 32
        luck = plain_bits(seed, "lengths", place) >> 1
        length = 1
        chosen.append(day)
        while luck < math.floor(2**63 * stays**length):  # the coin says: go on
            chosen.append((day + length) % days)
            length += 1
        block += 1
    return chosen[:days]


def autocorrelated(count: int, rng: np.random.Generator, drift: float = 0.0) -> Array:
    """AR(1) of 0.2, normal, deviation about 10 quote, whole 1e-8 quote."""
    noise = rng.standard_normal(count + 30)
    for day in range(1, len(noise)):
        noise[day] += 0.2 * noise[day - 1]
    return ((noise[30:] + drift) * 1e9).astype(np.int64)


# Draws


def test_generator_when_begun_at_zero_then_gives_the_published_numbers() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert bits(np.uint64(0), np.arange(3)).tolist() == published


# Resamples


@pytest.mark.parametrize("days", [1, 2, 3, 4, 7, 30, 101, 400])
def test_resamples_when_drawn_a_day_at_a_time_then_are_the_same(days: int) -> None:
    values = np.array([(i * i * 7919) % 2001 - 1000 for i in range(days)])
    found = totals(values, resampled(days, "plain", 25))
    for resample in range(25):
        chosen = plain_resample(days, "plain", resample)
        assert found[resample] == sum(values[chosen].tolist())


@given(st.integers(1, 300), st.text(max_size=8), st.integers(1, 5))
@settings(max_examples=50)
def test_resamples_when_drawn_then_each_has_as_many_days_as_there_are(
    days: int, seed: str, resamples: int
) -> None:
    first, past = resampled(days, seed, resamples)
    assert ((past - first).sum(axis=1) == days).all()
    assert (past >= first).all()
    assert first.min() >= 0
    assert first.max() < days
    assert past.max() <= 2 * days


def test_resamples_when_more_are_drawn_then_the_first_stay() -> None:
    values = np.arange(200) ** 2
    few, many = (totals(values, resampled(200, "s", count)) for count in (50, 3000))
    assert few.tolist() == many[:50].tolist()


def test_resamples_when_many_then_vary_as_the_paper_says() -> None:
    # Politis and Romano (1994), lemma 1: variance of √n times the mean of a resample
    rng = np.random.default_rng(5)
    values = autocorrelated(300, rng) // 1000
    days, stays = len(values), 1 - 1 / block_length(len(values))
    away = values - values.mean()
    circular = [float((away * np.roll(away, lag)).mean()) for lag in range(days)]
    expected = circular[0] + 2 * sum(
        (1 - lag / days) * stays**lag * circular[lag] for lag in range(1, days)
    )
    sums = totals(values, resampled(days, "variance", 40_000)).astype(np.float64)
    assert sums.mean() == pytest.approx(values.sum(), abs=4 * sums.std() / 200)
    assert sums.var() / days == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("days", "length"), [(1, 1), (3, 1), (4, 2), (15, 2), (16, 3), (27, 3), (400, 7), (3650, 15)]
)
def test_block_length_when_days_grow_then_is_their_cube_root(days: int, length: int) -> None:
    assert block_length(days) == length == max(1, round(days ** (1 / 3)))


def test_totals_when_days_are_as_many_and_as_large_as_can_be_then_do_not_overflow() -> None:
    values = np.full(MOST_DAYS, 2 * EDGE)
    blocks = resampled(MOST_DAYS, "edge", 20)
    assert totals(values, blocks).tolist() == [2 * EDGE * MOST_DAYS] * 20
    assert totals(-values, blocks).tolist() == [-2 * EDGE * MOST_DAYS] * 20
    values[::2] = -2 * EDGE
    first = sum(values[plain_resample(MOST_DAYS, "edge", 0)].tolist())
    assert totals(values, blocks)[0] == first


# Candidate and champion


@given(pairs_drawn, st.text(max_size=4))
@settings(max_examples=60)
def test_paired_p_when_counted_plainly_then_is_equal(
    pairs: list[tuple[int, int]], seed: str
) -> None:
    ours, theirs = map(list, zip(*pairs, strict=True))
    found = paired_p(ours, theirs, seed, resamples=19)
    away = [a - b for a, b in pairs]
    if len(set(away)) == 1:
        assert found is None
        return
    mean = Fraction(sum(away), len(away))
    above = sum(
        sum(away[day] - mean for day in plain_resample(len(away), seed, resample)) >= sum(away)
        for resample in range(19)
    )
    assert found == (1 + above) / 20
    assert 0 < found <= 1


@given(pairs_drawn, st.integers(2, 1000))
def test_evidence_when_money_is_scaled_then_is_the_same(
    pairs: list[tuple[int, int]], factor: int
) -> None:
    ours = np.array([int(a / 1000) for a, _ in pairs])  # towards 0: times 1,000 is in range
    theirs = np.array([int(b / 1000) for _, b in pairs])
    one = paired_p(ours, theirs, "s", 50)
    assert paired_p((ours * factor).tolist(), (theirs * factor).tolist(), "s", 50) == one
    assert sharpe_interval(ours * factor, "s", 50) == sharpe_interval(ours.tolist(), "s", 50)
    ends, scaled = interval(ours, "s", 50), interval(ours * factor, "s", 50)
    assert (ends is None) == (scaled is None)
    if ends and scaled:
        assert scaled == (ends[0] * factor, ends[1] * factor)


def test_evidence_when_computed_on_any_machine_then_is_these_very_numbers() -> None:
    ours = np.array([(i * i * 7919) % 2001 - 970 for i in range(250)])
    theirs = np.array([(i * i * 104729) % 2003 - 1000 for i in range(250)])
    assert paired_p(ours, theirs, "strategy/7") == PINNED_P
    assert interval(ours, "strategy/7") == PINNED_ENDS
    assert sharpe_interval(ours, "strategy/7") == PINNED_RATIOS
    assert paired_p(ours, theirs, "strategy/8") != PINNED_P


def p_values(days: int, drift: float, seeds: int, resamples: int = 300) -> Array:
    rng = np.random.default_rng(11)
    found = [
        paired_p(autocorrelated(days, rng, drift), autocorrelated(days, rng), str(i), resamples)
        for i in range(seeds)
    ]
    return np.array(found)


def test_paired_p_when_the_candidate_is_no_better_then_is_low_as_seldom_as_it_says() -> None:
    found = p_values(400, 0.0, 400)
    for level in (0.05, 0.5):
        low, high = stats.binom.interval(0.999, 400, level)
        assert low <= (found <= level).sum() <= high


def test_paired_p_when_the_candidate_is_better_then_is_lower_the_more_it_is() -> None:
    power = [float((p_values(250, drift, 60) <= 0.05).mean()) for drift in (-0.2, 0.0, 0.2, 0.5)]
    assert power == sorted(power)
    assert power[0] < 0.05
    assert power[-1] > 0.9


@pytest.mark.long
@pytest.mark.parametrize(("days", "most"), [(60, 0.09), (250, 0.075), (400, 0.07)])
def test_paired_p_when_there_are_few_days_then_is_low_as_often_as_the_reference_says(
    days: int, most: float
) -> None:
    share = float((p_values(days, 0.0, 3000) <= 0.05).mean())
    assert 0.045 < share < most


def test_paired_p_when_days_do_not_pair_up_then_is_refused() -> None:
    with pytest.raises(ValueError, match="champion had 2 days, must have 3 as the candidate"):
        paired_p([1, 2, 3], [1, 2], "s")
    with pytest.raises(ValueError, match="must be at least 1"):
        paired_p([1, 2, 3], [1, 2, 2], "s", resamples=0)


@pytest.mark.parametrize("days", [[], [4], [4, 4, 4], [0, 0]])
def test_evidence_when_nothing_moved_then_is_none(days: list[int]) -> None:
    assert paired_p(days, [0] * len(days), "s") is None
    assert interval(days, "s") is None
    assert sharpe_interval(days, "s") is None


# Intervals


@given(days_drawn, st.sampled_from([0.5, 0.9, 0.95]))
@settings(max_examples=60)
def test_intervals_when_sorted_plainly_then_are_the_same(days: list[int], level: float) -> None:
    if len(set(days)) == 1:
        return
    drawn = [[days[day] for day in plain_resample(len(days), "i", r)] for r in range(39)]
    rank = {0.5: 10, 0.9: 2, 0.95: 1}[level]
    means = sorted(Fraction(sum(each), len(days)) for each in drawn)
    assert interval(days, "i", 39, level) == (means[rank - 1], means[-rank])
    ratios = sorted(ratio_of(len(d), sum(d), sum(day * day for day in d)) for d in drawn)
    low, high = annual(ratios[rank - 1]), annual(ratios[-rank])
    finite = math.isfinite(low) and math.isfinite(high)
    assert sharpe_interval(days, "i", 39, level) == ((low, high) if finite else None)


def test_intervals_when_days_are_independent_then_are_as_wide_as_theory_has_them() -> None:
    rng = np.random.default_rng(2)
    means, ratios = [], []
    for sample in range(40):
        days = rng.normal(1e8, 1e9, 500).astype(np.int64)
        ends, shown = interval(days, str(sample), 999), sharpe_interval(days, str(sample), 999)
        ratio = sharpe_of(days)
        assert ends is not None
        assert shown is not None
        assert ratio is not None
        low, high = stats.t.interval(0.95, 499, days.mean(), days.std(ddof=1) / math.sqrt(500))
        means.append(float(ends[1] - ends[0]) / (high - low))
        margin = 1.96 * math.sqrt((1 + ratio**2 / 2) / 500)  # A. W. Lo, FAJ 58, 2002
        ratios.append((shown[1] - shown[0]) / annual(2 * margin))
    assert np.mean(means) == pytest.approx(1.0, abs=0.06)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("ends", [interval, sharpe_interval])
@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan])
def test_intervals_when_the_level_is_no_share_then_are_refused(
    ends: Callable[..., Any], level: float
) -> None:
    with pytest.raises(ValueError, match=f"level was {level}, must be between 0 and 1"):
        ends([1, 2, 3], "s", level=level)


def test_sharpe_interval_when_hardly_a_day_moved_then_ends_at_nothing_or_is_none() -> None:
    ends = sharpe_interval([0] * 200 + [5], "s")
    assert ends is not None
    assert ends[0] == 0.0  # a third of the resamples lack the one day
    assert sharpe_interval([3] * 200 + [5], "s") is None
