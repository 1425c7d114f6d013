"""Which moments trials take, and what each of them is for.

Inside a span every moment is taken, day by day. Before one, accounts hold nothing and may enter
nothing, so of all moments only those matter at which a symbol's strategy bar closed last: there the
strategy said the side that is no new signal when the span begins. Of prices it matters whether the
account could still pay for the smallest order; that is counted here, for all accounts at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.backends.lanes_memory import aligned
from kernels.backends.lanes_trials import Leg, Piece, Tile
from kernels.stages import TAPE
from kernels.timeline import Timeline

Array = np.ndarray[Any, Any]
Part = tuple[int, int, int]  # from which moment of a tile, up to which, of which day (−1: of none)

DAY = 86_400_000  # ms
TILE = 4096  # moments whose tape is made at once
CLOSE, CLOSED = TAPE["close"], TAPE["closed"]


@dataclass(frozen=True)
class Span:
    """A stretch of time for which every account is opened anew."""

    start: int  # ms, first bar open that counts (a UTC midnight)
    end: int  # ms, exclusive (a UTC midnight)


@dataclass(frozen=True)
class Cuts:
    """How a backend wants its tiles."""

    looked_at: tuple[str, ...]  # columns of a symbol's tape
    width: int  # doubles of a bar
    tile: int  # moments, at most
    piece: int  # of them, that a group takes at once


class Course:
    """The moments of all symbols up to the last span's end."""

    def __init__(
        self,
        stretch: Sequence[Array],
        spans: Sequence[Span],
        markets: Sequence[Array],
        timelines: Sequence[Timeline],
        clock: Timeline,
    ) -> None:
        self.stretch, self.timelines, self.clock = stretch, timelines, clock
        self.times = [np.ascontiguousarray(bars["timestamp"]) for bars in stretch]
        moments = united(self.times)
        self.moments = moments[: np.searchsorted(moments, spans[-1].end)]
        ranges = [np.arange(span.start, span.end, DAY, dtype=np.int64) for span in spans]
        self.days = np.concatenate(ranges)
        self.span = np.repeat(np.arange(len(spans)), list(map(len, ranges)))
        self.begins = np.searchsorted(self.moments, self.days)  # of each day, its first moment
        self.ends = np.searchsorted(self.moments, self.days + DAY)
        self.spans = np.searchsorted(self.moments, [(s.start, s.end) for s in spans])
        self.markets = markets
        self.now = np.zeros(len(markets))  # what each symbol's smallest order takes, money
        self.dearest = -np.inf  # the most that the cheapest of them ever took

    def tiles(self, able: Array, cuts: Cuts) -> Iterator[tuple[Tile, Array]]:
        """Each tile, and which day each of its parts is of; −1: of none.

        `able`: what every account may ask for before its first trade, money.
        """
        most = min(TILE, cuts.tile)
        for start in range(0, len(self.moments), most):
            stop = min(start + most, len(self.moments))
            yield self.tile(start, stop, able, cuts)

    def tile(self, start: int, stop: int, able: Array, form: Cuts) -> tuple[Tile, Array]:
        union = self.moments[start:stop]
        edges = (union[0], union[-1] + 1)
        cuts = [slice(*np.searchsorted(times, edges)) for times in self.times]
        pairs = zip(self.timelines, self.stretch, cuts, strict=True)
        blocks = [line.take(bars[cut]) for line, bars, cut in pairs]
        tapes = [block.tape for block in blocks]
        seats = Seats(union, [times[cut] for times, cut in zip(self.times, cuts, strict=True)])
        closed = seats.spread([tape[:, CLOSED] for tape in tapes])
        moments = np.zeros(len(union), dtypes.BAR)
        moments["timestamp"] = union
        smallest, dearest = self.smallest(tapes, seats)
        clock = np.column_stack((self.clock.take(moments).tape, smallest))
        parts: list[Part] = []
        pieces: list[Piece] = []
        before = np.zeros(len(tapes), np.int64)
        for first in range(0, len(union), form.piece):
            last = min(first + form.piece, len(union))
            legs = self.legs(parts, start, first, last, closed, dearest, able)
            after = before + closed[first:last].sum(axis=0).astype(np.int64)
            bars = np.ascontiguousarray(np.column_stack((before, after)))
            pieces.append(Piece(bars, legs))
            before = after
        table = np.array(parts, np.int64).reshape(-1, 3)
        found = Tile(
            clock=clock,
            here=bits(seats.here),
            closed=bits(closed > 0.0),
            bars=seats.together(tapes, form.looked_at, form.width),
            candles=[block.candles for block in blocks],
            parts=np.ascontiguousarray(table[:, :2]),
            pieces=pieces,
        )
        return found, table[:, 2]

    def legs(
        self,
        parts: list[Part],
        tile: int,
        first: int,
        last: int,
        closed: Array,
        dearest: Array,
        able: Array,
    ) -> list[Leg]:
        """What is done at the moments first … last − 1 of the tile that begins at `tile`."""
        start, stop = tile + first, tile + last
        found: list[Leg] = []
        done = 0
        for k, (begins, ends) in enumerate(self.spans.tolist()):
            if ends < start or begins < ends == start:  # it is over
                done = ends
                continue
            rest = (max(done, start) - tile, min(begins, stop) - tile)
            found.append(added(parts, resting(closed, *rest)))
            if begins > stop:
                break
            opens = start <= begins < stop or begins == stop == len(self.moments)
            closes = start < ends <= stop if ends > begins else opens
            ruined = ~(able >= dearest[begins - tile]) if opens else None
            leg = added(parts, self.inside(k, start, stop, tile))
            found.append(Leg(leg.p0, leg.p1, ruined, k if closes else -1))
            done = ends
        return [leg for leg in found if leg.p0 < leg.p1 or leg.opens is not None or leg.closes >= 0]

    def inside(self, span: int, start: int, stop: int, tile: int) -> list[Part]:
        """The days of a span between two moments."""
        days = np.flatnonzero((self.span == span) & (self.ends > start) & (self.begins < stop))
        firsts = np.maximum(self.begins[days], start) - tile
        lasts = np.minimum(self.ends[days], stop) - tile
        found = zip(firsts.tolist(), lasts.tolist(), days.tolist(), strict=True)
        return [part for part in found if part[0] < part[1]]

    def smallest(self, tapes: Sequence[Array], seats: "Seats") -> tuple[Array, Array]:
        """What the smallest order takes as moments go by, as `joint_worth` and `joint_sum` say it.

        At each moment, and the most that it took before each, the one after the last included.
        """
        worth = [
            np.maximum(market["min_notional"][0], tape[:, CLOSE] * market["unit"][0])
            for market, tape in zip(self.markets, tapes, strict=True)
        ]
        each = seats.last(worth, self.now)
        some = np.where(each > 0.0, each, np.inf).min(axis=1)
        dearest = np.maximum.accumulate(np.concatenate(([self.dearest], some)))
        self.now, self.dearest = each[-1], float(dearest[-1])
        return some, dearest


class Seats:
    """Where each symbol's bars stand among the moments of a tile."""

    def __init__(self, union: Array, times: Sequence[Array]) -> None:
        whole = [len(mine) == len(union) for mine in times]
        self.places: list[slice | Array] = [
            slice(None) if has_all else np.searchsorted(union, mine)
            for mine, has_all in zip(times, whole, strict=True)
        ]
        self.here = np.zeros((len(union), len(times)), bool)
        for s, places in enumerate(self.places):
            self.here[places, s] = True

    def together(self, tapes: Sequence[Array], names: Sequence[str], width: int) -> Array:
        """Figures of each symbol's bars at their moments, float64 [t, symbols, width].

        `names` begin as TAPE does. What stands where a symbol has no bar nobody reads.
        """
        found = aligned((*self.here.shape, width))
        columns = [TAPE[name] for name in names]
        block = next((n for n, at in enumerate(columns) if n != at), len(columns))
        for s, (places, tape) in enumerate(zip(self.places, tapes, strict=True)):
            found[places, s, :block] = tape[:, :block]
            for n in range(block, len(columns)):
                found[places, s, n] = tape[:, columns[n]]
        return found

    def spread(self, columns: Sequence[Array]) -> Array:
        """A figure of each symbol's bars at their moments, 0 elsewhere: float64 [t, symbols]."""
        found = np.zeros(self.here.shape)
        for s, (places, column) in enumerate(zip(self.places, columns, strict=True)):
            found[places, s] = column
        return found

    def last(self, columns: Sequence[Array], before: Array) -> Array:
        """A figure of each symbol's last bar; `before` the first: float64 [t, symbols]."""
        found = np.empty(self.here.shape)
        for s, (places, column) in enumerate(zip(self.places, columns, strict=True)):
            if isinstance(places, slice):
                found[:, s] = column
            else:
                seen = np.cumsum(self.here[:, s])
                found[:, s] = np.concatenate(([before[s]], column))[seen]
        return found


def united(times: Sequence[Array]) -> Array:
    """All moments of sorted times, each once."""
    first = max(times, key=len)
    if all(np.array_equal(first, mine) for mine in times):
        return first
    found = np.sort(np.concatenate(times), kind="stable")
    return found[np.concatenate(([True], found[1:] != found[:-1]))]


def bits(flags: Array) -> Array:
    """Flags of each symbol [t, symbols] as one number, int64 [t]."""
    weights = np.left_shift(1, np.arange(flags.shape[1]))
    found: Array = (flags * weights).sum(axis=1)
    return found


def added(parts: list[Part], more: Sequence[Part]) -> Leg:
    """Add parts; gives the leg that takes them."""
    before = len(parts)
    parts += more
    return Leg(before, len(parts))


def resting(closed: Array, start: int, stop: int) -> list[Part]:
    """Of the moments from one up to another, where each symbol's last strategy bar closed."""
    if start >= stop:
        return []
    flags = closed[start:stop] > 0.0
    last = {start + int(np.flatnonzero(each)[-1]) for each in flags.T if each.any()}
    return [(at, at + 1, -1) for at in sorted(last)]
