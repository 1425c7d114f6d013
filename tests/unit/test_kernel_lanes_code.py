"""What lanes compile to: corners of the arithmetic, no fused operation, a cache that mends itself.

The corners are written as flat lists by hand: what a strategy would have to be contrived for (an
index that is garbage where nobody may look, loops of unlike lengths) is said in a few statements.
"""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

from kernels import cache, ir, llvm, stages
from kernels.backends import lanes_code, lanes_memory
from kernels.backends.fleet import Fleet, Muster
from kernels.backends.lanes import LanesFleet
from kernels.backends.scalar import ScalarFleet
from kernels.frontend.expressions import CANDLE
from kernels.printers import lanes
from kernels.printers.lanes_frames import Alike
from kernels.runner import canonical
from kernels.timeline import Timeline
from tests.kernel_runs import STRATEGIES, Array, program_of, walk

NAN, INF = float("nan"), float("inf")
ACCOUNTS = 13
RING = 5

close = ir.Field("candle", "close", ir.SERIES)
a, b = ir.Field("param", "a", ir.CONST), ir.Field("param", "b", ir.CONST)
i, j, k = (ir.Var(f"m_{name}", "num", ir.SERIES) for name in "ijk")
total, flag = ir.Var("m_total", "num", ir.SERIES), ir.Var("m_flag", "bool", ir.SERIES)
count, memory = ir.State(0), ir.State(1)
FIRST = 2  # slot of the ring


def num(value: float) -> ir.Num:
    return ir.Num(value)


def op(operator: ir.BinaryOp, left: ir.Expr, right: ir.Expr) -> ir.Binary:
    return ir.Binary(operator, left, right)


def valid(index: ir.Expr) -> ir.Expr:
    return op("and", op(">=", index, num(0.0)), op("<", index, num(float(RING))))


def cell(index: ir.Expr) -> ir.Cell:
    return ir.Cell(FIRST, index)


# Masked places: an index is a whole number of the ring only where the branch is taken.
GARBAGE: tuple[ir.Stmt, ...] = (
    ir.Set(count, op("+", count, num(1.0))),
    ir.If(valid(a), (ir.Set(cell(a), op("+", close, b)),), ()),
    ir.If(
        op("and", valid(b), op(">", close, num(29_990.0))),
        (
            ir.Set(cell(b), op("*", a, num(-0.0))),
            ir.Set(memory, ir.Select(valid(a), cell(a), op("/", b, num(0.0)))),
        ),
        (ir.Set(memory, op("-", memory, num(5e-324))),),
    ),
    ir.Set(total, ir.Select(op("==", b, b), ir.Select(valid(a), cell(a), b), num(7.0))),
)

# Loops that end at unlike places, a branch inside, a variable that only some lanes change.
LOOPS: tuple[ir.Stmt, ...] = (
    ir.Set(count, op("+", count, num(1.0))),
    ir.Set(total, num(0.0)),
    ir.Set(flag, ir.Flag(False)),
    ir.Set(cell(op("-", count, op("*", num(5.0), ir.Unary("floor", op("/", count, num(5.0)))))), b),
    ir.Loop(
        i,
        ir.Select(valid(a), a, num(0.0)),
        (
            ir.Set(total, op("+", total, op("*", cell(i), b))),
            ir.Loop(k, num(3.0), (ir.Set(total, op("+", total, op("/", k, i))),)),
            ir.If(
                op(">", total, num(1e5)),
                (
                    ir.Set(flag, ir.Flag(True)),
                    ir.Loop(j, i, (ir.Set(memory, op("+", memory, ir.Unary("sqrt", cell(j)))),)),
                ),
                (),
            ),
        ),
    ),
    ir.If(flag, (ir.Set(total, ir.Unary("-", total)),), ()),
)

# Every operation on every special, and what each comparison says of it.
OPERATIONS: tuple[ir.BinaryOp, ...] = ("+", "-", "*", "/")
COMPARISONS: tuple[ir.BinaryOp, ...] = ("<", "<=", ">", ">=", "==", "!=")
ARITHMETIC: tuple[ir.Stmt, ...] = (
    ir.Set(count, op("/", num(1.0), ir.Unary("-", a))),  # tells -0 from 0
    ir.Set(memory, ir.Unary("floor", op("/", a, b))),
    ir.Set(total, op("-", ir.Unary("sqrt", a), ir.Unary("abs", b))),
    *(ir.Set(cell(num(n)), op(each, a, b)) for n, each in enumerate(OPERATIONS)),
    ir.Set(cell(num(4.0)), op("+", op("*", a, b), close)),  # never one rounding
    *(
        ir.If(op(each, a, b), (ir.Set(total, op("+", total, num(2.0**n))),), ())
        for n, each in enumerate(COMPARISONS)
    ),
    ir.If(ir.Unary("not", op("<", a, b)), (ir.Set(total, ir.Unary("-", total)),), ()),
)

VALUES = (0.0, 3.0, -0.0, NAN, INF, -INF, 5e-324, -1e300, 1e300, 4.0, 1.0, 2.5e-310, -1.0)


def step_of(statements: tuple[ir.Stmt, ...]) -> stages.Step:
    """A step that does nothing but keep what the statements leave, one figure a field."""
    rows: dict[str, ir.Expr] = {"total": total, "count": count, "memory": memory}
    rows |= {f"cell{n}": cell(num(float(n))) for n in range(RING)}
    unit = stages.Unit(
        frozenset(("a", "b")), statements, (0.0, 1.0, *[0.5] * RING), {FIRST: RING}, rows
    )
    names = [name for record, name in stages.DESK if record == "account"][: len(rows)]
    decide = tuple(
        ir.Set(ir.Field("account", name, ir.ACCOUNT), ir.Field("row", row, ir.SERIES))
        for name, row in zip(names, rows, strict=True)
    )
    return stages.Step((), decide, (), unit, ("a", "b"), tuple(CANDLE), emits=False, skips=False)


def bits(values: Array) -> Array:
    return canonical(values).view(np.int64)


@pytest.mark.parametrize("statements", [GARBAGE, LOOPS, ARITHMETIC], ids=["mask", "loop", "ieee"])
def test_corners_when_run_in_lanes_then_give_the_bits_of_the_scalar_backend(
    statements: tuple[ir.Stmt, ...],
) -> None:
    table = np.array([VALUES, VALUES[4:] + VALUES[:4]]).T.copy()
    table[1::4, 1] = np.arange(len(table[1::4])) % RING
    desk = np.zeros((ACCOUNTS, stages.KEPT))
    gathered = Muster(step_of(statements), table, desk, [], [])
    line = Timeline("1m", (), 60_000, 0.01).take(walk(40, seed=1))
    fleets: list[Fleet] = [ScalarFleet(gathered, 1), LanesFleet(gathered, 2)]
    for fleet in fleets:
        fleet.run(line.tape, line.candles, 0, 23)
        fleet.run(line.tape, line.candles, 23, 40)
    scalar, vector = (fleet.kept() for fleet in fleets)
    assert np.array_equal(bits(vector), bits(scalar))
    assert len(np.unique(bits(scalar), axis=0)) > 8


# Machine code


def texts() -> list[str]:
    """All that is printed for the shipped strategies."""
    found = []
    for path in STRATEGIES:
        step = program_of(path).run_step
        (unit,) = step.shared
        for alike in (Alike(()), Alike(tuple(range(len(step.columns))))):
            found.append(lanes.print_unit(unit, step.columns, step.candles, alike))
            found.append(lanes.print_step(step, alike))
    return found


FLAGS = re.compile(r"\b(fast|contract|reassoc|nnan|ninf|nsz|arcp|afn)\b|fma|fmuladd")
FUSED = re.compile(r"vf(n?m(add|sub)|maddsub|msubadd)")


def test_printed_text_when_searched_then_has_no_relaxed_or_fused_operation() -> None:
    for text in texts():
        assert "fmul" in text or "fcmp" in text
        assert FLAGS.search(text) is None


@pytest.mark.skipif(not binding.get_process_triple().startswith("x86_64"), reason="not an x86-64")
@pytest.mark.parametrize("processor", ["haswell", "skylake-avx512", "znver4"])
def test_assembly_when_the_processor_can_fuse_then_has_no_fused_operation(processor: str) -> None:
    step = program_of(STRATEGIES[-1]).run_step
    for text in (lanes.print_unit(*frame_of(STRATEGIES[-1])), lanes.print_step(step, Alike(()))):
        found = llvm.assembly(text, processor)
        assert "vmulpd" in found
        assert "vaddpd" in found
        assert FUSED.search(found) is None


def frame_of(path: Path) -> tuple[stages.Unit, tuple[str, ...], tuple[str, ...], Alike]:
    step = program_of(path).run_step
    return step.shared[0], step.columns, step.candles, Alike(())


def rows_by(code: bytes) -> Array:
    """Rows of a shipped strategy's series, filled by this machine code."""
    unit, columns, _, _ = frame_of(STRATEGIES[-1])
    given = Timeline("15m", (), 60_000, 0.01).take(walk(6000, seed=4)).candles
    constants = lanes_memory.grouped(
        np.linspace(5.0, 40.0, 8 * len(columns)).reshape(8, -1).round()
    )
    state = lanes_memory.started(unit, 8)
    rows = lanes_memory.aligned((1, len(given), len(unit.rows), 8))
    library = llvm.linked(code, "series")
    call = ctypes.CFUNCTYPE(None, *lanes_code.SERIES)(library["series"])
    places = map(lanes_memory.place, (given, constants, state, rows))
    call(0, 1, 0, len(given), *places, rows.size)
    return rows


@pytest.mark.skipif(not binding.get_process_triple().startswith("x86_64"), reason="not an x86-64")
def test_bits_when_compiled_for_the_plainest_processor_then_are_the_same() -> None:
    text = lanes.print_unit(*frame_of(STRATEGIES[-1]))
    own = rows_by(llvm.machine_code(text))
    assert np.isfinite(own).sum() > 1000
    assert np.array_equal(bits(own), bits(rows_by(llvm.machine_code(text, "x86-64"))))


# The cache


def fresh(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PERPETUA_CACHE", str(folder))
    monkeypatch.setattr(llvm, "LOADED", {})


def filled(printed: list[str]) -> None:
    """Have the series of a shipped strategy compiled, noting whether they were printed."""
    frame = frame_of(STRATEGIES[-1])

    def spell() -> str:
        printed.append("once more")
        return lanes.print_unit(*frame)

    llvm.function("series of a test", "series", spell, lanes_code.SERIES)


def test_machine_code_when_kept_then_nothing_is_printed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    for _ in range(2):
        fresh(monkeypatch, tmp_path)
        filled(printed)
    assert len(printed) == 1


@pytest.mark.parametrize("spoil", ["cut", "flip", "empty"])
def test_machine_code_when_its_file_is_spoiled_then_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    printed: list[str] = []
    fresh(monkeypatch, tmp_path)
    filled(printed)
    (path,) = cache.folder().glob("lanes_*.o")
    whole = path.read_bytes()
    half = len(whole) // 2
    flipped = whole[:half] + bytes([whole[half] ^ 255]) + whole[half + 1 :]
    path.write_bytes({"cut": whole[:half], "flip": flipped, "empty": b""}[spoil])
    fresh(monkeypatch, tmp_path)
    filled(printed)
    assert len(printed) == 2
    assert path.read_bytes() == whole
    assert np.isfinite(rows_by(whole[llvm.CHECK :])).sum() > 1000


NAMING = """
from pathlib import Path
from kernels.backends import lanes_code
from kernels.printers.lanes_frames import Alike
from kernels.program import compile_strategy
step = compile_strategy(Path({path!r}).read_text(), "one").run_step
print(lanes_code.named(lanes_code.what(step.shared[0]), step.simulate, Alike((1, 2))))
"""


def test_name_of_machine_code_when_asked_in_another_process_then_is_the_same() -> None:
    script = NAMING.format(path=str(STRATEGIES[0]))
    found = set()
    for seed in ("1", "2"):
        where = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=where)
        found.add(done.stdout)
    assert len(found) == 1
