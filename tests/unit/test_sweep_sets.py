"""What a sweep tries: the same words and seed are the same sets, whole or in stretches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.errors import ParameterError
from kernels.frontend.flat import Parameter
from kernels.sweep.sets import SetsInvalid, listed, mixed, parameter_sets

WHOLE = Parameter("lookback", 20.0, 5.0, 100.0, integer=True)
REAL = Parameter("width", 2.0, 0.5, 4.0, integer=False)
SIGNED = Parameter("lean", 0.0, -1.0, 1.0, integer=False)
DECLARED = (WHOLE, REAL, SIGNED)


def test_grid_when_spaced_then_both_ends_are_in_and_values_are_short() -> None:
    table = parameter_sets(DECLARED, ["width=0.5:2:4"]).table(0, 4)
    assert table["width"].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert parameter_sets(DECLARED, ["lean=0.1:0.3:3"]).table(0, 3)["lean"].tolist() == [
        0.1,
        0.2,
        0.3,
    ]


def test_grid_when_the_parameter_is_whole_then_values_are_whole_and_each_is_there_once() -> None:
    sets = parameter_sets(DECLARED, ["lookback=5:8:7"])
    assert sets.table(0, sets.count)["lookback"].tolist() == [5.0, 6.0, 7.0, 8.0]


def test_grid_when_two_are_named_then_the_first_is_the_slowest_and_others_keep_defaults() -> None:
    sets = parameter_sets(DECLARED, ["width=1,3", "lookback=10,30,20"])
    table = sets.table(0, sets.count)
    assert table["width"].tolist() == [1.0, 1.0, 1.0, 3.0, 3.0, 3.0]
    assert table["lookback"].tolist() == [10.0, 30.0, 20.0, 10.0, 30.0, 20.0]
    assert table["lean"].tolist() == [0.0] * 6


def test_random_when_beside_a_grid_then_draws_the_rest_alike_at_every_grid_point() -> None:
    sets = parameter_sets(DECLARED, ["lookback=10,20"], {"lean": 0.25}, draws=50, seed=7)
    table = sets.table(0, sets.count)
    assert sets.count == 100
    assert table["lookback"].tolist() == [10.0] * 50 + [20.0] * 50
    assert table["width"][:50].tolist() == table["width"][50:].tolist()
    assert len(set(table["width"][:50].tolist())) == 50
    assert set(table["lean"].tolist()) == {0.25}


def test_random_when_drawn_then_these_very_values_on_every_machine() -> None:
    table = parameter_sets(DECLARED, draws=4, seed=11).table(0, 4)
    assert table["lookback"].tolist() == [72.0, 87.0, 44.0, 74.0]
    assert table["width"].tolist() == [0.888306641, 1.313269195, 1.053920756, 1.966485542]


def test_generator_when_begun_at_zero_then_gives_the_published_numbers() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    found = mixed(np.uint64(0), np.arange(3))
    assert found.tolist() == [number >> 11 for number in published]


def test_random_when_drawn_often_then_covers_the_range_evenly() -> None:
    table = parameter_sets(DECLARED, draws=96_000, seed=1).table(0, 96_000)
    counts = np.bincount(table["lookback"].astype(int), minlength=101)[5:]
    assert counts.sum() == 96_000
    assert counts.min() > 850
    assert counts.max() < 1150
    assert table["width"].min() >= 0.5
    assert table["width"].max() <= 4.0
    assert abs(table["width"].mean() - 2.25) < 0.02
    assert abs(np.corrcoef(table["width"], table["lean"])[0, 1]) < 0.02


@given(
    seed=st.integers(0, 2**63 - 1),
    draws=st.integers(1, 40),
    cut=st.tuples(st.integers(0, 120), st.integers(0, 120)),
)
def test_table_when_any_stretch_is_asked_for_then_is_that_of_the_whole(
    seed: int, draws: int, cut: tuple[int, int]
) -> None:
    sets = parameter_sets(DECLARED, ["lookback=9,8,7"], draws=draws, seed=seed)
    whole = sets.table(0, sets.count)
    start, stop = sorted(min(at, sets.count) for at in cut)
    for name, values in sets.table(start, stop).items():
        assert values.tobytes() == whole[name][start:stop].tobytes()
    for parameter in DECLARED:
        values = whole[parameter.name]
        assert ((values >= parameter.low) & (values <= parameter.high)).all()
        assert not parameter.integer or (values == np.floor(values)).all()


def test_draws_when_there_are_more_then_they_extend_the_fewer() -> None:
    few = parameter_sets(DECLARED, draws=5, seed=3).table(0, 5)
    many = parameter_sets(DECLARED, draws=500, seed=3).table(0, 5)
    assert few["width"].tobytes() == many["width"].tobytes()


def test_values_when_minus_zero_is_given_then_zero_is_meant() -> None:
    for sets in (
        parameter_sets(DECLARED, ["lean=-0.0,0.5"]),
        parameter_sets(DECLARED, fixed={"lean": -0.0}),
    ):
        assert not np.signbit(sets.table(0, 1)["lean"][0])


def test_sets_when_nothing_is_asked_then_there_is_one_of_defaults() -> None:
    sets = parameter_sets(DECLARED)
    assert sets.count == 1
    assert {n: v.tolist() for n, v in sets.table(0, 1).items()} == {
        "lookback": [20.0],
        "width": [2.0],
        "lean": [0.0],
    }


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("lookback", "grid was 'lookback', must be name=low:high:n or name=value"),
        ("depth=1:2:3", "parameter 'depth' is unknown to the strategy, which has: lookback, width"),
        ("width=1:2", "grid was 'width=1:2', must be name=low:high:n"),
        ("width=1:2:2.5", "n a whole number"),
        ("width=2:1:5", "must have low < high and n from 2 to 1,000,000"),
        ("width=1:2:1", "or low = high and n = 1"),
        ("width=1:2:1000001", "n from 2 to 1,000,000"),
        ("width=1:9:3", "parameter width was 9, must be a number from 0.5 to 4"),
        ("width=nan:2:3", "parameter width was nan, must be a number from 0.5 to 4"),
        ("lookback=5.5,6", "parameter lookback was 5.5, must be a whole number from 5 to 100"),
        ("width=1,1", "must name each value once"),
        ("width=1,x", "must list numbers"),
        ("width=", "must list numbers"),
    ],
)
def test_grid_when_it_is_not_one_then_is_refused_by_name(grid: str, words: str) -> None:
    with pytest.raises((SetsInvalid, ParameterError)) as refused:
        parameter_sets(DECLARED, [grid])
    assert words in str(refused.value)


def test_sets_when_impossible_then_are_refused_by_name() -> None:
    with pytest.raises(SetsInvalid, match="parameter width was given values twice"):
        parameter_sets(DECLARED, ["width=1,2"], {"width": 1.0})
    with pytest.raises(SetsInvalid, match="random was 5, must be 0: no parameter is left to draw"):
        parameter_sets((REAL,), ["width=1,2"], draws=5)
    with pytest.raises(SetsInvalid, match=r"sets were 1,500,000,000, must be at most 1,000,000,0"):
        parameter_sets(DECLARED, ["width=1,2,3"], draws=500_000_000)
    with pytest.raises(SetsInvalid, match="seed was -1"):
        parameter_sets(DECLARED, draws=1, seed=-1)
    with pytest.raises(ParameterError, match="parameter width was 7, must be a number"):
        parameter_sets(DECLARED, fixed={"width": 7.0})


def test_listed_when_a_column_is_missing_or_out_of_range_then_is_refused_by_name() -> None:
    table = {"lookback": np.array([5.0, 6.0]), "width": np.array([1.0, 2.0])}
    with pytest.raises(ParameterError, match="parameter lean was missing"):
        listed(DECLARED, table)
    with pytest.raises(ParameterError, match="parameter lean was 2, must be a number from -1"):
        listed(DECLARED, {**table, "lean": np.array([0.0, 2.0])})
    sets = listed(DECLARED, {"lean": np.array([0.5, -0.0]), **table})
    assert sets.count == 2
    assert list(sets.table(1, 2)) == ["lookback", "width", "lean"]
