"""Stops that follow, minutes, and slippage that depends: on hand-drawn candles."""

import math
from typing import Any

import pytest

from kernels import dtypes as d
from kernels.program import compile_strategy
from tests.kernel_runs import MINUTE, Array, bars_of, market, of_kind, runner_of

# Volume is the script: 2 asks for a long, 3 for a short; the plan is put in.
TEXT = '''"""Does what the volume says."""
timeframe("1m")
sizing("notional", 1000)

def entry():
    if volume == 2:
        return LONG
    if volume == 3:
        return SHORT
    return FLAT

def exits():
    return plan(stop=10, {plan})
'''
Rows = list[tuple[float, ...]]


def play(plan: str, rows: Rows, costs: Array | None = None, leverage: int = 1) -> Any:
    program = compile_strategy(TEXT.format(plan=plan), "scripted")
    return runner_of(program, (leverage,), costs).run(bars_of(rows), [0])


def left(block: Any) -> tuple[int, float, float]:
    """Bar, reason and price (ticks) of the only exit."""
    (trade,) = of_kind(block, d.CLOSED)
    return int(trade[d.BAR_INDEX]), trade[d.M], trade[d.D]


def bar(opened: float, high: float, low: float, close: float, volume: float = 1.0) -> Any:
    return (opened, high, low, close, volume)


def test_trail_when_the_best_price_rises_then_the_stop_follows_from_the_next_bar() -> None:
    rows = [bar(100, 100, 100, 100, 2), bar(100, 108, 97, 106), bar(106, 106, 104, 104)]
    block = play("trail=3", rows)  # 108 − 3 = 105, one bar after the bar that reached 108 and 97
    assert left(block) == (2, d.TRAIL, 10_500)


def test_trail_when_the_price_falls_then_the_stop_stays_where_it_was() -> None:
    rows = [bar(100, 100, 100, 100, 2), bar(100, 101, 99, 99), bar(99, 99, 98.5, 98.5)]
    block = play("trail=3", [*rows, bar(98.5, 98.5, 98, 98)])  # 101 − 3, reached exactly
    assert left(block) == (3, d.TRAIL, 9_800)


def test_trail_when_a_short_gaps_through_it_then_is_left_at_the_open() -> None:
    rows = [bar(100, 100, 100, 100, 3), bar(100, 100, 95, 96), bar(99, 99, 99, 99)]
    assert left(play("trail=2", rows)) == (2, d.TRAIL, 9_900)


def test_trail_when_it_is_farther_than_the_stop_then_the_stop_is_told() -> None:
    rows = [bar(100, 100, 100, 100, 2), bar(100, 101, 100, 100), bar(100, 100, 80, 90)]
    assert left(play("trail=30", rows)) == (2, d.STOP, 9_000)
    assert left(play("trail=0 / 0", rows)) == (2, d.STOP, 9_000)


def test_trail_when_the_plans_own_stop_comes_nearer_then_that_is_told() -> None:
    text = TEXT.format(plan="trail=5").replace("stop=10", "stop=10 - 4 * position.bars")
    rows = [bar(100, 100, 100, 100, 2), bar(100, 101, 100, 101), bar(101, 101, 101, 101)]
    program = compile_strategy(text, "scripted")
    block = runner_of(program).run(bars_of([*rows, bar(101, 101, 90, 95)]), [0])
    assert left(block) == (3, d.STOP, 9_800)  # 100 − (10 − 8), nearer than 101 − 5


@pytest.mark.parametrize(("minutes", "at"), [(2, 3), (2.5, 4), (0, 2)])
def test_minutes_when_they_are_over_at_a_close_then_the_next_open_leaves(
    minutes: float, at: int
) -> None:
    rows = [bar(100, 100, 100, 100, 2), *[bar(100, 100, 100, 100)] * 6]
    assert left(play(f"max_minutes={minutes}", rows))[:2] == (at, d.TIME_LIMIT)


def test_minutes_when_bars_are_missing_then_time_counts_and_not_bars() -> None:
    bars = bars_of([bar(100, 100, 100, 100, 2), *[bar(100, 100, 100, 100)] * 4])
    bars["timestamp"][2:] += 30 * MINUTE
    program = compile_strategy(TEXT.format(plan="max_minutes=30"), "scripted")
    assert left(runner_of(program).run(bars, [0]))[:2] == (3, d.TIME_LIMIT)


@pytest.mark.parametrize(("close", "reason"), [(100.9, d.SOFT_TIME), (101.0, None), (98.9, None)])
def test_soft_limit_when_little_was_made_or_lost_in_its_time_then_leaves(
    close: float, reason: int | None
) -> None:
    rows = [bar(100, 100, 100, 100, 2), *[bar(100, 101, 98, close)] * 4]
    block = play("soft_minutes=2, soft_return=0.01", rows)
    assert [t[d.M] for t in of_kind(block, d.CLOSED)] == ([] if reason is None else [reason])


def test_time_limit_when_soft_time_is_up_too_then_is_told() -> None:
    rows = [bar(100, 100, 100, 100, 2), *[bar(100, 100, 100, 100)] * 4]
    plan = "max_bars=2, soft_minutes=2, soft_return=0.01"
    assert left(play(plan, rows))[:2] == (3, d.TIME_LIMIT)


def rate(base: float, notional: float, turnover: float, spread: float, leverage: float) -> float:
    impact = min(0.01 * notional / turnover, 0.005) if turnover > 0 else 0.005
    moved = (base + impact) * min(1 + spread / 0.02, 4) * (1 + leverage / 62.5)
    return min(max(moved, 0.00005), 0.005)


@pytest.mark.parametrize(
    ("volume", "high", "leverage", "base"),
    [
        (2.0, 100.0, 1, 0.001),  # half the bar's turnover: 0.5 % at most
        (2e4, 101.0, 8, 0.0001),
        (2e4, 130.0, 1, 0.0001),  # a wild bar: four times at most
        (2e9, 100.0, 1, 0.0),  # the least
    ],
)
def test_slippage_when_dynamic_then_follows_the_order_and_the_bar_before(
    volume: float, high: float, leverage: int, base: float
) -> None:
    text = TEXT.format(plan="max_bars=99").replace("volume == 2", f"volume == {volume}")
    program = compile_strategy(text, "scripted")
    costs = market(slippage=base, dynamic=1.0)
    rows = [bar(100, high, 100, 100, volume), bar(100, 100, 100, 100, 7.0)]
    block = runner_of(program, (leverage,), costs).run(bars_of(rows), [0])
    (fill,) = of_kind(block, d.FILL)
    expected = rate(base, 1000.0, volume * 100.0, (high - 100.0) / 100.0, leverage)
    assert fill[d.D] == math.ceil(10_000 * (1 + expected) - 1e-6)


def test_slippage_when_the_bar_before_had_no_volume_then_is_the_most() -> None:
    costs = market(slippage=0.001, dynamic=1.0)
    rows = [bar(100, 100, 100, 100, 2), bar(100, 100, 100, 100, 0.0), bar(89, 89, 89, 89, 1.0)]
    (trade,) = of_kind(play("max_bars=99", rows, costs), d.CLOSED)
    assert trade[d.D] == math.floor(8_900 * (1 - 0.005) + 1e-6)
