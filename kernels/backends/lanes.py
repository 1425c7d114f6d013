"""The vector backend: eight accounts in the lanes of one vector, on all threads asked for.

Accounts and instances lie in groups of eight; the last group is filled up with copies of its last
member, which nobody reads. The lanes of a group never look at each other, so the bits of an account
do not depend on its neighbours.
"""

import ctypes
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kernels import dtypes, llvm
from kernels.backends.fleet import Muster, strategy_bars
from kernels.backends.machine import RECORDS_PER_BAR
from kernels.printers import lanes
from kernels.printers.lanes_frames import Alike
from kernels.printers.lanes_values import LANES
from kernels.stages import DESK, KEPT, TAPE, Step, Unit

Array = np.ndarray[Any, Any]

CONTROL = slice(DESK["control", "entries_off"], DESK["control", "flatten"] + 1)
TILE = 2048  # base bars that a group of accounts takes before the next one's turn
LINE = 64  # bytes: every vector lies on its own cache line
WHOLE, PLACE = ctypes.c_int64, ctypes.c_void_p
SERIES = (*[WHOLE] * 4, *[PLACE] * 4, WHOLE)
RUN = (*[WHOLE] * 5, *[PLACE] * 6, WHOLE, PLACE, WHOLE, PLACE, PLACE)


def sweep_types(units: int) -> tuple[Any, ...]:
    return (*[WHOLE] * 5, *[PLACE] * 5, *[PLACE] * (2 * units))


def series_of(unit: Unit, step: Step, alike: Alike) -> llvm.Function:
    """The compiled function that fills a unit's rows."""
    frame = (step.columns, step.candles, alike)
    return llvm.function(
        named(what(unit), *frame), "series", lambda: lanes.print_unit(unit, *frame), SERIES
    )


def step_of(step: Step, alike: Alike) -> llvm.Function:
    """The compiled function that steps accounts."""
    types = RUN if step.emits else sweep_types(len(step.shared))
    units = [what(unit) for unit in (*step.shared, step.flying)]
    frame = (step.columns, step.candles, step.emits, step.skips, alike)
    return llvm.function(
        named(step.simulate, step.decide, *units, *frame),
        "step",
        lambda: lanes.print_step(step, alike),
        types,
    )


def what(unit: Unit | None) -> tuple[object, ...]:
    """What of a unit its text follows from, in an order that is always the same."""
    if unit is None:
        return ()
    return (unit.statements, len(unit.initial), dict(unit.rings), dict(unit.rows))


def named(*parts: object) -> str:
    """All that a module's text follows from: what is printed, and the printer."""
    return "\0".join((*map(repr, parts), printer()))


@cache
def printer() -> str:
    """Digest of the sources that print."""
    found = sorted(Path(lanes.__file__).parent.glob("lanes*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in found)).hexdigest()


# Arrays in groups of eight


def aligned(shape: tuple[int, ...]) -> Array:
    """Doubles that begin on a cache line."""
    size = int(np.prod(shape))
    raw = np.empty(size + LINE // 8)
    start = -raw.ctypes.data % LINE // 8
    return raw[start : start + size].reshape(shape)


def grouped(table: Array) -> Array:
    """[n, slots] as [groups, slots, 8]; the last group is filled up with copies."""
    count = -(-len(table) // LANES)
    rows = np.minimum(np.arange(count * LANES), len(table) - 1)
    found = aligned((count, max(1, table.shape[1]), LANES))
    found[:, : table.shape[1]] = table[rows].reshape(count, LANES, -1).transpose(0, 2, 1)
    return found


def flat(groups: Array, count: int) -> Array:
    """[groups, slots, 8] as [count, slots]: what `grouped` was given."""
    return np.array(groups.transpose(0, 2, 1).reshape(-1, groups.shape[1])[:count])


def started(unit: Unit | None, count: int) -> Array:
    """State of `count` instances before their first bar, in groups."""
    initial = unit.initial if unit is not None else ()
    return grouped(np.tile(np.array(initial or (0.0,)), (count, 1)))


def same_columns(table: Array) -> tuple[int, ...]:
    """Columns of which all rows hold the same bits."""
    bits = np.ascontiguousarray(table).view(np.int64)
    return tuple(int(n) for n in np.flatnonzero((bits == bits[0]).all(axis=0)))


def place(array: Array) -> int:
    return int(array.ctypes.data)


class LanesMachine:
    """Runs one version's series and accounts in lanes."""

    device = "cpu"

    def __init__(self, step: Step, constants: Array, desk: Array) -> None:
        (self.unit,) = step.shared
        alike = Alike(tuple(range(len(step.columns))))
        self.fill = series_of(self.unit, step, alike)
        self.take = step_of(step, alike)
        self.accounts = len(desk)
        self.constants = grouped(constants[:1])
        self.unit_state = started(self.unit, 1)
        self.desk = grouped(desk)
        self.groups = len(self.desk)
        # constants are one instance's: every group of accounts reads the same
        self.shared = np.ascontiguousarray(np.repeat(self.constants, self.groups, axis=0))
        self.out = np.empty((self.accounts, 0, dtypes.RECORD_WIDTH))
        real = np.arange(self.groups * LANES) < self.accounts
        self.live = np.packbits(real.reshape(-1, LANES), axis=1, bitorder="little")

    def heed(self, controls: Array) -> None:
        """Set every account's control flags."""
        self.desk[:, CONTROL] = grouped(np.asarray(controls, np.float64))

    def series(self, candles: Array) -> Array:
        """Take strategy bars; give the rows."""
        candles = np.ascontiguousarray(candles)
        rows = aligned((len(candles), max(1, len(self.unit.rows)), LANES))
        arrays = (candles, self.constants, self.unit_state, rows)
        self.fill(0, 1, 0, len(candles), *map(place, arrays), rows.size)
        return np.ascontiguousarray(rows[:, : len(self.unit.rows), 0].T)

    def step(self, tape: Array, rows: Array) -> list[Array]:
        """Take base bars; give each account's records."""
        tape, rows = np.ascontiguousarray(tape), np.ascontiguousarray(rows)
        room = RECORDS_PER_BAR * len(tape)
        if self.out.shape[1] < room:
            self.out = np.empty((self.accounts, room, dtypes.RECORD_WIDTH))
        counts = np.zeros(self.groups * LANES, np.int64)
        arrays = (tape, tape, self.shared, self.unit_state, self.desk, rows)
        self.take(
            *(0, self.groups, 0, len(tape), 0, *map(place, arrays), rows.shape[1]),
            *(place(self.out), self.out.shape[1], place(counts), place(self.live)),
        )
        return [self.out[n, : counts[n]].copy() for n in range(self.accounts)]

    def state(self) -> Array:
        """The state of the series."""
        return np.array(self.unit_state[0, :, 0])

    def kept(self) -> Array:
        """What the accounts hold."""
        return flat(self.desk[:, :KEPT], self.accounts)

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to an earlier state."""
        self.unit_state[:] = grouped(np.asarray(state)[np.newaxis])
        self.desk[:, :KEPT] = grouped(kept)


class LanesFleet:
    """Steps a sweep's accounts in lanes.

    Accounts that read the same instances stand side by side, so that where enough share, a group
    reads one row and not eight; outside, they keep the order they came in.
    """

    device = "cpu"

    def __init__(self, muster: Muster, threads: int) -> None:
        step = muster.step
        self.step = step
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)
        self.count = len(muster.desk)
        self.order = np.lexsort(muster.index[::-1]) if step.shared else np.arange(self.count)
        self.constants = grouped(muster.constants[self.order])
        self.desk = grouped(muster.desk[self.order])
        self.flying_state = started(step.flying, self.count)
        self.index = [grouped_index(index[self.order]) for index in muster.index]
        self.columns = same_columns(muster.constants)
        alike = (n for n, index in enumerate(self.index) if (index == index[:, :1]).all())
        self.alike_units = tuple(alike)
        self.units = [
            Shared(unit, step, instances)
            for unit, instances in zip(step.shared, muster.instances, strict=True)
        ]

    def run(self, tape: Array, candles: Array, start: int, stop: int) -> None:
        """Take base bars, a tile at a time: first the shared rows, then the accounts."""
        tape, candles = np.ascontiguousarray(tape), np.ascontiguousarray(candles)
        step = self.compiled(tape[start:stop])
        for begin in range(start, stop, TILE):
            self.run_tile(step, tape, candles, begin, min(stop, begin + TILE))

    def compiled(self, tape: Array) -> llvm.Function:
        """The step for these bars; which of its forms it is depends on what they need."""
        prompt = bool((tape[:, TAPE["closed"]] <= 1.0).all())
        awake = bool((np.diff(tape[:, TAPE["wake"]]) > 0.0).all())
        return step_of(self.step, Alike(self.columns, self.alike_units, prompt, awake))

    def run_tile(
        self, step: llvm.Function, tape: Array, candles: Array, start: int, stop: int
    ) -> None:
        b0, b1 = strategy_bars(tape, start, stop)
        for unit in self.units:
            rows = unit.room(b1 - b0)
            self.spread(unit.groups, lambda i, j, u=unit: u.fill(i, j, b0, b1, candles))  # type: ignore[misc]
        arrays = [tape, candles, self.constants, self.flying_state, self.desk]
        offsets = []
        for unit, index in zip(self.units, self.index, strict=True):
            rows = unit.rows
            offsets.append(index // LANES * (rows.size // len(rows)) + index % LANES)
            arrays += [rows, offsets[-1]]
        places = [place(array) for array in arrays]
        self.spread(len(self.desk), lambda i, j: step(i, j, start, stop, b0, *places))

    def spread(self, count: int, work: Callable[[int, int], None]) -> None:
        """Give every thread its share of `count` groups."""
        parts = max(1, min(count, 4 * self.threads))
        cuts = [count * n // parts for n in range(parts + 1)]
        for done in [self.pool.submit(work, i, j) for i, j in pairwise(cuts)]:
            done.result()

    def kept(self) -> Array:
        """What the accounts hold."""
        found = np.empty((self.count, KEPT))
        found[self.order] = flat(self.desk, self.count)
        return found

    def state(self) -> bytes:
        """All that the next bar depends on."""
        return b"".join(array.tobytes() for array in self.arrays())

    def restore(self, data: bytes) -> None:
        """Go back to an earlier state."""
        arrays = self.arrays()
        values = np.frombuffer(data)
        wanted = sum(array.size for array in arrays)
        if len(values) != wanted:
            raise ValueError(f"state held {len(values)} numbers, must be {wanted}")
        cuts = np.cumsum([array.size for array in arrays])[:-1]
        for array, part in zip(arrays, np.split(values, cuts), strict=True):
            array[:] = part.reshape(array.shape)

    def arrays(self) -> list[Array]:
        return [*(unit.state for unit in self.units), self.flying_state, self.desk]


class Shared:
    """A unit's instances, and their rows over the bars of a tile."""

    def __init__(self, unit: Unit, step: Step, instances: Array) -> None:
        self.unit = unit
        self.function = series_of(unit, step, Alike(same_columns(instances)))
        self.constants = grouped(instances)
        self.state = started(unit, len(instances))
        self.groups = len(self.constants)
        self.rows = aligned((self.groups, 0, len(unit.rows), LANES))

    def room(self, bars: int) -> Array:
        """Have room for rows over so many bars."""
        if self.rows.shape[1] < bars:
            self.rows = aligned((self.groups, bars, len(self.unit.rows), LANES))
        return self.rows

    def fill(self, first: int, last: int, b0: int, b1: int, candles: Array) -> None:
        """Fill the rows of some groups over strategy bars b0 … b1 − 1."""
        arrays = (candles, self.constants, self.state, self.rows)
        stride = self.rows.size // self.groups
        self.function(first, last, b0, b1, *map(place, arrays), stride)


def grouped_index(index: Array) -> Array:
    """[accounts] as [groups, 8], filled up like the accounts."""
    count = -(-len(index) // LANES)
    rows = np.minimum(np.arange(count * LANES), len(index) - 1)
    return np.ascontiguousarray(index[rows].reshape(count, LANES).astype(np.int64))
