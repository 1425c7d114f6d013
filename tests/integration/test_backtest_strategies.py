"""The shipped strategies, with limits off: a limit could hide a strategy that never trades."""

from pathlib import Path

import msgspec
import pytest

from application.backtest import BacktestReport, EmptyRange, backtest
from application.ports import Feed
from domain.limits import effective
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import open_synthetic
from kernels.errors import UnknownBackend
from tests.kernel_runs import STRATEGIES, program_of

UNLIMITED = msgspec.structs.replace(effective(), enforced=False)
ENOUGH = 300  # trades in two years
MADE_BARS = 200_000


def run(path: Path, feed: Feed, sleeve: str) -> BacktestReport:
    instrument = feed.describe().instruments[0]
    try:
        return backtest(program_of(path), feed, instrument, UNLIMITED, parameters={}, sleeve=sleeve)
    finally:
        feed.close()


@pytest.mark.parametrize("sleeve", ["A", "B"])
@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_strategy_when_run_over_two_recorded_years_then_trades_often_enough_to_be_judged(
    path: Path, sleeve: str, real_data: Path
) -> None:
    report = run(path, open_recorded(real_data, "binance", "BTC/USDT", "1m"), sleeve)
    assert report.bars == 1_051_200
    assert report.metrics.trades >= ENOUGH


@pytest.mark.parametrize("sleeve", ["A", "B"])
@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_strategy_when_run_over_made_bars_then_trades_both_ways_and_sums_up(
    path: Path, sleeve: str
) -> None:
    report = run(path, open_synthetic(seed=3, bars=MADE_BARS), sleeve)
    found = report.metrics
    assert report.bars == MADE_BARS
    assert found.trades >= 100
    assert 0 < found.wins < found.trades
    assert found.max_drawdown >= -found.net_profit
    assert found.fees > 0
    assert found.slippage > 0


def test_backtest_when_its_range_holds_no_bar_then_names_the_range_in_dates() -> None:
    feed = open_synthetic(seed=3, bars=10)
    symbol = feed.describe().instruments[0]
    began = 1_893_456_000_000
    with pytest.raises(EmptyRange, match="2030-01-01T00:00Z to the end, must hold bars of BTC"):
        backtest(
            program_of(STRATEGIES[0]),
            feed,
            symbol,
            UNLIMITED,
            parameters={},
            sleeve="A",
            start=began,
        )
    feed.close()


def test_backtest_when_the_backend_is_unknown_then_is_refused_by_name() -> None:
    feed = open_synthetic(seed=3, bars=10)
    instrument = feed.describe().instruments[0]
    program = program_of(STRATEGIES[0])
    with pytest.raises(UnknownBackend, match="'abacus', must be one of: numba"):
        backtest(program, feed, instrument, UNLIMITED, parameters={}, sleeve="A", backend="abacus")
