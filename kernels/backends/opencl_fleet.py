"""The fleet for GPUs: a work item for every account, and for every instance of a shared unit.

Launches are kept short (the watchdog of a display ends a long one), and only the shared rows of one
stretch of bars are on the device. How a run is cut into launches changes no bit.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels.backends.fleet import Muster, parts_of, strategy_bars
from kernels.backends.opencl_accelerator import Accelerator
from kernels.backends.opencl_memory import Held, Space, kept_on
from kernels.backends.scalar import started
from kernels.printers.opencl_kernels import print_step, print_unit
from kernels.stages import KEPT, TAPE

Array = np.ndarray[Any, Any]

STEPS_PER_LAUNCH = 1 << 29  # accounts × bars: well under a second where doubles are slow
BARS_PER_LAUNCH = 1 << 14  # few accounts: a launch takes as long as its slowest work item
ROWS_BUDGET = 2 << 30  # bytes of shared rows on the device


class OpenClFleet:
    """Steps a sweep's accounts on a device; raises ValueError where they do not fit.

    `steps` is how many accounts × bars one launch may take, `budget` how many bytes of shared rows
    may be on the device at once.
    """

    def __init__(
        self,
        on: Accelerator,
        muster: Muster,
        steps: int = STEPS_PER_LAUNCH,
        budget: int = ROWS_BUDGET,
    ) -> None:
        self.on = on
        self.device = on.name
        self.muster = muster
        step = muster.step
        initial = step.flying.initial if step.flying is not None else ()
        self.accounts = len(muster.desk)
        self.refuse_large(len(initial))
        self.units = [
            on.kernel(print_unit(unit, step.columns, step.candles), "fill_rows")
            for unit in step.shared
        ]
        self.step = on.kernel(print_step(step), "take_bars")
        self.unit_constants = [kept_on(on, instances) for instances in muster.instances]
        self.unit_states = [
            Held(on, started(unit.initial, len(instances)))
            for unit, instances in zip(step.shared, muster.instances, strict=True)
        ]
        self.index = [kept_on(on, index.astype(np.int64, copy=False)) for index in muster.index]
        self.constants = kept_on(on, muster.constants)
        self.flying_state = Held(on, started(initial, self.accounts))
        self.desk = Held(on, muster.desk)
        self.tape, self.candles = Space(on), Space(on)
        self.rows = [Space(on) for _ in step.shared]
        self.steps = steps
        self.budget = min(budget, on.largest, on.memory // 4)

    def refuse_large(self, flying: int) -> None:
        step = self.muster.step
        doubles = self.accounts * (flying + len(step.columns) + KEPT + len(step.shared))
        for unit, instances in zip(step.shared, self.muster.instances, strict=True):
            doubles += len(instances) * (len(unit.initial) + len(step.columns))
        largest = 8 * self.accounts * max(flying, KEPT, len(step.columns))
        if 8 * doubles > 0.7 * self.on.memory or largest > self.on.largest:
            raise ValueError(
                f"accounts were {self.accounts}, which take {8 * doubles >> 20} MB; sweep fewer at"
                f" once: {self.device} has {self.on.memory >> 20} MB, {self.on.largest >> 20} MB"
                " in one piece"
            )

    def run(self, tape: Array, candles: Array, start: int, stop: int) -> None:
        """Take base bars, a stretch at a time: first the shared rows, then the accounts."""
        for begin, end in self.stretches(tape, start, stop):
            b0, b1 = strategy_bars(tape, begin, end)
            held = self.candles.holding(candles[b0:b1])
            arguments: list[Any] = [self.accounts, end - begin, begin, b0]
            arguments += [self.tape.holding(tape[begin:end]), held, self.constants]
            arguments += [self.flying_state.buffer, self.desk.buffer]
            for k, unit in enumerate(self.muster.step.shared):
                count = len(self.muster.instances[k])
                rows = self.rows[k].of(8 * count * len(unit.rows) * (b1 - b0))
                work = (count, b1 - b0, held, self.unit_constants[k], self.unit_states[k].buffer)
                self.on.launch(self.units[k], count, (*work, rows))
                arguments += [rows, self.index[k], count, count * (b1 - b0)]
            self.on.launch(self.step, self.accounts, arguments)

    def stretches(self, tape: Array, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut bars so that no launch is long and no stretch's rows are more than the budget."""
        bars = max(1, min(BARS_PER_LAUNCH, self.steps // self.accounts))
        row = 8 * sum(
            len(instances) * len(unit.rows)
            for unit, instances in zip(self.muster.step.shared, self.muster.instances, strict=True)
        )
        most = max(2, self.budget // max(1, row))  # strategy bars; a base bar closes at most two
        closed = np.concatenate([[0], np.cumsum(tape[start:stop, TAPE["closed"]])])
        begin = start
        while begin < stop:
            fits = np.searchsorted(closed, closed[begin - start] + most, side="right") - 1
            end = min(begin + bars, max(begin + 1, start + int(fits)), stop)
            yield begin, end
            begin = end

    def kept(self) -> Array:
        """What the accounts hold."""
        return self.desk.get()

    def state(self) -> bytes:
        """All that the next bar depends on, laid out as numba's fleet does."""
        return b"".join(held.get().tobytes() for held in self.all_held())

    def restore(self, data: bytes) -> None:
        """Go back to an earlier state."""
        held = self.all_held()
        for one, part in zip(held, parts_of(data, [h.shape for h in held]), strict=True):
            one.put(part)

    def all_held(self) -> list[Held]:
        return [*self.unit_states, self.flying_state, self.desk]
