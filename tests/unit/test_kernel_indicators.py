"""Indicators against TA-Lib and two-pass numpy formulas, on made and on real candles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
import talib

from kernels import dtypes
from kernels.frontend import library
from kernels.program import compile_strategy
from tests.kernel_runs import runner_of, walk

Array = np.ndarray[Any, Any]
TALIB_SEED = 400  # bars after which a differently seeded MACD has forgotten its seed

SOURCE = '''"""Every indicator, at one setting."""
timeframe("1m")
s_sma = sma(close, 20)
s_ema = ema(close, 20)
s_rma = rma(close, 20)
s_wma = wma(close, 20)
s_vwap = vwap(20)
s_highest = highest(high, 20)
s_lowest = lowest(low, 20)
s_true_range = true_range()
s_atr = atr(14)
s_stdev = stdev(close, 20)
s_bollinger_upper = bollinger_upper(close, 20, 2)
s_bollinger_lower = bollinger_lower(close, 20, 2)
s_rsi = rsi(14)
s_macd = macd(12, 26)
s_macd_signal = macd_signal(12, 26, 9)
s_macd_histogram = macd_histogram(12, 26, 9)
s_roc = roc(close, 10)
s_crossed_above = crossed_above(close, sma(close, 20))
s_crossed_below = crossed_below(close, sma(close, 20))
s_bars_since = bars_since(close > open)
s_value_when = value_when(close > open, volume)
s_history = close[3]

def entry():
    return FLAT

def exits():
    return plan(stop=1)
'''


def windows(values: Array, n: int) -> Array:
    return np.lib.stride_tricks.sliding_window_view(values, n)


def padded(values: Array, length: int) -> Array:
    return np.concatenate([np.full(length - len(values), np.nan), values])


def wilder(values: Array, n: int) -> Array:
    out = np.full(len(values), np.nan)
    begin = int(np.argmax(~np.isnan(values)))
    out[begin + n - 1] = np.mean(values[begin : begin + n])
    for t in range(begin + n, len(values)):
        out[t] = out[t - 1] + (values[t] - out[t - 1]) / n
    return out


def rolling_vwap(b: Array) -> Array:
    typical = (b["high"] + b["low"] + b["close"]) / 3
    amount = windows(b["volume"], 20).sum(axis=1)
    return padded(windows(typical * b["volume"], 20).sum(axis=1) / amount, len(b))


def above(b: Array) -> Array:
    gap = b["close"] - talib.SMA(b["close"], 20)
    return np.concatenate([[0.0], (gap[1:] > 0) & (gap[:-1] <= 0)]).astype(float)


def below(b: Array) -> Array:
    gap = b["close"] - talib.SMA(b["close"], 20)
    return np.concatenate([[0.0], (gap[1:] < 0) & (gap[:-1] >= 0)]).astype(float)


def since_rise(b: Array) -> Array:
    index = np.arange(len(b))
    last = np.maximum.accumulate(np.where(b["close"] > b["open"], index, -1))
    return np.where(last < 0, np.nan, index - last)


def volume_at_rise(b: Array) -> Array:
    index = np.arange(len(b))
    last = np.maximum.accumulate(np.where(b["close"] > b["open"], index, -1))
    return np.where(last < 0, np.nan, b["volume"][last])


def deviation(b: Array) -> Array:
    return padded(windows(b["close"], 20).std(axis=1), len(b))  # numpy's std takes two passes


ORACLES: dict[str, Callable[[Array], Array]] = {
    "sma": lambda b: talib.SMA(b["close"], 20),
    "ema": lambda b: talib.EMA(b["close"], 20),
    "rma": lambda b: wilder(b["close"], 20),
    "wma": lambda b: talib.WMA(b["close"], 20),
    "vwap": rolling_vwap,
    "highest": lambda b: talib.MAX(b["high"], 20),
    "lowest": lambda b: talib.MIN(b["low"], 20),
    "true_range": lambda b: talib.TRANGE(b["high"], b["low"], b["close"]),
    "atr": lambda b: talib.ATR(b["high"], b["low"], b["close"], 14),
    "stdev": deviation,
    "bollinger_upper": lambda b: talib.SMA(b["close"], 20) + 2 * deviation(b),
    "bollinger_lower": lambda b: talib.SMA(b["close"], 20) - 2 * deviation(b),
    "rsi": lambda b: talib.RSI(b["close"], 14),
    "macd": lambda b: talib.MACD(b["close"], 12, 26, 9)[0],
    "macd_signal": lambda b: talib.MACD(b["close"], 12, 26, 9)[1],
    "macd_histogram": lambda b: talib.MACD(b["close"], 12, 26, 9)[2],
    "roc": lambda b: talib.ROC(b["close"], 10),
    "crossed_above": above,
    "crossed_below": below,
    "bars_since": since_rise,
    "value_when": volume_at_rise,
    "history": lambda b: np.concatenate([[np.nan] * 3, b["close"][:-3]]),
}
SCALES = {"macd": 100.0, "macd_signal": 100.0, "macd_histogram": 100.0, "rsi": 100.0, "roc": 1.0}


def series_of(bars: Array) -> dict[str, Array]:
    runner = runner_of(compile_strategy(SOURCE, "indicators"))
    found = runner.run(bars, [0]).series
    return {n.removeprefix("s_"): found[i] for i, n in enumerate(runner.program.series_names)}


def assert_close(name: str, ours: Array, theirs: Array, skip: int) -> None:
    scale = np.maximum(np.abs(theirs), SCALES.get(name, 1e-3))
    both = ~np.isnan(theirs)
    both[:skip] = False
    assert both.sum() > len(ours) // 2
    assert not np.isnan(ours[both]).any()
    worst = np.max(np.abs(ours[both] - theirs[both]) / scale[both])
    assert worst <= 1e-9, f"{name} is off by {worst:.1e} of its scale"


@pytest.fixture(scope="module")
def made() -> tuple[Array, dict[str, Array]]:
    bars = walk(5000, seed=3)
    return bars, series_of(bars)


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> tuple[Array, dict[str, Array]]:
    table = parquet.read_table(real_data / "binance_BTC-USDT_5m.parquet").slice(0, 20_000)
    bars = np.zeros(table.num_rows, dtypes.BAR)
    for name in ("open", "high", "low", "close", "volume"):
        bars[name] = table[name].to_numpy()
    bars["timestamp"] = 60_000 * np.arange(len(bars))
    return bars, series_of(bars)


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_indicator_when_bars_are_made_then_equals_its_oracle(
    name: str, made: tuple[Array, dict[str, Array]]
) -> None:
    bars, ours = made
    skip = TALIB_SEED if name.startswith("macd") else 40
    assert_close(name, ours[name], ORACLES[name](bars), skip)


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_indicator_when_bars_are_real_then_equals_its_oracle(
    name: str, recorded: tuple[Array, dict[str, Array]]
) -> None:
    bars, ours = recorded
    skip = TALIB_SEED if name.startswith("macd") else 40
    assert_close(name, ours[name], ORACLES[name](bars), skip)


def test_indicators_when_listed_then_each_has_an_oracle_and_a_documented_warm_up() -> None:
    assert library.indicators() == set(ORACLES) - {"history"}
    for name in library.indicators():
        assert library.functions()[name].documentation, name


def test_indicator_when_still_warming_up_then_has_no_figure(
    made: tuple[Array, dict[str, Array]],
) -> None:
    _, ours = made
    warm = {
        "sma": 20,
        "ema": 20,
        "atr": 15,
        "rsi": 15,
        "macd_signal": 34,
        "stdev": 20,
        "vwap": 20,
        "roc": 11,
    }
    for name, bars in warm.items():
        assert np.isnan(ours[name][: bars - 1]).all(), name
        assert not np.isnan(ours[name][bars - 1]), name


def test_vwap_when_window_has_no_volume_then_has_no_figure() -> None:
    bars = walk(60)
    bars["volume"] = 0.0
    assert np.isnan(series_of(bars)["vwap"]).all()


def test_rsi_when_nothing_moves_then_is_zero_as_in_talib() -> None:
    bars = walk(60)
    for name in ("open", "high", "low", "close"):
        bars[name] = 100.0
    assert series_of(bars)["rsi"][-1] == talib.RSI(bars["close"], 14)[-1] == 0.0
