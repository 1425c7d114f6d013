"""Runs to report on, over made-up bars."""

from collections.abc import Mapping
from typing import Any

from application.backtest import run
from application.report import BacktestRun, Request
from domain.limits import effective
from infrastructure.feeds.synthetic import open_synthetic
from kernels.program import Program, compile_strategy

SOURCE = '''"""Cross of two averages.

Bought when the quick one is above the calm one,
sold when it is below.
"""
from kernels.language import *

timeframe("5m")
fast = param(5, 2, 20)
slow = param(15, 5, 60)
never = param(0, 0, 1)

quick = sma(close, fast)
calm = ema(close, slow)

def entry():
    if never > 0:
        return FLAT
    if quick > calm:
        return long(tag="up")
    if quick < calm:
        return short(tag="down")
    return FLAT

def exits():
    return plan(stop=2 * atr(14), target=3 * atr(14), max_bars=40)
'''
PROGRAM = compile_strategy(SOURCE, "cross")


def run_of(
    bars: int = 6_000,
    parameters: Mapping[str, float] | None = None,
    program: Program = PROGRAM,
    seed: int = 4,
    **asked: Any,
) -> BacktestRun:
    """Trade the program over made-up bars, regimes told."""
    feed = open_synthetic(seed=seed, bars=bars)
    try:
        request = Request(
            **{"parameters": parameters or {}, "sleeve": "B", "regimes": True} | asked
        )
        return run(program, feed, feed.describe().instruments[0], effective(), request)
    finally:
        feed.close()
