"""The machine for GPUs: one version's series and accounts, whose bits are made by OpenCL C.

Few accounts leave a GPU idle; what this is for is that a run there gives the bytes of a run here.
"""

from typing import Any

import numpy as np

from kernels import dtypes
from kernels.backends.machine import RECORDS_PER_BAR
from kernels.backends.opencl_accelerator import Accelerator
from kernels.backends.opencl_memory import Held, Space, kept_on
from kernels.backends.scalar import CONTROL, LIMITS, started
from kernels.printers.opencl_kernels import print_step, print_unit
from kernels.stages import KEPT, Step

Array = np.ndarray[Any, Any]


class OpenClMachine:
    """Runs one version's series and accounts on a device; raises DeviceRefused if it cannot."""

    def __init__(self, on: Accelerator, step: Step, constants: Array, desk: Array) -> None:
        self.on = on
        self.device = on.name
        (self.unit,) = step.shared
        self.accounts = len(desk)
        self.series_kernel = on.kernel(
            print_unit(self.unit, step.columns, step.candles), "fill_rows"
        )
        self.step_kernel = on.kernel(print_step(step), "take_bars")
        self.constants = kept_on(on, constants)
        self.account_constants = kept_on(on, np.repeat(constants, self.accounts, axis=0))
        self.unit_state = Held(on, started(self.unit.initial, 1))
        self.desk = Held(on, desk)
        self.nothing = on.buffer(0)
        self.index = kept_on(on, np.zeros(self.accounts, np.int64))
        self.counts = on.buffer(8 * self.accounts)
        self.spaces = {name: Space(on) for name in ("candles", "rows", "tape", "out")}

    def heed(self, controls: Array) -> None:
        """Set every account's control flags."""
        desk = self.desk.get()
        desk[:, CONTROL] = controls
        self.desk.put(desk)

    def limit(self, limits: Array) -> None:
        """Set every account's limits."""
        desk = self.desk.get()
        desk[:, LIMITS] = limits
        self.desk.put(desk)

    def series(self, candles: Array) -> Array:
        """Take strategy bars; give the rows."""
        rows = np.empty((len(self.unit.rows), len(candles)))
        if rows.size:
            space = self.spaces["rows"].of(rows.nbytes)
            inputs = (self.spaces["candles"].holding(candles), self.constants)
            arguments = (1, len(candles), *inputs, self.unit_state.buffer, space)
            self.on.launch(self.series_kernel, 1, arguments)
            self.on.read(space, rows)
        return rows

    def step(self, tape: Array, rows: Array) -> list[Array]:
        """Take base bars; give each account's records."""
        room = RECORDS_PER_BAR * len(tape)
        out = self.spaces["out"].of(8 * self.accounts * room * dtypes.RECORD_WIDTH)
        held = self.spaces["tape"].holding(tape), self.spaces["rows"].holding(rows)
        arguments: list[Any] = [self.accounts, len(tape), 0, 0, held[0], self.nothing]
        arguments += [self.account_constants, self.nothing, self.desk.buffer]
        arguments += [held[1], self.index, 1, rows.shape[1], room, out, self.counts]
        self.on.launch(self.step_kernel, self.accounts, arguments)
        counts = np.empty(self.accounts, np.int64)
        self.on.read(self.counts, counts)
        records = [np.empty((int(count), dtypes.RECORD_WIDTH)) for count in counts]
        for n, found in enumerate(records):
            self.on.read(out, found, 8 * n * room * dtypes.RECORD_WIDTH)
        return records

    def state(self) -> Array:
        """The state of the series."""
        return self.unit_state.get()[0]  # type: ignore[no-any-return]

    def kept(self) -> Array:
        """What the accounts hold."""
        return self.desk.get()[:, :KEPT].copy()

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to an earlier state."""
        desk = self.desk.get()
        desk[:, :KEPT] = kept
        self.unit_state.put(state[np.newaxis])
        self.desk.put(desk)
