"""What was said of the regime holds as of each close, and the rule elsewhere."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.regime import CODES
from kernels import dtypes as d
from kernels.frontend.strategy import REGIMES
from kernels.joint_runner import JointRunner
from kernels.program import Program, compile_strategy
from kernels.runner import Block, LaneSpec
from kernels.runners import runner_on
from kernels.told import NOTHING_TOLD, Told, told_of
from tests.kernel_runs import (
    CAPITAL,
    MINUTE,
    START,
    Array,
    bars_of,
    limits,
    market,
    of_kind,
    runner_of,
    walk,
)
from tests.told_runs import PLAIN, Row, at, drawn, holding, read, said

NAN = math.nan


@cache
def plain(timeframe: str = "1m") -> Program:
    return compile_strategy(PLAIN.format(timeframe=timeframe), "plain")


def quiet(count: int) -> Array:
    """Bars before the rule says anything, on which nothing but an order moves an account."""
    return bars_of([(100.0, 101.0, 99.0, 100.0)] * count)


def run(bars: Array, told: Told, timeframe: str = "1m") -> Block:
    runner = runner_of(plain(timeframe))
    runner.tell(told)
    return runner.run(bars, [0])


def seen(bars: Array, told: Told, timeframe: str = "1m") -> list[float]:
    found: list[float] = run(bars, told, timeframe).series[0].tolist()
    return found


def assert_seen(found: list[float], expected: list[float]) -> None:
    assert np.array_equal(found, expected, equal_nan=True), found


# As of


def test_regime_when_said_then_holds_from_the_close_at_its_start_to_before_its_end() -> None:
    # bar n closes at minute n + 1
    assert_seen(seen(quiet(6), said((2, 4, 1))), [NAN, 1, 1, NAN, NAN, NAN])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-1, 0, [NAN, 2, 2, NAN]),  # ms around the closes of minutes 2 and 4
        (0, 0, [NAN, 2, 2, NAN]),
        (1, 0, [NAN, NAN, 2, NAN]),
        (0, 1, [NAN, 2, 2, 2]),
        (0, -1, [NAN, 2, 2, NAN]),
    ],
)
def test_regime_when_its_bounds_move_by_a_millisecond_then_the_close_decides(
    start: int, end: int, expected: list[float]
) -> None:
    told = told_of([(at(2) + start, at(4) + end, 2)])
    assert_seen(seen(quiet(4), told), expected)


def test_regime_when_said_again_then_the_later_takes_over_at_its_start() -> None:
    told = said((1, 9, 2), (3, 6, -2))
    assert_seen(seen(quiet(8), told), [2, 2, -2, -2, -2, NAN, NAN, NAN])


def test_regime_when_two_start_together_then_the_last_said_counts() -> None:
    assert_seen(seen(quiet(3), said((1, 9, 2), (1, 3, 0))), [0, 0, NAN])


def test_regime_when_taken_back_then_the_rule_stands_at_once() -> None:
    assert_seen(seen(quiet(4), said((1, 9, 2), (3, 3, 0))), [2, 2, NAN, NAN])


def test_regime_when_told_in_any_order_then_is_the_same() -> None:
    rows = drawn(3, 400)
    lengths = {row[0] for row in rows}
    assert len(lengths) == len(rows)
    assert told_of(rows[::-1]).rows() == told_of(rows).rows() == sorted(rows)


def test_regime_when_a_gap_lets_a_bar_close_late_then_is_that_of_the_bars_own_end() -> None:
    bars = np.delete(quiet(20), np.s_[3:11])  # the bar of minutes 0 to 5 closes at minute 11
    told = said((5.01, 9, 2), (9, 12, 1), (15, 16, -1))
    found = run(bars, told, "5m")
    assert (found.closes + 5 * MINUTE).tolist() == [at(5), at(15), at(20)]
    assert_seen(found.series[0].tolist(), [NAN, -1, NAN])
    assert_seen(seen(bars, said((5, 5.01, 2), (20, 21, 0)), "5m"), [2, NAN, 0])


def test_regime_when_said_over_warm_bars_then_the_rule_is_untouched_beneath_it() -> None:
    bars, rows = walk(1500, seed=5), drawn(5, 1500)
    ruled = run(bars, NOTHING_TOLD)
    found = run(bars, told_of(rows))
    expected = read(rows, ruled.closes + MINUTE, ruled.series[0])
    assert np.array_equal(found.series[0], expected, equal_nan=True)
    assert np.isnan(ruled.series[0][:113]).all()
    assert 200 < np.count_nonzero(found.series[0][113:] != ruled.series[0][113:]) < 1200


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_regime_when_anything_is_said_then_is_as_looked_up_in_the_whole_list(
    data: st.DataObject,
) -> None:
    moment = st.integers(-3 * MINUTE, 45 * MINUTE) | st.integers(-3, 45).map(lambda n: n * MINUTE)
    length = st.integers(0, 25 * MINUTE) | st.integers(0, 25).map(lambda n: n * MINUTE)
    row = st.tuples(moment, length, st.integers(-2, 2))
    given_rows = data.draw(st.lists(row, max_size=8))
    rows: list[Row] = [(START + a, START + a + b, code) for a, b, code in given_rows]
    kept = data.draw(st.lists(st.booleans(), min_size=40, max_size=40).filter(any))
    timeframe, minutes = data.draw(st.sampled_from([("1m", 1), ("5m", 5)]))
    found = run(quiet(40)[kept], told_of(rows), timeframe)
    closes = found.closes + minutes * MINUTE
    assert_seen(found.series[0].tolist(), [holding(rows, int(close)) for close in closes])


# Trading by it


def test_entries_when_said_before_the_rule_is_warm_then_do_not_wait_for_it() -> None:
    found = run(quiet(40), said((3, 10, 1), (20, 30, -2)))
    signals = [(s[d.BAR_INDEX], s[d.A]) for s in of_kind(found, d.SIGNAL)]
    assert signals == [(2, 1), (19, -1)]
    assert len(of_kind(found, d.OPENED)) == 2


def test_entries_when_what_was_said_is_over_before_the_rule_is_warm_then_wait() -> None:
    text = PLAIN.format(timeframe="1m").replace("    return FLAT\n", "    return LONG\n")
    runner = runner_of(compile_strategy(text, "eager"))
    runner.tell(said((3, 4, 0), (10, 12, 0)))
    found = of_kind(runner.run(quiet(40), [0]), d.SIGNAL)
    assert [s[d.BAR_INDEX] for s in found] == [2, 9]  # it would say LONG at every bar


# Who reads it


def test_candles_when_regime_is_not_said_then_have_no_column_for_it() -> None:
    text = PLAIN.format(timeframe="1m")
    ruled = compile_strategy(text.replace("regime", "market_regime()"), "ruled")
    assert "said" not in ruled.flat.candles
    assert plain().flat.candles == (*ruled.flat.candles, "said")
    assert plain().on_several.flat.candles == plain().flat.candles
    runner = runner_of(ruled)
    runner.tell(said((1, 999, 2)))
    bars = walk(300)
    told, untold = runner.run(bars, [0]), runner_of(ruled).run(bars, [0])
    assert told.series.tobytes() == untold.series.tobytes()


def test_codes_when_of_the_domain_then_are_the_numbers_of_the_language() -> None:
    assert {name.upper(): float(code) for name, code in CODES.items()} == REGIMES
    assert sorted(CODES.values()) == list(range(-2, 3))


def test_symbols_when_told_apart_then_each_has_its_own() -> None:
    lane = LaneSpec(1, CAPITAL, limits())
    runner = JointRunner(plain().on_several, {}, [market()] * 2, MINUTE, [lane], "lanes")
    runner.tell(1, said((2, 3, -1)))
    runner.tell(0, said((1, 2, 2)))
    found = runner.run([quiet(3), quiet(3)], [0])
    assert_seen(found.series[0][0].tolist(), [2, NAN, NAN])
    assert_seen(found.series[1][0].tolist(), [NAN, -1, NAN])


@pytest.mark.parametrize("symbols", [1, 2])
def test_symbol_when_it_is_none_of_the_runs_then_is_refused_by_number(symbols: int) -> None:
    lane = LaneSpec(1, CAPITAL, limits())
    runner = runner_on([market()] * symbols, plain(), {}, MINUTE, [lane])
    runner.tell(0, said((1, 2, 2)))
    for wrong in (symbols, -1):
        with pytest.raises(ValueError, match=f"symbol was {wrong}, must be 0"):
            runner.tell(wrong, NOTHING_TOLD)


# What may be said


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((5, 4, 1), "end was 4, must not be before its start 5"),
        ((5, 6, 3), "code was 3.0, must be a whole number -2 to 2"),
        ((5, 6, -3), "code was -3.0"),
    ],
)
def test_classification_when_it_is_none_then_is_refused_by_figure(row: Row, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        told_of([(1, 2, 0), row])


def test_classifications_when_laid_out_wrongly_then_are_refused() -> None:
    one, two = np.array([1]), np.array([1, 2])
    with pytest.raises(ValueError, match="must be equally many"):
        Told(two, two, np.array([0.0]))
    with pytest.raises(ValueError, match="start was 1 after 2, must be in order of time"):
        Told(two[::-1], two[::-1], np.array([0.0, 0.0]))
    with pytest.raises(ValueError, match=r"code was 0\.5"):
        Told(one, one, np.array([0.5]))
    with pytest.raises(ValueError, match="code was nan"):
        Told(one, one, np.array([NAN]))
