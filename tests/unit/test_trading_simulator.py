"""The slow simulator against hand-computed tables: the phases of a step.

Paragraph by paragraph of `docs/trading.md`. A price is a number of ticks, a lot is one coin, and an
entry of 1,000 quote at a close of 100 is ten lots.
"""

from dataclasses import replace

import pytest

from tests.trading_simulator import MINUTE, simulate
from tests.trading_simulator_tables import (
    COIN,
    OFF,
    RICH,
    START,
    flat,
    long,
    only,
    play,
    short,
    still,
    told,
)
from tests.trading_simulator_terms import QUOTE, Bar, Mark, Step, Wish

# Open


@pytest.mark.parametrize(
    ("wish", "row", "expected"),
    [
        # the stop, 95, is passed: all closes at the open, worse than the stop
        (long(5, (10, 1)), (90, 120, 90, 100), ("stop", 10, 90)),
        # reached is enough
        (long(5), (95, 95, 95, 95), ("stop", 10, 95)),
        # the target, 110, is passed: the open is better than the level
        (long(5, (10, 1)), (115, 115, 115, 115), ("target", 10, 115)),
        (short(5), (106, 106, 100, 100), ("stop", 10, 106)),
        (short(5, (10, 1)), (80, 80, 80, 80), ("target", 10, 80)),
    ],
)
def test_open_when_a_level_is_passed_then_fills_at_the_open(
    wish: Wish, row: tuple[float, ...], expected: tuple[str, int, int]
) -> None:
    assert told(play([*still(2), row], {0: wish}))[1] == expected


def test_open_when_only_at_the_target_then_waits_for_a_trade_through() -> None:
    assert len(play([*still(2), (110, 110, 110, 110)], {0: long(5, (10, 1))}).fills) == 1


@pytest.mark.parametrize(
    ("open_", "reason"), [(115, "target"), (90, "stop"), (110, "time_limit"), (100, "time_limit")]
)
def test_open_when_an_exit_waits_and_a_level_is_passed_then_the_level_goes_first(
    open_: float, reason: str
) -> None:
    rows = [*still(3), (open_,) * 4, *still(2)]
    outcome = play(rows, {0: long(5, (10, 1)), 2: flat(5, (10, 1), max_bars=1)})
    assert only(outcome).reason == reason
    assert len(outcome.fills) == 2


def test_open_when_an_exit_waits_and_one_of_several_targets_is_passed_then_all_is_left() -> None:
    plan = (50, (10, 0.5), (30, 1))
    outcome = play([*still(3), (115,) * 4], {0: long(*plan), 2: flat(*plan, max_bars=1)})
    assert told(outcome)[1:] == [("time_limit", 10, 115)]


def test_open_when_several_targets_are_passed_then_each_fills_at_the_open() -> None:
    outcome = play([*still(2), (125,) * 4], {0: long(50, (10, 0.5), (20, 0.2), (30, 1))})
    assert told(outcome)[1:] == [("target", 5, 125), ("target_2", 2, 125)]


def test_open_when_a_position_is_left_then_a_waiting_entry_fills_after_it() -> None:
    outcome = play([*still(2), (90,) * 4, (90,) * 4], {0: long(50), 2: short(50)})
    assert told(outcome) == [("entry", 10, 100), ("reverse", 10, 90), ("entry", 11, 90)]


def test_open_when_the_reversed_position_was_stopped_then_the_entry_still_fills() -> None:
    outcome = play([*still(3), (80,) * 4], {0: long(5), 2: short(50)})
    assert told(outcome) == [("entry", 10, 100), ("stop", 10, 80), ("entry", 10, 80)]


# Within the bar


def test_bar_when_it_reaches_stop_and_target_then_the_stop_counts() -> None:
    assert told(play([*still(2), (100, 120, 95, 110)], {0: long(5, (10, 1))}))[1] == (
        "stop",
        10,
        95,
    )


@pytest.mark.parametrize(
    ("row", "expected"), [((100, 100, 94, 99), "stop"), ((100, 111, 100, 100), "target")]
)
def test_bar_when_it_is_that_of_the_entry_then_levels_count_too(
    row: tuple[float, ...], expected: str
) -> None:
    trade = only(play([*still(1), row], {0: long(5, (10, 1))}))
    assert (trade.reason, trade.opened, trade.closed) == (expected, START + MINUTE, START + MINUTE)


def test_bar_when_it_passes_some_targets_then_these_fill_at_their_levels() -> None:
    rows = [*still(2), (100, 121, 100, 100), (100, 131, 100, 100)]
    outcome = play(rows, {0: long(50, (10, 0.5), (20, 0.2), (30, 1))})
    assert told(outcome)[1:] == [("target", 5, 110), ("target_2", 2, 120), ("target_3", 3, 130)]
    # 5 · 10 + 2 · 20 + 3 · 30
    assert (only(outcome).net, only(outcome).exit) == (180 * QUOTE, 130)


# Mark


def test_mark_when_a_position_is_open_then_equity_is_cash_and_what_it_would_bring() -> None:
    # Entry at 100 with a fee of 0.5. Half is taken at 110: + 50, in cash only once all is closed.
    rows = [*still(1), (100, 100, 100, 98), (98, 111, 98, 104), (104, 104, 40, 60)]
    outcome = play(rows, {0: long(50, (10, 0.5), (90, 1))}, taker=5e-4)
    capital, fee = 100_000 * QUOTE, 50_000_000
    cash = capital - fee
    assert outcome.marks[:3] == [
        Mark(START, capital, 0, capital, 0),
        Mark(START + MINUTE, cash, -20 * QUOTE, capital, 20 * QUOTE + fee),
        Mark(START + 2 * MINUTE, cash, 70 * QUOTE, cash + 70 * QUOTE, 20 * QUOTE + fee),
    ]
    # The rest is stopped at 50: 5 · −50 = −250 and a fee of 50 · 5 · 0.05 % = 0.125. Drawdown from
    # the peak: 70 + 250 − 50 + 0.125
    last = outcome.marks[3]
    assert (last.cash, last.unrealised) == (cash - 200 * QUOTE - 12_500_000, 0)
    assert last.drawdown == 270 * QUOTE + 12_500_000


def test_excursions_when_a_trade_ends_then_are_those_of_prices_seen_before() -> None:
    # Bar 1: low 97, high 104. Bar 2 sees its worst, 96, then the target at 110, not its high.
    rows = [*still(1), (100, 104, 97, 100), (100, 115, 96, 112)]
    trade = only(play(rows, {0: long(50, (10, 1))}))
    assert (trade.mae, trade.mfe) == (-40 * QUOTE, 100 * QUOTE)
    # A bar that stops a trade gives nothing better before, and nothing worse than the stop.
    rows = [*still(1), (100, 104, 97, 100), (100, 115, 40, 112)]
    trade = only(play(rows, {0: long(50, (60, 1))}))
    assert (trade.mae, trade.mfe) == (-500 * QUOTE, 40 * QUOTE)


@pytest.mark.parametrize(
    ("capital", "required"),
    [
        (50, None),  # 50 · 2 carries an order of 100 quote
        (49, 50),
    ],
)
def test_account_when_it_cannot_carry_one_lot_then_is_ruined_and_enters_no_more(
    capital: int, required: int | None
) -> None:
    account = replace(RICH, capital=capital * QUOTE, value=100.0)
    outcome = play(still(2), {0: long(5)}, account=account)
    assert bool(outcome.fills) == (required is None)
    assert (outcome.ruin.required if outcome.ruin else None) == (required and required * QUOTE)
    assert outcome.refusals == []


def test_account_when_it_holds_something_then_is_not_ruined_yet() -> None:
    # 60 quote hold 100 of notional; at 65 equity is 25, which does not carry 65 / 2 = 32.5
    account = replace(RICH, capital=60 * QUOTE, value=100.0)
    outcome = play(
        [*still(2), (65,) * 4, (65,) * 4], {0: long(90), 2: flat(90, max_bars=1)}, account=account
    )
    assert outcome.ruin is not None
    assert outcome.ruin.step == START + 3 * MINUTE


# Several symbols


def test_symbols_when_one_has_no_bar_then_it_is_left_alone_and_valued_at_its_last_close() -> None:
    steps = [
        Step(START, {"A": Bar(*still(1)[0]), "B": Bar(*still(1)[0])}, {"A": long(5), "B": long(5)}),
        Step(START + MINUTE, {"A": Bar(*still(1)[0]), "B": Bar(100, 103, 100, 103)}),
        Step(START + 2 * MINUTE, {"A": Bar(98, 98, 98, 98)}),
        Step(START + 3 * MINUTE, {"A": Bar(98, 98, 98, 98), "B": Bar(90, 90, 90, 90)}),
    ]
    outcome = simulate(RICH, {"A": COIN, "B": COIN}, OFF, steps)
    assert [m.unrealised // QUOTE for m in outcome.marks] == [0, 30, 10, -20]
    assert [(t.symbol, t.net // QUOTE) for t in outcome.trades] == [("B", -100)]


def test_symbols_when_both_trade_then_each_phase_runs_over_all_before_the_next() -> None:
    # At the open of step 2, B's time limit; inside step 2, A's stop: the open comes first.
    def bars(low: float) -> dict[str, Bar]:
        return {"A": Bar(100, 100, low, 100), "B": Bar(100, 100, 100, 100)}

    steps = [
        Step(START, bars(100), {"A": long(5), "B": long(50)}),
        Step(START + MINUTE, bars(100), {"B": flat(50, max_bars=1)}),
        Step(START + 2 * MINUTE, bars(90)),
    ]
    outcome = simulate(RICH, {"A": COIN, "B": COIN}, OFF, steps)
    assert [(t.symbol, t.reason) for t in outcome.trades] == [("B", "time_limit"), ("A", "stop")]


@pytest.mark.parametrize("count", [0, 17])
def test_account_when_it_has_no_or_too_many_symbols_then_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"symbols were {count}, must be 1 to 16"):
        simulate(RICH, {str(n): COIN for n in range(count)}, OFF, [])
