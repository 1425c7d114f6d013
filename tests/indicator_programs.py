"""Every indicator of the language as series of a few programs, for tests to look at.

Lookbacks are parameters, so one compiled program gives an indicator at any setting. Compiling takes
seconds: programs are few, kept for the process, and compiled by one process at a time, so that the
others find them in the cache.
"""

import fcntl
from collections.abc import Iterable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from kernels import build
from kernels.program import Program, compile_strategy
from tests.ir_machine import Machine
from tests.kernel_runs import limits, market, runner_of, walk

Array = np.ndarray[Any, Any]

PARAMETERS = {  # the whole ones are lookbacks
    "n": "param(14, 1, 60)",
    "m": "param(9, 1, 30)",
    "fast": "param(12, 1, 30)",
    "middle": "param(16, 1, 40)",
    "slow": "param(26, 2, 60)",
    "signal": "param(9, 1, 20)",
    "smooth": "param(3, 1, 10)",
    "window": "param(10, 1, 30)",
    "left": "param(4, 1, 12)",
    "right": "param(3, 1, 12)",
    "width": "param(2.0, 0.5, 4.0)",
    "factor": "param(3.0, 0.5, 6.0)",
    "reversal": "param(0.004, 0.0005, 0.1)",
}
DEFAULTS = {name: float(text[6:].split(",")[0]) for name, text in PARAMETERS.items()}

CALLS = {
    "averages": (
        "sma(close, n)",
        "ema(close, n)",
        "rma(close, n)",
        "wma(close, n)",
        "dema(close, n)",
        "tema(close, n)",
        "t3(close, n, 0.7)",
        "trima(close, n)",
        "kama(close, n, 2, 30)",
        "hma(close, n)",
        "zlema(close, n)",
        "vwma(close, n)",
        "vwap(n)",
        "crossed_above(close, open)",
        "crossed_below(close, open)",
        "bars_since(close > open)",
        "value_when(close > open, volume)",
    ),
    "momentum": (
        "rsi(n)",
        "cmo(close, n)",
        "stochastic_k(n, smooth)",
        "stochastic_d(n, smooth, signal)",
        "stochastic_rsi(close, n, window)",
        "stochastic_rsi_d(close, n, window, signal)",
        "williams_r(n)",
        "cci(n)",
        "mom(close, n)",
        "acceleration(close, n)",
        "roc(close, n)",
        "trix(close, n)",
        "ultimate_oscillator(fast, middle, slow)",
        "macd(fast, slow)",
        "macd_signal(fast, slow, signal)",
        "macd_histogram(fast, slow, signal)",
    ),
    "volatility": (
        "true_range()",
        "atr(n)",
        "natr(n)",
        "stdev(close, n)",
        "bollinger_upper(close, n, width)",
        "bollinger_lower(close, n, width)",
        "bollinger_width(close, n, width)",
        "bollinger_place(close, n, width)",
        "keltner_upper(n, m, width)",
        "keltner_lower(n, m, width)",
        "chaikin_volatility(n, m)",
        "obv()",
        "ad_line()",
        "cmf(n)",
        "mfi(n)",
        "volume_sma(n)",
        "volume_roc(n)",
        "percentile_rank(close, n)",
    ),
    "trend": (
        "plus_di(n)",
        "minus_di(n)",
        "adx(n)",
        "aroon_up(n)",
        "aroon_down(n)",
        "aroon_oscillator(n)",
        "dpo(close, n)",
        "linreg_slope(close, n)",
        "vortex_plus(n)",
        "vortex_minus(n)",
        "psar(0.02, 0.2)",
        "supertrend(n, factor)",
    ),
    "levels": (
        "highest(high, n)",
        "lowest(low, n)",
        "donchian_upper(n)",
        "donchian_lower(n)",
        "donchian_middle(n)",
        "pivot_high(left, right)",
        "pivot_low(left, right)",
        "fractal_high()",
        "fractal_low()",
        "swing_high(reversal)",
        "swing_low(reversal)",
        "bar_range()",
        "close_place()",
    ),
}
COMPOSED = ("rsi_of(volume, n)", "market_regime()")  # of others: not worth compiling again
CLASSES = (
    "sign_class(close - open)",
    "average_class(close)",
    "band_class(volume, 5, 20)",
    "break_class(close, open, open)",
    "rsi_class(n)",
    "stochastic_class(n, smooth)",
    "stochastic_rsi_class(close, n, window)",
    "williams_class(n)",
    "cci_class(n)",
    "cmo_class(close, n)",
    "ultimate_class(fast, middle, slow)",
    "mfi_class(n)",
    "cmf_class(n)",
    "macd_class(fast, slow, signal)",
    "adx_class(n)",
    "aroon_class(n)",
    "vortex_class(n)",
    "psar_class(0.02, 0.2)",
    "supertrend_class(n, factor)",
    "bollinger_class(close, n, width)",
    "keltner_class(n, m, width)",
    "donchian_class(n)",
    "pivot_class(left, right)",
    "fractal_class()",
    "swing_class(reversal)",
    "close_place_class()",
)


def named(calls: Iterable[str]) -> dict[str, str]:
    """Calls by the name of the function they call."""
    return {call.split("(")[0]: call for call in calls}


def source(calls: Mapping[str, str], before: str = "") -> str:
    """A strategy of one series per call, its name with `s_` before, that never trades."""
    parameters = [f"{name} = {text}" for name, text in PARAMETERS.items()]
    series = [f"s_{name} = {call}" for name, call in calls.items()]
    end = ["def entry():", "    return FLAT", "def exits():", "    return plan(stop=1)", ""]
    return "\n".join(['timeframe("1m")', *parameters, before, *series, *end])


@cache
def program(family: str) -> Program:
    """The program of one family, its machine code made."""
    made = compile_strategy(source(named(CALLS[family])), family)
    with (build.folder() / "indicators.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        runner_of(made).run(walk(2), [0])
    return made


def figures(bars: Array, family: str = "", /, **parameters: Any) -> dict[str, Array]:
    """Each indicator's figures over bars, by name; of one family, or of all."""
    found: dict[str, Array] = {}
    for each in [family] if family else CALLS:
        runner = runner_of(program(each), **parameters)
        names = runner.program.series_names
        series = runner.run(bars, [0]).series
        found |= {name.removeprefix("s_"): series[i] for i, name in enumerate(names)}
    return found


def interpreted(
    calls: Iterable[str], bars: Array, before: str = "", /, **parameters: float
) -> dict[str, Array]:
    """The same of any calls, without machine code: slow to run, but nothing to compile."""
    made = compile_strategy(source(named(calls), before), "interpreted")
    machine = Machine(made, market(), limits(), parameters=parameters)
    machine.run(bars)
    rows, names = np.array(machine.rows), list(made.flat.rows)
    return {n.removeprefix("s_"): rows[:, names.index(n)] for n in made.series_names}


def settings(**parameters: float) -> SimpleNamespace:
    """Parameters by name, defaults where not given; whole ones as int."""
    values = DEFAULTS | parameters
    whole = {n: int(v) for n, v in values.items() if "." not in PARAMETERS[n]}
    return SimpleNamespace(**(values | whole))
