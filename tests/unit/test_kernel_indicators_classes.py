"""Readings of indicators: bullish, bearish, neutral, by the documented thresholds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.frontend import library
from kernels.program import compile_strategy
from tests.indicator_formulas import shifted
from tests.indicator_oracles import ORACLES
from tests.indicator_programs import CLASSES, interpreted, named, settings, source
from tests.indicator_table import entry
from tests.kernel_runs import walk

Array = np.ndarray[Any, Any]
Figures = Callable[[str], Array]


def reversion(x: Array, low: float, high: float) -> Array:
    return np.where(x < low, 1.0, np.where(x > high, -1.0, 0.0))


def breakout(x: Array, low: Array, high: Array) -> Array:
    return np.where(x > high, 1.0, np.where(x < low, -1.0, 0.0))


def super_trend_side(b: Array, o: Figures) -> Array:
    return np.where(o("supertrend") < b["close"], 1.0, -1.0)


READINGS: dict[str, Callable[[Array, Figures], Array]] = {
    "sign_class": lambda b, o: np.sign(b["close"] - b["open"]),
    "average_class": lambda b, o: np.sign(b["close"] - shifted(b["close"], 1)),
    "band_class": lambda b, o: reversion(b["volume"], 5, 20),
    "break_class": lambda b, o: breakout(b["close"], b["open"], b["open"]),
    "rsi_class": lambda b, o: reversion(o("rsi"), 30, 70),
    "stochastic_class": lambda b, o: reversion(o("stochastic_k"), 20, 80),
    "stochastic_rsi_class": lambda b, o: reversion(o("stochastic_rsi"), 20, 80),
    "williams_class": lambda b, o: reversion(o("williams_r"), -80, -20),
    "cci_class": lambda b, o: reversion(o("cci"), -100, 100),
    "cmo_class": lambda b, o: reversion(o("cmo"), -50, 50),
    "ultimate_class": lambda b, o: reversion(o("ultimate_oscillator"), 30, 70),
    "mfi_class": lambda b, o: reversion(o("mfi"), 20, 80),
    "cmf_class": lambda b, o: -reversion(o("cmf"), -0.05, 0.05),
    "macd_class": lambda b, o: np.sign(o("macd_histogram")),
    "adx_class": lambda b, o: np.where(o("adx") > 25, np.sign(o("plus_di") - o("minus_di")), 0.0),
    "aroon_class": lambda b, o: -reversion(o("aroon_oscillator"), -50, 50),
    "vortex_class": lambda b, o: np.sign(o("vortex_plus") - o("vortex_minus")),
    "psar_class": lambda b, o: np.sign(b["close"] - o("psar")),
    "supertrend_class": super_trend_side,
    "bollinger_class": lambda b, o: (
        -breakout(b["close"], o("bollinger_lower"), o("bollinger_upper"))
    ),
    "keltner_class": lambda b, o: breakout(b["close"], o("keltner_lower"), o("keltner_upper")),
    "donchian_class": lambda b, o: breakout(
        b["close"], shifted(o("donchian_lower"), 1), shifted(o("donchian_upper"), 1)
    ),
    "pivot_class": lambda b, o: breakout(b["close"], o("pivot_low"), o("pivot_high")),
    "fractal_class": lambda b, o: breakout(b["close"], o("fractal_low"), o("fractal_high")),
    "swing_class": lambda b, o: breakout(b["close"], o("swing_low"), o("swing_high")),
    "close_place_class": lambda b, o: -reversion(o("close_place"), 0.2, 0.8),
}


def test_classes_when_warm_then_read_their_indicator_by_the_documented_rule() -> None:
    parameters = {"n": 6, "fast": 5, "middle": 7, "slow": 9, "width": 0.8}  # extremes are seen
    bars, at = walk(900, seed=12), settings(**parameters)
    found = interpreted(CLASSES, bars, **parameters)
    assert set(found) == set(READINGS)
    for name, ours in found.items():
        warm = ~np.isnan(ours)
        said = READINGS[name](bars, lambda indicator: np.asarray(ORACLES[indicator](bars, at)))
        assert np.array_equal(ours[warm], said[warm]), name
        assert {-1.0, 1.0} <= set(ours[warm]) <= {-1.0, 0.0, 1.0}, f"{name} has not been put to it"


def test_classes_when_nothing_ever_moved_or_traded_then_are_neutral() -> None:
    bars = walk(150)
    for name in ("open", "high", "low", "close"):
        bars[name] = 100.0
    bars["volume"] = 0.0
    last = {name: values[-1] for name, values in interpreted(CLASSES, bars).items()}
    assert last.pop("band_class") == 1.0, "a volume of 0 is below any band"
    assert last.pop("supertrend_class") == -1.0, "it begins as a falling trend"
    for held in ("pivot_class", "fractal_class", "swing_class"):
        assert np.isnan(last.pop(held)), "nothing has turned yet"
    assert set(last.values()) == {0.0}, last


def test_docstrings_when_they_name_a_class_then_it_is_one_of_the_language() -> None:
    inputs = "x = close\naverage = sma(close, n)\nvolume_factor = 0.7\nstep = 0.02\nlimit = 0.2\n"
    for name in sorted(library.indicators()):
        reading = entry(name).reading
        assert reading in ("itself", "neutral", "none") or "_class(" in reading, name
        if "(" in reading:
            made = compile_strategy(source({"class": reading}, inputs), name)
            assert "s_class" in made.series_names
    for name in named(CLASSES):
        assert entry(name).reading == "itself"
