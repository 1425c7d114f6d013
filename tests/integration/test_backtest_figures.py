"""The figures of real runs: by other people's code, by a slow reading, and against one another."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from application.backtest import run
from application.report import BacktestRun, Request
from application.report_figures import Trials, TrialsInvalid
from domain.gate import Gate
from domain.limits import effective
from domain.money import from_units
from domain.timeframe import milliseconds
from infrastructure.feeds.recorded import open_recorded
from kernels.metrics import max_drawdown
from kernels.metrics.curve import DAY, DailyCurve, daily, monthly_returns
from kernels.metrics.trades import YEAR_MS
from tests.kernel_runs import SHIPPED, program_of
from tests.metrics_oracle import agrees_with_empyrical
from tests.report_runs import run_of

UNLIMITED = replace(effective(), enforced=False)
ON_REAL_CURVES = ("donchian_breakout", "rsi_macd_consensus", "volume_breakout")


def span(done: BacktestRun) -> tuple[int, int]:
    return done.report.start, done.report.end + milliseconds(done.report.timeframe)


def curve_of(done: BacktestRun) -> DailyCurve:
    start, end = span(done)
    capital = float(done.report.capital) * 1e8
    return daily(done.marks.at, done.marks.equity, start=start, end=end, capital=capital)


def curve_by_hand(done: BacktestRun) -> list[float]:
    """Equity at every midnight, looked up mark by mark."""
    start, end = span(done)
    first, last = start // DAY, -(-end // DAY)
    found = []
    for midnight in range(first * DAY, (last + 1) * DAY, DAY):
        known = [
            equity
            for at, equity in zip(done.marks.at, done.marks.equity, strict=True)
            if at <= midnight
        ]
        found.append(float(known[-1]) if known else float(done.report.capital) * 1e8)
    return found


def checks_out(done: BacktestRun) -> None:
    """Hold a run's figures against its trades, its marks, and one another."""
    report, figures = done.report, done.report.figures
    curve = curve_of(done)
    agrees_with_empyrical(curve, figures.curve, figures.months)
    assert figures.months == monthly_returns(curve)
    nets = [trade.net for trade in done.trades]
    found = report.metrics
    assert found.net_profit == sum(nets, Decimal(0)) == figures.trades.net
    assert (found.trades, found.wins) == (len(nets), sum(net > 0 for net in nets))
    for name in ("fees", "slippage", "funding"):
        assert getattr(found, name) == sum((getattr(t, name) for t in done.trades), Decimal(0))
    closing = from_units(float(done.marks.equity[-1]))
    assert closing == report.capital + found.net_profit + (figures.open_net or 0)
    assert closing == from_units(float(curve.equity[-1]))
    fall = 0.0 if figures.drawdown is None else figures.drawdown.fraction
    assert fall >= (figures.curve.max_drawdown or 0.0)  # hours show deeper falls than days
    assert found.max_drawdown >= max_drawdown(map(from_units, done.marks.equity.tolist()))
    start, end = span(done)
    held = sum(t.exit_at - t.entry_at for t in done.trades)
    if figures.open_net is None:
        assert float(figures.exposure or 0) == pytest.approx(held / (end - start), abs=1e-8)
    turned = sum((trade.turnover for trade in done.trades), Decimal(0))
    yearly = float(turned / report.capital) * YEAR_MS / (end - start)
    assert float(figures.yearly_turnover or 0) == pytest.approx(yearly)


@pytest.mark.parametrize("name", ON_REAL_CURVES)
def test_figures_when_strategies_trade_recorded_years_then_are_those_of_empyrical(
    name: str, real_data: Path
) -> None:
    traded_for_real(name, real_data, "binance", "BTC/USDT")


@pytest.mark.long
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_figures_when_any_strategy_trades_a_perpetual_then_are_those_of_empyrical(
    path: Path, real_data: Path
) -> None:
    traded_for_real(path.stem, real_data, "binanceusdm", "BTC/USDT:USDT")


def traded_for_real(name: str, data: Path, venue: str, symbol: str) -> None:
    (path,) = (path for path in SHIPPED if path.stem == name)
    feed = open_recorded(data, venue, symbol)
    try:
        instrument = feed.describe().instruments[0]
        request = Request(parameters={}, sleeve="A", regimes=True)
        done = run(program_of(path), feed, instrument, UNLIMITED, request)
    finally:
        feed.close()
    assert done.report.figures.curve.days > 700
    assert len(done.trades) >= 20
    checks_out(done)


@pytest.mark.parametrize("seed", range(8))
def test_figures_when_a_run_is_made_up_then_agree_with_trades_and_marks(seed: int) -> None:
    done = run_of(3000 + 700 * seed, {"fast": 2 + seed}, seed=seed)
    assert curve_of(done).equity.tolist() == curve_by_hand(done)
    checks_out(done)


def test_figures_when_a_run_ends_in_a_position_then_it_counts_as_closed_at_the_last_mark() -> None:
    trade = run_of(3000).trades[-1]
    done = run_of(3000, end=trade.exit_at - 60_000)
    checks_out(done)
    figures, report = done.report.figures, done.report
    closing = from_units(float(done.marks.equity[-1]))
    assert figures.open_net == closing - report.capital - report.metrics.net_profit
    assert figures.trades.trades == len(done.trades)  # closed ones alone
    short = {each.code: each.observed for each in figures.readiness.shortfalls}
    if len(done.trades) + 1 < Gate().trades:
        assert short["GATE_TRADES"] == len(done.trades) + 1
    assert short["GATE_NET"] == closing - report.capital


def test_regimes_when_a_run_is_cut_short_then_its_trades_have_the_same_ones() -> None:
    whole, cut = run_of(9000), run_of(5000)
    both = zip(whole.trades, cut.trades, strict=False)
    pairs = [(one.regime, other.regime) for one, other in both if one == other]
    assert len(pairs) >= 30
    assert len({one for one, _ in pairs}) >= 3
    told = [trade.regime for trade in whole.trades]
    began = whole.report.start
    known = [trade for trade in whole.trades if trade.entry_at >= began + 120 * 5 * 60_000]
    assert all(trade.regime is not None for trade in known)
    assert told[0] is None  # entered before the regime could be told


def test_regimes_when_not_asked_for_then_trades_have_none_and_nothing_else_differs() -> None:
    told, untold = run_of(4000), run_of(4000, regimes=False)
    assert {trade.regime for trade in untold.trades} == {None}
    assert "regime" not in untold.report.figures.breakdowns
    assert untold.report.state_digest == told.report.state_digest
    assert untold.report.figures.curve == told.report.figures.curve


def test_run_when_it_never_trades_then_figures_are_none_or_zero() -> None:
    done = run_of(3000, {"never": 1})
    figures = done.report.figures
    assert done.trades == ()
    assert figures.drawdown is figures.open_net is figures.curve.sharpe is None
    assert figures.exposure == figures.trades.turnover == figures.quality.score == 0
    assert figures.curve.total_return == 0.0
    codes = [short.code for short in figures.readiness.shortfalls]
    gate = ["GATE_TRADES", "GATE_WIN_RATE", "GATE_PROFIT_FACTOR", "GATE_NET"]
    assert codes == [*gate, "READY_SHARPE", "READY_DAYS"]


def test_trials_when_more_were_made_then_the_sharpe_ratio_is_deflated() -> None:
    one, many = run_of(6000), run_of(6000, trials=Trials(500))
    assert many.report.figures.sharpe.expected_best > one.report.figures.sharpe.expected_best == 0.0
    assert many.report.trades_digest == one.report.trades_digest


@pytest.mark.parametrize("variance", [-1.0, float("nan"), float("inf")])
def test_trials_when_they_are_impossible_then_are_refused_by_name(variance: float) -> None:
    with pytest.raises(TrialsInvalid, match="trials was 0, must be at least 1"):
        Trials(0)
    with pytest.raises(
        TrialsInvalid, match=r"trial variance was .*, must be finite and at least 0"
    ):
        Trials(2, variance)
