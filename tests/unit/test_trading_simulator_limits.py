"""The slow simulator against hand-computed tables: limits.

A price is a number of ticks, a lot is one coin; 2024-01-01 is a Monday and the first of a month.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.trading_simulator import MINUTE, simulate
from tests.trading_simulator_tables import COIN, OFF, RICH, START, codes, long, play, short, still
from tests.trading_simulator_terms import (
    NAN,
    QUOTE,
    Account,
    Bar,
    Limits,
    Outcome,
    Rules,
    Step,
    Wish,
)

HOUR = 60 * MINUTE
ON = Limits()
WIDE = Limits(losses=100, margin_absolute=10**6 * QUOTE)  # what most tables are not about


# Limits of one entry


@pytest.mark.parametrize(
    ("account", "limits", "stop", "expected"),
    [
        (RICH, ON, NAN, ["RISK_STOP_MISSING"]),
        (RICH, ON, 0.0, ["RISK_STOP_MISSING"]),
        (RICH, OFF, 0.0, ["RISK_STOP_MISSING"]),
        # 2^53 / 1e8 is 90,071,992.54 quote: 900,719 lots of 100 are 9,007,190,000,000,000
        (replace(RICH, capital=10**9 * QUOTE, value=90_071_999.0), OFF, 5, []),
        (replace(RICH, capital=10**9 * QUOTE, value=90_072_000.0), OFF, 5, ["RISK_FIGURE_MISSING"]),
        # the smallest order is 1 quote, one lot is 100
        (replace(RICH, value=99.0), OFF, 5, ["RISK_MINIMUM"]),
        (replace(RICH, value=100.0), OFF, 5, []),
        # margin 15 % of 100,000 is 15,000, times leverage 2: 30,000
        (replace(RICH, value=30_000.0), WIDE, 5, []),
        (replace(RICH, value=30_100.0), WIDE, 5, ["RISK_MARGIN_FRACTION"]),
        (replace(RICH, value=30_100.0), OFF, 5, []),
        # margin 1,000 times leverage 2
        (replace(RICH, value=2_000.0), ON, 5, []),
        (replace(RICH, value=2_100.0), ON, 5, ["RISK_MARGIN_ABSOLUTE"]),
        # both: the first counts
        (replace(RICH, value=30_100.0), ON, 5, ["RISK_MARGIN_FRACTION"]),
        # 8 × equity, with margins that allow it
        (
            replace(RICH, capital=100 * QUOTE, leverage=100, value=800.0),
            replace(WIDE, margin_fraction=1.0),
            5,
            [],
        ),
        (
            replace(RICH, capital=100 * QUOTE, leverage=100, value=900.0),
            replace(WIDE, margin_fraction=1.0),
            5,
            ["RISK_NOTIONAL"],
        ),
        (RICH, replace(ON, positions=0), 5, ["RISK_POSITIONS"]),
    ],
)
def test_entry_when_a_limit_fails_then_is_refused_by_the_first(
    account: Account, limits: Limits, stop: float, expected: list[str]
) -> None:
    outcome = play(still(2), {0: long(stop)}, account=account, limits=limits)
    assert codes(outcome) == expected
    assert bool(outcome.fills) == (not expected)


def test_entry_when_below_the_venues_smallest_order_then_is_refused() -> None:
    symbol = replace(COIN, min_notional=1_001 * QUOTE)
    assert codes(play(still(2), {0: long(5)}, symbol=symbol)) == ["RISK_MINIMUM"]
    symbol = replace(COIN, min_notional=1_000 * QUOTE)
    assert codes(play(still(2), {0: long(5)}, symbol=symbol)) == []


def test_entry_when_its_figure_is_not_above_zero_then_is_refused() -> None:
    account = replace(RICH, method="atr", value=0.01)
    for figure in (NAN, 0.0, -1.0):
        outcome = play(still(2), {0: long(5, figure=figure)}, account=account)
        assert codes(outcome) == ["RISK_FIGURE_MISSING"]
    outcome = play(still(2), {0: long(5, figure=math.inf)}, account=account)
    assert codes(outcome) == ["RISK_MINIMUM"]


# Limits of several symbols


def together(
    count: int, limits: Limits, account: Account, second: Mapping[str, Wish], **rules: bool
) -> Outcome:
    """Symbols A, B, …: all but the last enter at the first close; then `second`."""
    names = [chr(65 + n) for n in range(count)]
    bars = dict.fromkeys(names, Bar(100, 100, 100, 100))
    first = {name: long(50) for name in names[:-1]}
    steps = [Step(START, bars, first), Step(START + MINUTE, bars, second), Step(START + HOUR, bars)]
    symbols = dict.fromkeys(names, COIN)
    return simulate(account, symbols, limits, steps, rules=Rules(**rules))


@pytest.mark.parametrize(("multiple", "expected"), [(0.03, []), (0.0299, ["RISK_NOTIONAL"])])
def test_notional_when_others_are_open_or_wait_then_is_their_sum(
    multiple: float, expected: list[str]
) -> None:
    # A is open with 1,000. At the second close B asks for 1,000 and then waits, C asks for 1,000:
    # 3,000 of 100,000.
    limits = replace(WIDE, notional_multiple=multiple)
    names = "ABC"
    bars = dict.fromkeys(names, Bar(100, 100, 100, 100))
    steps = [
        Step(START, bars, {"A": long(50)}),
        Step(START + MINUTE, bars, {"B": long(50), "C": short(50)}),
        Step(START + 2 * MINUTE, bars),
    ]
    outcome = simulate(RICH, dict.fromkeys(names, COIN), limits, steps)
    assert [(r.code, r.symbol) for r in outcome.refusals] == [(code, "C") for code in expected]
    assert len(outcome.fills) == 3 - len(expected)


def test_notional_when_others_are_open_then_is_at_their_last_close() -> None:
    # A's 10 lots are worth 1,200 at B's decision: 2,200 in all
    limits = replace(WIDE, notional_multiple=0.0219)
    there, risen = Bar(100, 100, 100, 100), Bar(100, 120, 100, 120)
    steps = [
        Step(START, {"A": there, "B": there}, {"A": long(50)}),
        Step(START + MINUTE, {"A": risen, "B": there}, {"B": long(50)}),
    ]
    outcome = simulate(RICH, {"A": COIN, "B": COIN}, limits, steps)
    assert [(r.code, r.observed) for r in outcome.refusals] == [("RISK_NOTIONAL", 2_200e8)]


def test_notional_when_the_signal_reverses_a_position_then_does_not_count_it() -> None:
    limits = replace(WIDE, notional_multiple=0.015, positions=1)
    assert codes(play(still(4), {0: long(50), 2: short(50)}, limits=limits)) == []


def test_notional_when_the_switch_is_off_then_is_of_this_entry_alone() -> None:
    limits = replace(WIDE, notional_multiple=0.015)
    assert codes(together(2, limits, RICH, {"B": long(5)})) == ["RISK_NOTIONAL"]
    assert codes(together(2, limits, RICH, {"B": long(5)}, joint_notional=False)) == []


@pytest.mark.parametrize(("count", "expected"), [(10, []), (11, ["RISK_POSITIONS"])])
def test_positions_when_ten_are_open_then_no_more_are_entered(
    count: int, expected: list[str]
) -> None:
    last = chr(64 + count)
    assert codes(together(count, WIDE, RICH, {last: long(50)})) == expected
    assert codes(together(count, WIDE, RICH, {last: long(50)}, positions=False)) == []
    assert codes(together(count, OFF, RICH, {last: long(50)})) == []


def test_positions_when_a_symbol_reverses_then_it_counts_once() -> None:
    bars = dict.fromkeys("AB", Bar(100, 100, 100, 100))
    steps = [
        Step(START, bars, {"A": long(50)}),
        Step(START + MINUTE, bars, {"A": short(50), "B": long(50)}),
        Step(START + 2 * MINUTE, bars),
    ]
    for most, expected in ((2, []), (1, ["RISK_POSITIONS"])):
        limits = replace(WIDE, positions=most)
        assert codes(simulate(RICH, dict.fromkeys("AB", COIN), limits, steps)) == expected


def test_positions_when_entries_wait_then_they_count() -> None:
    names = [chr(65 + n) for n in range(12)]
    bars = dict.fromkeys(names, Bar(100, 100, 100, 100))
    outcome = simulate(
        RICH,
        dict.fromkeys(names, COIN),
        WIDE,
        [Step(START, bars, {name: long(50) for name in names})],
    )
    assert [(r.symbol, r.code) for r in outcome.refusals] == [
        ("K", "RISK_POSITIONS"),
        ("L", "RISK_POSITIONS"),
    ]
