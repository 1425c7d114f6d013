"""The vector backend for accounts on several symbols: eight accounts in the lanes of one vector."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels import dtypes, llvm
from kernels.backends.joint_machine import RECORDS_PER_BAR, stacked
from kernels.backends.lanes_code import PLACE, WHOLE, named, series_of, what
from kernels.backends.lanes_memory import aligned, flat, grouped, place, started
from kernels.joint import CONTROLS, FIRST, HELD_TO, STRIDE, JointStep, JointTape
from kernels.printers import lanes_joint
from kernels.printers.lanes_frames import Alike
from kernels.printers.lanes_values import LANES

Array = np.ndarray[Any, Any]

STEP = (*[WHOLE] * 4, *[PLACE] * 5, WHOLE, PLACE, WHOLE, PLACE, WHOLE, PLACE, PLACE)


class LanesJoint:
    """Runs one version on several symbols in lanes."""

    device = "cpu"

    def __init__(self, step: JointStep, constants: Array, desk: Array, symbols: int) -> None:
        alike = Alike(tuple(range(len(step.columns))))
        self.unit, self.symbols = step.unit, symbols
        self.fill = series_of(step.unit, step, alike)
        self.take = llvm.function(
            named("joint", step.phases, what(step.unit), step.columns, FIRST, STRIDE, alike),
            "joint",
            lambda: lanes_joint.print_joint(step, alike),
            STEP,
        )
        self.accounts = len(desk)
        self.constants = grouped(constants[:1])
        # a symbol's series are one instance of the unit, in a group of its own
        self.unit_state = [started(step.unit, 1) for _ in range(symbols)]
        self.desk = grouped(desk)
        self.groups = len(self.desk)
        self.shared = np.ascontiguousarray(np.repeat(self.constants, self.groups, axis=0))
        self.out = np.empty((self.accounts, 0, dtypes.RECORD_WIDTH))
        real = np.arange(self.groups * LANES) < self.accounts
        self.live = np.packbits(real.reshape(-1, LANES), axis=1, bitorder="little")

    def heed(self, controls: Array) -> None:
        """Set every account's control flags."""
        self.desk[:, CONTROLS] = grouped(np.asarray(controls, np.float64))

    def limit(self, limits: Array) -> None:
        """Set every account's limits."""
        self.desk[:, HELD_TO] = grouped(np.asarray(limits, np.float64))

    def series(self, symbol: int, candles: Array) -> Array:
        """Take a symbol's strategy bars; give its rows."""
        candles = np.ascontiguousarray(candles)
        rows = aligned((len(candles), max(1, len(self.unit.rows)), LANES))
        arrays = (candles, self.constants, self.unit_state[symbol], rows)
        self.fill(0, 1, 0, len(candles), *map(place, arrays), rows.size)
        return np.ascontiguousarray(rows[:, : len(self.unit.rows), 0].T)

    def step(self, tape: JointTape, rows: Sequence[Array]) -> list[Array]:
        """Take moments; give each account's records."""
        moments = len(tape.here)
        room = RECORDS_PER_BAR * tape.here.size
        if self.out.shape[1] < room:
            self.out = np.empty((self.accounts, room, dtypes.RECORD_WIDTH))
        counts = np.zeros(self.groups * LANES, np.int64)
        together = stacked(rows)
        arrays = (tape.clock, tape.bars, tape.here)
        held = [np.ascontiguousarray(array) for array in arrays]
        self.take(
            *(0, self.groups, moments, self.symbols, *map(place, held), place(self.shared)),
            *(place(self.desk), self.desk[0].size, place(together), together.shape[2]),
            *(place(self.out), self.out.shape[1], place(counts), place(self.live)),
        )
        return [self.out[n, : counts[n]].copy() for n in range(self.accounts)]

    def state(self) -> Array:
        """The state of the series."""
        return np.array([state[0, : len(self.unit.initial) or 1, 0] for state in self.unit_state])

    def kept(self) -> Array:
        """What the accounts hold."""
        return flat(self.desk, self.accounts)

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to an earlier state."""
        for mine, given in zip(self.unit_state, state, strict=True):
            mine[:] = grouped(np.asarray(given)[np.newaxis])
        self.desk[:] = grouped(kept)
