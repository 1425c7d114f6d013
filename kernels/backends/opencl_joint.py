"""The machine for GPUs, for accounts on several symbols."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.backends.joint_machine import RECORDS_PER_BAR, stacked
from kernels.backends.opencl_accelerator import Accelerator
from kernels.backends.opencl_memory import Held, Space, kept_on
from kernels.backends.scalar import started
from kernels.joint import CONTROLS, HELD_TO, JointStep, JointTape
from kernels.printers.opencl_joint import print_joint
from kernels.printers.opencl_kernels import print_unit

Array = np.ndarray[Any, Any]

SPACES = ("candles", "one", "clock", "bars", "here", "rows", "out")


class OpenClJoint:
    """Runs one version on several symbols on a device; raises DeviceRefused if it cannot."""

    def __init__(
        self, on: Accelerator, step: JointStep, constants: Array, desk: Array, symbols: int
    ) -> None:
        self.on = on
        self.device = on.name
        self.unit, self.symbols, self.accounts = step.unit, symbols, len(desk)
        source = print_unit(step.unit, step.columns, step.candles)
        self.series_kernel = on.kernel(source, "fill_rows")
        self.step_kernel = on.kernel(print_joint(step), "take_moments")
        self.constants = kept_on(on, constants)
        self.account_constants = kept_on(on, np.repeat(constants, self.accounts, axis=0))
        self.unit_state = [Held(on, started(step.unit.initial, 1)) for _ in range(symbols)]
        self.desk = Held(on, desk)
        self.counts = on.buffer(8 * self.accounts)
        self.spaces = {name: Space(on) for name in SPACES}

    def heed(self, controls: Array) -> None:
        """Set every account's control flags."""
        desk = self.desk.get()
        desk[:, CONTROLS] = controls
        self.desk.put(desk)

    def limit(self, limits: Array) -> None:
        """Set every account's limits."""
        desk = self.desk.get()
        desk[:, HELD_TO] = limits
        self.desk.put(desk)

    def series(self, symbol: int, candles: Array) -> Array:
        """Take a symbol's strategy bars; give its rows."""
        rows = np.empty((len(self.unit.rows), len(candles)))
        if rows.size:
            space = self.spaces["one"].of(rows.nbytes)
            inputs = (self.spaces["candles"].holding(candles), self.constants)
            arguments = (1, len(candles), *inputs, self.unit_state[symbol].buffer, space)
            self.on.launch(self.series_kernel, 1, arguments)
            self.on.read(space, rows)
        return rows

    def step(self, tape: JointTape, rows: Sequence[Array]) -> list[Array]:
        """Take moments; give each account's records."""
        room = RECORDS_PER_BAR * tape.here.size
        width = room * dtypes.RECORD_WIDTH
        out = self.spaces["out"].of(8 * self.accounts * width)
        together = stacked(rows)
        named = {"clock": tape.clock, "bars": tape.bars, "here": tape.here, "rows": together}
        held = {name: self.spaces[name].holding(array) for name, array in named.items()}
        arguments: list[Any] = [self.accounts, len(tape.here), self.symbols, together.shape[2]]
        arguments += [held["clock"], held["bars"], held["here"], self.account_constants]
        arguments += [self.desk.buffer, held["rows"], room, out, self.counts]
        self.on.launch(self.step_kernel, self.accounts, arguments)
        counts = np.empty(self.accounts, np.int64)
        self.on.read(self.counts, counts)
        records = [np.empty((int(count), dtypes.RECORD_WIDTH)) for count in counts]
        for n, found in enumerate(records):
            self.on.read(out, found, 8 * n * width)
        return records

    def state(self) -> Array:
        """The state of the series."""
        return np.concatenate([held.get() for held in self.unit_state])

    def kept(self) -> Array:
        """What the accounts hold."""
        return self.desk.get()

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to an earlier state."""
        for held, mine in zip(self.unit_state, state, strict=True):
            held.put(mine[np.newaxis])
        self.desk.put(kept)
