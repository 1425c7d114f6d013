"""Operators: promotion through the gate, pauses, demotion, and ids that make commands repeatable.

The scripted kernel wins a trade every three bars, so that the gate can be passed.
"""

from decimal import Decimal

import pytest

from application.replay import reproduce
from domain.portfolio.events import (
    AccountOpened,
    AccountRuined,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
)
from domain.signals import SignalRaised
from domain.strategy.events import MarkedReady, Paused, PromotedToLive, Resumed, VersionRejected
from tests.trading_fakes import MINUTE, START, Script, ScriptedKernel, flat_bars
from tests.trading_homes import Home

LIVE = "portfolio/live/sim/scripted"
READY = 3 * 50 + 1  # bars until the fiftieth winner has closed
BARS = flat_bars(600)


def ready() -> Home:
    home = Home(ScriptedKernel())
    home.feed(BARS[:READY])
    return home


def rest(home: Home, start: int = READY, end: int = 600) -> None:
    home.feed(BARS[start:end])


def holds(home: Home) -> bool:
    """Whether the live account's fills leave a position."""
    fills = [event for event in home.of(OrderFilled, LIVE) if isinstance(event, OrderFilled)]
    return sum(1 if event.side == "buy" else -1 for event in fills) != 0


def opens_of(home: Home, kind: type[OrderPlaced] | type[PositionClosed], stream: str) -> list[int]:
    return [event.occurred_at for event in home.of(kind, stream)]


def test_version_when_its_fiftieth_trade_passes_the_gate_then_is_marked_ready_by_it() -> None:
    home = ready()
    (event,) = home.of(MarkedReady)
    assert isinstance(event, MarkedReady)
    trades = home.of(PositionClosed, "portfolio/paper/scripted/v1/B")
    assert len(trades) == 50
    assert event.causation_id == trades[-1].event_id
    assert event.verdict.net == Decimal(500)


def test_promotion_when_ready_then_the_live_account_trades_from_the_next_bar() -> None:
    home = ready()
    reply = home.command("promote", "scripted", "p1")
    assert reply.accepted
    assert reply.verdict is not None
    assert reply.verdict.passed
    assert reply.position == home.log.head()
    assert [event.event_id for event in home.events[-4:]] == list(reply.events)
    (opened,) = home.of(AccountOpened, LIVE)
    assert isinstance(opened, AccountOpened)
    assert (opened.mode, opened.sleeve, opened.leverage) == ("live", "B", 8)
    assert opened.capital == Decimal(17_000)
    rest(home)
    orders = opens_of(home, OrderPlaced, LIVE)
    assert orders[0] >= BARS["timestamp"][READY]
    assert len(home.of(PositionClosed, LIVE)) > 80
    later = [s for s in home.of(SignalRaised) if s.occurred_at > opened.occurred_at]
    assert {s.mode for s in later if isinstance(s, SignalRaised)} == {"live"}
    assert reproduce(home.log, home.journal, kernel=ScriptedKernel()).first_difference is None


def test_promotion_when_too_early_then_is_refused_with_every_figure_and_recorded() -> None:
    home = Home(ScriptedKernel())
    home.feed(BARS[:100])
    reply = home.command("promote", "scripted", "p1")
    assert not reply.accepted
    assert reply.code == "GATE_NOT_PASSED"
    assert reply.verdict is not None
    assert {failure.code for failure in reply.verdict.failures} == {"GATE_TRADES", "GATE_NET"}
    assert len(reply.events) == 2
    assert not home.of(AccountOpened, LIVE)


def test_command_when_sent_again_then_the_recorded_reply_is_given_and_nothing_written() -> None:
    home = ready()
    first = home.command("promote", "scripted", "p1")
    rest(home)
    before = home.lines()
    assert home.command("promote", "scripted", "p1") == first
    home.open()
    assert home.command("promote", "scripted", "p1") == first
    assert home.lines() == before


def test_command_id_when_used_for_another_command_then_is_refused() -> None:
    home = ready()
    home.command("pause", "scripted", "c1")
    reply = home.command("resume", "scripted", "c1")
    assert (reply.accepted, reply.code) == (False, "COMMAND_ID_REUSED")
    assert "pause scripted" in reply.message


@pytest.mark.parametrize(
    ("name", "strategy", "expected"),
    [
        ("resume", "scripted", "NOT_PAUSED"),
        ("demote", "scripted", "NOT_LIVE"),
        ("pause", "nobody", "UNKNOWN_STRATEGY"),
    ],
)
def test_command_when_forbidden_then_is_answered_and_nothing_written(
    name: str, strategy: str, expected: str
) -> None:
    home = ready()
    before = home.lines()
    reply = home.command(name, strategy, "c1")  # type: ignore[arg-type]
    assert (reply.accepted, reply.code, reply.events) == (False, expected, ())
    assert reply.position == home.log.head()
    assert home.lines() == before


def test_pause_when_given_then_entries_stop_at_the_next_bar_and_what_waits_is_withdrawn() -> None:
    home = Home(ScriptedKernel())
    home.feed(BARS[:4])  # an entry was decided at the close of the last bar
    home.command("pause", "scripted", "c1")
    home.feed(BARS[4:100])
    (paused,) = home.of(Paused)
    assert paused.effective_at == BARS["timestamp"][4]
    cancelled = home.of(OrderCancelled)
    assert {event.stream[-1] for event in cancelled} == {"A", "B"}
    assert {event.occurred_at for event in cancelled} == {BARS["timestamp"][4]}
    assert max(opens_of(home, OrderPlaced, "portfolio")) <= BARS["timestamp"][4]
    home.command("resume", "scripted", "c2")
    home.feed(BARS[100:140])
    assert max(opens_of(home, OrderPlaced, "portfolio")) > BARS["timestamp"][100]


def test_pause_when_timed_then_runs_out_at_the_first_bar_at_or_after_its_end() -> None:
    bars = flat_bars(100)
    kept = [*range(40), *range(55, 100)]  # no bar where the pause ends
    homes = []
    for cuts in ([], [20], [30, 41], range(100)):
        home = Home(ScriptedKernel())
        home.feed(bars[kept][:10])
        home.command("pause", "scripted", "c1", until=START + 50 * MINUTE + 1)
        home.feed(bars[kept][10:], [cut for cut in cuts if cut < 75])
        homes.append(home)
    assert len({tuple(home.lines()) for home in homes}) == 1
    (resumed,) = homes[0].of(Resumed)
    assert isinstance(resumed, Resumed)
    assert (resumed.kind, resumed.occurred_at) == ("derived", START + 55 * MINUTE)
    (paused,) = homes[0].of(Paused)
    assert resumed.causation_id == paused.event_id
    fills = [e.occurred_at for e in homes[0].of(OrderFilled) if e.occurred_at > START + 15 * MINUTE]
    assert min(fills) == START + 56 * MINUTE


def test_demotion_when_a_live_trade_is_open_then_it_is_closed_and_no_other_follows() -> None:
    home = ready()
    home.command("promote", "scripted", "p1")
    rest(home, end=READY + 2)
    assert holds(home)
    reply = home.command("demote", "scripted", "d1")
    assert reply.accepted
    rest(home, READY + 2)
    assert not holds(home)
    (closed,) = home.of(PositionClosed, LIVE)
    assert isinstance(closed, PositionClosed)
    assert (closed.reason, closed.exit_at) == ("operator", BARS["timestamp"][READY + 2])
    order = next(e for e in home.of(OrderPlaced, LIVE) if e.causation_id == reply.events[0])
    assert isinstance(order, OrderPlaced)
    assert order.intent == "operator"
    paper = home.of(PositionClosed, "portfolio/paper/scripted/v1/B")
    assert paper[-1].occurred_at > closed.occurred_at


def test_promotion_when_demoted_before_then_the_same_account_goes_on() -> None:
    home = ready()
    assert home.command("promote", "scripted", "p1").accepted
    rest(home, end=300)
    assert home.command("demote", "scripted", "d1").accepted
    rest(home, 300, 350)
    before = len(home.of(PositionClosed, LIVE))
    assert home.command("promote", "scripted", "p2").accepted
    rest(home, 350)
    assert len(home.of(AccountOpened, LIVE)) == 1
    assert len(home.of(PromotedToLive)) == 2
    assert len(home.of(PositionClosed, LIVE)) > before
    assert reproduce(home.log, home.journal, kernel=ScriptedKernel()).first_difference is None


def test_command_when_no_bar_came_yet_then_takes_effect_at_the_first() -> None:
    home = Home(ScriptedKernel())
    assert home.command("pause", "scripted", "c1").accepted
    home.open()
    home.feed(BARS[:50])
    assert not home.of(OrderPlaced)
    assert reproduce(home.log, home.journal, kernel=ScriptedKernel()).first_difference is None


def test_version_when_its_account_is_ruined_then_is_rejected_and_cannot_be_promoted() -> None:
    home = Home(ScriptedKernel(Script(ruin_at=60)))
    home.feed(BARS)
    (ruined,) = home.of(AccountRuined)
    (rejected,) = home.of(VersionRejected)
    assert isinstance(rejected, VersionRejected)
    assert (rejected.stage, rejected.causation_id) == ("paper", ruined.event_id)
    assert "holds 5.00000000" in rejected.reasons[0]
    reply = home.command("promote", "scripted", "p1")
    assert reply.verdict is not None
    assert [failure.code for failure in reply.verdict.failures] == ["GATE_RUINED"]


def test_promotion_when_a_paper_trade_is_open_then_counts_as_closed_at_the_last_price() -> None:
    home = Home(ScriptedKernel())
    home.feed(BARS[: READY + 1])  # the next entry has filled, at a price that has not moved
    verdict = home.command("promote", "scripted", "p1").verdict
    assert verdict is not None
    assert (verdict.trades, verdict.open_trades, verdict.wins) == (51, 1, 50)
