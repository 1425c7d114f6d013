"""The vector backend for trials: groups of eight accounts, each with parameters of its own.

A group goes through a tile of moments alone: its series first, then its accounts. Groups never look
at each other, so no bit depends on who takes them, nor on where tiles are cut.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kernels import llvm
from kernels.backends.hands import Hands
from kernels.backends.lanes_code import PLACE, WHOLE, named, series_of, what
from kernels.backends.lanes_memory import aligned, flat, grouped, place, started
from kernels.joint import FIRST, OWN, SHARED, STRIDE, JointStep, JointTape
from kernels.printers import lanes_trials
from kernels.printers.lanes_frames import Alike
from kernels.printers.lanes_values import LANES

Array = np.ndarray[Any, Any]

STEP = (*[WHOLE] * 5, *[PLACE] * 7, WHOLE, PLACE)
SIDE, SMALLEST = (FIRST + OWN["held", name] for name in ("side", "smallest"))


@dataclass(frozen=True)
class Opening:
    """What accounts begin a span with that differs from span to span."""

    smallest: Array  # float64 [symbols]: `held.smallest`
    ruined: Array  # float64 [accounts]: `account.ruined`


@dataclass(frozen=True)
class Leg:
    """Parts p0 … p1 − 1 of a tile, with what comes before and after them."""

    p0: int
    p1: int
    opens: Opening | None = None  # accounts are opened anew before
    closes: int = -1  # the span that ends after; −1: none does


@dataclass(frozen=True)
class Tile:
    """A tile of moments."""

    tape: JointTape
    candles: Sequence[Array]  # of every symbol, float64 [m, columns]
    parts: Array  # int64 [parts, 2]: from which moment of the tile, and up to which
    legs: Sequence[Leg]


class LanesTrials:
    """Steps accounts on several symbols, each with parameters of its own, in lanes."""

    def __init__(
        self, step: JointStep, constants: Array, desk: Array, symbols: int, spans: int, threads: int
    ) -> None:
        alike = Alike(())
        self.step, self.symbols, self.count = step, symbols, len(desk)
        self.fill = series_of(step.unit, step, alike)
        self.take = llvm.function(
            named("trials", step.phases, what(step.unit), step.columns, FIRST, STRIDE, alike),
            "trials",
            lambda: lanes_trials.print_trials(step, alike),
            STEP,
        )
        self.constants, self.fresh = grouped(constants), grouped(desk)
        self.desk = grouped(desk)
        self.states = [started(step.unit, len(desk)) for _ in range(symbols)]
        self.groups = len(self.desk)
        self.ended = np.tile(self.fresh[:, :FIRST], (spans, 1, 1, 1))
        self.hands = Hands(threads)
        self.rooms = deque(aligned((0,)) for _ in range(threads))  # of rows, one for each thread

    def run(self, tile: Tile) -> Array:
        """Take a tile; gives the equities after each of its parts, float64 [accounts, parts]."""
        told = aligned((self.groups, len(tile.parts), LANES))
        tape = tile.tape
        arrays = [np.ascontiguousarray(a) for a in (tile.parts, tape.clock, tape.bars, tape.here)]
        candles = [np.ascontiguousarray(each) for each in tile.candles]
        length = max(1, *map(len, candles)) if len(candles) > 1 else max(1, len(candles[0]))
        jobs = [
            partial(self.run_group, g, tile.legs, arrays, candles, length, told)
            for g in range(self.groups)
        ]
        self.hands.do(jobs)
        return flat(told, self.count)

    def run_group(
        self,
        g: int,
        legs: Sequence[Leg],
        arrays: Sequence[Array],
        candles: Sequence[Array],
        length: int,
        told: Array,
    ) -> None:
        rows = self.rooms.pop()
        shape = (self.symbols, length, max(1, len(self.step.unit.rows)), LANES)
        if rows.size < np.prod(shape):
            rows = aligned(shape)
        each = int(np.prod(shape[1:]))
        flat_rows = rows.reshape(-1)
        for s, mine in enumerate(candles):
            filled = (mine, self.constants[g], self.states[s][g], flat_rows[s * each :])
            self.fill(0, 1, 0, len(mine), *map(place, filled), each)
        desk = self.desk[g]
        given = [*map(place, (*arrays, self.constants[g], desk, rows))]
        for leg in legs:
            if leg.opens is not None:
                self.open(g, leg.opens)
            self.take(0, 1, leg.p0, leg.p1, self.symbols, *given, length, place(told[g]))
            if leg.closes >= 0:
                self.ended[leg.closes, g] = desk[:FIRST]
        self.rooms.append(rows)

    def open(self, g: int, opening: Opening) -> None:
        """Open a group's accounts anew; what was last said about a side stays said."""
        desk = self.desk[g]
        sides = desk[SIDE::STRIDE].copy()
        desk[:] = self.fresh[g]
        desk[SIDE::STRIDE] = sides
        desk[SMALLEST::STRIDE] = opening.smallest[:, np.newaxis]
        members = np.minimum(np.arange(g * LANES, (g + 1) * LANES), self.count - 1)
        desk[SHARED["account", "ruined"]] = opening.ruined[members]

    def figures(self, name: str) -> Array:
        """A field of the accounts as every span ended, float64 [accounts, spans]."""
        found = self.ended[:, :, SHARED["account", name]]
        return found.reshape(len(found), -1)[:, : self.count].T.copy()
