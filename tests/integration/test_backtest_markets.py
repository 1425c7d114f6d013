"""A backtest on several symbols is paper trading on them, on every backend, to the last digit."""

import json
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.report.page import page
from application.backtest import SymbolTwice, run, run_market
from application.ports import Stretch
from application.report import BacktestRun, Request
from application.trading import StrategySource
from domain.event import Event
from domain.limits import effective
from domain.money import to_units
from domain.portfolio.events import OrderFilled, PositionClosed
from infrastructure.feeds.market import Market
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import open_synthetic
from kernels.dtypes import INTENTS
from kernels.program import compile_strategy
from kernels.trades import SYMBOL_TRADE
from tests.feed_bars import made_bars, write_bars
from tests.page_reader import read
from tests.report_markets import (
    SYMBOLS,
    MemoryMarket,
    description_of,
    instrument_of,
    stretch_of,
)
from tests.report_runs import PROGRAM, SOURCE
from tests.sweep_runs import wants
from tests.trading_homes import Home

BARS = 4_000
D = Decimal


def traded(stretch: Stretch, **asked: Any) -> BacktestRun:
    market = MemoryMarket(stretch)
    request = Request(**{"parameters": {}, "sleeve": "B", "regimes": True} | asked)
    return run_market(PROGRAM, market, market.describe().instruments, effective(), request)


def closed(events: list[Event], account: str) -> Iterator[tuple[PositionClosed, Decimal]]:
    """Trades of an account in the log, each with the price of its last fill."""
    fills: dict[str, Decimal] = {}
    for event in events:
        if event.stream == account and isinstance(event, OrderFilled):
            fills[event.symbol] = event.price
        if event.stream == account and isinstance(event, PositionClosed):
            yield event, fills[event.symbol]


def layout(events: list[Event], account: str) -> Any:
    """The trades of the log in the layout that a digest is taken of."""
    rows = []
    for event, left_at in closed(events, account):
        instrument = instrument_of(event.symbol)
        money = (event.gross, event.fees, event.slippage, event.funding, event.net)
        rows.append(
            (
                event.entry_at,
                event.exit_at,
                1 if event.side == "long" else -1,
                int(event.quantity / instrument.lot),
                int(event.entry_price / instrument.tick),
                int(left_at / instrument.tick),
                *map(to_units, money),
                INTENTS.index(event.reason),
                SYMBOLS.index(event.symbol),
            )
        )
    return np.array(rows, SYMBOL_TRADE)


@pytest.mark.parametrize("sleeve", ["A", "B"])
def test_backtest_when_it_trades_several_symbols_then_it_is_paper_trading_on_them(
    sleeve: str,
) -> None:
    stretch = stretch_of(BARS, symbols=3)
    home = Home(sources=[StrategySource("cross", SOURCE)], description=description_of())
    home.trader.step(stretch).result()
    paper = layout(home.events, f"portfolio/paper/cross/v1/{sleeve}")
    found = traded(stretch, sleeve=sleeve)
    assert len(paper) == found.report.metrics.trades >= 30
    assert [to_units(trade.net) for trade in found.trades] == paper["net"].tolist()
    assert [SYMBOLS.index(trade.symbol) for trade in found.trades] == paper["symbol"].tolist()
    assert len(set(paper["symbol"].tolist())) == 3
    assert sha256(paper.tobytes()).hexdigest() == found.report.trades_digest


@pytest.mark.parametrize("backend", ["lanes", "opencl"])
def test_backtest_when_it_trades_several_symbols_then_every_backend_gives_the_same(
    backend: str,
) -> None:
    if backend == "opencl":
        wants("opencl")
    stretch = stretch_of(2_000)
    ours, theirs = traded(stretch), traded(stretch, backend=backend)
    assert ours.trades == theirs.trades
    for name in ("trades_digest", "state_digest", "trips", "refusals"):
        assert getattr(ours.report, name) == getattr(theirs.report, name)


def test_backtest_when_a_market_has_one_symbol_then_is_the_one_of_its_feed() -> None:
    feed = open_synthetic(seed=4, bars=3_000)
    request = Request(parameters={}, sleeve="B", regimes=True)
    instrument = feed.describe().instruments[0]
    alone = run(PROGRAM, feed, instrument, effective(), request)
    stretch = (made_bars(3_000, 4),)
    market = MemoryMarket(stretch, feed.describe())
    joined = run_market(PROGRAM, market, [instrument], effective(), request)
    feed.close()
    assert joined.trades == alone.trades
    for name in ("symbol", "trades_digest", "state_digest", "figures", "bars"):
        assert getattr(joined.report, name) == getattr(alone.report, name)


def test_trades_when_symbols_take_turns_then_each_is_told_with_its_own_entry() -> None:
    found = traded(stretch_of(BARS, symbols=3))
    for symbol in SYMBOLS:
        own = [trade for trade in found.trades if trade.symbol == symbol]
        assert own
        for before, after in pairwise(own):
            assert before.entry_at <= before.exit_at <= after.entry_at
    orders = [trade.entry_at for trade in found.trades]
    assert orders != sorted(orders)  # so pairing all symbols in one order would have mixed them up
    groups = found.report.figures.breakdowns["symbol"]
    assert [group.key for group in groups] == sorted(SYMBOLS)
    assert sum(group.trades for group in groups) == len(found.trades)
    assert sum((group.net for group in groups), D(0)) == found.report.metrics.net_profit
    assert found.report.symbol == ", ".join(SYMBOLS)


def test_regimes_when_symbols_are_several_then_each_trade_has_that_of_its_own() -> None:
    stretch = stretch_of(BARS, symbols=2)
    several = traded(stretch)
    lonely = traded((stretch[1], stretch[0][:1]))  # the second symbol, first
    labels = {t.entry_at: t.regime for t in several.trades if t.symbol == SYMBOLS[1]}
    compared = [t for t in lonely.trades if t.symbol == SYMBOLS[0] and t.entry_at in labels]
    assert len(compared) >= 5
    assert all(trade.regime == labels[trade.entry_at] for trade in compared)


def test_backtest_when_a_symbol_comes_twice_then_is_refused() -> None:
    market = MemoryMarket(stretch_of(10), description_of(("BTC-USDT", "BTC-USDT")))
    request = Request(parameters={}, sleeve="B")
    with pytest.raises(SymbolTwice, match="BTC-USDT was named twice"):
        run_market(PROGRAM, market, market.describe().instruments, effective(), request)


def test_page_when_symbols_are_several_then_they_can_be_chosen_and_trades_name_theirs() -> None:
    found = traded(stretch_of(BARS, symbols=3))
    text = page(found)
    seen = read(text)
    options = [attrs["value"] for tag, attrs in seen.seen if tag == "option"]
    assert options == ["0", "1", "2"]
    assert "Symbol" in seen.words
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert [chart["symbol"] for chart in data["charts"]] == list(SYMBOLS)
    assert len(data["trades"]) == len(found.trades)
    for place, entry, left, _, paid, got, *_ in data["trades"]:
        for candle, price in ((entry, paid), (left, got)):
            _, _, high, low, _ = data["charts"][place]["prices"][candle]
            assert low * 0.998 <= price <= high * 1.002  # but for slippage of 0.1 %


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("candles")
    for n, symbol in enumerate(SYMBOLS[:2]):
        write_bars(directory, f"binance_{symbol}_1m.parquet", made_bars(6_000, seed=5 + n))
    (directory / "cross.py").write_text(SOURCE)
    return directory


def ask(candles: Path, *more: object) -> Any:
    where = ("--data", candles, "--venue", "binance")
    words = ("backtest", candles / "cross.py", *where, *more)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_command_when_symbols_are_several_then_one_account_trades_them(candles: Path) -> None:
    both = ("--symbol", "BTC/USDT", "--symbol", "ETH/USDT")
    told = json.loads(ask(candles, *both, "--trades", "--json").stdout)
    assert told["symbols"] == ["BTC-USDT", "ETH-USDT"]
    assert told["bars"] == 12_000
    assert {trade["symbol"] for trade in told["trades"]} == {"BTC-USDT", "ETH-USDT"}
    shown = ask(candles, *both, "--trades", "--report", candles / "out.html").stdout
    assert "BTC-USDT, ETH-USDT" in shown
    assert "│ Symbol" in shown or "┃ Symbol" in shown
    assert "cross on BTC-USDT, ETH-USDT" in (candles / "out.html").read_text()
    one = json.loads(ask(candles, "--symbol", "BTC/USDT", "--json").stdout)
    assert one["symbol"] == "BTC-USDT"
    refused = ask(candles, "--symbol", "BTC/USDT", "--symbol", "BTC/USDT")
    assert "named once" in str(refused.exception)


def test_recorded_market_when_traded_then_holds_every_bar_of_every_symbol(
    real_data: Path,
) -> None:
    start, end = 1_740_787_200_000, 1_743_465_600_000  # March 2025
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    feeds = [open_recorded(real_data, "binance", name, "5m", start, end) for name in names]
    market = Market(feeds)
    request = Request(parameters={}, sleeve="B", start=start, end=end)
    program = compile_strategy(SOURCE, "cross")
    found = run_market(program, market, market.describe().instruments, effective(), request)
    market.close()
    assert found.report.bars == 3 * 31 * 288
    assert {trade.symbol for trade in found.trades} == {"BTC-USDT", "ETH-USDT", "SOL-USDT"}
