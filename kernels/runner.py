"""Runs one strategy version over bars, for one or several accounts, and can stop anywhere.

The series are computed once per strategy bar and shared by every account (lane). State goes in and
comes out, so a run cut into blocks of any size, in one process or several, gives the same bytes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.printers.scalar import DESK
from kernels.program import Program

Array = np.ndarray[Any, Any]

MAX_BLOCK = 4096  # base bars taken at once; bounds every buffer
RECORDS_PER_BAR = 24  # more than any bar can write
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


class Lane:
    """One account's arrays."""

    def __init__(self, spec: LaneSpec, market: Array, base_ms: int) -> None:
        self.spec = spec
        account, intents = initial_account(spec), np.zeros(len(dtypes.PENDING.names or ()))
        clock = np.array([float(base_ms), 0.0, 0.0])
        parts = (account, intents, plain(market), plain(spec.limits), np.zeros(2), clock)
        self.desk = np.concatenate(parts)  # in the order of the printers' DESK
        self.kept = self.desk[: len(account) + len(intents)]
        self.account = self.desk[: len(account)]

    def heed(self, control: int) -> None:
        """Unpack a control word into its flags."""
        self.desk[DESK["control", "entries_off"]] = float(control & dtypes.ENTRIES_OFF != 0)
        self.desk[DESK["control", "flatten"]] = float(control & dtypes.FLATTEN != 0)


def initial_account(spec: LaneSpec) -> Array:
    account = np.zeros(1, dtypes.ACCOUNT)
    account["leverage"] = spec.leverage
    for name in ("cash", "equity", "peak"):
        account[name] = spec.capital
    for name in ("stop", "target"):
        account[name] = np.nan
    return account.view("<f8").reshape(-1).copy()


def plain(record: Array) -> Array:
    """View one row of a dtype of doubles as a plain array."""
    return np.ascontiguousarray(np.atleast_1d(record)).view("<f8").reshape(-1).copy()


class Runner:
    """A strategy version with its accounts, ready for the next bar."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, float],
        market: Array,
        base_ms: int,
        lanes: Sequence[LaneSpec],
    ) -> None:
        if program.timeframe_ms % base_ms:
            raise ValueError(
                f"timeframe of {program.name} was {program.timeframe}, must be a multiple of the"
                f" base bars' {base_ms // 1000} s"
            )
        self.program = program
        self.base_ms = base_ms
        resolved = program.resolve(parameters)
        self.params = np.array([resolved[p.name] for p in program.parameters] or [0.0])
        self.market = market
        flat, module = program.flat, program.module
        self.constants = np.zeros(max(1, len(flat.series.constants)))
        module.fix_constants(self.params, self.constants)
        self.series_state = np.array(flat.series.initial or [0.0])
        self.candle = np.zeros(7)
        self.lanes = [Lane(spec, market, base_ms) for spec in lanes]
        self.named = [list(flat.rows).index(n) for n in program.series_names]
        self.allocate(1)

    def allocate(self, size: int) -> None:
        self.size = size
        self.rows = np.empty((len(self.program.flat.rows), size + 1))
        self.closed_at = np.empty(size + 1, np.int64)
        self.closed_open = np.empty(size + 1, np.int64)
        self.out = np.empty((RECORDS_PER_BAR * size, dtypes.RECORD_WIDTH))

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
        bad = self.program.module.first_bad(bars)
        if bad >= 0:
            refuse_bad(bars, bad)
        parts: list[Block] = []
        closed = 0
        for start in range(0, len(bars), MAX_BLOCK):
            part = self.run_part(bars[start : start + MAX_BLOCK], controls, start, closed)
            closed += len(part.closes)
            parts.append(part)
        if len(parts) == 1:
            return parts[0]
        return Block(
            [np.concatenate([p.records[n] for p in parts]) for n in range(len(self.lanes))],
            np.concatenate([p.closes for p in parts]),
            np.concatenate([p.series for p in parts], axis=1),
        )

    def run_part(
        self, bars: Array, controls: Sequence[int], offset: int, closed_before: int
    ) -> Block:
        if len(bars) > self.size:
            self.allocate(len(bars))
        module = self.program.module
        closed = module.series(
            bars,
            self.base_ms,
            self.program.timeframe_ms,
            self.params,
            self.constants,
            self.series_state,
            self.candle,
            self.rows,
            self.closed_at,
            self.closed_open,
        )
        records = [
            self.run_lane(lane, bars, control, closed)
            for lane, control in zip(self.lanes, controls, strict=True)
        ]
        for of_lane in records:
            of_lane[:, dtypes.BAR_INDEX] += offset
            of_lane[of_lane[:, dtypes.KIND] == dtypes.SIGNAL, dtypes.D] += closed_before
        return Block(
            records, self.closed_open[:closed].copy(), canonical(self.rows[self.named, :closed])
        )

    def run_lane(self, lane: Lane, bars: Array, control: int, closed: int) -> Array:
        lane.heed(control)
        count = self.program.module.step(
            bars,
            self.rows,
            self.closed_at,
            closed,
            self.params,
            self.constants,
            lane.desk,
            self.out,
        )
        records = self.out[:count].copy()
        if not lane.spec.signals:
            records = records[records[:, dtypes.KIND] != dtypes.SIGNAL]
        return records

    def account(self, lane: int) -> np.void:
        """One account's fields by name, as of the last bar."""
        return self.lanes[lane].account.view(dtypes.ACCOUNT)[0]  # type: ignore[no-any-return]

    def arrays(self) -> list[Array]:
        kept = [self.series_state, self.candle]
        kept += [lane.kept for lane in self.lanes]
        return kept

    def state(self) -> bytes:
        """All that the next bar depends on, little-endian doubles, NaN canonical."""
        return b"".join(canonical(a).astype("<f8").tobytes() for a in self.arrays())

    def restore(self, data: bytes) -> None:
        """Take up where `state()` left off; raises ValueError for state of another shape."""
        values = np.frombuffer(data, "<f8")
        arrays = self.arrays()
        wanted = sum(len(a) for a in arrays)
        if len(values) != wanted:
            raise ValueError(
                f"state of {self.program.name} held {len(values)} numbers, must be {wanted}"
            )
        start = 0
        for array in arrays:
            array[:] = values[start : start + len(array)]
            start += len(array)

    def digest(self) -> str:
        """sha256 of `state()`."""
        return hashlib.sha256(self.state()).hexdigest()


def refuse_bad(bars: Array, at: int) -> None:
    bar = bars[at]
    for name in bars.dtype.names or ():
        if not np.isfinite(bar[name]):
            time = int(bar["timestamp"])
            raise ValueError(f"{name} of the bar at {time} was {bar[name]}, must be finite")
    raise ValueError(f"figures of the bar at {int(bar['timestamp'])} were too large to add up")


def canonical(values: Array) -> Array:
    """Copy doubles with every NaN as 0x7ff8000000000000."""
    copied = np.array(values, dtype=np.float64)
    copied.view(np.uint64)[np.isnan(copied)] = CANONICAL_NAN
    return copied
