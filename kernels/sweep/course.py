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
from kernels.backends.lanes_trials import Leg, Opening, Tile
from kernels.joint import JointTape, aligned
from kernels.stages import TAPE
from kernels.timeline import Timeline

Array = np.ndarray[Any, Any]

DAY = 86_400_000  # ms
TILE = 4096  # moments that all accounts take before they go on; bounds every buffer


@dataclass(frozen=True)
class Span:
    """A stretch of time for which every account is opened anew."""

    start: int  # ms, first bar open that counts (a UTC midnight)
    end: int  # ms, exclusive (a UTC midnight)


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
        moments = np.unique(np.concatenate([bars["timestamp"] for bars in stretch]))
        self.moments = moments[: np.searchsorted(moments, spans[-1].end)]
        ranges = [np.arange(span.start, span.end, DAY, dtype=np.int64) for span in spans]
        self.days = np.concatenate(ranges)
        self.span = np.repeat(np.arange(len(spans)), list(map(len, ranges)))
        self.begins = np.searchsorted(self.moments, self.days)  # of each day, its first moment
        self.ends = np.searchsorted(self.moments, self.days + DAY)
        self.spans = np.searchsorted(self.moments, [(s.start, s.end) for s in spans])
        self.cheapest = Cheapest(markets)

    def tiles(self, able: Array) -> Iterator[tuple[Tile, Array]]:
        """Each tile, and which day each of its parts is of; −1: of none.

        `able`: what every account may ask for before its first trade, money.
        """
        for start in range(0, len(self.moments), TILE):
            union = self.moments[start : start + TILE]
            tape, candles = self.read(union)
            cheapest, dearest = self.cheapest.take(tape)
            parts: list[tuple[int, int, int]] = []
            legs: list[Leg] = []
            done = start
            stop = start + len(union)
            for k, (first, last) in enumerate(self.spans):
                rest = (max(done, start) - start, min(first, stop) - start)
                legs.append(added(parts, resting(tape, *rest)))
                opens = start <= first < stop or first == stop == len(self.moments)
                opening = None
                if opens:
                    ruined = ~(able >= dearest[first - start])
                    opening = Opening(cheapest[first - start], ruined.astype(np.float64))
                ends = start < last <= stop if last > first else opens
                leg = added(parts, self.inside(k, start, stop))
                legs.append(Leg(leg.p0, leg.p1, opening, k if ends else -1))
                done = last
            table = np.array(parts, np.int64).reshape(-1, 3)
            kept = [leg for leg in legs if leg.p0 < leg.p1 or leg.opens or leg.closes >= 0]
            yield Tile(tape, candles, np.ascontiguousarray(table[:, :2]), kept), table[:, 2]

    def read(self, union: Array) -> tuple[JointTape, list[Array]]:
        """The bars of some moments, as a step and as series read them."""
        edges = (union[0], union[-1] + 1)
        cuts = [slice(*np.searchsorted(bars["timestamp"], edges)) for bars in self.stretch]
        mine = [bars[cut] for bars, cut in zip(self.stretch, cuts, strict=True)]
        blocks = [line.take(bars) for line, bars in zip(self.timelines, mine, strict=True)]
        moments = np.zeros(len(union), dtypes.BAR)
        moments["timestamp"] = union
        clock = self.clock.take(moments).tape
        times = [bars["timestamp"] for bars in mine]
        tape = aligned(times, [block.tape for block in blocks], clock, union)
        return tape, [block.candles for block in blocks]

    def inside(self, span: int, start: int, stop: int) -> list[tuple[int, int, int]]:
        """The days of a span between two moments: from, to, day."""
        found = []
        for day in np.flatnonzero(self.span == span):
            first, last = max(self.begins[day], start), min(self.ends[day], stop)
            if first < last:
                found.append((int(first) - start, int(last) - start, int(day)))
        return found


def added(parts: list[tuple[int, int, int]], more: Sequence[tuple[int, int, int]]) -> Leg:
    """Add parts; gives the leg that takes them."""
    before = len(parts)
    parts += more
    return Leg(before, len(parts))


def resting(tape: JointTape, start: int, stop: int) -> list[tuple[int, int, int]]:
    """Of the moments from one up to another, where each symbol's last strategy bar closed."""
    if start >= stop:
        return []
    closed = (tape.here * tape.bars[:, :, TAPE["closed"]])[start:stop] > 0.0
    last = {start + int(np.flatnonzero(each)[-1]) for each in closed.T if each.any()}
    return [(at, at + 1, -1) for at in sorted(last)]


class Cheapest:
    """What the smallest order takes as moments go by, as `joint_worth` and `joint_sum` say it."""

    def __init__(self, markets: Sequence[Array]) -> None:
        self.least = np.array([float(market["min_notional"][0]) for market in markets])
        self.unit = np.array([float(market["unit"][0]) for market in markets])
        self.now = np.zeros(len(markets))  # of every symbol, money; 0 before its first bar
        self.dearest = -np.inf  # the most that the cheapest of all symbols ever took

    def take(self, tape: JointTape) -> tuple[Array, Array]:
        """As it was before each moment, and after the last: of every symbol; the dearest so far."""
        moments = len(tape.here)
        worth = np.maximum(self.least, tape.bars[:, :, TAPE["close"]] * self.unit)
        at = np.where(tape.here > 0.0, np.arange(moments)[:, np.newaxis], -1)
        at = np.maximum.accumulate(at, axis=0)
        seen = np.take_along_axis(worth, np.maximum(at, 0), axis=0)
        each = np.vstack((self.now, np.where(at >= 0, seen, self.now)))
        some = np.where(each[1:] > 0.0, each[1:], np.inf).min(axis=1)
        dearest = np.maximum.accumulate(np.concatenate(([self.dearest], some)))
        self.now, self.dearest = each[-1], float(dearest[-1])
        return each, dearest
