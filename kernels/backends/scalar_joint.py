"""The reference backend for accounts on several symbols: numba."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.backends.joint_machine import RECORDS_PER_BAR, stacked
from kernels.backends.scalar import load, started
from kernels.joint import CONTROLS, HELD_TO, JointStep, JointTape
from kernels.printers import scalar, scalar_joint
from kernels.printers.scalar_pieces import Pieces

Array = np.ndarray[Any, Any]


class ScalarJoint:
    """Runs one version on several symbols through numba."""

    device = "cpu"

    def __init__(self, step: JointStep, constants: Array, desk: Array, symbols: int) -> None:
        record = load("record", scalar.print_record())
        broker = load("joint_broker", scalar_joint.print_broker(step, record.__name__))
        pieces = Pieces()
        text = scalar_joint.print_joint(step, record.__name__, broker.__name__, pieces)
        self.module = load("joint", text, pieces)
        self.constants = constants
        self.desk = desk.copy()
        self.unit_state = started(step.unit.initial, symbols)
        self.rows = len(step.unit.rows)
        self.out = np.empty((len(desk), 0, dtypes.RECORD_WIDTH))
        self.counts = np.zeros(len(desk), np.int64)

    def heed(self, controls: Array) -> None:
        """Set every account's control flags."""
        self.desk[:, CONTROLS] = controls

    def limit(self, limits: Array) -> None:
        """Set every account's limits."""
        self.desk[:, HELD_TO] = limits

    def series(self, symbol: int, candles: Array) -> Array:
        """Take a symbol's strategy bars; give its rows."""
        rows = np.empty((1, self.rows, len(candles)))
        state = self.unit_state[symbol : symbol + 1]
        self.module.series(candles, 0, len(candles), self.constants, state, rows)
        return np.asarray(rows[0])

    def step(self, tape: JointTape, rows: Sequence[Array]) -> list[Array]:
        """Take moments; give each account's records."""
        room = RECORDS_PER_BAR * tape.here.size
        if self.out.shape[1] < room:
            self.out = np.empty((len(self.desk), room, dtypes.RECORD_WIDTH))
        self.module.step(
            *(tape.clock, tape.bars, tape.here, stacked(rows), self.constants),
            *(self.desk, self.out, self.counts),
        )
        return [self.out[n, :count].copy() for n, count in enumerate(self.counts)]

    def state(self) -> Array:
        """The state of the series."""
        return self.unit_state.copy()

    def kept(self) -> Array:
        """What the accounts hold."""
        return self.desk.copy()

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to an earlier state."""
        self.unit_state[:] = state
        self.desk[:] = kept
