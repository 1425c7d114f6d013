"""An operator tightens limits and flattens: from the next bar, for ever, and replayed the same."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.engine_port import Command
from application.replay import NotReproducible, reproduce
from application.trading import StrategySource
from application.trading.checkpoint import packed, usable
from application.trading.kernel import EngineKernel
from domain.event import Event
from domain.portfolio.events import (
    BreakerTripped,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
    RiskRefused,
)
from domain.strategy.events import Flattened, VersionRejected
from domain.tightening import LimitTightened
from kernels.backends import opencl_choice
from kernels.program import BACKENDS
from tests.safety_homes import CALM, WILD, audited, entries, home_of
from tests.trading_fakes import MINUTE, Script, ScriptedKernel, flat_bars, random_bars
from tests.trading_homes import Home

BARS = random_bars(2_400, seed=8)
HALF = 1_200


def tightened(*cuts: int) -> Home:
    home = home_of(CALM, WILD)
    home.feed(BARS[:HALF], [cut for cut in cuts if cut < HALF])
    assert home.tighten("margin_absolute", "300", "t1").accepted
    home.feed(BARS[HALF:], [cut - HALF for cut in cuts if cut > HALF])
    return home


@pytest.fixture(scope="module")
def home() -> Home:
    return tightened()


def margins(home: Home, since: int, until: int = 2**62) -> list[Decimal]:
    """Margins of sleeve B's entries decided in that time."""
    placed = [e for e in entries(home) if since <= e.occurred_at < until]
    return [e.quantity * e.reference_price / 8 for e in placed if e.stream.endswith("/B")]


def test_limit_when_tightened_then_every_account_is_held_to_it_from_the_next_bar(
    home: Home,
) -> None:
    (event,) = home.of(LimitTightened)
    assert isinstance(event, LimitTightened)
    begins = int(BARS["timestamp"][HALF])
    assert (event.effective_at, event.actor) == (begins, "operator:ann")
    assert max(margins(home, 0, begins)) > 900
    assert len(margins(home, begins)) > 10
    assert max(margins(home, begins)) <= 300
    refused = [e for e in home.of(RiskRefused) if isinstance(e, RiskRefused)]
    told = [e for e in refused if e.code == "RISK_MARGIN_ABSOLUTE"]
    assert {e.limit for e in told if e.occurred_at <= begins} == {Decimal(1_000)}
    assert {e.limit for e in told if e.occurred_at > begins} == {Decimal(300)}
    assert audited(home).first is None


@settings(max_examples=6)
@given(st.lists(st.integers(1, len(BARS) - 1), max_size=5))
def test_limit_when_bars_come_in_any_blocks_then_the_log_is_the_same(
    home: Home, cuts: list[int]
) -> None:
    assert tightened(*sorted(cuts)).lines() == home.lines()


@pytest.mark.parametrize("fault", ["keep", "lose", "forge"])
def test_limit_when_the_home_is_opened_again_then_still_holds(home: Home, fault: str) -> None:
    again = home_of(CALM, WILD)
    again.feed(BARS[:HALF])
    again.tighten("margin_absolute", "300", "t1")
    again.feed(BARS[HALF : HALF + 5])
    assert again.log.saved is not None
    if fault == "lose":
        again.log.saved = None
    elif fault == "forge":  # a checkpoint that has forgotten it, sound otherwise
        saved = usable(again.log.saved, EngineKernel().identity, again.log.head())
        assert saved is not None
        assert saved.in_force.version == 1
        loose = msgspec.structs.replace(saved, in_force=type(saved.in_force)(again.limits))
        again.log.saved = msgspec.structs.replace(again.log.saved, state=packed(loose))
    again.open()
    again.feed(BARS[HALF + 5 :])
    assert again.lines() == home.lines()


@pytest.mark.parametrize("backend", BACKENDS)
def test_limit_when_the_log_is_replayed_then_there_is_no_difference(
    home: Home, backend: str
) -> None:
    try:
        if backend == "opencl":
            opencl_choice.chosen()
    except opencl_choice.NoDevice as missing:
        pytest.skip(str(missing))
    result = reproduce(home.log, home.journal, kernel=EngineKernel(backend))
    assert (result.first_difference, result.count) == (None, home.log.head())
    part = reproduce(home.log, home.journal, kernel=EngineKernel(backend), strategies=["wild"])
    assert part.first_difference is None


def test_limit_when_its_event_was_changed_then_the_replay_differs() -> None:
    home = tightened()
    at = next(n for n, e in enumerate(home.events) if isinstance(e, LimitTightened))
    event = msgspec.structs.replace(home.events[at], new=Decimal(299))
    home.log.entries[at] = msgspec.structs.replace(home.log.entries[at], event=event)
    found = reproduce(home.log, home.journal).first_difference
    assert found is not None
    assert found.position > at + 1
    home.log.saved = None
    home.log.by_stream["limits"] = [event]
    with pytest.raises(NotReproducible):
        home.open()


def test_limit_when_no_bar_came_yet_then_holds_from_the_first_and_for_later_strategies() -> None:
    home = home_of(CALM)
    assert home.tighten("positions", "0", "t1").accepted
    home.sources = (CALM, WILD)
    home.open()
    home.feed(BARS[:600])
    assert not entries(home)
    codes = {e.code for e in home.of(RiskRefused) if isinstance(e, RiskRefused)}
    assert "RISK_POSITIONS" in codes
    assert reproduce(home.log, home.journal).first_difference is None
    assert audited(home).first is None


@pytest.mark.parametrize(
    ("limit", "value", "code", "message"),
    [
        ("margin_absolute", "1000", "LIMIT_NOT_TIGHTER", "must be below 1000"),
        ("margin_absolute", "NaN", "INVALID_COMMAND", "must be a number"),
        ("leverage", "2", "UNKNOWN_LIMIT", "must be one of: day_loss"),
    ],
)
def test_limit_when_it_may_not_be_tightened_so_then_is_answered_and_nothing_written(
    limit: str, value: str, code: str, message: str
) -> None:
    home = home_of()
    before = home.lines()
    reply = home.tighten(limit, value, "t1")
    assert (reply.accepted, reply.code, reply.events) == (False, code, ())
    assert message in reply.message
    missing = Command(name="tighten", limit=limit, actor="operator:ann", command_id="t2")
    assert home.trader.execute(missing).code == "INVALID_COMMAND"
    assert home.lines() == before


def test_tightening_when_sent_again_then_the_recorded_reply_is_given() -> None:
    home = home_of()
    first = home.tighten("positions", "3", "t1")
    assert first.message.startswith("tighten positions to 3: from the bar at ")
    home.feed(BARS[:50])
    assert home.tighten("positions", "3", "t1") == first
    other = home.tighten("positions", "2", "t1")
    assert (other.accepted, other.code) == (False, "COMMAND_ID_REUSED")
    assert "was used for tighten positions to 3" in other.message
    assert len(home.of(LimitTightened)) == 1


# Flattening


def held(home: Home, stream: str) -> Decimal:
    total = Decimal(0)
    for event in home.of(OrderFilled, stream):
        assert isinstance(event, OrderFilled)
        total += event.quantity if event.side == "buy" else -event.quantity
    return total


def occupied() -> Home:
    """Both strategies hold something, in sleeve B at least."""
    home = home_of(CALM, WILD)
    for bar in range(600):
        home.feed(BARS[bar : bar + 1])
        streams = [f"portfolio/paper/{name}/v1/B" for name in ("calm", "wild")]
        if bar > 60 and all(held(home, stream) for stream in streams):
            return home
    raise AssertionError("no bar at which both strategies held something")


def operators(home: Home, stream: str = "") -> list[Event]:
    closed = [e for e in home.of(PositionClosed, stream) if isinstance(e, PositionClosed)]
    return [trade for trade in closed if trade.reason == "operator"]


def test_flatten_when_all_are_meant_then_everything_is_closed_at_the_next_open() -> None:
    home = occupied()
    reply = home.command("flatten", "", "f1")
    assert reply.accepted
    assert reply.message.startswith("flatten all strategies: from the bar at ")
    assert [e.stream for e in home.of(Flattened)] == ["strategy/calm", "strategy/wild"]
    first = len(home.journal.bars)
    home.feed(BARS[first : first + 400])
    opened = int(BARS["timestamp"][first])
    closed = operators(home)
    assert {event.occurred_at for event in closed} == {opened}
    assert {e.stream.split("/")[2] for e in closed} == {"calm", "wild"}
    for stream in home.log.streams("portfolio/"):
        assert held(home, stream) == 0
    assert max(order.occurred_at for order in entries(home)) <= opened
    causes = {
        e.causation_id for e in home.of(OrderPlaced) if getattr(e, "intent", "") == "operator"
    }
    assert causes == {"strategy/calm@4", "strategy/wild@4"}
    assert home.command("resume", "wild", "f2").accepted
    home.feed(BARS[first + 400 : first + 800])
    later = {e.stream.split("/")[2] for e in entries(home) if e.occurred_at > opened}
    assert later == {"wild"}
    assert reproduce(home.log, home.journal).first_difference is None
    for name in ("calm", "wild"):
        part = reproduce(home.log, home.journal, strategies=[name])
        assert part.first_difference is None
    assert audited(home).first is None


def test_flatten_when_one_strategy_is_meant_then_the_other_trades_on() -> None:
    home = occupied()
    assert home.command("flatten", "wild", "f1").accepted
    first = len(home.journal.bars)
    home.open()
    home.feed(BARS[first : first + 400])
    assert {e.stream.split("/")[2] for e in operators(home)} == {"wild"}
    since = int(BARS["timestamp"][first])
    assert {e.stream.split("/")[2] for e in entries(home) if e.occurred_at > since} == {"calm"}
    home.log.saved = None
    before = home.lines()
    home.open()
    assert home.lines() == before


def test_flatten_when_an_entry_waits_then_is_withdrawn() -> None:
    home = home_of()
    waiting = 0
    for bar in range(600):
        home.feed(BARS[bar : bar + 1])
        waiting = int(BARS["timestamp"][bar]) + MINUTE
        if any(order.occurred_at == waiting for order in entries(home)):
            break
    assert home.command("flatten", "wild", "f1").accepted
    first = len(home.journal.bars)
    home.feed(BARS[first : first + 3])
    assert {e.occurred_at for e in home.of(OrderCancelled)} >= {waiting}
    assert all(held(home, stream) == 0 for stream in home.log.streams("portfolio/"))


def test_flatten_when_resumed_before_it_was_carried_out_then_the_resume_has_to_wait() -> None:
    home = occupied()
    assert home.command("flatten", "wild", "f1").accepted
    reply = home.command("resume", "wild", "r1")
    assert (reply.accepted, reply.code) == (False, "NOT_FLAT_YET")
    first = len(home.journal.bars)
    home.feed(BARS[first : first + 1])
    assert held(home, "portfolio/paper/wild/v1/B") == 0
    assert home.command("resume", "wild", "r2").accepted


@pytest.mark.parametrize(
    ("before", "strategy", "code"),
    [
        (["wild"], "wild", "ALREADY_FLAT"),
        ([""], "", "NOTHING_TO_FLATTEN"),
        ([""], "calm", "ALREADY_FLAT"),
        ([], "nobody", "UNKNOWN_STRATEGY"),
    ],
)
def test_flatten_when_there_is_nothing_to_flatten_then_says_so(
    before: list[str], strategy: str, code: str
) -> None:
    home = home_of(CALM, WILD)
    for number, name in enumerate(before):
        assert home.command("flatten", name, f"f{number}").accepted
    lines = home.lines()
    assert home.command("flatten", strategy, "again").code == code
    assert home.lines() == lines


def test_flatten_when_sent_again_then_the_recorded_reply_is_given() -> None:
    home = home_of(CALM, WILD)
    first = home.command("flatten", "", "f1")
    assert home.command("flatten", "", "f1") == first
    reply = home.command("flatten", "calm", "f1")
    assert reply.code == "COMMAND_ID_REUSED"
    assert "flatten all strategies" in reply.message


def test_flatten_when_a_live_account_holds_something_then_it_is_closed_too() -> None:
    home = Home(ScriptedKernel())
    bars = flat_bars(400)
    home.feed(bars[:151])
    assert home.command("promote", "scripted", "p1").accepted
    live, first = "portfolio/live/sim/scripted", 151
    while not held(home, live):
        home.feed(bars[first : first + 1])
        first += 1
    assert home.command("flatten", "scripted", "f1").accepted
    home.feed(bars[first:])
    assert held(home, live) == 0
    assert [event.occurred_at for event in operators(home, live)] == [bars["timestamp"][first]]
    assert reproduce(home.log, home.journal, kernel=ScriptedKernel()).first_difference is None


# What a limit record may tell


def test_entry_when_it_is_beyond_counting_then_is_refused_and_trading_goes_on() -> None:
    huge = StrategySource("huge", WILD.text.replace("7900", "100000000"))
    home = home_of(huge)
    home.feed(BARS[:200])
    refused = [e for e in home.of(RiskRefused) if isinstance(e, RiskRefused)]
    assert {e.code for e in refused} == {"RISK_FIGURE_MISSING"}
    assert all(e.observed is not None and e.observed > e.limit for e in refused)
    assert not entries(home)
    assert audited(home).first is None


def test_live_version_when_its_paper_account_is_ruined_then_stops_in_every_partition() -> None:
    homes = []
    bars = flat_bars(400)
    for cuts in ([], [20], [27, 29], range(200)):
        home = Home(ScriptedKernel(Script(ruin_at=60)))
        home.feed(bars[:151])
        assert home.command("promote", "scripted", "p1").accepted
        home.feed(bars[151:], [cut for cut in cuts if cut < 249])
        homes.append(home)
    assert len({tuple(home.lines()) for home in homes}) == 1
    (rejected,) = homes[0].of(VersionRejected)
    placed = [e for e in homes[0].of(OrderPlaced, "portfolio/live") if isinstance(e, OrderPlaced)]
    last = max(e.occurred_at for e in placed if e.intent == "entry")
    assert last <= rejected.occurred_at


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "funding"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bar_when_a_figure_is_no_number_then_is_refused_before_anything_is_kept(
    name: str, value: float
) -> None:
    home = home_of()
    home.feed(BARS[:100])
    lines, bars = home.lines(), BARS[100:110].copy()
    bars[name][7] = value
    with pytest.raises(ValueError, match=f"{name} of the bar at .* must be finite"):
        home.trader.step((bars,))
    assert len(home.journal.bars) == 100
    assert home.lines() == lines
    home.feed(BARS[100:])
    assert not [e for e in home.of(BreakerTripped) if getattr(e, "code", "") == "RISK_DISAGREEMENT"]
