"""Many parameter sets of one strategy over the same bars, a batch at a time.

Every account ends in the state that a run of its parameters alone would give, bit for bit. A batch
can stop at any bar and go on in another process. Sets are numbered in the order asked for; inside a
batch they are stepped in an order in which neighbours share their series.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels import stages
from kernels.backends.fleet import Muster
from kernels.constants import constants
from kernels.fleets import FLEETS, resolved
from kernels.program import Program
from kernels.runner import LaneSpec, first_desk, reach_of
from kernels.stages import DESK, KEPT
from kernels.sweep.cut import Cut, cut_of, taken_up
from kernels.sweep.figures import FIGURES, figures_of, state_digest
from kernels.sweep.idle import may_skip
from kernels.sweep.plan import BATCH, Plan, distinct, plan_for, shared_groups, tiles
from kernels.sweep.sets import Sets
from kernels.sweep.settings import Settings, Ways, check_bars, known_fields
from kernels.timeline import Timeline
from kernels.told import NOTHING_TOLD, Told

Array = np.ndarray[Any, Any]

__all__ = ["Finished", "Settings", "Sweep", "SweepResult", "Ways", "sweep"]


@dataclass(frozen=True)
class Finished:
    """A batch that saw every bar."""

    figures: Array  # FIGURES [sets of the batch]
    seconds: float  # without compiling
    device: str


class Sweep:
    """A planned sweep: any batch of it can be run, in any order, by any process.

    `told` is said of the symbol's regime, to every set alike.
    """

    def __init__(
        self,
        program: Program,
        bars: Array,
        sets: Sets,
        settings: Settings,
        ways: Ways,
        told: Told = NOTHING_TOLD,
    ) -> None:
        check_bars(program, bars, settings.base_ms)
        self.program, self.sets, self.settings = program, sets, settings
        self.ways = replace(ways, backend=resolved(ways.backend))
        self.flat = program.flat
        self.bars = len(bars)
        self.compile_seconds = 0.0
        tick = float(settings.market["tick"][0])
        self.told = told if self.flat.hears else NOTHING_TOLD
        block = Timeline.of(self.flat, settings.base_ms, tick, self.told).take(bars)
        self.tape, self.candles = block.tape, block.candles.copy()
        self.plan = self.planned(bars.nbytes)
        self.batches = -(-sets.count // self.plan.batch)

    def planned(self, bars_bytes: int) -> Plan:
        flat, ways = self.flat, self.ways
        sample = constants(flat, self.sets.table(0, min(self.sets.count, BATCH[ways.backend])))
        shared = shared_groups(flat, sample, ways.backend, ways.share)
        known = known_fields(self.settings)
        idle = stages.step_over(flat, [], known, skips=False).simulate
        skips = ways.skips and may_skip(idle, self.tape, self.settings.market)
        return plan_for(
            flat,
            stages.step_over(flat, shared, known, skips),
            shared,
            sample,
            count=self.sets.count,
            bars_bytes=bars_bytes + self.tape.nbytes + self.candles.nbytes,
            backend=ways.backend,
            memory=ways.memory,
            batch=ways.batch,
            tile=ways.tile,
            collected=ways.collected,
        )

    def size(self, batch: int) -> int:
        """How many sets a batch holds."""
        return min(self.plan.batch, self.sets.count - batch * self.plan.batch)

    def table(self, batch: int) -> dict[str, Array]:
        """The parameters of a batch, in the order asked for."""
        start = batch * self.plan.batch
        return self.sets.table(start, start + self.size(batch))

    def run(
        self,
        batch: int,
        cut: Cut | None = None,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda account_bars: None,
    ) -> Finished | Cut:
        """Take a batch through all bars, or on from a cut; `stop` is asked after every tile.

        Raises CutInvalid for a cut of another batch or plan.
        """
        began = time.perf_counter()
        values = constants(self.flat, self.table(batch))
        muster, order = self.mustered(values)
        fleet = FLEETS[self.ways.backend](muster, self.ways.threads)
        at, spent = 0, 0.0
        made_under = self.fingerprint(batch)
        if cut is not None:
            at, spent = taken_up(fleet, cut, made_under)
            progress(at * self.size(batch))
        compiling = 0.0
        if self.compile_seconds == 0.0 and at < self.bars:
            fleet.run(self.tape, self.candles, at, at + 1)
            self.compile_seconds = compiling = time.perf_counter() - began
            at += 1
            progress(self.size(batch))
        instances = [len(each) for each in muster.instances]
        for stopping in tiles(self.plan, instances, self.ways.backend, self.tape):
            if stopping <= at:
                continue
            if stop():
                seconds = spent + time.perf_counter() - began - compiling
                return cut_of(fleet, at, seconds, made_under)
            fleet.run(self.tape, self.candles, at, stopping)
            progress((stopping - at) * self.size(batch))
            at = stopping
        kept = np.empty((len(values), KEPT))
        kept[order] = fleet.kept()
        seconds = spent + time.perf_counter() - began - compiling
        return Finished(figures_of(kept), seconds, fleet.device)

    def mustered(self, values: Array) -> tuple[Muster, Array]:
        """The accounts of a batch, and which set each of them is."""
        found = [distinct(self.flat, g.parameters, values) for g in self.plan.shared]
        keys = [inverse for _, inverse in reversed(found)]  # the last key sorts first
        order = np.lexsort(keys) if keys else np.arange(len(values))
        muster = Muster(
            step=self.plan.step,
            constants=values[order],
            desk=self.desks(values)[order],
            instances=[values[first] for first, _ in found],
            index=[inverse[order] for _, inverse in found],
        )
        return muster, order

    def desks(self, values: Array) -> Array:
        """The accounts before their first bar, float64 [accounts, KEPT]."""
        settings = self.settings
        spec = LaneSpec(settings.leverage, settings.capital, settings.limits)
        first = first_desk(self.flat, values[0], spec, settings.market)[:KEPT]
        desk = np.tile(first, (len(values), 1))
        reach = [reach_of(self.flat, row, settings.leverage) for row in values]
        desk[:, DESK["account", "reach"]] = reach
        return desk

    def fingerprint(self, batch: int) -> bytes:
        """What a cut must have been made under."""
        shared = [sorted(g.parameters) for g in self.plan.shared]
        numbers = [batch, self.plan.batch, self.sets.count, self.bars, shared, *self.told.rows()]
        return hashlib.sha256(repr((self.ways.backend, numbers)).encode()).digest()


@dataclass(frozen=True)
class SweepResult:
    """All sets of a sweep, in the order asked for."""

    figures: Array  # FIGURES [sets]
    seconds: float  # without compiling
    compile_seconds: float
    bars: int
    backend: str
    device: str
    state_digest: str  # sha256 over the sets' digests
    plan: Plan

    @property
    def bar_steps_per_second(self) -> float:
        """Sets times bars, by the second."""
        return len(self.figures) * self.bars / self.seconds


def sweep(
    program: Program,
    bars: Array,
    sets: Sets,
    settings: Settings,
    ways: Ways | None = None,
    told: Told = NOTHING_TOLD,
) -> SweepResult:
    """Run all sets in memory, without keeping anything on the way; `told` is said of the regime.

    Raises ValueError for bars that cannot be traded on, MemoryTooSmall.
    """
    kept = replace(ways or Ways(), collected=True)
    planned = Sweep(program, bars, sets, settings, kept, told)
    figures = np.zeros(sets.count, FIGURES)
    seconds, device = 0.0, ""
    for number in range(planned.batches):
        done = planned.run(number)
        assert isinstance(done, Finished)  # noqa: S101  (nothing stops it)
        start = number * planned.plan.batch
        figures[start : start + len(done.figures)] = done.figures
        seconds, device = seconds + done.seconds, done.device
    return SweepResult(
        figures=figures,
        seconds=seconds,
        compile_seconds=planned.compile_seconds,
        bars=planned.bars,
        backend=planned.ways.backend,
        device=device,
        state_digest=state_digest(figures),
        plan=planned.plan,
    )
