"""Trades studied over a run: those of a backtest, with what was known then, and nothing later."""

from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.backtest import run_market
from application.improvement.losses.analysis import Losses, losses_of
from application.improvement.losses.studied import StudiedTrade
from application.improvement.losses.trade_contexts import trades_of
from application.ports import Stretch
from application.report import Request
from domain.limits import effective
from kernels.program import Program, compile_strategy
from tests.kernel_runs import MINUTE, START, walk
from tests.loss_oracle import Chart, Deal
from tests.report_markets import SYMBOLS, MemoryMarket, instrument_of, stretch_of
from tests.report_runs import PROGRAM

BARS = 4_000
BAR = 5 * MINUTE
HOLD = 40  # bars, of PROGRAM
NO_TARGET = compile_strategy(
    '''"""Bought on a rise, sold on a fall, with nothing but a stop."""
timeframe("1m")
rise = close - close[1]

def entry():
    if rise > 0:
        return long(tag="rise", confidence=0.25)
    return SHORT

def exits():
    return plan(stop=close / 500)
''',
    "no_target",
)


def studied(
    stretch: Stretch,
    program: Program = PROGRAM,
    start: int = START,
    until: int = START + BARS * MINUTE,
    **changes: Any,
) -> tuple[StudiedTrade, ...]:
    instruments = [instrument_of(symbol) for symbol in SYMBOLS[: len(stretch)]]
    return trades_of(
        program, {}, stretch, instruments, effective(), MINUTE, start=start, until=until, **changes
    )


@pytest.fixture(scope="module", params=[1, 3])
def stretch(request: pytest.FixtureRequest) -> Stretch:
    return stretch_of(BARS, request.param, seed=3)


@pytest.fixture(scope="module")
def trades(stretch: Stretch) -> tuple[StudiedTrade, ...]:
    return studied(stretch)


def test_trades_when_studied_then_are_those_of_a_backtest_to_the_last_digit(
    stretch: Stretch, trades: tuple[StudiedTrade, ...]
) -> None:
    market = MemoryMarket(stretch)
    request = Request(parameters={}, sleeve="B", backend="lanes", regimes=True)
    instruments = market.describe().instruments
    run = run_market(PROGRAM, market, instruments, effective(), request)
    assert len(trades) > 30
    assert tuple(each.trade for each in trades) == run.trades
    assert losses_of(trades).net == run.report.metrics.net_profit
    assert losses_of(trades).trades == run.report.metrics.trades


def test_trades_when_another_backend_runs_them_then_the_report_is_the_same_to_the_last_byte(
    stretch: Stretch, trades: tuple[StudiedTrade, ...]
) -> None:
    assert losses_of(studied(stretch, backend="numba")) == losses_of(trades)


def test_trades_when_read_plainly_then_levels_and_risk_are_those_of_the_plan(
    trades: tuple[StudiedTrade, ...],
) -> None:
    for each in trades:
        side, entry = each.trade.side, each.trade.entry_price
        assert each.stop is not None
        assert each.target is not None
        distance = (entry - each.stop) * side
        assert distance > 0
        assert each.risk == distance * each.trade.quantity
        # 2 and 3 ATR, each rounded to a tick of 0.01
        assert abs((each.target - entry) * side * 2 - distance * 3) <= Decimal("0.025")
        assert (entry - each.reference) * side > 0  # slippage costs
        assert each.mae == pytest.approx(float(each.trade.mae / each.risk))
        assert each.mfe == pytest.approx(float(each.trade.mfe / each.risk))
        assert each.hour == each.trade.entry_at // 3_600_000 % 24
        assert each.confidence == 1.0
    assert {each.weekday for each in trades} == {0, 1, 2}  # from Monday, 1 January 2024


def candles(bars: Any, last: int) -> list[tuple[float, ...]]:
    """Five-minute bars that are over at a moment: open, high, low, close, volume."""
    found: dict[int, list[Any]] = {}
    for bar in bars[bars["timestamp"] < last]:
        found.setdefault(int(bar["timestamp"]) // BAR, []).append(bar)
    whole = [part for bucket, part in found.items() if (bucket + 1) * BAR <= last]
    return [
        (
            float(part[0]["open"]),
            max(float(bar["high"]) for bar in part),
            min(float(bar["low"]) for bar in part),
            float(part[-1]["close"]),
            sum(float(bar["volume"]) for bar in part),
        )
        for part in whole
    ]


def volatilities(rows: list[tuple[float, ...]]) -> list[float]:
    """ATR(14) / close of each candle, by the book."""
    ranges = [max(now[1], before[3]) - min(now[2], before[3]) for before, now in pairwise(rows)]
    if len(ranges) < 14:
        return []
    average = sum(ranges[:14]) / 14
    found = [average / rows[14][3]]
    for reach, row in zip(ranges[14:], rows[15:], strict=True):
        average += (reach - average) / 14
        found.append(average / row[3])
    return found


def test_contexts_when_recomputed_plainly_then_are_those_of_the_last_candle_before_the_entry(
    stretch: Stretch, trades: tuple[StudiedTrade, ...]
) -> None:
    for each in trades[:: max(len(trades) // 20, 1)]:
        bars = stretch[SYMBOLS.index(each.trade.symbol)]
        rows = candles(bars, each.entry_at)
        closes, volumes = [row[3] for row in rows], [row[4] for row in rows]
        assert each.series["quick"] == pytest.approx(sum(closes[-5:]) / 5)
        if len(volumes) < 20:
            assert each.volume is None
        else:
            assert each.volume == pytest.approx(volumes[-1] / (sum(volumes[-20:]) / 20))
        usual = volatilities(rows)
        if len(usual) < 100:
            assert each.volatility is None
        else:
            assert each.volatility == pytest.approx(usual[-1] / (sum(usual[-100:]) / 100))


def test_courses_when_recomputed_plainly_then_are_those_of_the_bars(
    stretch: Stretch, trades: tuple[StudiedTrade, ...]
) -> None:
    told = set()
    for each in trades:
        bars = stretch[SYMBOLS.index(each.trade.symbol)]
        plain = Chart(bars, MINUTE, deal_of(each, bars)).told(HOLD * BAR, HOLD * BAR)
        seen = {name: getattr(each.turns, name) for name in each.turns.__struct_fields__}
        seen |= {"late": each.late, "later": each.later}
        if each.afterwards is not None:
            names = each.afterwards.__struct_fields__
            seen |= {name: getattr(each.afterwards, name) for name in names}
        for name, value in seen.items():
            wanted = plain[name]
            assert value == (pytest.approx(wanted) if isinstance(wanted, float) else wanted), name
        told |= {name for name, value in seen.items() if value is not None}
    assert told >= {"best", "after_stop_to_entry", "half_stop_to_entry", "half_target"}


def deal_of(each: StudiedTrade, bars: Any) -> Deal:
    trade = each.trade
    assert each.stop is not None
    # The stop may have come nearer: what was paid, before a tenth of a percent of slippage.
    left = round(float(trade.exit_price) / (1 - trade.side * 0.001), 2)
    inside = bars[bars["timestamp"] == trade.exit_at - MINUTE]
    stopped = trade.reason == "stop" and any(bar["low"] <= left <= bar["high"] for bar in inside)
    return Deal(
        side=trade.side,
        fill=float(trade.entry_price),
        reference=float(each.reference),
        stop=float(each.stop),
        target=None if each.target is None else float(each.target),
        left=left,
        stopped=stopped,
        entry_at=trade.entry_at,
        exit_at=trade.exit_at,
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from([1_000, 1_777, 2_801, 3_900]))
@settings(max_examples=15)
def test_trades_when_bars_past_the_end_change_then_nothing_does(seed: int, at: int) -> None:
    stretch = stretch_of(BARS, 2, seed=3)
    until = START + at * MINUTE
    chance = np.random.default_rng(seed)
    changed = []
    for bars in stretch:
        other = bars.copy()
        late = other["timestamp"] >= until
        for name in ("open", "high", "low", "close", "volume"):
            other[name][late] = chance.uniform(1.0, 90_000.0, int(late.sum()))
        changed.append(other[: len(other) - int(chance.integers(0, late.sum() + 1))])
    assert losses_of(studied(tuple(changed), until=until)) == known(at)


@cache
def known(at: int) -> Losses:
    """What is told of bars up to a minute, where those after it are there and sound."""
    trades = studied(stretch_of(BARS, 2, seed=3), until=START + at * MINUTE)
    assert all(trade.exit_at <= START + at * MINUTE for trade in trades)
    found = losses_of(trades)
    assert found.losses > 3
    return found


def test_trades_when_told_how_the_price_went_on_then_never_past_the_end(stretch: Stretch) -> None:
    until = START + 2_000 * MINUTE
    trades = studied(stretch, until=until)
    assert len(trades) > 10
    for each in trades:
        if each.afterwards is not None:
            assert each.exit_at + each.afterwards.minutes * MINUTE <= until
            assert each.afterwards.minutes <= HOLD * 5


def test_trades_when_some_bars_only_warm_up_then_none_is_entered_there(stretch: Stretch) -> None:
    start = START + 1_500 * MINUTE
    trades = studied(stretch, start=start)
    assert len(trades) > 10
    assert all(each.entry_at >= start for each in trades)
    cold = studied(tuple(bars[bars["timestamp"] >= start] for bars in stretch), start=start)
    assert trades[0].series["calm"] is not None
    assert any(each.volatility is not None for each in trades[:3])
    assert cold[0].volatility is None
    assert {each.trade.regime for each in trades[:3]} != {None}


def test_trades_when_there_is_nothing_to_trade_then_there_are_none(stretch: Stretch) -> None:
    assert studied(tuple(bars[:0] for bars in stretch)) == ()
    assert studied(stretch, start=START + BARS * MINUTE) == ()
    assert studied(stretch, until=START) == ()
    assert studied(stretch, until=START + 10 * MINUTE) == ()


def test_trades_when_one_symbol_has_no_bars_then_the_others_are_traded() -> None:
    full, empty, other = stretch_of(BARS, 3, seed=3)
    trades = studied((full, empty[:0], other))
    assert {each.trade.symbol for each in trades} == {SYMBOLS[0], SYMBOLS[2]}
    late = studied((full[3_000:], empty[:0], other))
    assert {each.trade.symbol for each in late} == {SYMBOLS[0], SYMBOLS[2]}


def test_trades_when_the_first_bars_are_all_there_is_then_missing_figures_are_none() -> None:
    trades = studied((walk(60, 5),), NO_TARGET)
    assert len(trades) > 3
    for each in trades:
        assert (each.volatility, each.trade.regime, each.target) == (None, None, None)
        assert (each.turns.half_target, each.turns.after_stop_to_target) == (None, None)
        assert (each.late, each.later) == (None, None)  # nothing limits how long it is held
    assert {each.confidence for each in trades if each.trade.tag == "rise"} == {0.25}
    assert {each.trade.reason for each in trades} >= {"reverse"}
