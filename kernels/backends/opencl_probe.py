"""What a device must compute as numba does before it is trusted: a small program, compared by bits.

The first part puts every operation of the flat list through numbers that are hard (NaN, infinities,
−0.0, denormals, bits at random) and through sums of products that a compiler would like to fuse.
The second trades random bars with a strategy that enters, exits and is refused.
"""

from collections.abc import Iterator

import numpy as np

from kernels import dtypes, ir
from kernels.backends.machine import Array, Machine
from kernels.backends.opencl import OpenClMachine
from kernels.backends.opencl_accelerator import Accelerator, DeviceRefused
from kernels.backends.scalar import ScalarMachine
from kernels.constants import constants
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec, canonical, first_desk
from kernels.stages import DESK, Step, Unit
from kernels.timeline import Block, Timeline

CANDLE = ("x", "y", "z")
X, Y, Z = (ir.Field("candle", name, ir.SERIES) for name in CANDLE)
WINDOW = 5


def operators() -> Step:
    """Series that use every operation once: sums, products, windows, branches, conditions."""
    average, at = ir.State(0), ir.State(1)
    total, step = ir.Var("m_total", "num", ir.SERIES), ir.Var("m_i", "num", ir.SERIES)
    low = ir.Var("m_low", "num", ir.SERIES)
    product = ir.Binary("*", X, Y)
    smooth = ir.Binary("+", average, ir.Binary("*", ir.Num(0.1), ir.Binary("-", Z, average)))
    cell = ir.Cell(2, at)
    far = ir.Binary("<", at, ir.Num(float(WINDOW)))
    ahead = ir.Binary("+", at, ir.Num(1.0))
    kinds: tuple[ir.BinaryOp, ...] = ("+", "-", "*", "/")
    tests: tuple[ir.BinaryOp, ...] = ("<", "<=", ">", ">=", "==", "!=")
    either = ir.Binary("or", ir.Binary("<", X, Y), ir.Unary("not", ir.Binary("==", Y, Z)))
    rows: dict[str, ir.Expr] = {f"x {op} y": ir.Binary(op, X, Y) for op in (*kinds, *tests)}
    singles: tuple[ir.UnaryOp, ...] = ("-", "sqrt", "abs", "floor")
    rows |= {f"{op} x": ir.Unary(op, X) for op in singles}
    rows |= {
        "sum of products": ir.Binary("-", product, ir.Binary("*", Y, Z)),
        "product and sum": ir.Binary("+", product, Z),
        "running average": average,
        "sum of a window": total,
        "a cell": ir.Select(far, ir.Cell(2, at), ir.Num(-1.0)),
        "selection": ir.Select(ir.Binary("<", X, Y), X, Y),
        "nested branches": low,
        "condition": ir.Binary("and", either, ir.Binary(">=", X, Z)),
    }
    summed = ir.Set(total, ir.Binary("+", total, ir.Cell(2, step)))
    inner = ir.If(ir.Binary(">", Y, Z), (ir.Set(low, Y),), (ir.Set(low, Z),))
    statements: tuple[ir.Stmt, ...] = (
        ir.Set(cell, ir.Binary("*", Z, Z)),
        ir.Set(at, ir.Select(ir.Binary(">=", ahead, ir.Num(float(WINDOW))), ir.Num(0.0), ahead)),
        ir.Set(average, smooth),
        ir.Set(total, ir.Num(0.0)),
        ir.Loop(step, ir.Num(float(WINDOW)), (summed,)),
        ir.If(ir.Binary("<", X, Y), (ir.Set(low, X),), (inner,)),
    )
    initial = (0.0, 0.0, *[0.0] * WINDOW)
    unit = Unit(frozenset(), statements, initial, {2: WINDOW}, rows)
    equity, cash = (
        ir.Field("account", "equity", ir.ACCOUNT),
        ir.Field("account", "cash", ir.ACCOUNT),
    )
    idle = (ir.Set(equity, cash),)
    return Step(idle, idle, (unit,), None, (), CANDLE, emits=True, skips=False)


def hard_numbers(count: int = 2048) -> Array:
    """Give x and y from special values and from random bits; z is an ordinary walk."""
    special = [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 2.2e-308, 1e-310]
    special += [1.7976931348623157e308, 0.1, 1 / 3, 0.5, -2.5, 2.0**53, 2.0**53 + 2.0]
    rng = np.random.default_rng(53)
    table = rng.integers(0, 2**64, (count, len(CANDLE)), np.uint64).view(np.float64)
    pairs = np.array([(a, b) for a in special for b in special])
    table[: len(pairs), :2] = pairs
    table[len(pairs) : count // 2] = rng.normal(100.0, 30.0, (count // 2 - len(pairs), 3))
    table[:, 2] = np.cumsum(rng.normal(0.0, 1.0, count))
    return table


STRATEGY = """
timeframe("1m")
n = param(7, 2, 20)
mid = ema(close, n)
width = stdev(close - mid, n)
gap = (close - mid) / (width if width > 0 else 1e-310)
faint = volume * 1e-310 / 3
def entry():
    if gap < -1.0 or (gap == gap and 1 / faint < 0):
        return long(tag="below", confidence=0.5)
    if gap > 1.0 and not volume == 0:
        return short(tag="above", confidence=min(gap / 3, 1))
    return FLAT
def exits():
    return plan(stop=1.5 * atr(5), target=2 * width, max_bars=n)
"""


COSTS = {"tick": 0.01, "lot": 1e-4, "unit": 100.0, "min_notional": 5e8, "maintenance": 0.005}
COSTS |= {"maker": 0.0002, "taker": 0.0005, "slippage": 0.001, "perpetual": 1.0}
BOUNDS = {"enforced": 1.0, "daily_loss": 500e8, "margin_fraction": 0.15}
BOUNDS |= {"margin_absolute": 1000e8, "notional_multiple": 8.0}


def random_bars(count: int = 1500) -> Array:
    """A walk with holes in time and minutes without volume."""
    rng = np.random.default_rng(17)
    bars = np.zeros(count, dtypes.BAR)
    bars["timestamp"] = 1_704_067_200_000 + 60_000 * np.cumsum(rng.integers(1, 3, count))
    bars["close"] = np.round(500.0 + np.cumsum(rng.normal(0.0, 1.0, count)), 2)
    bars["open"] = np.concatenate([[500.0], bars["close"][:-1]])
    reach = np.round(np.abs(rng.normal(0.0, 0.7, (2, count))), 2)
    bars["high"] = np.maximum(bars["open"], bars["close"]) + reach[0]
    bars["low"] = np.minimum(bars["open"], bars["close"]) - reach[1]
    bars["volume"] = np.where(rng.random(count) < 0.1, 0.0, rng.gamma(2.0, 5.0, count))
    bars["funding"][::60] = 1e-4
    return bars


def accounts(program: Program) -> tuple[Array, Array, float]:
    """Give constants and three accounts that trade the probe's strategy, and the market's tick."""
    market, limits = np.zeros(1, dtypes.MARKET), np.zeros(1, dtypes.LIMITS)
    for row, values in ((market, COSTS), (limits, BOUNDS)):
        for name, value in values.items():
            row[name] = value
    table = constants(program.flat, {p.name: np.array([p.default]) for p in program.parameters})
    specs = [LaneSpec(leverage, 17_000e8, limits) for leverage in (1, 5, 8)]
    desk = np.array([first_desk(program.flat, table[0], spec, market) for spec in specs])
    return table, desk, float(market["tick"][0])


def traded(machine: Machine, stretch: Block) -> Iterator[tuple[str, Array]]:
    rows = machine.series(stretch.candles)
    yield "series", rows
    for n, records in enumerate(machine.step(stretch.tape, rows)):
        yield f"records of account {n}", records
    yield "state of the series", machine.state()
    yield "accounts", machine.kept()


def examine(on: Accelerator) -> None:
    """Raise DeviceRefused, naming device and driver and what came out otherwise than in numba."""
    step, table = operators(), hard_numbers()
    nothing, desk = np.zeros((1, 1)), np.zeros((1, len(DESK)))
    expected = ScalarMachine(step, nothing, desk).series(table)
    found = OpenClMachine(on, step, nothing, desk).series(table)
    for name, ours, theirs in zip(step.shared[0].rows, expected, found, strict=True):
        refuse_difference(on, f"operation {name!r}", ours, theirs)
    program = compile_strategy(STRATEGY, "probe")
    values, desk, tick = accounts(program)
    timeline = Timeline(program.timeframe, program.flat.higher, 60_000, tick)
    stretch = timeline.take(random_bars())
    reference = traded(ScalarMachine(program.run_step, values, desk.copy()), stretch)
    run = traded(OpenClMachine(on, program.run_step, values, desk), stretch)
    for (name, ours), (_, theirs) in zip(reference, run, strict=True):
        refuse_difference(on, name, ours, theirs)


def refuse_difference(on: Accelerator, name: str, expected: Array, found: Array) -> None:
    if expected.shape != found.shape:
        raise DeviceRefused(
            f"{on.name} is turned off: {name} came out {found.shape}, by numba {expected.shape}"
        )
    ours, theirs = canonical(expected).view(np.int64), canonical(found).view(np.int64)
    wrong = np.argwhere(ours != theirs)
    if len(wrong):
        at = tuple(wrong[0])
        raise DeviceRefused(
            f"{on.name} is turned off: {name} differed from numba in {len(wrong)} of {ours.size}"
            f" doubles, first {float(found[at])!r} where {float(expected[at])!r} is right"
        )
