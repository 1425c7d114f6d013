"""Bars and runners for kernel tests."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.program import Program, compile_strategy
from kernels.runner import Block, LaneSpec, Runner

Array = np.ndarray[Any, Any]

MINUTE = 60_000
START = 1_704_067_200_000  # 2024-01-01 00:00 UTC
CAPITAL = 17_000e8
SHIPPED = sorted((Path(__file__).parent.parent / "strategies").glob("*.py"))
# Three of them, which say most of what the language can: what is about no strategy in particular
# runs these.
FEW = ("rsi_macd_consensus", "volume_breakout", "vwap_reversion")
STRATEGIES = [path for path in SHIPPED if path.stem in FEW]


def bars_of(rows: Sequence[Sequence[float]], start: int = START, step: int = MINUTE) -> Array:
    """Rows of open, high, low, close[, volume[, funding]] as bars, one after another."""
    bars = np.zeros(len(rows), dtypes.BAR)
    bars["timestamp"] = start + step * np.arange(len(rows))
    for index, row in enumerate(rows):
        values = [*row, *(1.0, 0.0)[len(row) - 4 :]]
        for name, value in zip(
            ("open", "high", "low", "close", "volume", "funding"), values, strict=True
        ):
            bars[name][index] = value
    return bars


def walk(count: int, seed: int = 1, start: int = START, price: float = 30_000.0) -> Array:
    """A random walk on a 0.01 grid with bursts of volume and range."""
    rng = np.random.default_rng(seed)
    loud = 1.0 + 3.0 * (rng.random(count // 200 + 1) < 0.3).repeat(200)[:count]
    close = price + np.cumsum(rng.normal(0.0, 12.0, count) * loud)
    opened = np.concatenate([[price], close[:-1]])
    reach = np.abs(rng.normal(0.0, 6.0, (2, count))) * loud
    bars = np.zeros(count, dtypes.BAR)
    bars["timestamp"] = start + MINUTE * np.arange(count)
    bars["open"], bars["close"] = np.round(opened, 2), np.round(close, 2)
    bars["high"] = np.round(np.maximum(opened, close) + reach[0], 2)
    bars["low"] = np.round(np.minimum(opened, close) - reach[1], 2)
    bars["volume"] = np.round(rng.gamma(2.0, 5.0, count) * loud, 5)
    return bars


def market(**changes: float) -> Array:
    """A market row: tick 0.01, lot 1e-5, no costs unless asked for."""
    row = np.zeros(1, dtypes.MARKET)
    values = {"tick": 0.01, "lot": 1e-5, "unit": 10.0, "min_notional": 5e8, "maintenance": 0.005}
    for name, value in (values | changes).items():
        row[name] = value
    return row


# Breakers that never trip.
NO_BREAKERS = dict.fromkeys(
    ("daily_loss", "weekly_loss", "monthly_loss", "rapid_loss", "losses"), math.inf
)


def limits(enforced: bool = False, **changes: float) -> Array:
    row = np.zeros(1, dtypes.LIMITS)
    values = {
        "enforced": float(enforced),
        "daily_loss": 500e8,
        "weekly_loss": 1500e8,
        "monthly_loss": 4000e8,
        "rapid_loss": 200e8,
        "losses": 3.0,
        "pause": 60.0 * MINUTE,
        "positions": 10.0,
        "margin_fraction": 0.15,
        "margin_absolute": 1000e8,
        "notional_multiple": 8.0,
    }
    for name, value in (values | changes).items():
        row[name] = value
    return row


def program_of(path: Path) -> Program:
    return compile_strategy(path.read_text(), path.stem)


def runner_of(
    program: Program,
    leverages: Sequence[int] = (1,),
    costs: Array | None = None,
    bounds: Array | None = None,
    **parameters: float,
) -> Runner:
    bounds = limits() if bounds is None else bounds
    lanes = [LaneSpec(leverage, CAPITAL, bounds) for leverage in leverages]
    return Runner(program, parameters, market() if costs is None else costs, MINUTE, lanes)


def of_kind(block: Block, kind: int, lane: int = 0) -> Array:
    records = block.records[lane]
    chosen: Array = records[records[:, dtypes.KIND] == kind]
    return chosen
