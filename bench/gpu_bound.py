"""How fast a GPU could step accounts if it did nothing but the float64 arithmetic.

Operations are counted as they are executed, not as they are printed: every statement of a step adds
its own to a slot of state that nothing else uses, and the step is run. A GPU's bound is then the
float64 instructions that all its processors can start in a second, over those of one account and
bar (both sides of a selection counted, as a GPU computes them). Loads, branches and waiting come on
top.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kernels import ir
from kernels.backends.cuda_device import CudaDevice, attribute
from kernels.backends.fleet import Muster
from kernels.backends.opencl_accelerator import Accelerator
from kernels.backends.opencl_device import OpenClDevice
from kernels.backends.opencl_fleet import OpenClFleet
from kernels.stages import Unit
from kernels.timeline import Block

# Float64 instructions of one operation. A division or root is a reciprocal and Newton steps.
INSTRUCTIONS = {"/": 9, "sqrt": 9, "-x": 0, "abs": 0, "not": 0, "and": 0, "or": 0}
# Float64 instructions that one multiprocessor starts per clock (CUDA programming guide, arithmetic
# throughput by compute capability), by part of the device's name.
PER_CLOCK = {"H200": 64, "H100": 64, "GH200": 64, "B200": 64, "A100": 32, "V100": 32, "P100": 32}
PER_CLOCK |= {"GeForce": 2, "RTX": 2, "L40": 2, "L4": 2, "A10": 2, "T4": 2}
CLOCK_KHZ, PROCESSORS = 13, 16  # CU_DEVICE_ATTRIBUTE_CLOCK_RATE, _MULTIPROCESSOR_COUNT


def instructions(expr: ir.Expr) -> int:
    """Count the float64 instructions of an expression, both sides of a selection included."""
    match expr:
        case ir.Unary(op=op, operand=operand):
            return INSTRUCTIONS.get("-x" if op == "-" else op, 1) + instructions(operand)
        case ir.Binary(op=op, left=left, right=right):
            return INSTRUCTIONS.get(op, 1) + instructions(left) + instructions(right)
        case ir.Select(test=test, then=then, other=other):
            return sum(instructions(part) for part in (test, then, other))
        case ir.Cell(index=index):
            return instructions(index)
        case _:
            return 0


def counting(statements: Sequence[ir.Stmt], tally: ir.State) -> tuple[ir.Stmt, ...]:
    """Have statements add what they execute to a slot of state."""

    def adding(expr: ir.Expr) -> list[ir.Stmt]:
        count = instructions(expr)
        return [ir.Set(tally, ir.Binary("+", tally, ir.Num(float(count))))] if count else []

    found: list[ir.Stmt] = []
    for statement in statements:
        match statement:
            case ir.Set(value=value):
                found += [*adding(value), statement]
            case ir.If(test=test, body=body, orelse=orelse):
                inner = counting(body, tally), counting(orelse, tally)
                found += [*adding(test), ir.If(test, *inner)]
            case ir.Loop(var=var, count=count, body=body):
                found.append(ir.Loop(var, count, counting(body, tally)))
            case ir.Emit():
                found.append(statement)
    return tuple(found)


def instructions_per_step(on: Accelerator, muster: Muster, data: Block) -> float:
    """Run a fleet that counts; gives float64 instructions per account and base bar.

    Those of shared series are not among them: they are computed once for many accounts.
    """
    step = muster.step
    unit = step.flying or Unit(frozenset(), (), (), {}, {})
    tally = ir.State(len(unit.initial))
    rows = [ir.Num(float(sum(instructions(row) for row in unit.rows.values())))]
    closing = [ir.Set(tally, ir.Binary("+", tally, row)) for row in rows]
    flying = replace(
        unit,
        statements=(*counting(unit.statements, tally), *closing),
        initial=(*unit.initial, 0.0),
    )
    counted = replace(
        step,
        simulate=counting(step.simulate, tally),
        decide=counting(step.decide, tally),
        flying=flying,
    )
    fleet = OpenClFleet(on, replace(muster, step=counted))
    fleet.run(data.tape, data.candles, 0, len(data.tape))
    tallies = fleet.flying_state.get()[:, -1]
    return float(np.mean(tallies)) / len(data.tape)


def peak(on: Accelerator) -> float | None:
    """Float64 instructions a device can start in a second; None where it is not known."""
    known = [count for part, count in PER_CLOCK.items() if part in on.name]
    if not known or not on.is_gpu:
        return None
    if isinstance(on, CudaDevice):
        processors, khz = (attribute(on.driver, on.number, n) for n in (PROCESSORS, CLOCK_KHZ))
        return float(known[0] * processors * khz * 1000)
    if isinstance(on, OpenClDevice):
        device = on.device
        return float(known[0] * device.max_compute_units * device.max_clock_frequency * 1_000_000)
    return None
