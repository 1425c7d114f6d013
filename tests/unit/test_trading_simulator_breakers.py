"""The slow simulator against hand-computed tables: breakers, and the cut after losses.

A price is a number of ticks, a lot is one coin; 2024-01-01 is a Monday and the first of a month.
Entries of 10,000 quote at 100 are 100 lots: a price one lower loses 100.
"""

from dataclasses import replace

import pytest

from tests.trading_simulator import MINUTE, simulate
from tests.trading_simulator_tables import (
    COIN,
    DAY,
    RICH,
    START,
    codes,
    flat,
    long,
    play,
    short,
    still,
    trips,
)
from tests.trading_simulator_terms import (
    QUOTE,
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


def cleared(outcome: Outcome) -> list[tuple[int, str]]:
    return [((c.step - START) // MINUTE, c.code) for c in outcome.clears]


HEAVY = replace(RICH, value=10_000.0)
CALM = replace(WIDE, rapid=10**6 * QUOTE)  # no rapid loss


@pytest.mark.parametrize(("low", "tripped"), [(95, True), (96, False)])
def test_daily_loss_when_500_below_the_days_start_then_stops_entries_until_its_end(
    low: float, tripped: bool
) -> None:
    # realised or open: here open, at the close of minute 2
    rows = [*still(2), (100, 100, low, low), *still(3, low)]
    wishes = {0: long(50), 3: short(50)}
    outcome = play(rows, wishes, account=HEAVY, limits=CALM)
    assert trips(outcome) == ([(2, "RISK_DAILY_LOSS", 1440)] if tripped else [])
    assert codes(outcome) == (["RISK_DAILY_LOSS"] if tripped else [])
    # the position is left all the same
    assert [f.intent for f in outcome.fills][:2] == ["entry", "reverse"]


def test_daily_loss_when_a_new_day_begins_then_clears_and_counts_from_the_last_mark() -> None:
    rows = [*still(2), (100, 100, 95, 95), *still(1, 95), *still(2, 91), *still(2, 90)]
    wishes = {0: long(50), 3: flat(50), 4: flat(50)}
    outcome = play(rows, wishes, account=HEAVY, limits=CALM, times={4: DAY})
    # The second day starts with −500. At 91 it has lost 400 more, at 90 500 more.
    assert cleared(outcome) == [(1440, "RISK_DAILY_LOSS")]
    assert trips(outcome) == [
        (2, "RISK_DAILY_LOSS", 1440),
        (1442, "RISK_DAILY_LOSS", 2880),
    ]


def test_daily_loss_when_it_holds_then_is_not_judged_again() -> None:
    rows = [*still(2), (100, 100, 95, 95), *still(5, 86)]
    assert len(trips(play(rows, {0: long(50)}, account=HEAVY, limits=CALM))) == 1


@pytest.mark.parametrize(
    ("day", "until"),
    [(0, 7), (2, 7), (6, 7), (7, 14)],  # the week ends on Sunday, the 7th
)
def test_weekly_loss_when_1500_below_then_holds_until_monday(day: int, until: int) -> None:
    limits = replace(CALM, daily=10**6 * QUOTE)
    rows = [*still(2), (100, 100, 85, 85), *still(1, 85)]
    outcome = play(rows, {0: long(50)}, account=HEAVY, limits=limits, times={0: day * DAY})
    assert trips(outcome) == [(day * 1440 + 2, "RISK_WEEKLY_LOSS", until * 1440)]


@pytest.mark.parametrize(("day", "until"), [(0, 31), (30, 31), (31, 60), (59, 60), (366, 397)])
def test_monthly_loss_when_4000_below_then_holds_until_the_month_ends(day: int, until: int) -> None:
    limits = replace(CALM, daily=10**6 * QUOTE, weekly=10**6 * QUOTE)
    rows = [*still(2), (100, 100, 60, 60), *still(1, 60)]
    outcome = play(
        rows, {0: long(90)}, account=HEAVY, limits=limits, times={0: day * DAY}, maintenance=0.0
    )
    assert trips(outcome) == [(day * 1440 + 2, "RISK_MONTHLY_LOSS", until * 1440)]


def losing(count: int) -> tuple[list[tuple[float, ...]], dict[int, Wish]]:
    """Trades that lose one by their stop in the bar of the entry, two bars each; then quiet."""
    rows: list[tuple[float, ...]] = []
    wishes: dict[int, Wish] = {}
    for n in range(count):
        rows += [(100, 100, 100, 100), (100, 100, 99, 100)]
        wishes |= {2 * n: long(1), 2 * n + 1: flat()}
    return rows, wishes


def test_losses_when_three_in_a_row_then_stop_entries_for_an_hour() -> None:
    rows, wishes = losing(4)
    outcome = play(rows, wishes, limits=replace(ON, rapid=10**6 * QUOTE))
    # the third trade is lost in minute 5, whose close is minute 6; the fourth entry is refused
    assert trips(outcome) == [(5, "RISK_LOSSES", 66)]
    assert codes(outcome) == ["RISK_LOSSES"]
    assert len(outcome.trades) == 3


@pytest.mark.parametrize(
    ("minutes", "trades", "expected"),
    [
        # the seventh bar opens when the hour is over: three more losses, the last in minute 71
        (66, 6, [(5, "RISK_LOSSES", 66), (71, "RISK_LOSSES", 132)]),
        # it opens a minute before: its entry is refused, so two more losses
        (65, 5, [(5, "RISK_LOSSES", 66)]),
    ],
)
def test_losses_when_the_hour_is_over_then_clear_and_three_more_are_needed(
    minutes: int, trades: int, expected: list[tuple[int, str, int]]
) -> None:
    rows, wishes = losing(6)
    outcome = play(rows, wishes, limits=ON, times={6: minutes * MINUTE})
    assert trips(outcome) == expected
    assert cleared(outcome) == [(66, "RISK_LOSSES")]
    assert len(outcome.trades) == trades


def test_losses_when_a_win_comes_between_then_are_not_in_a_row() -> None:
    rows, wishes = losing(2)
    rows += [(100, 100, 100, 100), (100, 103, 100, 100), *losing(2)[0]]
    wishes |= {4: long(1, (2, 1)), 5: flat()} | {6 + n: w for n, w in losing(2)[1].items()}
    outcome = play(rows, wishes, limits=ON)
    assert [t.net > 0 for t in outcome.trades] == [False, False, True, False, False]
    assert trips(outcome) == []


def test_losses_when_a_trade_ends_even_then_it_counts_as_one() -> None:
    rows, wishes = losing(3)
    rows[5] = (100, 100, 100, 100)
    rows += still(2)
    wishes |= {5: flat(1, max_bars=1.0)}
    outcome = play(rows, wishes, limits=ON)
    assert [t.net for t in outcome.trades][-1] == 0
    assert trips(outcome) == [(6, "RISK_LOSSES", 67)]


@pytest.mark.parametrize(("price", "tripped"), [(98, True), (98.5, False)])
def test_rapid_loss_when_200_below_the_highest_mark_then_stops_entries(
    price: float, tripped: bool
) -> None:
    # the capital is the highest mark before the first
    rows = [*still(2), (100, 100, price, price), *still(2, price)]
    symbol = replace(COIN, tick=0.5, lot=2.0)
    outcome = play(rows, {0: long(50), 3: short(50)}, account=HEAVY, limits=WIDE, symbol=symbol)
    assert trips(outcome) == ([(2, "RISK_RAPID_LOSS", 63)] if tripped else [])
    assert codes(outcome) == (["RISK_RAPID_LOSS"] if tripped else [])


def test_rapid_loss_when_the_high_was_between_two_marks_then_does_not_know_it() -> None:
    # equity + 300 at the closes of minutes 2 and 3, back to + 150 at minute 4, − 40 at minute 6:
    # the marks are the capital and, at the close of minute 4, + 150
    rows = [*still(2), *still(2, 103), *still(1, 101.5), *still(1, 101.5), *still(1, 99.6)]
    symbol = replace(COIN, tick=0.1, lot=10.0)
    outcome = play(rows, {0: long(50)}, account=HEAVY, limits=WIDE, symbol=symbol)
    assert trips(outcome) == []
    # with the high at the close of minute 4 it is known
    rows = [*still(2), *still(2, 103), *still(1, 103), *still(1, 101.5), *still(1, 101)]
    outcome = play(rows, {0: long(50)}, account=HEAVY, limits=WIDE, symbol=symbol)
    assert trips(outcome) == [(6, "RISK_RAPID_LOSS", 67)]


def test_rapid_loss_when_the_high_is_more_than_twelve_marks_ago_then_does_not_count() -> None:
    # + 300 from minute 1 to the close of minute 4, then + 150. The mark of 5 minutes is that of
    # minute 4's close; twelve later ones push it out: at minute 64's close the last is taken after
    # the breakers were judged, so from minute 65 on a fall to − 49 is 199 below.
    symbol = replace(COIN, tick=0.01, lot=100.0)
    for falls_at, expected in ((64, [(64, "RISK_RAPID_LOSS", 125)]), (65, [])):
        rows = [*still(2), *still(3, 103), *still(falls_at - 5, 101.5), *still(1, 99.51)]
        outcome = play(rows, {0: long(50)}, account=HEAVY, limits=WIDE, symbol=symbol)
        assert trips(outcome) == expected


def test_rapid_loss_when_bars_are_of_an_hour_then_every_close_is_a_mark() -> None:
    rows = [*still(2), *still(1, 103), *still(11, 102), *still(1, 101), *still(1, 100.5)]
    symbol = replace(COIN, tick=0.5, lot=2.0)
    outcome = play(rows, {0: long(50)}, account=HEAVY, limits=WIDE, symbol=symbol, base_ms=HOUR)
    # bar 14 is 200 below bar 2, twelve marks ago
    assert trips(outcome) == [(14 * 60, "RISK_RAPID_LOSS", 16 * 60)]
    rows.insert(3, (102,) * 4)
    outcome = play(rows, {0: long(50)}, account=HEAVY, limits=WIDE, symbol=symbol, base_ms=HOUR)
    assert trips(outcome) == []


def test_breakers_when_several_trip_at_once_then_all_do_in_their_order() -> None:
    rows, wishes = losing(2)
    rows += [(100, 100, 100, 100), (100, 100, 55, 55)]
    wishes |= {4: long(45), 5: flat()}
    limits = replace(ON, margin_absolute=10**6 * QUOTE, rapid=1_000 * QUOTE)
    outcome = play(rows, wishes, account=replace(HEAVY, value=25_000.0), limits=limits)
    # 250 and 187 are lost first; then half of 250 lots lose 45 each
    assert [(at, code) for at, code, _ in trips(outcome)] == [
        (5, "RISK_DAILY_LOSS"),
        (5, "RISK_WEEKLY_LOSS"),
        (5, "RISK_MONTHLY_LOSS"),
        (5, "RISK_LOSSES"),
        (5, "RISK_RAPID_LOSS"),
    ]


def test_breakers_when_limits_are_off_then_never_trip() -> None:
    rows = [*still(2), (100, 100, 40, 40), *still(3, 40)]
    outcome = play(rows, {0: long(90), 3: short(10)}, account=HEAVY)
    assert trips(outcome) == []
    assert codes(outcome) == []


@pytest.mark.parametrize("rule", ["weekly", "monthly", "losses", "rapid"])
def test_breakers_when_one_is_switched_off_then_it_alone_does_not_trip(rule: str) -> None:
    rows, wishes = losing(3)
    bars = [Bar(*row) for row in [*rows[:5], (100, 100, 55, 55)]]
    wishes |= {4: long(45), 5: flat()}
    limits = replace(ON, margin_absolute=10**6 * QUOTE, daily=10**6 * QUOTE, rapid=1_000 * QUOTE)
    steps = [
        Step(START + n * MINUTE, {"A": bar}, {"A": wishes[n]} if n in wishes else {})
        for n, bar in enumerate(bars)
    ]
    account = replace(HEAVY, value=25_000.0)
    names = {
        "weekly": "RISK_WEEKLY_LOSS",
        "monthly": "RISK_MONTHLY_LOSS",
        "losses": "RISK_LOSSES",
        "rapid": "RISK_RAPID_LOSS",
    }
    outcome = simulate(account, {"A": COIN}, limits, steps, rules=Rules(**{rule: False}))
    assert {code for _, code, _ in trips(outcome)} == {
        code for name, code in names.items() if name != rule
    }


# The cut


def test_cut_when_losses_come_in_a_row_then_entries_are_smaller_until_a_win() -> None:
    rows, wishes = losing(5)
    rows += [(100, 100, 100, 100), (100, 103, 100, 100), *losing(1)[0]]
    wishes |= {10: long(1, (2, 1)), 11: flat(), 12: long(1)}
    account = replace(RICH, value=10_000.0)
    limits = replace(CALM, daily=10**6 * QUOTE)
    sizes = [t.lots for t in play(rows, wishes, account=account, limits=limits).trades]
    assert sizes == [100, 75, 50, 25, 25, 25, 100]
    assert [t.lots for t in play(rows, wishes, account=account).trades] == [100] * 7


def test_cut_when_it_leaves_part_of_a_lot_then_is_rounded_down() -> None:
    rows, wishes = losing(2)
    account = replace(RICH, value=1_050.0)  # 10.5 lots, which is 10; 75 % are 7.875
    assert [t.lots for t in play(rows, wishes, account=account, limits=CALM).trades] == [10, 7]
