"""How many bars a strategy's series need: measured, not declared.

What an indicator says about its warm-up holds for it alone; a series is made of several, over
series that warm up themselves. So they are run over made-up bars, and the first number of each is
what counts. A condition is taken to be warm when everything it compares is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import dtypes, ir
from kernels.backends.scalar import unit_series
from kernels.constants import constants
from kernels.frontend.flat import Flat
from kernels.frontend.scope import Value
from kernels.program import Program
from kernels.stages import columns, unit_of
from kernels.timeline import Timeline

Array = np.ndarray[Any, Any]

BARS = 20_000  # of the strategy's timeframe
START = 1_704_067_200_000  # 2024-01-01, ms: where days and hours of all lengths begin
SEED = 20_240_101
TICK = 0.01


@dataclass(frozen=True)
class WarmUp:
    """How many bars of the strategy's timeframe are needed; None: more than were tried."""

    series: Mapping[str, int | None]  # each named series, to be a number
    all: int | None  # all that the strategy looks at, at one bar: before that it enters nothing


def measure(program: Program) -> WarmUp:
    """Run a strategy's series, at its default parameters, over `BARS` made-up bars."""
    flat = program.flat
    watched: dict[str, list[str]] = {}
    rows: dict[str, Value] = {}
    for name, value in flat.rows.items():
        parts = {f"{name}#{n}": part for n, part in enumerate(figures(flat, value))}
        watched[name] = list(parts)
        rows |= parts
    there: Array = np.isfinite(run(program, rows))
    order = list(rows)
    numbers = [n for n, value in flat.rows.items() if ir.type_of(value) == "num"]

    def together(names: list[str]) -> int | None:
        picked = [order.index(part) for name in names for part in watched[name]]
        return first(np.all(there[picked], axis=0))

    return WarmUp({name: together([name]) for name in flat.named}, together(numbers))


def first(warm: Array) -> int | None:
    return int(np.argmax(warm)) + 1 if warm.any() else None


def run(program: Program, rows: Mapping[str, Value]) -> Array:
    if not rows:
        return np.empty((0, BARS))
    flat = program.flat
    unit = unit_of(flat, rows)
    defaults = {p.name: np.array([float(p.default)]) for p in program.parameters}
    timeline = Timeline.of(flat, program.timeframe_ms, TICK)
    candles = timeline.take(made_bars(program.timeframe_ms)).candles
    state = np.array([unit.initial or (0.0,)])
    found = np.empty((1, len(rows), len(candles)))
    series = unit_series(unit, columns(flat), flat.candles)
    series(candles, 0, len(candles), constants(flat, defaults), state, found)
    return np.asarray(found[0])


def made_bars(step: int) -> Array:
    chance = np.random.default_rng(SEED)
    close = 30_000.0 * np.exp(np.cumsum(chance.normal(0.0, 0.002, BARS)))
    opened = np.concatenate([[30_000.0], close[:-1]])
    bars = np.zeros(BARS, dtypes.BAR)
    bars["timestamp"] = START + step * np.arange(BARS)
    bars["open"], bars["close"] = opened, close
    bars["high"] = np.maximum(opened, close) * (1.0 + np.abs(chance.normal(0.0, 0.001, BARS)))
    bars["low"] = np.minimum(opened, close) * (1.0 - np.abs(chance.normal(0.0, 0.001, BARS)))
    bars["volume"] = chance.gamma(2.0, 5.0, BARS)
    return bars


def figures(flat: Flat, value: Value) -> Iterator[Value]:
    """The numbers that a series is, or that a condition compares."""
    if ir.type_of(value) == "num":
        yield value
        return
    match value:
        case ir.Binary(op="and" | "or", left=left, right=right):
            yield from figures(flat, left)
            yield from figures(flat, right)
        case ir.Binary(left=left, right=right):
            yield left
            yield right
        case ir.Unary(operand=operand):
            yield from figures(flat, operand)
        case ir.Select(test=test, then=then, other=other):
            for part in (test, then, other):
                yield from figures(flat, part)
        case ir.Var():
            for statement in flat.series.statements:
                if isinstance(statement, ir.Set) and statement.target == value:
                    yield from figures(flat, statement.value)
