"""One pipeline: the log follows from bars and inputs, not from how they arrived."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.engine_port import CommandName
from application.ports import FeedFinished
from application.replay import reproduce
from application.trading import BadBars, StrategySource, Trader
from domain.event import Event
from domain.ids import step_bar
from domain.limits import effective
from domain.portfolio.events import (
    AccountOpened,
    EquityMarked,
    FundingPaid,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
    PositionOpened,
)
from domain.portfolio.state import Portfolio
from domain.portfolio.state import evolve as evolve_account
from domain.signals import SignalRaised
from domain.strategy.state import Strategy
from domain.strategy.state import evolve as evolve_strategy
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import open_synthetic
from infrastructure.home_journal import open_journal
from infrastructure.store.log import SqliteEventLog
from tests.trading_fakes import DESCRIPTION, MINUTE, SOURCE, START, random_bars
from tests.trading_homes import Home

ROOT = Path(__file__).resolve().parents[2]
BARS = np.delete(random_bars(3_000, seed=4), [100, 1437, 1438, 1439, 1440, 2000, 2001])
SECOND = StrategySource("another", SOURCE.text.replace('timeframe("1m")', 'timeframe("15m")'))
COMMANDS: tuple[CommandName, ...] = ("pause", "resume", "promote", "demote")


def whole() -> Home:
    home = Home(sources=(SOURCE, SECOND))
    home.feed(BARS)
    return home


@pytest.fixture(scope="module")
def undisturbed() -> Home:
    return whole()


@settings(max_examples=12)
@given(st.lists(st.integers(0, len(BARS)), max_size=12))
def test_log_when_bars_come_in_any_blocks_then_is_the_same_to_the_byte(
    undisturbed: Home, cuts: list[int]
) -> None:
    home = Home(sources=(SECOND, SOURCE))
    home.feed(BARS, cuts)
    assert home.lines() == undisturbed.lines()


def test_log_when_every_bar_waits_for_the_one_before_then_is_the_same(undisturbed: Home) -> None:
    home = Home(sources=(SOURCE, SECOND))
    for index in range(len(BARS)):
        position = home.trader.step((BARS[index : index + 1],)).result()
        assert position == home.log.head()
    assert home.lines() == undisturbed.lines()


def test_log_when_trading_goes_on_then_holds_trades_of_every_account(undisturbed: Home) -> None:
    accounts = {event.stream for event in undisturbed.of(AccountOpened)}
    assert accounts == {
        f"portfolio/paper/{name}/v1/{sleeve}" for name in ("another", "scripted") for sleeve in "AB"
    }
    for stream in accounts:
        assert len(undisturbed.of(PositionClosed, stream)) > 20
        assert len(undisturbed.of(EquityMarked, stream)) >= len(BARS) // 60


def test_causes_when_followed_then_lead_from_trade_to_signal(undisturbed: Home) -> None:
    by_id = {event.event_id: event for event in undisturbed.events}
    opened = undisturbed.of(PositionOpened)
    assert opened
    for position in opened:
        fill = by_id[position.causation_id]
        order = by_id[fill.causation_id]
        signal = by_id[order.causation_id]
        assert isinstance(fill, OrderFilled)
        assert isinstance(order, OrderPlaced)
        assert isinstance(signal, SignalRaised)
        assert signal.occurred_at == order.occurred_at <= fill.occurred_at
    for event in undisturbed.events:
        bar = step_bar(event.correlation_id)
        if bar is not None:
            assert event.occurred_at in (bar, bar + MINUTE)
            assert not event.causation_id or event.causation_id in by_id


def test_states_when_folded_from_the_log_then_equal_those_traded_on(undisturbed: Home) -> None:
    desk = undisturbed.trader._desk
    accounts = [account for run in desk.runs for account in run.accounts if account.is_open]
    assert len(accounts) == 4
    for account in accounts:
        state = Portfolio(stream=account.portfolio.stream)
        for event in undisturbed.log.stream(state.stream):
            state = evolve_account(state, event)
        assert state == account.portfolio
        closed = undisturbed.of(PositionClosed, state.stream)
        nets = [e.net for e in closed if isinstance(e, PositionClosed)]
        held = state.position("BTC-USDT")
        fees = Decimal(0) if held is None else held.fees + held.funding
        assert state.cash == state.capital + sum(nets, Decimal(0)) - fees
    for strategy in desk.strategies.values():
        folded = Strategy(stream=strategy.stream)
        for event in undisturbed.log.stream(strategy.stream):
            folded = evolve_strategy(folded, event)
        assert folded == strategy


def test_log_when_reproduced_from_its_inputs_then_every_event_is_equal(undisturbed: Home) -> None:
    result = reproduce(undisturbed.log, undisturbed.journal)
    assert result.first_difference is None
    assert result.count == undisturbed.log.head()


def test_reproduction_when_one_event_was_changed_then_names_it(undisturbed: Home) -> None:
    home = whole()
    index = next(i for i, e in enumerate(home.events) if isinstance(e, PositionClosed))
    entry = home.log.entries[index]
    assert isinstance(entry.event, PositionClosed)
    changed = msgspec.structs.replace(entry.event, net=entry.event.net + Decimal("0.00000001"))
    home.log.entries[index] = msgspec.structs.replace(entry, event=changed)
    difference = reproduce(home.log, home.journal).first_difference
    assert difference is not None
    assert difference.position == index + 1
    assert entry.event.event_id in str(difference)


def test_reproduction_when_a_bar_was_changed_then_differs(undisturbed: Home) -> None:
    home = whole()
    home.journal.bars["close"][500] += 5.0
    assert reproduce(home.log, home.journal).first_difference is not None


@settings(max_examples=10)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(BARS) - 1),
            st.sampled_from(COMMANDS),
            st.sampled_from(["another", "scripted", "nobody"]),
            st.one_of(st.none(), st.integers(1, 600)),
        ),
        max_size=10,
    ),
    st.lists(st.integers(0, len(BARS)), max_size=6),
)
def test_run_when_commands_come_at_random_then_is_reproduced_by_its_own_inputs(
    orders: list[tuple[int, CommandName, str, int | None]], cuts: list[int]
) -> None:
    home, again = (
        run_with(orders, [at for at, *_ in orders]),
        run_with(orders, [*cuts, *(at for at, *_ in orders)]),
    )
    assert again.lines() == home.lines()
    result = reproduce(home.log, home.journal)
    assert result.first_difference is None
    assert result.count == home.log.head()


def run_with(orders: Sequence[tuple[int, CommandName, str, int | None]], cuts: list[int]) -> Home:
    home = Home(sources=(SOURCE, SECOND))
    stops = sorted({0, *cuts, len(BARS)})
    for first, end in pairwise(stops):
        for number, (at, name, strategy, minutes) in enumerate(orders):
            if at == first:
                after = home.trader.last_bar or START
                until = None if minutes is None else after + minutes * MINUTE
                home.command(name, strategy, f"c{number}", until)
        home.trader.step((BARS[first:end],)).result()
    return home


def test_step_when_bars_do_not_continue_then_is_refused_and_nothing_is_written() -> None:
    home = Home()
    home.feed(BARS[:10])
    before = home.lines()
    with pytest.raises(BadBars, match="must be after"):
        home.trader.step((BARS[5:12],))
    with pytest.raises(BadBars, match="order"):
        home.trader.step((BARS[20:10:-1],))
    late = BARS[12:13].copy()
    late["timestamp"] += 1
    with pytest.raises(BadBars, match="multiple of 60000"):
        home.trader.step((late,))
    assert home.lines() == before
    assert len(home.journal.bars) == 10


def shipped() -> list[StrategySource]:
    files = sorted((ROOT / "strategies").glob("*.py"))
    return [StrategySource(file.stem, file.read_text()) for file in files]


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
@pytest.mark.parametrize("enforced", [True, False])
def test_shipped_strategies_when_traded_then_domain_and_kernel_agree_on_every_figure(
    symbol: str, enforced: bool
) -> None:
    feed = open_synthetic(symbol, seed=3, bars=60_000)
    bars = feed.read(-1, 60_000, 1.0)
    limits = msgspec.structs.replace(effective(), enforced=enforced)
    home = Home(
        sources=shipped(),
        limits=limits,
        description=feed.describe(),
        first_bar=int(bars["timestamp"][0]),
    )
    while len(bars):
        home.feed(bars, range(1_000, len(bars), 1_000))
        after = home.trader.last_bar or 0
        try:
            bars = feed.read(after, 60_000, 1.0)
        except FeedFinished:
            break
    assert not [e for e in home.events if code(e) == "RISK_DISAGREEMENT"]
    for source in home.sources:
        assert home.of(PositionClosed, f"portfolio/paper/{source.name}/v1/A")
        assert home.of(PositionClosed, f"portfolio/paper/{source.name}/v1/B")
    assert bool(home.of(FundingPaid)) == symbol.endswith(":USDT")


def test_real_candles_when_traded_then_domain_and_kernel_agree_on_every_figure(
    real_data: Path,
) -> None:
    feed = open_recorded(real_data, "binance", "BTC/USDT", "1m")
    bars = feed.read(-1, 1_000, 1.0)
    home = Home(sources=shipped(), description=feed.describe(), first_bar=int(bars["timestamp"][0]))
    for _ in range(200):
        home.trader.step((bars,)).result()
        bars = feed.read(home.trader.last_bar or 0, 1_000, 1.0)
    assert not [e for e in home.events if code(e) == "RISK_DISAGREEMENT"]
    assert len(home.of(PositionClosed)) > 500
    assert reproduce(home.log, home.journal).first_difference is None


def test_home_on_disk_when_stopped_and_opened_again_then_its_log_is_that_of_memory(
    tmp_path: Path, undisturbed: Home
) -> None:
    stored: list[bytes] = []
    for part in np.split(BARS, [1, 900, 1_700]):
        log, journal = SqliteEventLog(tmp_path / "log.db"), open_journal(tmp_path, ["BTC-USDT"])
        trader = Trader.open(log, journal, DESCRIPTION, (SOURCE, SECOND), START)
        trader.step((part,)).result()
        assert log.checkpoint() is not None
        entries = log.read(0, 100_000)
        stored = [
            f"{e.event.stream} {e.event.TOPIC} ".encode() + msgspec.json.encode(e.event)
            for e in entries
        ]
        journal.close()
        log.close()
    seals = b"market.bars_sealed"
    assert [line for line in stored if seals not in line] == [
        line for line in undisturbed.lines() if seals not in line
    ]
    assert len(stored) == len(undisturbed.lines())


def code(event: Event) -> str:
    return str(getattr(event, "code", ""))
