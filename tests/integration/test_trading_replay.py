"""A log is replayed in part or in whole, on any backend, and what was altered is named."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.replay import NotReproducible, PositionInvalid, UnknownStrategies, reproduce
from application.trading import StrategySource
from application.trading.extent import Extent, strategy_of
from application.trading.kernel import EngineKernel
from domain.event import Event
from domain.market import BarsSealed
from domain.portfolio.events import OrderFilled
from domain.signals import SignalRaised
from domain.strategy.events import VersionAuthored
from kernels.backends import opencl_choice
from kernels.errors import UnknownBackend
from kernels.program import BACKENDS
from tests.trading_fakes import DAY, MINUTE, SOURCE, START, ScriptedKernel, random_bars
from tests.trading_homes import Home

OTHER = StrategySource("other", SOURCE.text.replace("3, 2, 50", "9, 2, 50"))
BARS = random_bars(2 * 1440 + 500, seed=7)
PART = len(BARS) // 3


def traded() -> Home:
    """Two days and some hours of two strategies, one registered later, with commands between."""
    home = Home(sources=(SOURCE,))
    home.feed(BARS[:PART], cuts=[100, 1000])
    home.command("pause", "scripted", "c1", until=int(BARS["timestamp"][PART]) + 300 * MINUTE)
    home.sources = (SOURCE, OTHER)
    home.open()
    home.feed(BARS[PART : 2 * PART])
    home.command("pause", "other", "c2")
    home.command("resume", "other", "c3")
    home.feed(BARS[2 * PART :], cuts=[7, 800])
    return home


@pytest.fixture(scope="module")
def home() -> Home:
    return traded()


@pytest.fixture
def altered(home: Home) -> Home:
    """A copy whose log and journal a test may change."""
    copy = Home.__new__(Home)
    copy.__dict__.update(home.__dict__)
    copy.log, copy.journal = type(home.log)(), type(home.journal)(home.journal.bars)
    copy.log.entries = list(home.log.entries)
    for name in ("by_stream", "by_correlation", "blobs"):
        setattr(copy.log, name, getattr(home.log, name).copy())
    return copy


def change(home: Home, position: int, event: Event) -> None:
    home.log.entries[position - 1] = msgspec.structs.replace(
        home.log.entries[position - 1], event=event
    )


def first(home: Home, kind: type[Event], stream: str = "") -> int:
    """The position of the first event of a kind."""
    return next(
        entry.position
        for entry in home.log.entries
        if isinstance(entry.event, kind) and entry.event.stream.startswith(stream)
    )


def require(backend: str) -> None:
    """Skip what needs a device that this machine has not."""
    try:
        if backend == "opencl":
            opencl_choice.chosen()
    except opencl_choice.NoDevice as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("backend", BACKENDS)
def test_log_when_replayed_then_every_event_is_equal_on_every_backend(
    home: Home, backend: str
) -> None:
    require(backend)
    told: list[int] = []
    kernel = EngineKernel(backend)
    result = reproduce(home.log, home.journal, kernel=kernel, progress=told.append)
    assert result.first_difference is None
    assert result.count == result.to == home.log.head() > 500
    assert result.derived == sum(event.kind == "derived" for event in home.events)
    assert 0 < result.bars <= len(BARS)
    assert told == sorted(told)
    assert kernel.device


def test_kernel_when_its_backend_is_unknown_then_is_refused_by_name() -> None:
    with pytest.raises(UnknownBackend, match="backend was 'abacus', must be one of: numba"):
        EngineKernel("abacus")
    assert EngineKernel(BACKENDS[-1]).identity == EngineKernel().identity


@settings(max_examples=25)
@given(st.data())
def test_log_when_replayed_up_to_a_position_then_stops_there_and_takes_no_more_bars_than_needed(
    home: Home, data: st.DataObject
) -> None:
    to = data.draw(st.integers(1, home.log.head()))
    result = reproduce(home.log, home.journal, to=to)
    assert result.first_difference is None
    assert (result.count, result.to) == (to, to)
    event = home.events[to - 1]
    needed = (event.occurred_at - START) // MINUTE
    assert result.bars <= needed + 1000


@pytest.mark.parametrize("to", range(1, 16))
def test_log_when_replayed_up_to_the_middle_of_a_registration_then_that_is_no_difference(
    home: Home, to: int
) -> None:
    later = first(home, VersionAuthored, "strategy/other") - 4
    for position in (to, later + to):
        assert reproduce(home.log, home.journal, to=position).count == position


@pytest.mark.parametrize("names", [("scripted",), ("other",), ("other", "scripted")])
def test_log_when_replayed_for_some_strategies_then_their_events_and_the_common_ones_are_equal(
    home: Home, names: Sequence[str]
) -> None:
    wanted = [e for e in home.events if strategy_of(e.stream) in (None, *names)]
    result = reproduce(home.log, home.journal, strategies=names)
    assert result.first_difference is None
    assert result.count == len(wanted) > 100
    assert {strategy_of(e.stream) for e in wanted} == {None, *names}


def test_difference_when_another_strategys_event_was_altered_then_is_not_seen(
    altered: Home,
) -> None:
    position = first(altered, OrderFilled, "portfolio/paper/other")
    event = altered.events[position - 1]
    assert isinstance(event, OrderFilled)
    change(altered, position, msgspec.structs.replace(event, fee=event.fee + 1))
    assert reproduce(altered.log, altered.journal, strategies=["scripted"]).first_difference is None
    for names in ((), ("other",)):
        found = reproduce(altered.log, altered.journal, strategies=names).first_difference
        assert found is not None
        assert found.position == position
        assert found.bar == int(event.correlation_id.removeprefix("step/"))
        assert (found.recorded, found.replayed) == (altered.events[position - 1], event)


def test_difference_when_an_event_was_left_out_then_names_the_one_in_its_place(
    altered: Home,
) -> None:
    position = first(altered, SignalRaised)
    gone = altered.log.entries.pop(position - 1)
    found = reproduce(altered.log, altered.journal).first_difference
    assert found is not None
    assert found.replayed == gone.event
    assert found.position == position + 1


def test_difference_when_an_event_was_added_at_the_end_then_the_replay_gives_nothing(
    altered: Home,
) -> None:
    last = altered.log.entries[-1]
    extra = msgspec.structs.replace(
        altered.events[first(altered, SignalRaised) - 1], stream_version=10_000
    )
    altered.log.entries.append(
        msgspec.structs.replace(last, position=last.position + 1, event=extra)
    )
    found = reproduce(altered.log, altered.journal).first_difference
    assert found is not None
    assert (found.position, found.recorded, found.replayed) == (last.position + 1, extra, None)


@pytest.mark.parametrize("day", [0, 1])
def test_journal_when_a_bar_of_a_sealed_day_was_changed_then_the_day_is_named(
    altered: Home, day: int
) -> None:
    altered.journal.bars["close"][1440 * day + 3] += 1.0
    found = reproduce(altered.log, altered.journal).first_difference
    assert found is not None
    assert isinstance(found.recorded, BarsSealed)
    assert isinstance(found.replayed, BarsSealed)
    assert (found.recorded.start, found.recorded.rows) == (START + day * DAY, 1440)
    assert found.recorded.sha256 != found.replayed.sha256
    assert f"the journal's bars of 2024-01-0{day + 1} are not those that were used" in str(found)


def test_journal_when_a_day_that_is_not_replayed_was_changed_then_that_is_no_difference(
    altered: Home,
) -> None:
    altered.journal.bars["close"][1440 + 3] += 1.0
    before = first(altered, BarsSealed)
    assert reproduce(altered.log, altered.journal, to=before).first_difference is None


def test_journal_when_bars_are_missing_then_the_day_is_named(altered: Home) -> None:
    altered.journal.bars = np.delete(altered.journal.bars, slice(20, 30))
    found = reproduce(altered.log, altered.journal).first_difference
    assert found is not None
    assert isinstance(found.replayed, BarsSealed)
    assert (found.replayed.rows, found.replayed.absent) == (1430, 10)


def test_journal_when_it_holds_more_bars_than_the_log_then_that_is_no_difference(
    altered: Home,
) -> None:
    altered.journal.append((random_bars(900, seed=1, start=int(BARS["timestamp"][-1]) + MINUTE),))
    result = reproduce(altered.log, altered.journal)
    assert (result.first_difference, result.count) == (None, altered.log.head())


def test_replay_when_a_strategy_is_unknown_then_those_there_are_named(home: Home) -> None:
    with pytest.raises(UnknownStrategies, match=r"'nobody', must be one of: other, scripted"):
        reproduce(home.log, home.journal, strategies=["nobody"])


@pytest.mark.parametrize("to", [0, -1, 10**9])
def test_replay_when_there_is_no_such_position_then_the_last_is_named(home: Home, to: int) -> None:
    with pytest.raises(PositionInvalid, match=f"to was {to}, .* 1 to {home.log.head()}"):
        reproduce(home.log, home.journal, to=to)


def test_replay_when_a_source_is_not_in_the_log_then_the_strategy_is_named(altered: Home) -> None:
    altered.log.blobs.clear()
    with pytest.raises(NotReproducible, match=r"scripted .* again: its source .* is not"):
        reproduce(altered.log, altered.journal)


def test_replay_when_a_source_no_longer_compiles_then_says_where(altered: Home) -> None:
    for digest in altered.log.blobs:
        altered.log.blobs[digest] = b"import os\n"
    with pytest.raises(NotReproducible, match="does not compile: line 1, column 1"):
        reproduce(altered.log, altered.journal)


def test_replay_when_the_log_is_no_homes_then_says_so(altered: Home) -> None:
    change(altered, 1, altered.events[first(altered, BarsSealed) - 1])
    with pytest.raises(NotReproducible, match=r"no home\.opened event"):
        reproduce(altered.log, altered.journal)


@pytest.mark.parametrize(
    ("stream", "strategy"),
    [
        ("home", None),
        ("market/binance/BTC-USDT", None),
        ("strategy/a", "a"),
        ("signals/a/2024-01", "a"),
        ("portfolio/paper/a/v1/B", "a"),
        ("portfolio/live/sim/a", "a"),
    ],
)
def test_stream_when_asked_whose_it_is_then_names_its_strategy(
    stream: str, strategy: str | None
) -> None:
    assert strategy_of(stream) == strategy
    assert Extent(strategies=frozenset("b")).concerns(stream) is (strategy is None)


def test_live_account_when_its_strategy_alone_is_replayed_then_is_replayed_too() -> None:
    home = Home(kernel=ScriptedKernel(), sources=(SOURCE, OTHER))
    home.feed(random_bars(400, seed=3))
    assert home.command("promote", "scripted", "p1").accepted
    home.feed(random_bars(100, seed=4, start=START + 400 * MINUTE))
    for names in (("scripted",), ("other",)):
        result = reproduce(home.log, home.journal, kernel=ScriptedKernel(), strategies=names)
        assert result.first_difference is None
        streams = {e.stream for e in home.events if strategy_of(e.stream) in names}
        assert any("live" in stream for stream in streams) is (names == ("scripted",))
