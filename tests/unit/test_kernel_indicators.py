"""Indicators against TA-Lib and the definitions summed anew, on made and on real candles."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import dtypes
from kernels.frontend import library
from kernels.program import compile_strategy
from tests.indicator_oracles import ORACLES
from tests.indicator_programs import (
    CALLS,
    CLASSES,
    COMPOSED,
    PARAMETERS,
    figures,
    interpreted,
    named,
    source,
)
from tests.indicator_programs import settings as settings_of
from tests.indicator_table import PAGE, entry, table
from tests.kernel_runs import walk

Array = np.ndarray[Any, Any]
OTHER = {
    "n": 31,
    "m": 20,
    "fast": 7,
    "middle": 11,
    "slow": 40,
    "signal": 5,
    "smooth": 1,
    "window": 23,
    "left": 2,
    "right": 8,
    "width": 1.5,
    "factor": 1.25,
    "reversal": 0.02,
}
HLC = ("high", "low", "close")


def recorded(directory: Path, symbol: str) -> Array:
    table = parquet.read_table(directory / f"binance_{symbol}_5m.parquet").slice(5_000, 10_000)
    bars = np.zeros(table.num_rows, dtypes.BAR)
    for name in ("open", "high", "low", "close", "volume"):
        bars[name] = table[name].to_numpy()
    bars["timestamp"] = 60_000 * np.arange(len(bars))
    return bars


def distance(ours: Array, theirs: Array) -> float:
    """Largest error, in units of the figure or of the indicator's usual size if that is larger."""
    shown = ~np.isnan(theirs)
    size = np.abs(theirs[shown])
    scale = np.maximum(size, np.median(size))
    return float(np.max(np.abs(ours[shown] - theirs[shown]) / np.where(scale > 0, scale, 1.0)))


def faults(family: str, bars: Array, **parameters: float) -> list[str]:
    """What is wrong with a family's figures: warm elsewhere than the oracle, or too far from it."""
    found, at = [], settings_of(**parameters)
    for name, ours in figures(bars, family, **parameters).items():
        theirs = np.asarray(ORACLES[name](bars, at), dtype=float)
        if np.isnan(theirs[len(bars) // 2 :]).any():
            found.append(f"{name}: the oracle has no figure where it should")
        elif (np.isnan(ours) != np.isnan(theirs)).any():
            found.append(f"{name}: warm at {first(ours)}, the oracle at {first(theirs)}")
        elif distance(ours, theirs) > 1e-9:
            found.append(f"{name}: off by {distance(ours, theirs):.1e} of its scale")
    return found


def first(values: Array) -> int:
    """The bar, from 1, of the first figure; the one after the last bar where there is none."""
    return int(np.argmax(np.append(~np.isnan(values), True))) + 1


@pytest.mark.parametrize("family", CALLS)
@pytest.mark.parametrize("parameters", [{}, OTHER], ids=["usual", "other"])
def test_indicators_when_bars_are_made_then_equal_their_oracles(
    family: str, parameters: dict[str, float]
) -> None:
    assert faults(family, walk(4000, seed=3), **parameters) == []


@pytest.mark.parametrize("family", ["trend", "levels"])
def test_indicators_when_many_prices_are_equal_then_equal_their_oracles(family: str) -> None:
    bars = walk(4000, seed=11)
    for name in ("open", "high", "low", "close"):
        bars[name] = np.round(bars[name] / 25) * 25
    assert faults(family, bars) == []


def test_composed_indicators_when_bars_are_made_then_equal_their_oracles() -> None:
    bars, at = walk(900, seed=15), settings_of()
    for name, ours in interpreted(COMPOSED, bars).items():
        theirs = np.asarray(ORACLES[name](bars, at))
        assert np.array_equal(np.isnan(ours), np.isnan(theirs)), name
        assert distance(ours, theirs) <= 1e-9, name
        assert name == "rsi_of" or set(ours[~np.isnan(ours)]) == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("family", CALLS)
@pytest.mark.parametrize("symbol", ["BTC-USDT", "DOGE-USDT"])
def test_indicators_when_bars_are_real_then_equal_their_oracles(
    family: str, symbol: str, real_data: Path
) -> None:
    assert faults(family, recorded(real_data, symbol)) == []


def test_oracle_when_it_is_our_own_formula_then_talib_has_the_same_convention() -> None:
    bars, p = walk(2000, seed=8), settings_of()
    close, (high, low) = bars["close"], (bars["high"], bars["low"])
    upper, _, lower = talib.BBANDS(close, p.n, p.width, p.width)
    line, signal, histogram = talib.MACD(close, p.fast, p.slow, p.signal)
    theirs = {
        "trima": talib.TRIMA(close, p.n),
        "cci": talib.CCI(high, low, close, p.n),
        "linreg_slope": talib.LINEARREG_SLOPE(close, p.n),
        "mfi": talib.MFI(high, low, close, bars["volume"], p.n),
        "ultimate_oscillator": talib.ULTOSC(high, low, close, p.fast, p.middle, p.slow),
        "stdev": talib.STDDEV(close, p.n),
        "bollinger_upper": upper,
        "bollinger_lower": lower,
        "macd": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
    }
    for name, values in theirs.items():
        values[:400] = np.nan  # TA-Lib's MACD has forgotten its seed
        assert distance(np.asarray(ORACLES[name](bars, p)), values) < 1e-8, name


lookbacks = st.fixed_dictionaries(
    {
        name: st.integers(1, int(text[:-1].split(", ")[2]))
        for name, text in PARAMETERS.items()
        if "." not in text
    }
).filter(lambda chosen: chosen["slow"] >= 2)


def documented(name: str, parameters: dict[str, int]) -> tuple[int, bool]:
    """The bar at which the docstring says that the indicator is warm, and whether that is exact."""
    said = entry(name).warm_up
    found = re.fullmatch(r"(.+?) bars?(, n ≥ 2|; false before| at the earliest)?", said)
    assert found, f"{name}: warm-up was {said!r}"
    words = {"floor": math.floor, "sqrt": math.sqrt, "max": max} | parameters
    return int(eval(found[1], {"__builtins__": {}}, words)), found[2] != " at the earliest"  # noqa: S307


def is_warm_as_documented(name: str, values: Array, parameters: dict[str, int]) -> bool:
    if entry(name).unit == "condition":
        return not np.isnan(values).any()
    if name == "linreg_slope" and parameters["n"] == 1:
        return bool(np.isnan(values).all())
    bar, exact = documented(name, parameters)
    return first(values) == bar if exact else first(values) >= bar


@settings(max_examples=25)
@given(lookbacks, st.integers(0, 1000))
def test_indicators_when_lookbacks_vary_then_are_warm_at_the_documented_bar(
    parameters: dict[str, int], seed: int
) -> None:
    bars = walk(500, seed=seed)
    for name, values in figures(bars, **parameters).items():
        assert is_warm_as_documented(name, values, parameters), f"{name} at {first(values)}"
        warm = values[first(values) - 1 :]
        assert name == "linreg_slope" or not np.isnan(warm).any(), f"{name} lost its figure"


@pytest.mark.parametrize("parameters", [{}, OTHER], ids=["usual", "other"])
def test_classes_when_warming_up_then_are_warm_at_the_documented_bar(
    parameters: dict[str, int],
) -> None:
    whole = {n: int(v) for n, v in vars(settings_of(**parameters)).items()}
    for name, values in interpreted(CLASSES + COMPOSED, walk(250, seed=2), **parameters).items():
        assert is_warm_as_documented(name, values, whole), f"{name} at {first(values)}"


def test_language_when_its_series_functions_are_listed_then_each_is_tested_and_in_the_page() -> (
    None
):
    tested = set(named(CLASSES + COMPOSED)).union(*(named(calls) for calls in CALLS.values()))
    assert tested == library.indicators()
    assert set(ORACLES) | set(named(CLASSES)) == library.indicators()
    assert len(set(ORACLES)) >= 50
    assert PAGE.read_text(encoding="utf-8").endswith(table()), "python -m tests.indicator_table"


@pytest.mark.parametrize("reach", ["param(14, 1, 5000)", "5000", "1"])
def test_indicators_when_a_lookback_is_anything_allowed_then_compile(reach: str) -> None:
    whole = [name for name, text in PARAMETERS.items() if "." not in text]
    given = "\n".join(f"of_{name} = {reach}" for name in whole)
    for call in (*CLASSES, *COMPOSED, *(call for calls in CALLS.values() for call in calls)):
        spelled = re.sub(rf"\b({'|'.join(whole)})\b(?=[,)])", r"of_\1", call)
        made = compile_strategy(source({"found": spelled}, given), call)
        assert made.series_names[-1] == "s_found"
