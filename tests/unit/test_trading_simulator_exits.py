"""The slow simulator against hand-computed tables: plans, exits and signals.

A price is a number of ticks; an entry of 1,000 quote at a close of 100 is ten lots.
"""

import math
from dataclasses import replace

import pytest

from tests.trading_simulator import MINUTE
from tests.trading_simulator_prices import distance, stop_distance
from tests.trading_simulator_tables import COIN, RICH, START, flat, long, play, short, still, told
from tests.trading_simulator_terms import NAN, Outcome, Wish


def exits(outcome: Outcome) -> list[tuple[str, int, int]]:
    return told(outcome)[1:]


# Distances


@pytest.mark.parametrize(
    ("quote", "tick", "ticks"),
    [
        (0.25, 0.1, 3),  # 2.5 → 3
        (0.24, 0.1, 2),
        (0.01, 0.1, 1),  # one at least
        (-5.0, 0.1, 1),
        (-math.inf, 0.1, 1),
        (NAN, 0.1, None),
        (math.inf, 0.1, None),  # never reached
    ],
)
def test_distance_when_in_quote_then_is_whole_ticks(
    quote: float, tick: float, ticks: int | None
) -> None:
    assert distance(quote, tick) == ticks


@pytest.mark.parametrize(("quote", "ticks"), [(3.4, 3), (0.1, 1), (0.0, None), (-1.0, None)])
def test_stop_distance_when_not_above_zero_then_is_none(quote: float, ticks: int | None) -> None:
    assert stop_distance(quote, 1.0) == ticks


def test_levels_when_slippage_moves_the_fill_then_are_laid_from_the_fill() -> None:
    # 100 · 1.01 = 101: stop 96, target 111
    low = play([*still(2), (100, 100, 96, 100)], {0: long(5, (10, 1))}, slippage=0.01)
    high = play([*still(2), (100, 112, 100, 100)], {0: long(5, (10, 1))}, slippage=0.01)
    assert [(f.price, f.reference) for f in low.fills] == [(101, 100), (95, 96)]
    assert exits(high) == [("target", 10, 111)]


def test_stop_when_further_than_the_price_then_is_one_tick() -> None:
    plain = replace(RICH, leverage=1)  # never liquidated
    outcome = play([*still(2), (100, 100, 1, 100)], {0: long(5000)}, account=plain)
    assert exits(outcome) == [("stop", 10, 1)]


# The plan, looked at again


@pytest.mark.parametrize(
    ("later", "level"),
    [
        (flat(5), 95),  # nearer
        (flat(30), 80),  # further: stays
        (flat(NAN), 80),
        (flat(-3.0), 80),
    ],
)
def test_stop_when_the_plan_is_looked_at_again_then_may_only_come_nearer(
    later: Wish, level: int
) -> None:
    outcome = play([*still(3), (100, 100, 50, 100)], {0: long(20), 2: later})
    assert exits(outcome) == [("stop", 10, level)]


def test_short_stop_when_the_plan_is_looked_at_again_then_may_only_come_nearer() -> None:
    for later, level in ((flat(5), 105), (flat(30), 120)):
        outcome = play([*still(3), (100, 150, 100, 100)], {0: short(20), 2: later})
        assert exits(outcome) == [("stop", 10, level)]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (flat(50, (5, 1)), [("target", 10, 105)]),  # nearer
        (flat(50, (25, 1)), [("target", 10, 125)]),  # further: targets follow
        (flat(50, (NAN, 1)), []),
    ],
)
def test_target_when_the_plan_is_looked_at_again_then_follows(
    later: Wish, expected: list[tuple[str, int, int]]
) -> None:
    outcome = play([*still(3), (100, 130, 100, 100)], {0: long(50, (10, 1)), 2: later})
    assert exits(outcome) == expected


def test_target_when_taken_then_does_not_come_back() -> None:
    plan = ((10.0, 0.5), (30.0, 1.0))
    rows = [*still(2), (100, 111, 100, 100), (100, 111, 100, 100), (100, 131, 100, 100)]
    outcome = play(rows, {0: long(50, *plan), 2: flat(50, *plan), 3: flat(50, *plan)})
    assert exits(outcome) == [("target", 5, 110), ("target_2", 5, 130)]


# Partial targets


@pytest.mark.parametrize(
    ("lots", "shares", "expected"),
    [
        (10, (0.5, 0.25), [5, 2, 3]),  # 2.5 → 2
        (10, (0.3, 0.3), [3, 3, 4]),  # 0.3 · 10 is a hair below 3 in doubles
        (3, (0.1, 0.1), [1, 1, 1]),  # one at least
        (2, (0.1, 0.1), [1, 1]),
        (1, (0.5, 0.25), [1]),
        (1000, (0.8, 0.1), [800, 100, 100]),
    ],
)
def test_targets_when_several_then_close_shares_of_the_lots(
    lots: int, shares: tuple[float, float], expected: list[int]
) -> None:
    wish = long(50, (10, shares[0]), (20, shares[1]), (30, 1))
    outcome = play(
        [*still(2), (100, 140, 100, 100)], {0: wish}, account=replace(RICH, value=100.0 * lots)
    )
    names = ("target", "target_2", "target_3")
    prices = (110, 120, 130)
    wanted = list(zip(names, expected, prices, strict=False))
    assert exits(outcome) == wanted
    assert outcome.trades[0].reason == wanted[-1][0]


def test_targets_when_the_last_is_nearest_then_it_closes_all_that_is_left() -> None:
    outcome = play([*still(2), (100, 115, 100, 100)], {0: long(50, (20, 0.5), (10, 1))})
    assert exits(outcome) == [("target_2", 10, 110)]


# Trail


@pytest.mark.parametrize("side", [1, -1])
def test_trail_when_price_goes_on_then_the_stop_follows_the_best_from_the_next_bar(
    side: int,
) -> None:
    # Bar 2 sees 120 and in the same bar 100: the stop is still 80. From bar 3 it is 120 − 10 = 110.
    asked = long if side > 0 else short

    def row(*prices: float) -> tuple[float, ...]:
        o, h, low, c = (100 + side * (p - 100) for p in prices)
        return (o, max(h, low), min(h, low), c)

    rows = [*still(2), row(100, 120, 100, 115), row(115, 118, 111, 112), row(112, 112, 105, 106)]
    outcome = play(rows, {0: asked(20, trail=10.0)})
    assert exits(outcome) == [("trail", 10, 100 + side * 10)]
    assert outcome.trades[0].closed == START + 4 * MINUTE


def test_trail_when_the_bar_of_the_entry_went_on_then_counts_it() -> None:
    # best 130 in the entry's bar: stop 120; the next open, 118, is below it
    rows = [*still(1), (100, 130, 100, 125), (118, 118, 118, 118)]
    assert exits(play(rows, {0: long(20, trail=10.0)})) == [("trail", 10, 118)]


def test_trail_when_further_than_the_stop_then_changes_nothing() -> None:
    rows = [*still(2), (100, 105, 100, 100), (100, 100, 90, 100)]
    assert exits(play(rows, {0: long(5, trail=10.0)})) == [("stop", 10, 95)]


def test_trail_when_the_plans_stop_comes_nearer_still_then_is_told_as_stop() -> None:
    # best 104: the trail puts the stop at 94. A plan's stop of 3 is nearer, one of 6 is not.
    rows = [*still(1), (100, 104, 100, 100), *still(1), (100, 100, 90, 100)]
    first = {0: long(20, trail=10.0)}
    assert exits(play(rows, first)) == [("trail", 10, 94)]
    assert exits(play(rows, first | {2: flat(3, trail=10.0)})) == [("stop", 10, 97)]
    assert exits(play(rows, first | {2: flat(6, trail=10.0)})) == [("trail", 10, 94)]


@pytest.mark.parametrize(("later", "level"), [(4.0, 116), (NAN, 110), (40.0, 110)])
def test_trail_when_the_plan_is_looked_at_again_then_takes_its_new_distance(
    later: float, level: int
) -> None:
    # best 120: the first mark puts the stop at 110, the next at 120 − 4 = 116
    rows = [*still(1), (100, 120, 100, 118), *still(1, 118), (118, 118, 100, 118)]
    outcome = play(rows, {0: long(20, trail=10.0), 1: flat(20, trail=later)})
    assert exits(outcome) == [("trail", 10, level)]


# Time


@pytest.mark.parametrize(("bars", "left_at"), [(1.0, 2), (2.0, 3), (2.5, 4), (0.0, 2), (NAN, None)])
def test_time_limit_when_held_so_many_strategy_bars_then_leaves_at_the_next_open(
    bars: float, left_at: int | None
) -> None:
    # Entered at the open of bar 1, whose close is the first of the strategy bars held.
    wishes = {0: long(50)} | {n: flat(50, max_bars=bars) for n in range(1, 6)}
    outcome = play(still(7), wishes)
    closed = [(t.closed, t.reason) for t in outcome.trades]
    assert closed == ([(START + left_at * MINUTE, "time_limit")] if left_at else [])


def test_time_limit_when_two_strategy_bars_close_at_once_then_counts_both() -> None:
    wishes = {0: long(50), 1: replace(flat(50, max_bars=2.0), closed=2)}
    assert [(t.closed, t.bars) for t in play(still(4), wishes).trades] == [(START + 2 * MINUTE, 2)]


@pytest.mark.parametrize(("minutes", "left_at"), [(1.0, 2), (2.0, 3), (2.5, 4), (NAN, None)])
def test_time_limit_when_held_so_many_minutes_then_counts_from_the_entrys_open(
    minutes: float, left_at: int | None
) -> None:
    # The close of bar 1 is one minute after the open of the entry.
    wishes = {0: long(50)} | {n: flat(50, max_minutes=minutes) for n in range(1, 6)}
    outcome = play(still(7), wishes)
    closed = [(t.closed, t.reason) for t in outcome.trades]
    assert closed == ([(START + left_at * MINUTE, "time_limit")] if left_at else [])


def test_time_limit_when_bars_are_missing_then_counts_minutes_by_the_clock() -> None:
    # Bar 2 opens an hour late: its close is 61 minutes after the entry's open.
    wishes = {0: long(50), 1: flat(50, max_minutes=61.0), 2: flat(50, max_minutes=61.0)}
    outcome = play(still(4), wishes, times={2: 61 * MINUTE})
    assert [(t.closed, t.bars) for t in outcome.trades] == [(START + 62 * MINUTE, 2)]


@pytest.mark.parametrize(
    ("close", "minutes", "reason"),
    [
        (1009.0, 1.0, "soft_time"),  # 0.9 %
        (991.0, 1.0, "soft_time"),
        (1010.0, 1.0, None),  # 1 %, which is not below
        (990.0, 1.0, None),
        (1000.0, 2.0, None),  # too early
        (1000.0, NAN, None),
    ],
)
def test_soft_time_when_nothing_has_moved_then_leaves(
    close: float, minutes: float, reason: str | None
) -> None:
    rows = [*still(1, 1000), (1000, 1010, 990, close), *still(1, close)]
    wishes = {0: long(500), 1: flat(500, soft_minutes=minutes, soft_return=0.01)}
    found = [t.reason for t in play(rows, wishes).trades]
    assert found == ([reason] if reason else [])


def test_soft_time_when_the_time_limit_is_up_too_then_that_is_the_reason() -> None:
    wishes = {0: long(50), 1: flat(50, max_bars=1.0, soft_minutes=1.0, soft_return=0.01)}
    assert play(still(3), wishes).trades[0].reason == "time_limit"


# Signals


def test_signal_when_it_stays_on_a_side_then_counts_once() -> None:
    # Stopped in bar 2; the side has not changed, until it was flat in between.
    rows = [*still(2), (100, 100, 90, 100), *still(4)]
    again = {0: long(5), 2: long(5), 3: long(5)}
    assert [f.intent for f in play(rows, again).fills] == ["entry", "stop"]
    turned = {0: long(5), 2: long(5), 3: flat(), 4: long(5)}
    assert [f.intent for f in play(rows, turned).fills] == ["entry", "stop", "entry"]


def test_signal_when_on_the_side_that_is_held_then_changes_nothing() -> None:
    outcome = play(still(5), {0: long(5), 1: flat(5), 2: long(5)})
    assert [f.intent for f in outcome.fills] == ["entry"]
    assert outcome.refusals == []


def test_signal_when_against_the_position_then_reverses_at_the_next_open() -> None:
    outcome = play(still(5), {0: long(5), 2: short(5)})
    assert [(f.intent, f.side, f.step) for f in outcome.fills] == [
        ("entry", 1, START + MINUTE),
        ("reverse", -1, START + 3 * MINUTE),
        ("entry", -1, START + 3 * MINUTE),
    ]


def test_signal_when_against_a_position_whose_time_is_up_then_enters_too() -> None:
    outcome = play(still(5), {0: long(5), 2: replace(short(5), plan=short(5, max_bars=1.0).plan)})
    assert [f.intent for f in outcome.fills] == ["entry", "time_limit", "entry"]


def test_signal_when_its_entry_is_refused_then_the_position_is_left_all_the_same() -> None:
    outcome = play(still(5), {0: long(5), 2: short(NAN)})
    assert [f.intent for f in outcome.fills] == ["entry", "reverse"]
    assert [r.code for r in outcome.refusals] == ["RISK_STOP_MISSING"]


# The operator


def test_operator_when_entries_are_off_then_a_waiting_entry_is_withdrawn() -> None:
    outcome = play(still(4), {0: long(5), 2: long(5)}, off=[1])
    assert outcome.fills == []
    assert outcome.refusals == []


def test_operator_when_entries_are_off_at_the_decision_then_the_signal_is_gone() -> None:
    assert play(still(4), {0: long(5), 2: long(5)}, off=[0]).fills == []


def test_operator_when_entries_are_off_then_exits_go_on() -> None:
    outcome = play([*still(2), (90,) * 4], {0: long(5)}, off=[2])
    assert exits(outcome) == [("stop", 10, 90)]
    outcome = play(still(5), {0: long(5), 2: short(5)}, off=[2, 3])
    assert [f.intent for f in outcome.fills] == ["entry", "reverse"]


def test_operator_when_flattening_then_positions_close_at_this_open() -> None:
    outcome = play(still(4), {0: long(5)}, flatten=[2])
    assert [(f.intent, f.step) for f in outcome.fills[1:]] == [("operator", START + 2 * MINUTE)]


def test_operator_when_an_exit_waits_already_then_flattening_keeps_its_reason() -> None:
    outcome = play(still(4), {0: long(50), 1: flat(50, max_bars=1.0)}, flatten=[2])
    assert [t.reason for t in outcome.trades] == ["time_limit"]


def test_operator_when_flattening_without_stopping_entries_then_one_that_waits_goes_on() -> None:
    outcome = play(still(4), {0: long(5)}, flatten=[1])
    assert [f.intent for f in outcome.fills] == ["entry"]
    outcome = play(still(4), {0: long(5)}, flatten=[1, 2])
    assert [f.intent for f in outcome.fills] == ["entry", "operator"]


def test_tag_when_a_trade_closes_then_is_that_of_its_entry() -> None:
    wishes = {0: replace(long(5), tag="first"), 2: replace(short(5), tag="second")}
    assert [t.tag for t in play(still(5), wishes, symbol=COIN, account=RICH).trades] == ["first"]
