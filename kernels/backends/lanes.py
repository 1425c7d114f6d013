"""The vector backend: eight accounts in the lanes of one vector, on all threads asked for.

The lanes of a group never look at each other, so the bits of an account do not depend on its
neighbours, nor on how many there are.
"""

from functools import partial
from typing import Any

import numpy as np

from kernels import dtypes, llvm
from kernels.backends.fleet import Muster, parts_of, strategy_bars
from kernels.backends.hands import Hands, Job, cut
from kernels.backends.lanes_code import series_of, step_of
from kernels.backends.lanes_memory import (
    aligned,
    flat,
    grouped,
    place,
    same_columns,
    started,
)
from kernels.backends.lanes_reach import Pieces
from kernels.backends.machine import RECORDS_PER_BAR
from kernels.printers.lanes_frames import Alike
from kernels.printers.lanes_values import LANES
from kernels.stages import DESK, KEPT, TAPE, Step, Unit

Array = np.ndarray[Any, Any]

CONTROL = slice(DESK["control", "entries_off"], DESK["control", "flatten"] + 1)
LIMITS = slice(DESK["limits", "enforced"], DESK["limits", "positions"] + 1)
LEAST_TILE, MOST_TILE = 2048, 16_384  # base bars that all accounts take before they go on
FULL_TILE = 2**23  # account-bars: below it, handing out work costs more than what it does


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

    def limit(self, limits: Array) -> None:
        """Set every account's limits."""
        self.desk[:, LIMITS] = grouped(np.asarray(limits, np.float64))

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
    reads few rows and not eight; outside, they keep the order they came in.
    """

    device = "cpu"

    def __init__(self, muster: Muster, threads: int) -> None:
        step = muster.step
        self.step = step
        self.hands = Hands(threads)
        self.count = len(muster.desk)
        self.order = np.lexsort(muster.index[::-1]) if step.shared else np.arange(self.count)
        self.constants = grouped(muster.constants[self.order])
        self.desk = grouped(muster.desk[self.order])
        self.flying_state = started(step.flying, self.count)
        self.pieces = [Pieces(index[self.order]) for index in muster.index]
        self.reaches = tuple(pieces.reach for pieces in self.pieces)
        self.columns = same_columns(muster.constants)
        self.forms: dict[bool, llvm.Function] = {}
        self.units = [
            Shared(unit, step, instances)
            for unit, instances in zip(step.shared, muster.instances, strict=True)
        ]

    def run(self, tape: Array, candles: Array, start: int, stop: int) -> None:
        """Take base bars, a tile at a time: first the shared rows, then the accounts."""
        tape, candles = np.ascontiguousarray(tape), np.ascontiguousarray(candles)
        step = self.form_for(tape, start, stop)
        tile = min(MOST_TILE, max(LEAST_TILE, FULL_TILE // self.count))
        for begin in range(start, stop, tile):
            self.run_tile(step, tape, candles, begin, min(stop, begin + tile))

    def form_for(self, tape: Array, start: int, stop: int) -> llvm.Function:
        """The step in the form that suits the data; compiled when it is first asked for."""
        if not self.forms:
            self.awake = bool((np.diff(tape[:, TAPE["wake"]]) > 0.0).all())
            self.prompt = never_late(tape)
        prompt = self.prompt and never_late(tape[start:stop])
        if prompt not in self.forms:
            alike = Alike(self.columns, self.reaches, prompt, self.awake)
            self.forms[prompt] = step_of(self.step, alike)
        return self.forms[prompt]

    def run_tile(
        self, step: llvm.Function, tape: Array, candles: Array, start: int, stop: int
    ) -> None:
        b0, b1 = strategy_bars(tape, start, stop)
        filling: list[Job] = []
        for unit in self.units:
            unit.make_room(b1 - b0)
            filling += cut(unit.groups, 2 * self.hands.threads, partial(unit.fill, b0, b1, candles))
        arrays = [tape, candles, self.constants, self.flying_state, self.desk]
        for unit, pieces in zip(self.units, self.pieces, strict=True):
            arrays += [unit.rows, pieces.table(unit.rows.size // unit.groups)]

        def sweep(first: int, last: int) -> None:  # holds the arrays for as long as it runs
            step(first, last, start, stop, b0, *map(place, arrays))

        self.hands.do(filling)
        self.hands.do(cut(len(self.desk), 4 * self.hands.threads, sweep))

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
        for array, part in zip(arrays, parts_of(data, [a.shape for a in arrays]), strict=True):
            array[:] = part

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

    def make_room(self, bars: int) -> None:
        """Have room for rows over so many bars."""
        if self.rows.shape[1] < bars:
            self.rows = aligned((self.groups, bars, len(self.unit.rows), LANES))

    def fill(self, b0: int, b1: int, candles: Array, first: int, last: int) -> None:
        """Fill the rows of groups first … last − 1 over strategy bars b0 … b1 − 1."""
        arrays = (candles, self.constants, self.state, self.rows)
        stride = self.rows.size // self.groups
        self.function(first, last, b0, b1, *map(place, arrays), stride)


def never_late(tape: Array) -> bool:
    """Whether at no bar two strategy bars close, one of them late."""
    return bool((tape[:, TAPE["closed"]] <= 1.0).all())
