"""Runs one strategy version over bars, for one or several accounts, and can stop anywhere.

The series are computed once per strategy bar and shared by every account (lane). State goes in and
comes out, so a run cut into blocks of any size, in one process or several, gives the same bytes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import dtypes, ir
from kernels.constants import constants
from kernels.frontend.flat import Flat
from kernels.program import Program
from kernels.sizing_methods import by_code
from kernels.stages import DESK, KEPT, columns
from kernels.timeline import Timeline, first_bad, refuse
from kernels.told import Told

Array = np.ndarray[Any, Any]

DIGESTED = [n for key, n in DESK.items() if n < KEPT and key not in dtypes.TOLD]

# What goes with an account that another version of a strategy takes over, bare of its own terms.
OWN_TERMS = ("leverage", "reach")
HANDED = [DESK["account", n] for n in dtypes.ACCOUNT.names or () if n not in OWN_TERMS]

MAX_BLOCK = 4096  # base bars taken at once; bounds every buffer
CANONICAL_NAN = np.uint64(0x7FF8000000000000)


@dataclass(frozen=True)
class LaneSpec:
    """One account: its leverage, its capital (1e-8 quote) and the limits it is held to."""

    leverage: int
    capital: float
    limits: Array  # one row of dtypes.LIMITS
    signals: bool = True  # whether this lane's SIGNAL rows are wanted


@dataclass(frozen=True)
class Block:
    """What a run over a block of bars gave."""

    records: list[Array]  # per lane float64 [n, RECORD_WIDTH], in time order
    closes: Array  # int64 [m]: open times of the strategy bars that closed
    series: Array  # float64 [len(series_names), m]


class Runner:
    """A strategy version with its accounts, ready for the next bar."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, float],
        market: Array,
        base_ms: int,
        lanes: Sequence[LaneSpec],
        backend: str = "numba",
    ) -> None:
        if program.timeframe_ms % base_ms:
            raise ValueError(
                f"timeframe of {program.name} was {program.timeframe}, must be a multiple of the"
                f" base bars' {base_ms // 1000} s"
            )
        self.program = program
        flat = program.flat
        resolved = program.resolve(parameters)
        values = constants(flat, {name: np.array([number]) for name, number in resolved.items()})
        self.lanes = list(lanes)
        self.timeline = Timeline.of(flat, base_ms, float(market["tick"][0]))
        desk = np.array([first_desk(flat, values[0], spec, market) for spec in lanes])
        self.machine = program.machine(backend, values, desk)
        self.named = np.array([list(flat.rows).index(n) for n in program.series_names], np.intp)
        self.heeded: list[int] = []  # the controls that the machine was last told

    def run(self, bars: Array, controls: Sequence[int]) -> Block:
        """Take bars in order; `controls` is one word of control bits per lane, for all of them.

        At least one bar, strictly after those before. Raises ValueError for a figure that is not a
        number: nothing may be decided on it.
        """
        if len(controls) != len(self.lanes):
            raise ValueError(
                f"controls were {len(controls)}, must be one per lane: {len(self.lanes)}"
            )
        if len(bars) == 0:
            raise ValueError("bars were none, must be at least one")
        if bars["timestamp"][0] < 0:
            raise ValueError(f"first bar was at {bars['timestamp'][0]}, must not be before 1970")
        bad = first_bad(bars)
        if bad >= 0:
            refuse(bars, bad)
        if list(controls) != self.heeded:
            self.machine.heed(np.array([unpacked(word) for word in controls]))
            self.heeded = list(controls)
        if len(bars) <= MAX_BLOCK:
            return self.run_part(bars, 0, 0)
        parts: list[Block] = []
        closed = 0
        for start in range(0, len(bars), MAX_BLOCK):
            part = self.run_part(bars[start : start + MAX_BLOCK], start, closed)
            closed += len(part.closes)
            parts.append(part)
        return Block(
            [np.concatenate([p.records[n] for p in parts]) for n in range(len(self.lanes))],
            np.concatenate([p.closes for p in parts]),
            np.concatenate([p.series for p in parts], axis=1),
        )

    def limit(self, rows: Sequence[Array]) -> None:
        """Hold the accounts to other limits, one row of dtypes.LIMITS each, from the next bar on.

        They are no part of `state()`: who restores an earlier state says anew what holds.
        """
        if len(rows) != len(self.lanes):
            raise ValueError(f"limits were {len(rows)}, must be one per lane: {len(self.lanes)}")
        self.machine.limit(np.array([plain(row) for row in rows]))

    def tell(self, told: Told) -> None:
        """Have `regime` read these classifications from the next bar on, in place of those before.

        They are no part of `state()`: who restores an earlier state says anew what is told.
        """
        self.timeline.told = told

    def run_part(self, bars: Array, offset: int, closed_before: int) -> Block:
        stretch = self.timeline.take(bars)
        rows = self.machine.series(stretch.candles)
        found = self.machine.step(stretch.tape, rows)
        records: list[Array] = []
        for lane, of_lane in zip(self.lanes, found, strict=True):
            if len(of_lane):  # at most bars nothing happens, and live there is one bar at a time
                of_lane[:, dtypes.BAR_INDEX] += offset
                signals = of_lane[:, dtypes.KIND] == dtypes.SIGNAL
                of_lane[signals, dtypes.D] += closed_before
                of_lane = of_lane if lane.signals else of_lane[~signals]
            records.append(of_lane)
        return Block(records, stretch.closes.copy(), canonical(rows[self.named]))

    def account(self, lane: int) -> dict[str, float]:
        """One account's fields and those of what it holds, by name, as of the last bar."""
        kept = self.machine.kept()[lane]
        return {
            name: float(kept[slot])
            for (record, name), slot in DESK.items()
            if record in ("account", "held")
        }

    def hand(self, lane: int) -> bytes:
        """Give what an account has once: cash, breakers, its record; not its leverage."""
        return hand_over(self.machine.kept(), lane, HANDED)

    def receive(self, lane: int, data: bytes) -> None:
        """Go on with what another account gave by `hand`; neither holds anything.

        Raises ValueError for data of another shape.
        """
        kept = taken_over(self.machine.kept(), lane, HANDED, data)
        self.machine.restore(self.machine.state(), kept)

    def state(self) -> bytes:
        """All that the next bar depends on, little-endian doubles, NaN canonical."""
        arrays = (self.machine.state(), self.timeline.memory, self.machine.kept())
        return b"".join(canonical(a).astype("<f8").tobytes() for a in arrays)

    def restore(self, data: bytes) -> None:
        """Take up where `state()` left off; raises ValueError for state of another shape."""
        values = np.frombuffer(data, "<f8")
        series, accounts = self.machine.state(), self.machine.kept()
        memory = len(self.timeline.memory)
        wanted = series.size + memory + accounts.size
        if len(values) != wanted:
            raise ValueError(
                f"state of {self.program.name} held {len(values)} numbers, must be {wanted}"
            )
        cuts = np.split(values, [series.size, series.size + memory])
        self.timeline.memory[:] = cuts[1]
        self.machine.restore(cuts[0].reshape(series.shape), cuts[2].reshape(accounts.shape))

    def digest(self, lane: int = 0) -> str:
        """Digest of one account, as a sweep gives it for the same parameters."""
        return digest_of(self.machine.kept()[lane])


def digest_of(kept: Array) -> str:
    """sha256 over an account and its intents but what is only told, little-endian, one NaN."""
    return hashlib.sha256(canonical(kept[DIGESTED]).astype("<f8").tobytes()).hexdigest()


def first_desk(flat: Flat, constants: Array, spec: LaneSpec, market: Array) -> Array:
    """One account's doubles before its first bar, laid out as `stages.DESK`."""
    account, held = np.zeros(1, dtypes.ACCOUNT), np.zeros(1, dtypes.HELD)
    account["leverage"] = spec.leverage
    account["reach"] = reach_of(flat, constants, spec.leverage)
    for name in dtypes.CAPITAL:
        account[name] = spec.capital
    for name in dtypes.LEVELS:
        held[name] = np.nan
    idle = np.zeros(len(dtypes.PENDING.names or ()))
    control = np.zeros(len(dtypes.CONTROL.names or ()))
    return np.concatenate(
        [plain(account), plain(held), idle, plain(market), plain(spec.limits), control]
    )


def reach_of(flat: Flat, constants: Array, leverage: float) -> float:
    """The largest notional that sizing can ask for, as a multiple of equity."""
    method, value = flat.sizing
    number = value.value if isinstance(value, ir.Num) else 0.0
    if isinstance(value, ir.Field):
        number = float(constants[columns(flat).index(value.name)])
    return by_code(method).reach(number, leverage)


def hand_over(kept: Array, lane: int, slots: Sequence[int]) -> bytes:
    """Give an account's doubles in these slots, little-endian."""
    return canonical(kept[lane, slots]).astype("<f8").tobytes()


def taken_over(kept: Array, lane: int, slots: Sequence[int], data: bytes) -> Array:
    """Put doubles that `hand_over` gave in an account's place; raises ValueError for others."""
    values = np.frombuffer(data, "<f8")
    if len(values) != len(slots):
        raise ValueError(f"account handed over held {len(values)} numbers, must be {len(slots)}")
    changed = kept.copy()
    changed[lane, slots] = values
    return changed


def unpacked(control: int) -> tuple[float, float]:
    return float(control & dtypes.ENTRIES_OFF != 0), float(control & dtypes.FLATTEN != 0)


def plain(record: Array) -> Array:
    """View one row of a dtype of doubles as a plain array."""
    return np.ascontiguousarray(np.atleast_1d(record)).view("<f8").reshape(-1).copy()


def canonical(values: Array) -> Array:
    """Copy doubles with every NaN as 0x7ff8000000000000."""
    copied = np.array(values, dtype=np.float64)
    if copied.size:
        copied.view(np.uint64)[copied != copied] = CANONICAL_NAN
    return copied
