"""Stopping anywhere and starting again: nothing twice, nothing lost, nothing guessed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.engine_port import Command
from application.ports import Batch, Checkpoint, LogFailed
from application.replay import NotReproducible
from application.trading import (
    BarsLost,
    LogLost,
    OpeningStopped,
    StrategySource,
    Trader,
    TraderFailed,
)
from application.trading.checkpoint import packed, usable
from application.trading.kernel import EngineKernel
from domain.home import WrongFeed
from domain.portfolio.events import BreakerTripped, OrderPlaced, PositionClosed, RiskRefused
from domain.strategy.events import StrategyRegistered, VersionActivated
from kernels.errors import StrategyError
from tests.fakes import MemoryLog
from tests.trading_fakes import (
    DESCRIPTION,
    INSTRUMENT,
    MINUTE,
    SOURCE,
    START,
    MemoryJournal,
    Script,
    ScriptedKernel,
    flat_bars,
    random_bars,
)
from tests.trading_homes import Home

BARS = np.delete(random_bars(2_000, seed=5), [700, 701])


def undisturbed() -> list[bytes]:
    home = Home()
    home.feed(BARS)
    return home.lines()


def keep(home: Home) -> None:
    """The checkpoint is there."""


def lose_checkpoint(home: Home) -> None:
    home.log.saved = None


def spoil_checkpoint(home: Home) -> None:
    if home.log.saved is not None:
        home.log.saved = replace(home.log.saved, state=b"\x81\xa1x\x01")


def flip_checkpoint(home: Home) -> None:
    """One bit of the saved state is another: it still reads as a state."""
    if home.log.saved is not None:
        state = bytearray(home.log.saved.state)
        state[state.rindex(b"A")] ^= 1
        home.log.saved = replace(home.log.saved, state=bytes(state))


def forge_checkpoint(home: Home) -> None:
    """An account is richer than its own events say, in a checkpoint that is otherwise sound."""
    if home.log.saved is not None:
        saved = usable(home.log.saved, EngineKernel().identity, home.log.head())
        assert saved is not None
        account = saved.runs[0].accounts[0]
        richer = replace(account.portfolio, cash=account.portfolio.cash + 1)
        accounts = (replace(account, portfolio=richer), *saved.runs[0].accounts[1:])
        runs = (replace(saved.runs[0], accounts=accounts), *saved.runs[1:])
        home.log.saved = replace(home.log.saved, state=packed(replace(saved, runs=runs)))


def lose_last_step(home: Home) -> None:
    """A crash after the journal took a block and before the log did."""
    block = BARS[BARS["timestamp"] > (home.trader.last_bar or 0)][:37]
    if len(block):
        home.journal.append((block,))


FAULTS: dict[str, Callable[[Home], None]] = {
    "keep": keep,
    "lose": lose_checkpoint,
    "spoil": spoil_checkpoint,
    "flip": flip_checkpoint,
    "forge": forge_checkpoint,
    "crash": lose_last_step,
}


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(1, len(BARS)), st.sampled_from(sorted(FAULTS))), max_size=4))
def test_log_when_stopped_and_opened_again_anywhere_then_is_as_if_undisturbed(
    stops: list[tuple[int, str]],
) -> None:
    home = Home()
    for stop, fault in sorted(stops):
        left = BARS[:stop][BARS["timestamp"][:stop] > (home.trader.last_bar or 0)]
        home.feed(left)
        FAULTS[fault](home)
        home.open()
        assert home.trader.last_bar == home.journal.last()
    home.feed(BARS[BARS["timestamp"] > (home.trader.last_bar or 0)])
    assert home.lines() == undisturbed()


def test_home_when_the_kernel_changed_then_its_log_is_replayed_before_going_on() -> None:
    home = Home(ScriptedKernel())
    home.feed(flat_bars(500))
    before = home.lines()
    home.kernel = ScriptedKernel(identity="another, deciding the same")
    home.open()
    assert home.lines() == before
    home.kernel = ScriptedKernel(Script(oversize_at=3), "another, deciding otherwise")
    with pytest.raises(NotReproducible, match=r"event \d+ of the log is portfolio/paper"):
        home.open()
    assert home.lines() == before


def test_home_when_the_journal_lost_its_bars_then_is_refused_naming_the_event() -> None:
    home = Home()
    home.feed(BARS)
    home.log.saved = None
    home.journal = MemoryJournal(BARS[:100])
    with pytest.raises(
        NotReproducible, match="its inputs give nothing; bars that were used are not in"
    ):
        home.open()


@pytest.mark.parametrize("kept", [0, 100, len(BARS) - 1])
def test_home_when_the_journal_ends_before_the_checkpoint_then_is_refused(kept: int) -> None:
    home = Home()
    home.feed(BARS)
    before = home.lines()
    home.journal = MemoryJournal(BARS[:kept])
    with pytest.raises(BarsLost, match=f"up to {BARS['timestamp'][-1]}"):
        home.open()
    assert home.lines() == before


def test_home_when_the_log_is_gone_but_the_journal_is_there_then_is_refused() -> None:
    home = Home()
    home.feed(BARS[:100])
    home.log = MemoryLog()
    with pytest.raises(LogLost, match=f"bars up to {BARS['timestamp'][99]}"):
        home.open()
    assert home.lines() == []


@pytest.mark.parametrize("bit", [1, 2, 64])
def test_checkpoint_when_one_bit_of_it_changed_then_is_not_believed(bit: int) -> None:
    home = Home()
    home.feed(BARS)
    assert home.log.saved is not None
    whole = home.log.saved.state
    assert usable(home.log.saved, EngineKernel().identity, home.log.head()) is not None
    for place in range(0, len(whole), max(1, len(whole) // 50)):
        state = bytearray(whole)
        state[place] ^= bit
        flipped = Checkpoint(home.log.saved.last_bar, bytes(state))
        assert usable(flipped, EngineKernel().identity, home.log.head()) is None


@pytest.mark.parametrize(
    ("fault", "looks"), [("crash", 0), ("crash", 1), ("lose", 0), ("lose", 1), ("lose", 4)]
)
def test_opening_when_told_to_stop_then_it_stops_and_the_next_one_goes_on(
    fault: str, looks: int
) -> None:
    home = Home()
    home.feed(BARS[:1_200])
    if fault == "lose":
        home.log.saved = None
    home.journal.append((BARS[1_200:],))
    patience = iter([False] * looks)
    with pytest.raises(OpeningStopped):
        home.open(lambda: next(patience, True))
    home.open()
    assert home.lines() == undisturbed()


def test_log_when_it_was_put_back_from_an_older_copy_then_the_rest_is_taken_in_blocks() -> None:
    home = Home()
    home.feed(BARS[:50])
    home.log.saved = None
    home.journal.append((BARS[50:],))
    log = BatchSizes(home.log)
    home.log = log
    home.open()
    assert home.lines() == undisturbed()
    assert max(log.bars) <= 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("feed", "synthetic"),
        ("venue", "kraken"),
        ("timeframe", "5m"),
        ("data_digest", "1" * 64),
        ("instruments", (replace(INSTRUMENT, symbol="ETH-USDT"),)),
    ],
)
def test_home_when_opened_with_another_feed_then_is_refused_by_name(
    field: str, value: object
) -> None:
    home = Home()
    before = home.lines()
    other = replace(DESCRIPTION, **{field: value})
    with pytest.raises(WrongFeed, match=field.replace("instruments", "symbols")):
        Trader.open(home.log, home.journal, other, [SOURCE], START)
    assert home.lines() == before


@pytest.mark.parametrize("fault", [keep, lose_checkpoint])
def test_home_when_its_venue_changes_its_costs_then_goes_on_at_those_it_was_opened_at(
    fault: Callable[[Home], None],
) -> None:
    home = Home()
    home.feed(BARS[:900])
    fault(home)
    dearer = replace(INSTRUMENT, taker=INSTRUMENT.taker * 4, lot=INSTRUMENT.lot * 10)
    home.description = replace(DESCRIPTION, instruments=(dearer,))
    home.open()
    home.feed(BARS[900:])
    assert home.lines() == undisturbed()


def test_strategy_file_when_new_then_is_registered_at_the_next_bar_and_replays() -> None:
    home = Home()
    home.feed(BARS[:900])
    home.sources = (SOURCE, StrategySource("newcomer", SOURCE.text))
    home.open()
    registered = home.of(StrategyRegistered, "strategy/newcomer")
    activated = home.of(VersionActivated, "strategy/newcomer")
    expected = int(BARS["timestamp"][899]) + 60_000
    assert [event.effective_at for event in registered] == [expected]
    assert [e.from_bar for e in activated if isinstance(e, VersionActivated)] == [expected]
    home.feed(BARS[900:])
    assert home.of(PositionClosed, "portfolio/paper/newcomer/v1/A")
    home.log.saved = None
    before = home.lines()
    home.open()
    assert home.lines() == before


def test_strategy_file_when_changed_then_is_noticed_and_the_recorded_version_goes_on() -> None:
    home = Home()
    home.feed(BARS[:900])
    home.sources = (StrategySource("scripted", SOURCE.text.replace("3, 2, 50", "5, 2, 50")),)
    home.open()
    (notice,) = home.trader.notices
    assert "scripted" in notice
    assert "v1" in notice
    home.feed(BARS[900:])
    assert home.lines() == undisturbed()


def test_strategy_file_when_gone_then_the_home_trades_the_version_it_recorded() -> None:
    home = Home()
    home.feed(BARS[:900])
    home.sources = ()
    home.open()
    home.feed(BARS[900:])
    assert home.lines() == undisturbed()


def test_strategy_file_when_it_does_not_compile_then_nothing_is_written() -> None:
    home = Home()
    before = home.lines()
    home.sources = (SOURCE, StrategySource("broken", "import os\n"))
    with pytest.raises(StrategyError, match="line 1"):
        home.open()
    assert home.lines() == before


def test_log_when_another_writer_added_events_then_the_checkpoint_is_not_believed() -> None:
    home = Home()
    home.feed(BARS)
    last = home.of(PositionClosed)[-1]
    stranger = replace(last, stream_version=len(home.log.by_stream[last.stream]) + 1)
    home.log.append(Batch(events=[stranger]))
    with pytest.raises(NotReproducible):
        home.open()


@pytest.mark.parametrize("lie", ["net", "size"])
def test_account_when_kernel_and_domain_disagree_then_is_stopped_in_every_partition(
    lie: str,
) -> None:
    homes = []
    bars = flat_bars(120)
    for cuts in ([], [14], [13, 15], [16, 17, 60], range(120)):
        script = Script(lie_at=4) if lie == "net" else Script(oversize_at=4)
        home = Home(ScriptedKernel(script))
        home.feed(bars, cuts)
        homes.append(home)
    assert len({tuple(home.lines()) for home in homes}) == 1
    home = homes[0]
    (trip,) = home.of(BreakerTripped)
    assert isinstance(trip, BreakerTripped)
    assert (trip.code, trip.until) == ("RISK_DISAGREEMENT", None)
    assert trip.stream.endswith("/B")
    assert max(e.occurred_at for e in home.of(OrderPlaced, trip.stream)) <= trip.occurred_at
    assert len(home.of(PositionClosed, trip.stream[:-1] + "A")) == 39
    if lie == "size":
        assert [e.code for e in home.of(RiskRefused) if isinstance(e, RiskRefused)] == [
            "RISK_MARGIN_FRACTION"
        ]
    before = home.lines()
    home.open()
    home.feed(flat_bars(20, start=int(bars["timestamp"][-1]) + 60_000))
    assert home.lines()[: len(before)] == before
    assert max(e.occurred_at for e in home.of(OrderPlaced, trip.stream)) <= trip.occurred_at


class BatchSizes(MemoryLog):
    """A log that remembers how far apart in market time, in bars, the events of a batch are."""

    def __init__(self, before: MemoryLog) -> None:
        super().__init__([entry.event for entry in before.entries])
        self.blobs = before.blobs
        self.bars: list[int] = []

    def append(self, batch: Batch) -> int:
        if hasattr(self, "bars"):
            times = [event.occurred_at for event in batch.events]
            self.bars.append((max(times) - min(times)) // MINUTE if times else 0)
        return super().append(batch)


class FullLog(MemoryLog):
    """A log whose disk is full from its n-th batch on."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def append(self, batch: Batch) -> int:
        self.left -= 1
        if self.left < 0:
            raise LogFailed("disk full")
        return super().append(batch)


def test_trader_when_a_step_failed_then_takes_nothing_more_until_the_home_is_opened_again() -> None:
    home = Home(ScriptedKernel())
    log = FullLog(2)
    journal = MemoryJournal()
    trader = Trader.open(log, journal, DESCRIPTION, [SOURCE], START, kernel=ScriptedKernel())
    bars = flat_bars(400)
    trader.step((bars[:200],)).result()
    with pytest.raises(LogFailed):
        trader.execute(
            Command(name="pause", strategy="scripted", actor="operator:ann", command_id="c1")
        )
    with pytest.raises(TraderFailed, match="disk full"):
        trader.step((bars[200:],))
    log.left = 100
    trader = Trader.open(log, journal, DESCRIPTION, [SOURCE], START, kernel=ScriptedKernel())
    trader.step((bars[200:],)).result()
    home.feed(bars, [200])
    assert [entry.event for entry in log.entries] == home.events
