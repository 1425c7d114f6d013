"""Accounts on several symbols, traded on paper: one log, however the bars came."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from application.ports import Bars, Stretch, moments
from application.replay import reproduce
from application.trading.arriving import BadBars
from application.trading.desk import SymbolsRefused
from application.trading.kernel import EngineKernel
from domain.event import Event
from domain.market import BarsSealed, FeedGap
from domain.portfolio.events import (
    BreakerTripped,
    EquityMarked,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
    PositionOpened,
    RiskRefused,
)
from domain.signals import SignalRaised
from kernels.backends import opencl_choice
from projections.paging import Paging
from projections.queries import Queries
from tests.fakes import MemoryLog
from tests.safety_homes import CALM, WILD, audited
from tests.trading_fakes import DAY, DESCRIPTION, INSTRUMENT, MINUTE, START, random_bars
from tests.trading_homes import Home
from tests.view_tables import projected

SYMBOLS = ("ADA-USDT", "BTC-USDT", "ETH-USDT")
THREE = replace(
    DESCRIPTION, instruments=tuple(replace(INSTRUMENT, symbol=symbol) for symbol in SYMBOLS)
)
COUNT = 1_700
SOURCES = (WILD, CALM)


@cache
def stretch(count: int = COUNT) -> Stretch:
    """Three walks of a minute, each with holes of its own; the last begins late."""
    parts = []
    for seed in range(3):
        bars = random_bars(count, seed + 11)
        kept = np.random.default_rng(seed).random(count) < 0.95
        parts.append(bars[kept])
    late = int(START + 0.1 * count * MINUTE)
    parts[2] = parts[2][parts[2]["timestamp"] > late]
    parts[0] = parts[0][parts[0]["timestamp"] < START + 0.9 * count * MINUTE]
    return tuple(parts)


def cut(bars: Stretch, cuts: Iterable[int]) -> list[Stretch]:
    """The stretch in parts, cut before some of its moments."""
    times = moments(bars)
    bounds = [0, *(int(times[at]) for at in cuts), 2**62]
    found = []
    for low, high in pairwise(bounds):
        inside = [b[(b["timestamp"] >= low) & (b["timestamp"] < high)] for b in bars]
        found.append(tuple(inside))
    return [each for each in found if len(moments(each))]


def home(**settings: Any) -> Home:
    return Home(description=THREE, sources=SOURCES, **settings)


def fed(parts: Sequence[Stretch], **settings: Any) -> Home:
    made = home(**settings)
    for part in parts:
        made.trader.step(part).result()
    return made


@cache
def undisturbed() -> Home:
    return fed([stretch()])


def symbols_of(events: Iterable[Event]) -> set[str]:
    return {event.symbol for event in events if hasattr(event, "symbol")}


def test_account_when_on_several_symbols_then_trades_all_of_them_and_every_limit_counts() -> None:
    made = undisturbed()
    for kind in (SignalRaised, OrderPlaced, OrderFilled, PositionOpened, PositionClosed):
        assert symbols_of(made.of(kind)) == set(SYMBOLS), kind
    assert made.of(BreakerTripped)
    assert made.of(RiskRefused)
    for account in {event.stream for event in made.of(PositionClosed)}:
        held: set[str] = set()
        most = 0
        for event in made.of(PositionOpened | PositionClosed, account):  # type: ignore[arg-type]
            (held.add if isinstance(event, PositionOpened) else held.discard)(event.symbol)  # type: ignore[attr-defined]
            most = max(most, len(held))
        assert most > 1, account  # together, in one account


def test_account_when_on_several_symbols_then_orders_name_the_signal_of_their_symbol() -> None:
    made = undisturbed()
    signals = {e.event_id: e for e in made.of(SignalRaised) if isinstance(e, SignalRaised)}
    entries = [
        e
        for e in made.of(OrderPlaced) + made.of(RiskRefused)
        if isinstance(e, RiskRefused) or (isinstance(e, OrderPlaced) and e.intent == "entry")
    ]
    assert len(entries) > 100
    for entry in entries:
        signal = signals[entry.causation_id]
        assert (signal.symbol, signal.correlation_id) == (entry.symbol, entry.correlation_id)  # type: ignore[attr-defined]


def test_log_when_bars_come_in_other_blocks_then_is_the_same() -> None:
    lines = undisturbed().lines()
    for cuts in ([1, 2, 3, 700], [255, 256, 999, 1000, 1001], range(0, 1490, 61)):
        assert fed(cut(stretch(), cuts)).lines() == lines


def test_home_when_opened_again_between_blocks_then_goes_on_where_it_was() -> None:
    made = home()
    for number, part in enumerate(cut(stretch(), range(150, 1500, 150))):
        if number % 3 == 2:  # the bars were journalled, the step was not taken
            made.journal.append(part)
        else:
            made.trader.step(part).result()
        if number % 2:
            made.log.saved = None  # no checkpoint: the desk is rebuilt from the log
        made.open()
    assert made.lines() == undisturbed().lines()


@pytest.mark.parametrize("backend", ["lanes", "opencl"])
def test_log_when_another_backend_trades_then_is_the_same(backend: str) -> None:
    try:
        if backend == "opencl":
            opencl_choice.chosen()
    except opencl_choice.NoDevice as missing:
        pytest.skip(str(missing))
    short = cut(stretch(), [600])[:1]
    assert fed(short, kernel=EngineKernel(backend)).lines() == fed(short).lines()


def test_log_when_replayed_and_audited_then_follows_from_its_bars() -> None:
    made = undisturbed()
    result = reproduce(made.log, made.journal)
    assert result.first_difference is None
    assert (result.count, result.bars) == (len(made.events), len(moments(stretch())))
    report = audited(made)
    assert report.first is None
    assert report.entries > 100
    assert report.trips > 0
    assert report.refusals > 0


@pytest.mark.parametrize("symbol", range(3))
def test_replay_when_a_bar_of_any_symbol_is_changed_then_names_the_day(symbol: int) -> None:
    made = undisturbed()
    altered = fed([stretch()])
    altered.journal.stretch[symbol]["close"][300] += 1.0
    found = reproduce(altered.log, altered.journal).first_difference
    assert found is not None
    assert "bars of 2024-01-01 are not those that were used" in str(found)
    assert audited(altered).first is not None
    assert reproduce(made.log, made.journal).first_difference is None


def test_market_when_days_end_then_each_symbol_is_sealed_and_its_gaps_told() -> None:
    made = undisturbed()
    for symbol in SYMBOLS:
        seals = [e for e in made.of(BarsSealed) if isinstance(e, BarsSealed) and e.symbol == symbol]
        assert [seal.end for seal in seals] == [START + DAY]
        assert seals[0].rows + seals[0].absent == (seals[0].end - seals[0].start) // MINUTE
    assert symbols_of(made.of(FeedGap)) <= set(SYMBOLS)


def test_account_when_another_symbol_has_no_bars_then_trades_as_if_it_were_not_there() -> None:
    bars = random_bars(1_000, 5)
    nothing = bars[:0]
    alone = Home(sources=SOURCES)
    alone.trader.step((bars,)).result()
    beside = fed([(nothing, bars, nothing)])
    assert len(alone.events) > 300

    def told(made: Home) -> list[Event]:
        return [
            replace(e, stream_version=0, causation_id="")
            for e in made.events
            if not isinstance(e, EquityMarked) and e.stream.startswith(("portfolio", "strategy"))
        ]

    assert told(beside) == told(alone)
    marks = [(e.cash, e.unrealised) for e in beside.of(EquityMarked)]  # type: ignore[attr-defined]
    assert marks == [(e.cash, e.unrealised) for e in alone.of(EquityMarked)]  # type: ignore[attr-defined]


def test_mark_when_on_several_symbols_then_tells_the_closes_of_what_is_held() -> None:
    made = undisturbed()
    held: dict[str, set[str]] = {}
    many = 0
    for event in made.events:
        if isinstance(event, PositionOpened):
            held.setdefault(event.stream, set()).add(event.symbol)
        elif isinstance(event, PositionClosed):
            held[event.stream].discard(event.symbol)
        elif isinstance(event, EquityMarked):
            assert event.price is None
            assert set(event.prices) == held.get(event.stream, set())
            many += len(event.prices) > 1
    assert many


def test_operator_when_all_is_flattened_then_every_symbol_is_closed_at_its_next_open() -> None:
    at = busy_moment() + 1
    first, then, _ = cut(stretch(), [at, at + 20])
    made = fed([first])
    before = open_positions(made)
    assert len({symbol for _, symbol in before}) > 1
    made.command("flatten", "", "now")
    made.trader.step(then).result()
    assert open_positions(made) == set()
    assert audited(made).first is None
    assert reproduce(made.log, made.journal).first_difference is None


def busy_moment() -> int:
    """The index of a moment at which an account with several symbols was marked."""
    times = moments(stretch()).tolist()
    marks = [e for e in undisturbed().of(EquityMarked) if isinstance(e, EquityMarked)]
    busy = [mark for mark in marks if len(mark.prices) > 1]
    return times.index(busy[len(busy) // 2].occurred_at - MINUTE)


def open_positions(made: Home) -> set[tuple[str, str]]:
    held: set[tuple[str, str]] = set()
    for event in made.events:
        if isinstance(event, PositionOpened):
            held.add((event.stream, event.symbol))
        elif isinstance(event, PositionClosed):
            held.discard((event.stream, event.symbol))
    return held


def test_views_when_several_symbols_are_held_then_each_is_valued_at_its_own_close(
    tmp_path: Path,
) -> None:
    made = fed(cut(stretch(), [busy_moment() + 1])[:1])
    held = open_positions(made)
    assert len({symbol for _, symbol in held}) > 1
    marks = {e.stream: e for e in made.of(EquityMarked) if isinstance(e, EquityMarked)}
    path = tmp_path / "views.db"
    projected(made.log, path)
    with Queries(path, made.log) as queries:
        rows = queries.positions(status="open", paging=Paging(first=100)).items
        shown = {(p.account, p.symbol): p for p in rows}
        worth: dict[str, Decimal] = {}
        assert set(shown) == held
        for (account, symbol), position in shown.items():
            assert position.mark_price == marks[account].close_of(symbol)
            if position.open_pnl is not None:
                worth[account] = worth.get(account, Decimal(0)) + position.open_pnl
        figures = {p.account: p for p in queries.performance()}
        for account, pnl in worth.items():
            assert figures[account].open_pnl == pnl


def test_feed_when_its_symbols_cannot_be_held_together_then_is_refused() -> None:
    many = tuple(replace(INSTRUMENT, symbol=f"S{n}-USDT") for n in range(17))
    with pytest.raises(SymbolsRefused, match="must be 1 to 16"):
        Home(description=replace(DESCRIPTION, instruments=many))
    with pytest.raises(SymbolsRefused, match="symbols were BTC-USDT, BTC-USDT, each must be named"):
        Home(description=replace(DESCRIPTION, instruments=(INSTRUMENT, INSTRUMENT)))


def test_bars_when_one_symbol_is_wrong_then_names_it_and_nothing_is_taken() -> None:
    made = fed(cut(stretch(), [50])[:1])
    before = made.lines()
    good: list[Bars] = [part.copy() for part in cut(stretch(), [50, 60])[1]]
    good[1]["close"][2] = np.nan
    with pytest.raises(BadBars, match=r"BTC-USDT: close of the bar at .* was nan, must be finite"):
        made.trader.step(tuple(good))
    with pytest.raises(BadBars, match="bars were of 2 symbols, must be of ADA-USDT, BTC-USDT, ETH"):
        made.trader.step(tuple(good[:2]))
    assert made.lines() == before
    assert isinstance(made.log, MemoryLog)
