"""Cut into pieces or spelled whole, a flat list computes the same bits; and pieces are shared.

The generated text is run as plain Python on IEEE doubles: many programs, and nothing to compile.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from kernels import dtypes, ir, stages
from kernels.backends.machine import RECORDS_PER_BAR
from kernels.backends.scalar import ScalarMachine, started
from kernels.constants import constants
from kernels.printers import scalar
from kernels.printers.scalar_cuts import DecisionCutter
from kernels.printers.scalar_flow import groups
from kernels.printers.scalar_pieces import Pieces
from kernels.printers.scalar_spelling import HEADER, Speller, function, in_memory
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec, first_desk
from kernels.timeline import Timeline
from tests.kernel_programs import Author, torn
from tests.kernel_runs import (
    CAPITAL,
    STRATEGIES,
    Array,
    limits,
    market,
    program_of,
    runner_of,
    walk,
)

COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1)
BARS = 250
LATER = ("entry_price", "lots", "realised", "fees", "slippage", "funding", "bars", "worst")
Names = dict[str, Any]


class AsDoubles(ast.NodeTransformer):
    """Every literal double as numpy's, which divides as IEEE says."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, float):
            return node
        return ast.Call(ast.Name("double", ast.Load()), [node], [])


def executed(text: str, known: Mapping[str, Any]) -> Names:
    """What a module defines, run as plain Python; `known` stands for what it imports."""
    tree = ast.parse(text)
    tree.body = [n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom)]
    names: Names = {"np": np, "double": np.float64, "njit": lambda **_: lambda f: f, **known}
    code = compile(ast.fix_missing_locations(AsDoubles().visit(tree)), "generated", "exec")
    exec(code, names)  # noqa: S102
    return names


def with_pieces(text: str, pieces: Pieces, known: Mapping[str, Any]) -> Names:
    named = dict(known)
    for name, piece in pieces.texts.items():
        named[name] = executed(piece, named)["piece"]
    return executed(text, named)


def versions(program: Program) -> tuple[Names, Names]:
    """The functions of a run: cut into pieces, and each spelled whole."""
    step = program.run_step
    (unit,) = step.shared
    record = {"record": executed(scalar.print_record(), {})["record"]}
    broker = scalar.print_simulate(step, "record")
    known = record | {"simulate": executed(broker, record)["simulate"]}
    pieces = Pieces()
    cut = with_pieces(scalar.print_run(step, "record", "simulate", pieces), pieces, known)
    place = in_memory(step.columns, step.candles, list(unit.rows))
    body = Speller(place).block(step.decide, 1)
    decide = function("decide", "t, j, tape, r, c, d, out, k", body, "k")
    series = scalar.print_unit(unit, step.columns, step.candles)
    driver = scalar.RUN.format(closed=stages.TAPE["closed"], index=stages.TAPE["index"])
    return cut, executed(HEADER.format(imports="") + decide + driver, known) | {
        "series": executed(series, {})["series"]
    }


def outcome(program: Program, functions: Names, bars: Array) -> list[bytes]:
    """Every double that a run of these functions leaves, NaN canonical."""
    step, flat = program.run_step, program.flat
    (unit,) = step.shared
    defaults = {p.name: np.array([p.default]) for p in program.parameters}
    fixed = constants(flat, defaults)
    desk = first_desk(flat, fixed[0], LaneSpec(8, CAPITAL, limits(True)), COSTS)[np.newaxis]
    block = Timeline(program.timeframe, flat.higher, 60_000, 0.01).take(bars)
    state = started(unit.initial, 1)
    rows = np.empty((1, len(unit.rows), len(block.candles)))
    out = np.zeros((1, RECORDS_PER_BAR * len(bars), dtypes.RECORD_WIDTH))
    counts = np.zeros(1, np.int64)
    with np.errstate(all="ignore"):
        functions["series"](block.candles, 0, len(block.candles), fixed, state, rows)
        functions["step"](block.tape, rows, fixed, desk, out, counts)
    found = [state, rows, desk, out, counts.astype(np.float64)]
    return [np.where(np.isnan(values), np.nan, values).tobytes() for values in found]


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_cut_into_pieces_then_gives_the_same_bits(path: Path) -> None:
    program = program_of(path)
    bars = walk(4000, seed=5)
    cut, whole = (outcome(program, functions, bars) for functions in versions(program))
    assert cut == whole
    assert np.frombuffer(cut[-1])[0] > 30  # records


@pytest.mark.parametrize("seed", range(1000, 1025))
def test_random_program_when_cut_into_pieces_then_gives_the_same_bits(seed: int) -> None:
    program = compile_strategy(Author(seed).text(), f"random_{seed}")
    bars = torn(BARS, seed)
    cut, whole = (outcome(program, functions, bars) for functions in versions(program))
    assert cut == whole


HIGHER = """
timeframe("1m")
n = param(5, 2, 9)
h = higher("5m")
trend = h.rsi(n)
far = h.ema(h.close, n)
near = ema(close, n)
up = crossed_above(near, far)

def entry():
    if up and trend > 40:
        return LONG
    if near < far:
        return SHORT
    return FLAT

def exits():
    return plan(stop=2 * atr(n), max_bars=9)
"""


def test_series_of_a_longer_timeframe_when_cut_into_pieces_then_give_the_same_bits() -> None:
    program = compile_strategy(HIGHER, "higher")
    bars = walk(1500, seed=9)
    cut, whole = (outcome(program, functions, bars) for functions in versions(program))
    assert cut == whole


ONE = """
timeframe("5m")
a = param(14, 5, 50)
b = param(20, 5, 80)
quick = ema(close, a)
calm = stdev(close, b)
force = rsi(a)

def entry():
    if quick < close and calm < force:
        return LONG
    return FLAT

def exits():
    return plan(stop=2 * atr(14))
"""
OTHER = """
timeframe("15m")
wide = param(2.5, 1.0, 4.0)
slow = param(50, 30, 300)
strength = rsi(slow)
far = ema(high - low, 9)
band = wide * stdev(volume, 33)

def entry():
    if strength > 70 and far > band:
        return SHORT
    return FLAT

def exits():
    return plan(stop=wide * atr(30), target=99)
"""


def series_pieces(text: str) -> Pieces:
    program = compile_strategy(text, "any")
    pieces = Pieces()
    step = program.run_step
    scalar.print_unit(step.shared[0], step.columns, step.candles, pieces)
    return pieces


def test_piece_when_another_strategy_uses_the_indicator_otherwise_then_is_the_same() -> None:
    one, other = series_pieces(ONE).texts, series_pieces(OTHER).texts
    stateful = {name for name, text in other.items() if "piece(s, b0" in text}
    assert len(stateful) >= 4
    assert stateful <= set(one)


def test_statements_when_they_need_each_other_through_state_then_stay_together() -> None:
    first, second = (ir.Var(name, "num", ir.SERIES) for name in ("v_first", "v_second"))
    apart = ir.Var("v_apart", "num", ir.SERIES)
    tied = [
        ir.Set(first, ir.State(0)),
        ir.Set(apart, ir.Num(2.0)),
        ir.Set(second, ir.Binary("+", first, ir.State(1))),
        ir.Set(ir.State(1), second),
        ir.Set(ir.State(0), second),
    ]
    assert groups(tied) == [[tied[0], *tied[2:]], [tied[1]]]


def on_account(name: str) -> ir.Field:
    return ir.Field("held", name, ir.ACCOUNT)


@pytest.mark.parametrize("position", [0.0, 2.0])
def test_variable_when_a_piece_may_or_may_not_assign_it_then_keeps_what_it_had(
    position: float,
) -> None:
    chosen = ir.Var("m_chosen", "num", ir.ACCOUNT)
    shared: list[ir.Stmt] = [
        ir.If(
            ir.Binary("!=", on_account("position"), ir.Num(0.0)),
            (ir.Set(chosen, ir.Num(3.0)),),
            (),
        ),
        *(ir.Set(on_account(name), ir.Num(7.0)) for name in LATER),
    ]
    row = ir.Field("row", "price", ir.SERIES)
    listed: list[ir.Stmt] = [
        ir.Set(chosen, row),
        *shared,
        ir.Set(on_account("tag"), ir.Binary("+", chosen, row)),
    ]
    pieces = Pieces()
    cutter = DecisionCutter(in_memory((), (), ["price"]), pieces)
    text = HEADER.format(imports="") + function("decide", "j, r, d", cutter.whole(listed, 1))
    desk = np.zeros(len(stages.DESK))
    desk[stages.DESK["held", "position"]] = position
    with_pieces(text, pieces, {})["decide"](0, np.array([[20.0]]), desk)
    assert len(pieces.texts) == 1
    assert desk[stages.DESK["held", "tag"]] == (23.0 if position else 40.0)


def test_function_when_called_with_literals_then_is_compiled_for_one_signature() -> None:
    runner = runner_of(program_of(STRATEGIES[0]), (8,), COSTS, limits(True))
    runner.run(walk(30, seed=1), [0])
    assert isinstance(runner.machine, ScalarMachine)
    made = [f for f in vars(runner.machine.module).values() if isinstance(f, Dispatcher)]
    assert {"series", "decide", "step"} <= {f.py_func.__name__ for f in made}
    assert all(len(f.signatures) <= 1 for f in made)
