"""The reference backend: numba, one account after another."""

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher

from kernels import build, dtypes
from kernels.backends.fleet import Muster, parts_of, strategy_bars
from kernels.backends.hands import Hands, cut
from kernels.backends.machine import RECORDS_PER_BAR
from kernels.printers import scalar
from kernels.printers.scalar_pieces import Pieces
from kernels.stages import DESK, KEPT, Step, Unit

Array = np.ndarray[Any, Any]
Series = Callable[[Array, int, int, Array, Array, Array], None]

CONTROL = slice(DESK["control", "entries_off"], DESK["control", "flatten"] + 1)
LIMITS = slice(DESK["limits", "enforced"], DESK["limits", "positions"] + 1)


class ScalarMachine:
    """Runs one version's series and accounts through numba."""

    device = "cpu"

    def __init__(self, step: Step, constants: Array, desk: Array) -> None:
        self.module = compiled(step)
        (unit,) = step.shared
        self.constants = constants
        self.desk = desk
        self.unit_state = started(unit.initial, 1)
        self.rows = len(unit.rows)
        self.out = np.empty((len(desk), 0, dtypes.RECORD_WIDTH))
        self.counts = np.zeros(len(desk), np.int64)

    def heed(self, controls: Array) -> None:
        """Set every account's control flags."""
        self.desk[:, CONTROL] = controls

    def limit(self, limits: Array) -> None:
        """Set every account's limits."""
        self.desk[:, LIMITS] = limits

    def series(self, candles: Array) -> Array:
        """Take strategy bars; give the rows."""
        rows = np.empty((1, self.rows, len(candles)))
        self.module.series(candles, 0, len(candles), self.constants, self.unit_state, rows)
        return np.asarray(rows[0])

    def step(self, tape: Array, rows: Array) -> list[Array]:
        """Take base bars; give each account's records."""
        room = RECORDS_PER_BAR * len(tape)
        if self.out.shape[1] < room:
            self.out = np.empty((len(self.desk), room, dtypes.RECORD_WIDTH))
        self.module.step(tape, rows[np.newaxis], self.constants, self.desk, self.out, self.counts)
        return [self.out[n, :count].copy() for n, count in enumerate(self.counts)]

    def state(self) -> Array:
        """The state of the series."""
        return np.array(self.unit_state[0])

    def kept(self) -> Array:
        """What the accounts hold."""
        return np.array(self.desk[:, :KEPT])

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to an earlier state."""
        self.unit_state[0] = state
        self.desk[:, :KEPT] = kept


def compiled(step: Step) -> ModuleType:
    """The functions of a run; what is the same for other strategies is compiled once for all."""
    record = load("record", scalar.print_record())
    simulate = load("simulate", scalar.print_simulate(step, record.__name__))
    pieces = Pieces()
    run = scalar.print_run(step, record.__name__, simulate.__name__, pieces)
    return load("strategy", run, pieces)


def unit_series(unit: Unit, columns: Sequence[str], candles: Sequence[str]) -> Series:
    """A unit's own function: (candles, b0, b1, consts, state, rows), bars b0 … b1 − 1."""
    pieces = Pieces()
    text = scalar.print_unit(unit, columns, candles, pieces)
    return load("unit", text, pieces).series  # type: ignore[no-any-return]


def load(stem: str, text: str, pieces: Pieces | None = None) -> ModuleType:
    """Import generated source and before it the pieces that it calls."""
    for piece in pieces.texts.values() if pieces is not None else ():
        load("piece", piece)
    module = build.load(stem, text)
    for made in vars(module).values():
        if isinstance(made, Dispatcher) and "compile" not in vars(made):
            # A literal in a call would have numba compile a version of the function for it alone.
            vars(made)["compile"] = partial(compile_plain, made)
    return module


def compile_plain(made: Dispatcher, signature: Sequence[Any]) -> Any:
    plain = tuple(types.unliteral(kind) for kind in signature)  # type: ignore[no-untyped-call]
    return type(made).compile(made, plain)


class ScalarFleet:
    """Steps a sweep's accounts through numba, on as many threads as asked for."""

    device = "cpu"

    def __init__(self, muster: Muster, threads: int) -> None:
        step = muster.step
        self.muster = muster
        self.hands = Hands(threads)
        self.sweep = load("sweep", scalar.print_sweep(step)).sweep
        self.units = [unit_series(unit, step.columns, step.candles) for unit in step.shared]
        self.unit_states = [
            started(unit.initial, len(instances))
            for unit, instances in zip(step.shared, muster.instances, strict=True)
        ]
        initial = step.flying.initial if step.flying is not None else ()
        self.flying_state = started(initial, len(muster.desk))
        self.desk = muster.desk.copy()

    def run(self, tape: Array, candles: Array, start: int, stop: int) -> None:
        """Take base bars: first the shared rows, then the accounts."""
        b0, b1 = strategy_bars(tape, start, stop)
        shared: list[Array] = []
        for series, unit, state, instances, index in zip(
            self.units,
            self.muster.step.shared,
            self.unit_states,
            self.muster.instances,
            self.muster.index,
            strict=True,
        ):
            rows = np.empty((len(instances), len(unit.rows), b1 - b0))
            self.spread(
                len(instances),
                lambda i, j, f=series, c=instances, s=state, r=rows: f(  # type: ignore[misc]
                    candles, b0, b1, c[i:j], s[i:j], r[i:j]
                ),
            )
            shared += [rows, index]
        self.spread(
            len(self.desk),
            lambda i, j: self.sweep(
                i,
                j,
                start,
                stop,
                b0,
                tape,
                candles,
                self.muster.constants,
                self.flying_state,
                self.desk,
                *shared,
            ),
        )

    def spread(self, count: int, work: Callable[[int, int], None]) -> None:
        """Give every thread its share of `count` instances or accounts."""
        self.hands.do(cut(count, 4 * self.hands.threads, work))

    def kept(self) -> Array:
        """What the accounts hold."""
        return self.desk.copy()

    def state(self) -> bytes:
        """All that the next bar depends on."""
        return b"".join(array.tobytes() for array in self.arrays())

    def restore(self, data: bytes) -> None:
        """Go back to an earlier state."""
        arrays = self.arrays()
        for array, part in zip(arrays, parts_of(data, [a.shape for a in arrays]), strict=True):
            array[:] = part

    def arrays(self) -> list[Array]:
        return [*self.unit_states, self.flying_state, self.desk]


def started(initial: Sequence[float], count: int) -> Array:
    """State of `count` instances before their first bar; at least one slot, so none is empty."""
    return np.tile(np.array(initial or (0.0,)), (count, 1))
