"""The watch over live trading: every boundary, and that nothing else moves it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timeframe import DAY
from domain.watch import COUNTED, LONG, RECENT, WEEK_MS, Watch, alarm, called, closed, tripped

WON, LOST = Decimal(1), Decimal(-1)
MONDAY = 19_723 * DAY
DAILY, RAPID = "RISK_DAILY_LOSS", "RISK_RAPID_LOSS"


def after(*nets: Decimal, watch: Watch | None = None) -> Watch:
    found = watch or Watch()
    for net in nets:
        found = closed(found, net)
    return found


def of(won: int, count: int) -> Watch:
    """Trades of which so many are won, the won ones first."""
    return after(*[WON] * won, *[LOST] * (count - won))


@pytest.mark.parametrize(
    ("won", "count", "what"),
    [
        (0, 0, "none"),
        (0, 49, "none"),
        (0, 50, "improve"),
        (32, 50, "improve"),  # 64 %
        (33, 50, "none"),  # 66 %: 32.5 trades would be 65 %
        (64, 99, "improve"),
        (64, 100, "demote"),
        (0, 100, "demote"),
    ],
)
def test_watch_when_so_many_trades_are_won_then_calls_or_not(
    won: int, count: int, what: str
) -> None:
    assert alarm(of(won, count))[0] == what


def test_watch_when_exactly_the_floor_is_won_then_is_content() -> None:
    late = after(*[LOST] * 35, *[WON] * 65)
    assert alarm(late) == ("none", "")
    assert alarm(closed(late, LOST))[0] == "none"  # the first of the hundred was lost as well
    early = after(*[WON] * 65, *[LOST] * 35)
    assert alarm(called(early)) == ("none", "")
    assert alarm(closed(early, LOST))[0] == "demote"


def test_watch_when_a_trade_makes_nothing_then_it_is_a_loss() -> None:
    assert after(Decimal(0)).outcomes == (False,)
    assert after(Decimal("0.00000001")).outcomes == (True,)


def test_watch_when_it_called_then_rests_for_as_many_trades() -> None:
    watch = called(of(20, 50))
    for _ in range(RECENT - 1):
        assert alarm(watch)[0] == "none"
        watch = after(WON if len(watch.outcomes) % 2 else LOST, watch=watch)
    assert alarm(watch)[0] == "none"
    assert alarm(after(LOST, watch=called(of(60, 90))))[0] == "none"
    assert alarm(after(*[LOST] * 10, watch=called(of(60, 90))))[0] == "demote"  # that does not rest


def test_watch_when_it_speaks_then_every_figure_is_in_its_words() -> None:
    assert alarm(of(30, 50))[1] == "30 of the last 50 trades won, must be 0.65 of them"
    assert alarm(of(30, 100))[1] == "30 of the last 100 trades won, must be 0.65 of them"
    trips = Watch(trips=(1, 2, 3))
    assert alarm(trips) == ("demote", "3 loss limits within a week, at most 2 may be")


@pytest.mark.parametrize(
    ("moments", "what"),
    [
        ((0, 1), "none"),
        ((0, 1, 2), "demote"),
        ((0, DAY, WEEK_MS - 1), "demote"),
        ((0, DAY, WEEK_MS), "none"),  # the first is a week ago
        ((0, DAY, WEEK_MS, WEEK_MS + DAY - 1), "demote"),
    ],
)
def test_watch_when_loss_limits_trip_then_those_of_a_week_count(
    moments: tuple[int, ...], what: str
) -> None:
    watch = Watch()
    for moment in moments:
        watch = tripped(watch, DAILY, MONDAY + moment)
    assert alarm(watch)[0] == what


def test_watch_when_other_breakers_trip_then_is_not_moved() -> None:
    for code in ("RISK_LOSSES", "RISK_DISAGREEMENT", "RISK_MARGIN_FRACTION"):
        assert tripped(Watch(), code, MONDAY) == Watch()
    assert {tripped(Watch(), code, MONDAY).trips for code in COUNTED} == {(MONDAY,)}


def test_watch_when_a_rapid_loss_stays_in_sight_then_counts_once_a_day() -> None:
    watch = Watch()
    for hour in range(12, 36):
        watch = tripped(watch, RAPID, MONDAY + hour * DAY // 24)
    assert len(watch.trips) == 2
    assert alarm(tripped(watch, DAILY, MONDAY + DAY))[0] == "demote"


@given(st.lists(st.booleans(), max_size=250))
def test_watch_when_any_trades_close_then_judges_the_last_ones_alone(won: list[bool]) -> None:
    watch = after(*(WON if each else LOST for each in won))
    assert watch.trades == len(won)
    assert list(watch.outcomes) == won[-LONG:]
    last, recent = won[-LONG:], won[-RECENT:]
    demote = len(last) == LONG and sum(last) * 100 < 65 * LONG
    improve = len(recent) == RECENT and sum(recent) * 100 < 65 * RECENT
    assert alarm(watch)[0] == ("demote" if demote else "improve" if improve else "none")
