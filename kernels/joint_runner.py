"""One version over the bars of several symbols, its accounts each on all of them.

Blocks may be cut at any moment without changing a bit: a block holds every symbol's bars of its
stretch of time. A symbol's series are those that it has alone.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import dtypes, joint
from kernels.backends import opencl_choice
from kernels.backends.joint_machine import JointMachine
from kernels.backends.lanes_joint import LanesJoint
from kernels.backends.scalar_joint import ScalarJoint
from kernels.constants import constants
from kernels.errors import UnknownBackend
from kernels.program import Program
from kernels.runner import (
    OWN_TERMS,
    LaneSpec,
    canonical,
    hand_over,
    plain,
    reach_of,
    taken_over,
    unpacked,
)
from kernels.timeline import Timeline, first_bad, refuse
from kernels.told import Told

Array = np.ndarray[Any, Any]

MACHINES: dict[str, Callable[[joint.JointStep, Array, Array, int], JointMachine]] = {
    "numba": ScalarJoint,
    "lanes": LanesJoint,
    "opencl": opencl_choice.joint,
}
HANDED = [
    n for (record, name), n in joint.SHARED.items() if record == "account" and name not in OWN_TERMS
]
MAX_BLOCK = 4096  # moments taken at once; bounds every buffer


@dataclass(frozen=True)
class JointBlock:
    """What a run over a block gave; BAR_INDEX counts the block's moments."""

    records: list[Array]  # per lane float64 [n, RECORD_WIDTH], in time order
    times: Array  # int64 [T]: the moments, ms
    closes: list[Array]  # per symbol int64 [m]: open times of the strategy bars that closed
    series: list[Array]  # per symbol float64 [len(series_names), m]


class JointRunner:
    """A strategy version with its accounts on S symbols, ready for the next moment."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, float],
        markets: Sequence[Array],
        base_ms: int,
        lanes: Sequence[LaneSpec],
        backend: str = "numba",
    ) -> None:
        if not 1 <= len(markets) <= joint.MOST_SYMBOLS:
            raise ValueError(f"symbols were {len(markets)}, must be 1 to {joint.MOST_SYMBOLS}")
        if program.timeframe_ms % base_ms:
            raise ValueError(
                f"timeframe of {program.name} was {program.timeframe}, must be a multiple of the"
                f" base bars' {base_ms // 1000} s"
            )
        if backend not in MACHINES:
            names = ", ".join(MACHINES)
            raise UnknownBackend(f"backend was {backend!r}, must be one of: {names}")
        self.program, self.lanes = program, list(lanes)
        flat = program.flat
        resolved = program.resolve(parameters)
        values = constants(flat, {name: np.array([number]) for name, number in resolved.items()})
        ticks = [float(market["tick"][0]) for market in markets]
        self.timelines = [Timeline.of(flat, base_ms, tick) for tick in ticks]
        self.clock = Timeline(program.timeframe, (), base_ms, 1.0)
        desk = np.array([first_desk(program, values[0], spec, markets) for spec in lanes])
        self.machine = MACHINES[backend](joint.joint(flat), values, desk, len(markets))
        self.named = np.array([list(flat.rows).index(n) for n in program.series_names], np.intp)
        self.heeded: list[int] = []

    def run(self, bars: Sequence[Array], controls: Sequence[int]) -> JointBlock:
        """Take each symbol's next bars; all moments lie after those of the block before.

        Raises ValueError for figures that are no numbers.
        """
        self.check(bars, controls)
        if list(controls) != self.heeded:
            self.machine.heed(np.array([unpacked(word) for word in controls]))
            self.heeded = list(controls)
        moments = np.unique(np.concatenate([each["timestamp"] for each in bars]))
        parts: list[JointBlock] = []
        for start in range(0, len(moments), MAX_BLOCK):
            union = moments[start : start + MAX_BLOCK]
            within = [
                slice(*np.searchsorted(b["timestamp"], (union[0], union[-1] + 1))) for b in bars
            ]
            part = [each[cut] for each, cut in zip(bars, within, strict=True)]
            before = [sum(len(p.closes[s]) for p in parts) for s in range(len(bars))]
            parts.append(self.take(part, union, start, before))
        return JointBlock(
            [np.concatenate([p.records[n] for p in parts]) for n in range(len(self.lanes))],
            moments,
            [np.concatenate([p.closes[s] for p in parts]) for s in range(len(bars))],
            [np.concatenate([p.series[s] for p in parts], axis=1) for s in range(len(bars))],
        )

    def limit(self, rows: Sequence[Array]) -> None:
        """Hold the accounts to other limits, one row of dtypes.LIMITS each, from the next bar on.

        They are no part of `state()`: who restores an earlier state keeps the limits that hold.
        """
        if len(rows) != len(self.lanes):
            raise ValueError(f"limits were {len(rows)}, must be one per lane: {len(self.lanes)}")
        self.machine.limit(np.array([plain(row) for row in rows]))

    def tell(self, symbol: int, told: Told) -> None:
        """Have a symbol's `regime` read these classifications from the next bar on, in place of its
        own before.

        They are no part of `state()`: who restores an earlier state says anew what is told.
        """
        if symbol not in range(len(self.timelines)):
            raise ValueError(f"symbol was {symbol}, must be 0 to {len(self.timelines) - 1}")
        self.timelines[symbol].told = told

    def check(self, bars: Sequence[Array], controls: Sequence[int]) -> None:
        if len(controls) != len(self.lanes):
            raise ValueError(
                f"controls were {len(controls)}, must be one per lane: {len(self.lanes)}"
            )
        if len(bars) != len(self.timelines):
            raise ValueError(f"bars were of {len(bars)} symbols, must be of {len(self.timelines)}")
        if not any(map(len, bars)):
            raise ValueError("bars were none, must be at least one")
        for each in bars:
            if len(each) and each["timestamp"][0] < 0:
                at = each["timestamp"][0]
                raise ValueError(f"first bar was at {at}, must not be before 1970")
            bad = first_bad(each)
            if bad >= 0:
                refuse(each, bad)

    def take(
        self, bars: Sequence[Array], union: Array, offset: int, closed: Sequence[int]
    ) -> JointBlock:
        blocks = [line.take(each) for line, each in zip(self.timelines, bars, strict=True)]
        moments = np.zeros(len(union), dtypes.BAR)
        moments["timestamp"] = union
        clock = self.clock.take(moments).tape
        times = [each["timestamp"] for each in bars]
        tape = joint.aligned(times, [block.tape for block in blocks], clock, union)
        rows = [self.machine.series(s, block.candles) for s, block in enumerate(blocks)]
        records = list(self.machine.step(tape, rows))
        for n, (lane, found) in enumerate(zip(self.lanes, records, strict=True)):
            found[:, dtypes.BAR_INDEX] += offset
            signals = found[:, dtypes.KIND] == dtypes.SIGNAL
            found[signals, dtypes.D] += np.array(closed)[found[signals, dtypes.SYMBOL].astype(int)]
            records[n] = found if lane.signals else found[~signals]
        series = [canonical(each[self.named]) for each in rows]
        return JointBlock(records, union, [block.closes.copy() for block in blocks], series)

    def account(self, lane: int) -> dict[str, float]:
        """One account's own fields, by name, as of the last moment."""
        kept = self.machine.kept()[lane]
        return {n: float(kept[slot]) for (r, n), slot in joint.SHARED.items() if r == "account"}

    def held(self, lane: int, symbol: int) -> dict[str, float]:
        """What an account holds of a symbol, by name."""
        kept = self.machine.kept()[lane]
        names = (name for record, name in joint.OWN if record == "held")
        return {name: float(kept[joint.slot("held", name, symbol)]) for name in names}

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
        """All that the next moment depends on, little-endian doubles, NaN canonical."""
        return b"".join(canonical(a).astype("<f8").tobytes() for a in self.arrays())

    def restore(self, data: bytes) -> None:
        """Go back to an earlier state; raises ValueError for state of another shape."""
        arrays = self.arrays()
        values = np.frombuffer(data, "<f8")
        if len(values) != sum(a.size for a in arrays):
            wanted = sum(a.size for a in arrays)
            raise ValueError(
                f"state of {self.program.name} held {len(values)} numbers, must be {wanted}"
            )
        parts = np.split(values, np.cumsum([a.size for a in arrays])[:-1])
        for line, part in zip((self.clock, *self.timelines), parts, strict=False):
            line.memory[:] = part
        state, kept = (p.reshape(a.shape) for p, a in zip(parts[-2:], arrays[-2:], strict=True))
        kept, now = kept.copy(), self.machine.kept()
        for said in (joint.HELD_TO, joint.CONTROLS):  # from outside: what holds now goes on
            kept[:, said] = now[:, said]
        self.machine.restore(state, kept)

    def arrays(self) -> list[Array]:
        lines = [line.memory for line in (self.clock, *self.timelines)]
        return [*lines, self.machine.state(), self.machine.kept()]

    def digest(self, lane: int = 0) -> str:
        """sha256 over an account and what it holds of every symbol, but what is only told."""
        kept = self.machine.kept()[lane][joint.digested(len(self.timelines))]
        return hashlib.sha256(canonical(kept).astype("<f8").tobytes()).hexdigest()


def first_desk(program: Program, values: Array, spec: LaneSpec, markets: Sequence[Array]) -> Array:
    """One account's doubles before its first bar, as `joint` lays them out."""
    desk = np.zeros(joint.size(len(markets)))
    desk[joint.slot("account", "leverage")] = spec.leverage
    desk[joint.slot("account", "reach")] = reach_of(program.flat, values, spec.leverage)
    for name in dtypes.CAPITAL:
        desk[joint.slot("account", name)] = spec.capital
    for name, value in zip(dtypes.LIMITS.names or (), plain(spec.limits), strict=True):
        desk[joint.slot("limits", name)] = value
    for s, market in enumerate(markets):
        for name in dtypes.LEVELS:
            desk[joint.slot("held", name, s)] = np.nan
        for name, value in zip(dtypes.MARKET.names or (), plain(market), strict=True):
            desk[joint.slot("market", name, s)] = value
    return desk
