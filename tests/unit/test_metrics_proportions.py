"""Differences of proportions, how surprising they are, and which of many remain."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kernels.metrics.proportions import difference, false_discoveries, p_value

groups = st.integers(0, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
full_groups = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [  # Newcombe (1998), table II, method 10; all four: WUSS 2016, paper 127, which DescTools cites
        ((56, 70, 48, 80), "0.0524", "0.3339"),
        ((9, 10, 3, 10), "0.1705", "0.8090"),
        ((10, 10, 0, 20), "0.6791", "1.0000"),
        ((84, 101, 89, 105), "-0.1177", "0.0851"),
    ],
)
def test_difference_when_published_then_has_the_published_ends(
    table: tuple[int, int, int, int], low: str, high: str
) -> None:
    found = difference(*table)
    assert found is not None
    assert [str(round(end, 4)) for end in found[1:]] == [low, high]


@given(full_groups, full_groups)
def test_difference_when_taken_from_score_intervals_of_scipy_then_is_equal(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    found = difference(*one, *other)
    assert found is not None
    ends = [stats.binomtest(k, n).proportion_ci(0.95, "wilson") for k, n in (one, other)]
    first, second = one[0] / one[1], other[0] / other[1]
    below = math.hypot(first - ends[0].low, ends[1].high - second)
    above = math.hypot(ends[0].high - first, second - ends[1].low)
    effect = first - second
    expected = (effect, effect - below, effect + above)
    assert [float(end) for end in found] == pytest.approx(expected, abs=4e-8)
    assert -1 <= found[1] <= found[0] <= found[2] <= 1


@given(full_groups, full_groups)
def test_difference_when_groups_change_places_then_only_the_sign_does(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    found, turned = difference(*one, *other), difference(*other, *one)
    assert found is not None
    assert turned == (-found[0], -found[2], -found[1])


def test_difference_when_there_is_nothing_or_too_much_then_is_none_or_refused() -> None:
    assert difference(0, 0, 3, 10) is None
    assert difference(3, 10, 0, 0) is None
    assert difference(0, 10, 0, 10) == (0, Decimal("-0.27753280"), Decimal("0.27753280"))
    with pytest.raises(ValueError, match="wins was 4, must be 0–3"):
        difference(4, 3, 1, 2)


# Fisher


@given(groups, groups)
def test_p_value_when_computed_by_scipy_then_is_equal(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
    found = p_value(*one, *other)
    assert found == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)
    assert 0 < found <= 1
    assert found == p_value(*other, *one)


def test_p_value_when_the_lady_tasted_her_tea_then_is_hers() -> None:
    assert p_value(3, 4, 1, 4) == 34 / 70  # Fisher, The Design of Experiments, 1935
    assert p_value(4, 4, 0, 4) == 2 / 70
    assert p_value(0, 0, 3, 10) == 1.0


def test_p_value_when_there_are_thousands_of_trades_then_is_still_exact() -> None:
    expected = stats.fisher_exact([[2100, 1900], [1950, 2050]]).pvalue
    assert p_value(2100, 4000, 1950, 4000) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("table", "message"),
    [((4, 3, 1, 2), "k1 was 4, must be 0–3"), ((1, 3, -1, 2), "k2 was -1, must be 0–2")],
)
def test_p_value_when_counts_are_impossible_then_is_refused(
    table: tuple[int, int, int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        p_value(*table)


# Many at once


def test_discoveries_when_the_example_of_their_paper_then_are_its_four() -> None:
    # Benjamini and Hochberg (1995), section 3: 15 hypotheses at 0.05, four are rejected
    paper = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert false_discoveries(paper, 0.05) == (True,) * 4 + (False,) * 11


@given(p_values, st.sampled_from([0.05, 0.1, 0.25]))
def test_discoveries_when_controlled_by_scipy_then_are_the_same(
    found: list[float], rate: float
) -> None:
    adjusted = stats.false_discovery_control(found)
    for believed, p in zip(false_discoveries(found, rate), adjusted, strict=True):
        if abs(p - rate) > 1e-12:
            assert believed == (p <= rate)


@given(p_values)
def test_discoveries_when_in_another_order_then_follow_their_p_values(found: list[float]) -> None:
    told = dict(zip(found, false_discoveries(found), strict=True))
    turned = found[::-1]
    assert false_discoveries(turned) == tuple(told[p] for p in turned)


def test_discoveries_when_just_at_the_bar_then_are_believed_as_they_print() -> None:
    assert false_discoveries([0.05, 0.9]) == (True, False)  # 1 · 0.1 / 2, though not as doubles
    assert false_discoveries([Decimal("0.1"), Decimal("0.1")]) == (True, True)
    assert false_discoveries([0.0500001, 0.9]) == (False, False)
    assert false_discoveries([]) == ()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_discoveries_when_a_number_is_no_probability_then_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=f"p-value was {wrong}, must be 0 to 1"):
        false_discoveries([0.5, wrong])
    with pytest.raises(ValueError, match=f"rate was {wrong}, must be 0 to 1"):
        false_discoveries([0.5], wrong)
