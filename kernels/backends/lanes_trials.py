"""The vector backend for trials: groups of eight accounts, each with parameters of its own.

Over a tile of moments the shared series are filled first. Then groups go through it a piece at a
time: their own series, then their accounts, so that what the one leaves is near when the other
reads it. Groups never look at each other: no bit depends on who takes them, nor on where tiles and
pieces are cut.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kernels import llvm
from kernels.backends.hands import Hands, Job, cut
from kernels.backends.lanes_code import PLACE, WHOLE, named, what
from kernels.backends.lanes_memory import aligned, flat, grouped, grouped_index, place, started
from kernels.joint import FIRST, OWN, SHARED, STRIDE
from kernels.printers import lanes_own, lanes_trials
from kernels.printers.lanes_values import LANES
from kernels.stages import Unit
from kernels.trial_step import TrialStep

Array = np.ndarray[Any, Any]

STEP = (*[WHOLE] * 5, *[PLACE] * 9, WHOLE, PLACE)
SIDE, RUINED = FIRST + OWN["held", "side"], SHARED["account", "ruined"]
ROWS = 2**20  # bytes of a group's own rows that a piece may take
SHARED_ROWS = 2**26  # bytes that the shared rows of a tile may take
LEAST_PIECE = 32  # strategy bars
JOBS = 4  # for each thread, so that none waits long for another


@dataclass(frozen=True)
class Leg:
    """Parts p0 … p1 − 1 of a tile, with what comes before and after them."""

    p0: int
    p1: int
    opens: Array | None = None  # accounts are opened anew before: bool [accounts], those ruined
    closes: int = -1  # the span that ends after; −1: none does


@dataclass(frozen=True)
class Piece:
    """Some moments of a tile."""

    bars: Array  # int64 [symbols, 2]: from which strategy bar of the tile, and up to which
    legs: Sequence[Leg]


@dataclass(frozen=True)
class Tile:
    """Moments, one after another, and what they hold."""

    clock: Array  # float64 [t, len(TAPE) + 1]: their calendar, and what the smallest order takes
    here: Array  # int64 [t], bits: the symbols that have a bar
    closed: Array  # int64 [t], bits: those at whose bar a strategy bar closed
    bars: Array  # float64 [t, symbols, width]: what the step looks at of every symbol's bar
    candles: Sequence[Array]  # of every symbol, float64 [m, columns]
    parts: Array  # int64 [parts, 2]: from which moment, and up to which
    pieces: Sequence[Piece]


class LanesTrials:
    """Steps accounts on several symbols, each with parameters of its own, in lanes."""

    def __init__(
        self,
        step: TrialStep,
        constants: Array,
        desk: Array,
        symbols: int,
        spans: int,
        threads: int,
    ) -> None:
        self.step, self.symbols, self.count = step, symbols, len(desk)
        self.rows = lanes_own.rows_of(step.unit, step.shared, step.columns)
        self.fill = series(step.unit, step.shared, self.rows, step)
        self.take = stepped(step, self.rows)
        found = [distinct(unit, step, constants) for unit in step.shared]
        self.order = together(step.shared, [index for _, index in found], len(desk))
        self.shared = [
            Shared(unit, step, constants[first], index[self.order], symbols)
            for unit, (first, index) in zip(step.shared, found, strict=True)
        ]
        self.constants, self.fresh = grouped(constants[self.order]), grouped(desk[self.order])
        self.desk = grouped(desk[self.order])
        self.groups = len(self.desk)
        self.states = for_symbols(started(step.unit, len(desk)), symbols)
        self.ended = np.tile(self.fresh[:, :FIRST], (spans, 1, 1, 1))
        self.hands = Hands(threads)
        self.rooms = deque(aligned((0,)) for _ in range(threads))  # for rows, one for each thread

    @property
    def width(self) -> int:
        """Doubles that a symbol's bar takes."""
        return lanes_trials.width(self.step)

    @property
    def piece(self) -> int:
        """Strategy bars whose rows stay near: what a group takes at once."""
        return max(LEAST_PIECE, ROWS // (8 * self.rows.stride * self.symbols))

    @property
    def tile(self) -> int:
        """Strategy bars whose shared rows there is room for."""
        doubles = sum(unit.groups * unit.layout.stride for unit in self.shared)
        return max(LEAST_PIECE, SHARED_ROWS // (8 * max(1, doubles) * self.symbols))

    def run(self, tile: Tile, beside: Job) -> Array:
        """Take a tile; gives the equities after each of its parts, float64 [accounts, parts].

        `beside` is done meanwhile, by one of the threads.
        """
        sight = Sight(tile)
        filling: list[Job] = []
        for unit in self.shared:
            unit.make_room(max(map(len, tile.candles)))
            filling += unit.jobs(sight)
        self.hands.do(filling)
        told = aligned((self.groups, len(tile.parts), LANES))
        work = partial(self.run_groups, tile, sight, told)
        self.hands.do([beside, *cut(self.groups, JOBS * self.hands.threads, work)])
        return self.asked(flat(told, self.count))

    def run_groups(self, tile: Tile, sight: "Sight", told: Array, first: int, last: int) -> None:
        """Take groups first … last − 1 through a tile, all of them through each piece."""
        room = self.rooms.pop()
        seats = [self.seat(g, told) for g in range(first, last)]
        for piece in tile.pieces:
            length = int((piece.bars[:, 1] - piece.bars[:, 0]).max(initial=1))
            if room.size < self.symbols * length * self.rows.stride:
                room = aligned((self.symbols * length * self.rows.stride,))
            bars, rows = place(piece.bars), place(room)
            for g, (constants, state, desk, mine, inputs) in enumerate(seats, first):
                own = (bars, sight.candles, constants, state, rows, length)
                self.fill(0, 1, self.symbols, *own, *inputs)
                for leg in piece.legs:
                    if leg.opens is not None:
                        self.open(g, leg.opens)
                    held = (bars, constants, desk, rows, length, mine)
                    self.take(0, 1, leg.p0, leg.p1, self.symbols, *sight.moments, *held)
                    if leg.closes >= 0:
                        self.ended[leg.closes, g] = self.desk[g, :FIRST]
        self.rooms.append(room)

    def seat(self, g: int, told: Array) -> tuple[int, int, int, int, list[int]]:
        """Where a group's arrays lie."""
        arrays = (self.constants[g], self.states[g], self.desk[g], told[g])
        constants, state, desk, mine = map(place, arrays)
        return constants, state, desk, mine, [n for u in self.shared for n in u.places(g)]

    def open(self, g: int, ruined: Array) -> None:
        """Open a group's accounts anew; what was last said about a side stays said."""
        desk = self.desk[g]
        sides = desk[SIDE::STRIDE].copy()
        desk[:] = self.fresh[g]
        desk[SIDE::STRIDE] = sides
        members = np.minimum(np.arange(g * LANES, (g + 1) * LANES), self.count - 1)
        desk[RUINED] = ruined[self.order[members]]

    def figures(self, name: str) -> Array:
        """A field of the accounts as every span ended, float64 [accounts, spans]."""
        found = self.ended[:, :, SHARED["account", name]]
        return self.asked(found.reshape(len(found), -1)[:, : self.count].T)

    def asked(self, table: Array) -> Array:
        """Accounts in the order that was asked for."""
        found = np.empty_like(table)
        found[self.order] = table
        return found


class Sight:
    """Where all that groups share lies, for as long as it is kept."""

    def __init__(self, tile: Tile) -> None:
        self.tables = np.array(list(map(place, tile.candles)), np.int64)
        self.candles = place(self.tables)
        self.bars = np.array([(0, len(each)) for each in tile.candles], np.int64)
        self.whole = place(self.bars)
        arrays = (tile.parts, tile.clock, tile.here, tile.closed, tile.bars)
        self.arrays = [np.ascontiguousarray(array) for array in arrays]
        self.moments = [place(array) for array in self.arrays]


class Shared:
    """A shared unit's instances, and their rows over the bars of a tile, for every symbol."""

    def __init__(
        self, unit: Unit, step: TrialStep, instances: Array, index: Array, symbols: int
    ) -> None:
        self.layout = lanes_own.rows_of(unit, (), step.columns)
        self.fill = series(unit, (), self.layout, step)
        self.constants = grouped(instances)
        self.groups = len(self.constants)
        self.states = for_symbols(started(unit, len(instances)), symbols)
        self.rows = aligned((self.groups, symbols, 0, self.layout.stride))
        self.index = grouped_index(index)

    def make_room(self, bars: int) -> None:
        """Have room for rows over so many bars."""
        groups, symbols, now, stride = self.rows.shape
        if now < bars:
            self.rows = aligned((groups, symbols, bars, stride))
        first = self.index // LANES * self.rows[0].size
        self.lanes = np.stack((first, first + self.index % LANES), axis=1)  # [groups, 2, 8]

    def jobs(self, sight: "Sight") -> list[Job]:
        """What has to be done to fill the rows of a tile."""
        return [partial(self.run, sight, g) for g in range(self.groups)]

    def run(self, sight: "Sight", g: int) -> None:
        arrays = (self.constants[g], self.states[g], self.rows[g])
        symbols, length = self.rows.shape[1:3]
        self.fill(0, 1, symbols, sight.whole, sight.candles, *map(place, arrays), length)

    def places(self, g: int) -> tuple[int, int, int]:
        """Where rows lie, where those of each lane of a group begin, and what a symbol's take."""
        return place(self.rows), place(self.lanes[g]), self.rows[0, 0].size


def series(
    unit: Unit, inputs: Sequence[Unit], rows: lanes_own.Rows, step: TrialStep
) -> llvm.Function:
    """The function that fills a unit's rows on all symbols."""
    read = [(what(each), sorted(each.parameters)) for each in inputs]
    frame = (rows, step.columns, step.candles)
    types = (*[WHOLE] * 3, *[PLACE] * 5, WHOLE, *(PLACE, PLACE, WHOLE) * len(inputs))
    return llvm.function(
        named("own", what(unit), read, *frame),
        "own",
        lambda: lanes_own.print_own(unit, inputs, *frame),
        types,
    )


def stepped(step: TrialStep, rows: lanes_own.Rows) -> llvm.Function:
    """The function that steps accounts."""
    key = named("trials", step.lists, step.rests, rows, step.columns, FIRST, STRIDE)
    return llvm.function(key, "trials", lambda: lanes_trials.print_trials(step, rows), STEP)


def for_symbols(state: Array, symbols: int) -> Array:
    """State in groups, [groups, slots, 8], as [groups, symbols, slots, 8]."""
    found = aligned((len(state), symbols, *state.shape[1:]))
    found[:] = state[:, np.newaxis]
    return found


def distinct(unit: Unit, step: TrialStep, constants: Array) -> tuple[Array, Array]:
    """The first account of each choice of a unit's parameters, and which choice each made."""
    columns = [step.columns.index(name) for name in sorted(unit.parameters)]
    if not columns:
        return np.zeros(1, np.int64), np.zeros(len(constants), np.int64)
    bits = np.ascontiguousarray(constants[:, columns]).view(np.int64)
    _, first, index = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return first, index.reshape(-1)


def together(units: Sequence[Unit], index: Sequence[Array], count: int) -> Array:
    """An order in which accounts that share the longest series stand side by side."""
    keys = sorted(range(len(units)), key=lambda n: len(units[n].statements))
    return np.lexsort([index[n] for n in keys]) if keys else np.arange(count)
