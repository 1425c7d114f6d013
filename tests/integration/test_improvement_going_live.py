"""A strategy's way to live trading and back, its versions taking turns on one account.

Only the gate opens the way; the account goes over once it is flat, with all that it has; the watch
asks for a better version, and ends what does not get better.
"""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.trading import StrategySource
from application.trading.checkpoint import usable
from domain.portfolio.events import (
    AccountOpened,
    BreakerCleared,
    BreakerTripped,
    EquityMarked,
    OrderPlaced,
    PositionClosed,
)
from domain.strategy.events import (
    DemotedToPaper,
    MarkedReady,
    PromotedToLive,
    PromotionRefused,
    VersionActivated,
)
from domain.strategy.improvement import RecodeRequested, VersionRetired
from tests.improvement_fakes import (
    HOUR,
    MOSTLY_BACK,
    NOTHING,
    ON,
    SMALL,
    SWING,
    ImprovingHome,
    ScriptedAuthor,
    answered,
    collected,
    joined,
    midnight,
    swings,
    written,
)
from tests.safety_homes import audited
from tests.trading_fakes import DAY

# It fades the larger swings alone: good enough to go live, and to be beaten.
SEED = StrategySource(
    "swing", SWING.replace("(0.5, -1.0", "(-0.5, -1.0").replace("0.0055", "0.0052")
)
HALF = (1, -1, 0, 0)  # every other trade is won
BARS = joined(swings(30, turns=MOSTLY_BACK), swings(7, seed=2, turns=HALF, size=0.0035))
SCRIPT = {1: answered(written())}
LIVE = "portfolio/live/sim/swing"


def of(auto: bool, feed: str = "recorded") -> ImprovingHome:
    policy = replace(SMALL, auto_promote=auto)
    return ImprovingHome(ScriptedAuthor(SCRIPT), policy, sources=(SEED,), feed=feed)


@pytest.fixture(scope="module")
def begun() -> ImprovingHome:
    """A home a day before its first look, v1 live."""
    home = of(auto=True)
    home.feed(BARS[: 24 * 20])
    return home


@pytest.fixture(scope="module")
def whole(begun: ImprovingHome) -> ImprovingHome:
    home = begun.copy()
    home.open()
    home.feed(home.left(BARS))
    return home


@pytest.fixture(scope="module")
def asked() -> ImprovingHome:
    """A home that asks its operator, two days before its first look."""
    home = of(auto=False)
    home.feed(BARS[: 24 * 19])
    return home


def first(home: ImprovingHome, kind: type, **said: object) -> int:
    """Find the place of the first such event in the log."""
    return next(
        n
        for n, e in enumerate(home.events)
        if isinstance(e, kind) and all(getattr(e, name) == value for name, value in said.items())
    )


def test_versions_when_they_pass_the_gate_then_go_live_in_turn_on_one_account(
    whole: ImprovingHome,
) -> None:
    lives = [e for e in whole.told(VersionActivated) if e.mode == "live"]
    assert [e.version for e in lives] == ["v1", "v2"]
    for promoted, ready in zip(whole.told(PromotedToLive), whole.told(MarkedReady), strict=True):
        assert promoted.causation_id == ready.event_id
        assert promoted.verdict == ready.verdict
        assert promoted.verdict.passed
        assert promoted.verdict.trades >= 50
    (opened,) = whole.told(AccountOpened, LIVE)
    assert (opened.version, opened.sleeve, opened.mode) == ("v1", "B", "live")
    assert not [e for e in whole.told(BreakerTripped) if e.code == "RISK_DISAGREEMENT"]
    assert audited(whole).first is None
    whole.assert_replays()


def test_account_when_another_version_takes_it_then_is_flat_between_and_its_money_is_kept(
    whole: ImprovingHome,
) -> None:
    at = first(whole, PromotedToLive, version="v2")
    promoted = whole.events[at]
    before = [e for e in whole.events[:at] if e.stream == LIVE]
    after = [e for e in whole.events[at:] if e.stream == LIVE]
    entry = next(
        n for n, e in enumerate(after) if isinstance(e, OrderPlaced) and e.intent == "entry"
    )
    assert balance(before + after[:entry]) == 0
    assert after[entry].occurred_at <= promoted.occurred_at + 3 * HOUR
    nets = sum(e.net for e in whole.told(PositionClosed, LIVE))
    last = whole.told(EquityMarked, LIVE)[-1]
    assert last.cash == Decimal(17_000) + nets


def balance(events: list[object]) -> int:
    """Count entries that were placed and not closed again."""
    placed = sum(isinstance(e, OrderPlaced) and e.intent == "entry" for e in events)
    return placed - sum(isinstance(e, PositionClosed) for e in events)


def test_watch_when_too_few_trades_are_won_then_is_looked_at_once_and_then_demoted(
    whole: ImprovingHome,
) -> None:
    at = first(whole, PromotedToLive, version="v2")
    taken = first_entry(whole, at)
    won: list[bool] = []
    called = demoted = 0
    for event in whole.events[taken:]:
        if isinstance(event, PositionClosed) and event.stream == LIVE:
            won.append(event.net > 0)
            low = [len(won) >= n and sum(won[-n:]) < 0.65 * n for n in (50, 100)]
            called = called or low[0] * event.occurred_at
            demoted = demoted or low[1] * event.occurred_at
    (look,) = [e for e in whole.told(RecodeRequested) if e.why == "watch"]
    assert look.occurred_at - called < HOUR + 1
    assert look.occurred_at % DAY != 0
    assert look.end == look.occurred_at // DAY * DAY
    (gone,) = whole.told(DemotedToPaper)
    assert (gone.occurred_at, gone.kind, gone.by) == (demoted, "derived", "engine")
    entries = [e for e in whole.told(OrderPlaced, LIVE) if e.intent == "entry"]
    assert max(e.occurred_at for e in entries) <= demoted
    assert balance([e for e in whole.events if e.stream == LIVE]) == 0


def first_entry(home: ImprovingHome, after: int) -> int:
    return next(
        n
        for n, e in enumerate(home.events)
        if n > after and isinstance(e, OrderPlaced) and e.stream == LIVE and e.intent == "entry"
    )


@pytest.mark.parametrize("auto", [True, False])
def test_log_when_bars_come_a_day_at_a_time_then_is_as_if_they_came_at_once(auto: bool) -> None:
    """Whoever is promoted: a version that waited to go live is let go at the same bar."""
    bars = BARS[: 24 * 27]
    homes = [of(auto), of(auto)]
    homes[0].feed(bars)
    homes[1].feed(bars, range(24, len(bars), 24))
    assert len(homes[0].told(MarkedReady)) == 2
    assert homes[0].lines() == homes[1].lines()
    homes[1].log.saved = None
    homes[1].open()
    homes[1].assert_replays()


def test_promotion_when_a_version_was_demoted_then_is_of_none_before_it() -> None:
    home = of(auto=False)
    home.feed(BARS[: 24 * 24])  # v1 passed, then v2, which took its place
    assert home.say("promote", "p1").accepted
    home.feed(home.left(BARS[: 24 * 26]))
    assert home.say("demote", "d1").accepted
    home.feed(home.left(BARS[: 24 * 26 + 5]))
    reply = home.say("promote", "p2")
    assert home.told(PromotedToLive)[0].version == "v2"
    assert reply.accepted or reply.message.startswith("swing v2 ")
    home.assert_replays()


@settings(max_examples=2)
@given(st.sets(st.integers(1, 24 * 17 - 1), max_size=8))
def test_log_when_bars_come_in_any_blocks_then_versions_take_turns_at_the_same_bars(
    begun: ImprovingHome, whole: ImprovingHome, cuts: set[int]
) -> None:
    home = begun.copy()
    home.open()
    home.feed(home.left(BARS), cuts)
    assert home.lines() == whole.lines()


def test_log_when_killed_while_the_account_is_handed_over_then_is_as_if_undisturbed(
    begun: ImprovingHome, whole: ImprovingHome
) -> None:
    moment = whole.events[first(whole, PromotedToLive, version="v2")].occurred_at
    home = begun.copy()
    home.open()
    home.feed(home.left(BARS[BARS["timestamp"] < moment - HOUR]))
    for bar in home.left(BARS)[:5]:
        home.feed(np.array([bar]))
        home = home.copy()
        home.open()
    home.log.saved = None
    home.open()
    home.feed(home.left(BARS))
    assert home.lines() == whole.lines()


def test_version_when_replaced_then_enters_until_it_is_judged_and_its_run_is_let_go(
    whole: ImprovingHome,
) -> None:
    (retired,) = whole.told(VersionRetired)
    assert (retired.version, retired.reason) == ("v1", "trades")
    promoted = whole.events[first(whole, PromotedToLive, version="v2")]
    assert retired.occurred_at >= promoted.occurred_at  # it was live, and not replaced, until then
    for sleeve in "AB":
        stream = f"portfolio/paper/swing/v1/{sleeve}"
        entries = [e for e in whole.told(OrderPlaced, stream) if e.intent == "entry"]
        assert max(e.occurred_at for e in entries) <= retired.occurred_at
        assert balance([e for e in whole.events if e.stream == stream]) == 0
    saved = usable(whole.log.saved, whole.trader._desk.kernel.identity, whole.log.head())
    assert saved is not None
    assert [run.version for run in saved.runs] == ["v2"]


def test_watch_when_it_calls_while_an_answer_is_out_then_is_heeded_a_bar_after_it_came() -> None:
    waiting = of(auto=True, feed="live")
    waiting.feed(BARS[: 24 * 21])
    collect(waiting)
    waiting.feed(waiting.left(BARS[: 24 * 33]))  # the watch calls while the second look is out
    assert [e.why for e in waiting.told(RecodeRequested)] == ["losses", "losses"]
    logs = []
    for cuts in ((), range(1, 24), (3, 31)):
        home = waiting.copy()
        home.author = ScriptedAuthor({2: NOTHING})
        home.open()
        collect(home)
        home.feed(home.left(BARS[: 24 * 34]), cuts)
        logs.append(home.lines())
    look = home.told(RecodeRequested)[-1]
    assert (look.why, look.occurred_at) == ("watch", midnight(33) + HOUR)
    assert logs[0] == logs[1] == logs[2]
    home.assert_replays()


def collect(home: ImprovingHome) -> None:
    assert home.trader.tend() is None
    collected(home)


def test_version_when_it_passes_then_is_ready_and_only_an_operator_sends_it_live(
    asked: ImprovingHome,
) -> None:
    assert [e.version for e in asked.told(MarkedReady)] == ["v1"]
    assert not asked.told(PromotedToLive)


def test_promotion_when_a_version_is_live_then_the_next_needs_the_gate_as_well(
    asked: ImprovingHome,
) -> None:
    home = asked.copy()
    home.open()
    assert home.say("promote", "p1").accepted
    home.feed(home.left(BARS[: 24 * 22]))
    refused = home.say("promote", "p2")
    assert (refused.accepted, refused.code) == (False, "GATE_NOT_PASSED")
    assert [e.version for e in home.told(PromotionRefused)] == ["v2"]
    strategy = home.trader._desk.strategies["swing"]
    assert (strategy.live, strategy.champion, strategy.status) == ("v1", "v2", "live")
    home.feed(home.left(BARS[: 24 * 26]))
    desk = home.trader._desk
    while not (account := desk.run_of("swing", "v1").live.portfolio).positions:
        home.feed(home.left(BARS)[:1])
    assert home.say("promote", "p3").accepted
    home.feed(home.left(BARS)[:1])
    closed = desk.run_of("swing", "v1").live.portfolio.tally.trades - account.tally.trades
    assert (closed, desk.live["swing"].watch.trades) == (1, 0)  # the trade was v1's
    again = home.say("promote", "p4")
    assert (again.accepted, again.code) == (False, "NOT_PROMOTABLE")
    home.feed(home.left(BARS[: 24 * 27]))
    assert [e.version for e in home.told(PromotedToLive)] == ["v1", "v2"]
    home.assert_replays()


def test_breaker_when_it_has_tripped_then_another_version_does_not_shake_it_off(
    asked: ImprovingHome,
) -> None:
    home = asked.copy()
    home.open()
    assert home.say("promote", "p1").accepted
    bars = joined(BARS[: 24 * 26], swings(2, seed=3, turns=ON, size=0.015))
    home.feed(home.left(bars[: 24 * 26]))
    assert home.tighten("day_loss", "100", "t1").accepted
    while not (trips := home.told(BreakerTripped, LIVE)) and len(home.left(bars)):
        home.feed(home.left(bars)[:1])
    (trip,) = trips
    assert trip.code == "RISK_DAILY_LOSS"
    assert home.say("promote", "p2").accepted
    home.feed(home.left(bars))
    (cleared, *_) = home.told(BreakerCleared, LIVE)
    assert cleared.occurred_at == midnight(27)
    entries = [e for e in home.told(OrderPlaced, LIVE) if e.intent == "entry"]
    assert [e for e in entries if trip.occurred_at < e.occurred_at < cleared.occurred_at] == []
    assert [e for e in entries if e.occurred_at >= cleared.occurred_at]
    desk = home.trader._desk
    assert desk.holder("swing") == desk.strategies["swing"].live == "v2"
    assert not [e for e in home.told(BreakerTripped) if e.code == "RISK_DISAGREEMENT"]
    assert audited(home).first is None
    home.assert_replays()


def test_watch_when_loss_limits_trip_three_times_in_a_week_then_it_is_demoted(
    asked: ImprovingHome,
) -> None:
    home = asked.copy()
    home.open()
    assert home.say("promote", "p1").accepted
    assert home.tighten("day_loss", "100", "t1").accepted
    home.feed(home.left(joined(BARS[: 24 * 19], swings(5, seed=3, turns=ON, size=0.015))))
    trips = [e for e in home.told(BreakerTripped, LIVE) if e.code == "RISK_DAILY_LOSS"]
    (gone,) = home.told(DemotedToPaper)
    assert "3 loss limits within a week" in gone.reason
    assert (gone.causation_id, gone.occurred_at) == (trips[2].event_id, trips[2].occurred_at)
    assert not [e for e in home.told(OrderPlaced, LIVE) if e.occurred_at > gone.occurred_at + HOUR]
    home.assert_replays()


def test_watch_when_one_loss_trips_the_rapid_limit_again_and_again_then_it_counts_once(
    asked: ImprovingHome,
) -> None:
    home = asked.copy()
    home.open()
    assert home.say("promote", "p1").accepted
    once = swings(1, seed=3, turns=(1, 1, *[0] * 22), size=0.03)
    home.feed(home.left(joined(BARS[: 24 * 19], once)))
    trips = home.told(BreakerTripped, LIVE)
    assert len(trips) > 3
    assert {e.code for e in trips} == {"RISK_RAPID_LOSS"}
    assert not home.told(DemotedToPaper)
    assert len(home.trader._desk.live["swing"].watch.trips) == 1
    home.assert_replays()
