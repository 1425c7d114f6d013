"""A small strategy to sweep, its bars, and what a run of one set alone gives."""

from typing import Any

import numpy as np
import pytest

from kernels.backends import opencl_choice
from kernels.program import compile_strategy
from kernels.runner import Block, LaneSpec, Runner
from kernels.sweep.sets import Sets
from kernels.sweep.settings import Settings
from tests.kernel_runs import CAPITAL, MINUTE, limits, market, walk

Array = np.ndarray[Any, Any]

SOURCE = '''"""Cross of two averages, with a stop."""
from kernels.language import *

timeframe("5m")
fast = param(5, 2, 20)
slow = param(15, 5, 60)
stop_atr = param(2.0, 0.5, 5.0)
target_atr = param(3.0, 0.5, 8.0)

quick = sma(close, fast)
calm = ema(close, slow)


def entry():
    if quick > calm:
        return long()
    if quick < calm:
        return short()
    return FLAT


def exits():
    return plan(stop=stop_atr * atr(14), target=target_atr * atr(14), max_bars=40)
'''
PROGRAM = compile_strategy(SOURCE, "cross")
BARS = walk(9_000)
COSTS = market(maker=2e-4, taker=5e-4, slippage=2e-4)


def wants(backend: str) -> None:
    """Skip a test whose backend needs a device that is not here."""
    if backend == "opencl" and not any(not isinstance(d, str) for d in opencl_choice.listed()):
        pytest.skip(f"no OpenCL device: {opencl_choice.ADVICE}")


def settings_of(enforced: bool = False, costs: Array = COSTS) -> Settings:
    return Settings(costs, limits(enforced), leverage=8, capital=CAPITAL, base_ms=MINUTE)


def alone(sets: Sets, number: int, settings: Settings) -> tuple[Runner, Block]:
    """One set of a sweep, run as `perpetua backtest` runs it."""
    table = sets.table(number, number + 1)
    spec = LaneSpec(settings.leverage, settings.capital, settings.limits)
    parameters = {name: float(values[0]) for name, values in table.items()}
    runner = Runner(PROGRAM, parameters, settings.market, settings.base_ms, [spec])
    return runner, runner.run(BARS, [0])
