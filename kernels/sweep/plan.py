"""How a sweep is cut: what is shared, how many accounts at once, how many bars at once.

A plan is a pure function of what is swept and how much memory it may use, so a run that was
stopped is cut the same when it goes on. Nothing here can change a bit of the results: whatever is
shared, and wherever batches and tiles are cut, the statements and the bars are the same.

Costs are counted in basic operations of one account at one strategy bar. A group of series is
shared where computing it once per distinct choice of its parameters, writing its rows and reading
them for every account costs less than computing it beside every account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kernels import ir, stages
from kernels.frontend.flat import Flat
from kernels.slices import Slicer
from kernels.stages import KEPT, TAPE, Group, Step
from kernels.sweep.figures import FIGURES

Array = np.ndarray[Any, Any]
Share = Literal["auto", "all", "none"]

GB = 1_000_000_000
DEFAULT_MEMORY = 2 * GB
# Python, its libraries, compilers and what they compile: 280 to 430 MB were seen, and some drivers
# and large strategies take more.
PROGRAM = {"numba": 500_000_000, "lanes": 400_000_000, "opencl": 700_000_000}

COSTS = {"/": 4.0, "sqrt": 6.0}  # of operations; all others 1
CELL = 2.0  # reading or writing a ring
STORE = 2.0  # writing a row's value
# Reading one of several rows; lanes compute eight accounts in one go, but read each one's row.
LOAD = {"numba": 1.5, "lanes": 6.0, "opencl": 2.0}

LEAST_BATCH = 8  # accounts: one vector
BATCH = {"numba": 16_384, "lanes": 16_384, "opencl": 262_144}  # accounts stepped together, at most
TILE = {"numba": 8_192, "lanes": 8_192, "opencl": 65_536}  # base bars at once, at most
FEW_STEPS = 4_194_304  # account-bars below which a call costs more than what it does
LEAST_TILE = 1_024  # base bars: below it a smaller batch is better
COPIES = {"numba": 1, "lanes": 1, "opencl": 2}  # of bars and rows, where a device is this machine


class MemoryTooSmall(ValueError):
    """The memory budget cannot hold even the smallest part of the sweep."""


@dataclass(frozen=True)
class Plan:
    """What every batch of a sweep has in common."""

    step: Step
    shared: tuple[Group, ...]  # the costliest first: neighbours share it before any other
    batch: int  # accounts
    room: int  # bytes that the rows of a tile may take
    tile: int  # base bars at once, at most


def shared_groups(flat: Flat, constants: Array, backend: str, share: Share) -> list[Group]:
    """Choose what is computed once per distinct choice of parameters, the costliest first.

    `constants` are those of a batch as they come, float64 [accounts, columns].
    """
    found = stages.groups(flat)
    if share != "auto":
        return costliest_first(flat, found, constants) if share == "all" else []
    typical = dict(zip(stages.columns(flat), constants.mean(axis=0), strict=False))
    sliced = Slicer(flat).sliced
    chosen: list[Group] = []
    for group in found:
        wanted = list(group.anchors.values())
        given = [var.name for g in chosen for var in g.anchors.values()]
        once = work(sliced(wanted), flat, typical)
        beside = work(sliced(wanted, given), flat, typical)
        instances = len(distinct(flat, group.parameters, constants)[0])
        accounts = len(constants)
        load = 1.0 if instances == 1 else LOAD[backend]
        rows = len(wanted) * (STORE * instances + load * accounts)
        if once * instances + rows < beside * accounts:
            chosen.append(group)
    return costliest_first(flat, chosen, constants)


def costliest_first(flat: Flat, chosen: Sequence[Group], constants: Array) -> list[Group]:
    typical = dict(zip(stages.columns(flat), constants.mean(axis=0), strict=False))
    sliced = Slicer(flat).sliced
    works = [work(sliced(list(g.anchors.values())), flat, typical) for g in chosen]
    return [chosen[n] for n in sorted(range(len(chosen)), key=lambda n: (-works[n], n))]


def work(statements: Sequence[ir.Stmt], flat: Flat, typical: dict[str, Any]) -> float:
    """Count operations, loops as often as they typically run."""
    total = 0.0
    for statement in statements:
        match statement:
            case ir.Set(target=target, value=value):
                total += operations(value) + operations(target)
            case ir.If(test=test, body=body, orelse=orelse):
                total += operations(test)
                total += work(body, flat, typical) + work(orelse, flat, typical)
            case ir.Loop(count=count, body=body):
                times = rounds(count, body, flat, typical)
                total += operations(count) + times * (1.0 + work(body, flat, typical))
            case ir.Emit():
                continue
    return total


def operations(expr: ir.Expr) -> float:
    match expr:
        case ir.Cell(index=index):
            return CELL + operations(index)
        case ir.Unary(op=op, operand=operand):
            return COSTS.get(op, 1.0) + operations(operand)
        case ir.Binary(op=op, left=left, right=right):
            return COSTS.get(op, 1.0) + operations(left) + operations(right)
        case ir.Select(test=test, then=then, other=other):
            return 1.0 + operations(test) + operations(then) + operations(other)
        case _:
            return 0.0


def rounds(count: ir.Expr, body: Sequence[ir.Stmt], flat: Flat, typical: dict[str, Any]) -> float:
    """How often a loop runs: its parameter's mean, else the length of the ring it walks."""
    if isinstance(count, ir.Num):
        return count.value
    named = [f.name for f in ir.leaves(count, ir.Field) if f.record in ("param", "const")]
    if named:
        return float(max(typical[name] for name in named))
    inside = (*ir.expressions(body), *ir.targets(body))
    bases = (cell.base for expr in inside for cell in ir.leaves(expr, ir.Cell))
    own = (base for base in bases if isinstance(base, int))
    return float(max((flat.series.rings.get(base, 1) for base in own), default=1))


def distinct(flat: Flat, parameters: frozenset[str], constants: Array) -> tuple[Array, Array]:
    """Give the first account of each distinct choice, and which choice each account made.

    Compared by bits: equal numbers with other bits (−0) are another choice.
    """
    names = stages.columns(flat)
    columns = [names.index(name) for name in sorted(parameters)]
    if not columns:
        return np.zeros(1, np.int64), np.zeros(len(constants), np.int64)
    bits = np.ascontiguousarray(constants[:, columns]).view(np.int64)
    _, first, inverse = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1).astype(np.int64)


# Memory


def plan_for(
    flat: Flat,
    step: Step,
    shared: Sequence[Group],
    sample: Array,
    *,
    count: int,
    bars_bytes: int,
    backend: str,
    memory: int,
    batch: int | None,
    tile: int | None,
    collected: bool,
) -> Plan:
    """Cut `count` accounts into batches, so that all of the sweep stays within `memory` bytes.

    `sample` are the constants of the first accounts; `bars_bytes` what bars, tape and candles take;
    `batch` and `tile` are upper bounds of one's own; `collected`: figures stay in memory. Raises
    MemoryTooSmall naming the least that would do.
    """
    free = memory - PROGRAM[backend] - COPIES[backend] * bars_bytes
    free -= count * FIGURES.itemsize if collected else 0
    each = account_bytes(flat, step, len(shared))
    size = min(batch or BATCH[backend], -(-count // LEAST_BATCH) * LEAST_BATCH)
    while size > LEAST_BATCH:
        instances = [len(distinct(flat, g.parameters, sample[:size])[0]) for g in shared]
        room = free - size * each - instance_bytes(step, instances)
        if size * each <= free / 2 and room >= LEAST_TILE * bar_bytes(step, instances, backend):
            break
        size = max(LEAST_BATCH, size // 2)
    instances = [len(distinct(flat, g.parameters, sample[:size])[0]) for g in shared]
    needed = size * each + instance_bytes(step, instances) + bar_bytes(step, instances, backend)
    if free < needed:
        least = (memory - free + needed) / GB
        raise MemoryTooSmall(
            f"memory was {memory / GB:g} GB, must be at least {np.ceil(least * 100) / 100:g} GB"
            f" for these bars and {count:,} parameter sets"
        )
    return Plan(
        step=step,
        shared=tuple(shared),
        batch=size,
        room=free - size * each,
        tile=tile or max(TILE[backend], FEW_STEPS // size),
    )


def account_bytes(flat: Flat, step: Step, units: int) -> int:
    """What one account takes while its batch runs: constants, desk and state, with copies."""
    flying = len(step.flying.initial) if step.flying is not None else 0
    doubles = 3 * len(stages.columns(flat)) + 6 * KEPT + 4 * max(1, flying) + 2 * units
    return 8 * doubles + 2 * FIGURES.itemsize


def instance_bytes(step: Step, instances: Sequence[int]) -> int:
    """What the instances of shared units take beside their rows."""
    pairs = zip(step.shared, vectors(instances), strict=True)
    return sum(8 * n * (len(step.columns) + 4 * max(1, len(u.initial))) for u, n in pairs)


def bar_bytes(step: Step, instances: Sequence[int], backend: str) -> int:
    """What the rows of one strategy bar take."""
    pairs = zip(step.shared, vectors(instances), strict=True)
    return COPIES[backend] * sum(8 * n * len(u.rows) for u, n in pairs)


def vectors(instances: Sequence[int]) -> list[int]:
    """Instances filled up to whole vectors."""
    return [-(-n // LEAST_BATCH) * LEAST_BATCH for n in instances]


def tiles(plan: Plan, instances: Sequence[int], backend: str, tape: Array) -> list[int]:
    """Where tiles end, so that the rows of each fit into the plan's room."""
    per_bar = bar_bytes(plan.step, instances, backend)
    room = plan.room - instance_bytes(plan.step, instances)
    closes = max(1, room // per_bar) if per_bar else len(tape)
    index = tape[:, TAPE["index"]]
    stops: list[int] = []
    start = 0
    while start < len(tape):
        before = index[start - 1] if start else -1.0
        fitting = int(np.searchsorted(index, before + closes, side="right"))
        start = max(start + 1, min(fitting, start + plan.tile, len(tape)))
        stops.append(start)
    return stops
