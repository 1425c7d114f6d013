"""Which sets a search tries: near the champion, on a changed rule, near the best, or anywhere.

Each set differs from every other by what counts as a change, those of the past included; where no
such set is drawn in some tries, there is one set less.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from application.improvement.change import Shape, Version, unchanged
from application.improvement.search.draws import Draws
from application.improvement.search.evolution import Values, crossed, movable, scattered, stepped
from application.improvement.search.mutations import Mutant
from kernels.frontend.flat import Parameter
from kernels.program import Program

DRAWN = 12  # draws before one set more is given up
SCATTERED = 4  # every so manieth set near the champion is drawn from everywhere


@dataclass(frozen=True)
class Source:
    """Rules that are searched: the champion's, or a mutation of them."""

    program: Program
    shape: Shape
    mutant: Mutant | None = None

    @property
    def name(self) -> str:
        return self.mutant.key if self.mutant else "the champion's rules"

    @property
    def movable(self) -> tuple[Parameter, ...]:
        """What a search may move: parameters that the rules read, in the order of the file."""
        read = {p.name for p in self.shape.parameters}
        return movable([p for p in self.program.parameters if p.name in read])

    @property
    def brought(self) -> tuple[Parameter, ...]:
        """Parameters that a mutation has brought with it."""
        tuned = self.mutant.tuned if self.mutant else ()
        return tuple(p for p in self.movable if p.name in tuned)

    @property
    def defaults(self) -> Values:
        return {p.name: p.default for p in self.program.parameters}

    def version(self, values: Values) -> Version:
        """Give what is compared with others; `values` are of all parameters."""
        return Version(self.shape, tuple(values[p.name] for p in self.shape.parameters))


class Fresh:
    """Sets of one source that differ from all others."""

    def __init__(self, source: Source, seen: Sequence[Version]) -> None:
        self.source = source
        self.movable = source.movable
        self.others = list(seen)
        self.sets: list[Values] = []

    def take(self, sets: Sequence[Values], most: int) -> None:
        """Take those that are new, until there are `most`."""
        for values in sets:
            if len(self.sets) < most:
                self.add(values)

    def draw(self, make: Callable[[], Values]) -> None:
        """Take the first draw that is new, if one is soon."""
        for _ in range(DRAWN if self.movable else 0):
            if self.add(make()):
                return

    def add(self, values: Values) -> bool:
        version = self.source.version(values)
        new = all(not unchanged(other, version) for other in self.others)
        if new:
            self.others.append(version)
            self.sets.append(values)
        return new


def near(fresh: Fresh, values: Values, called: Sequence[Values], count: int, draws: Draws) -> None:
    """Sets that losses call for, half of all at most, then steps; some from everywhere."""
    fresh.take(called, -(-count // 2))
    for number in range(1, count - len(fresh.sets) + 1):
        make = scattered if number % SCATTERED == 0 else stepped
        fresh.draw(partial(make, values, fresh.movable, draws))


def on_a_mutation(fresh: Fresh, values: Values, best: Values, count: int, draws: Draws) -> None:
    """The champion's set as it is, then what the mutation brought, moved, on that and the best."""
    start, base = fresh.source.defaults | values, fresh.source.defaults | best
    fresh.take([start], count)
    moves = fresh.source.brought
    for number in range(count - len(fresh.sets)):
        make = scattered if moves and number % 3 == 2 else stepped
        fresh.draw(partial(make, start if number % 2 else base, moves or fresh.movable, draws))


def near_the_best(fresh: Fresh, kin: Sequence[Values], count: int, draws: Draws) -> None:
    """Steps from the best of `kin`, and steps from crosses of any two, by turns."""
    for number in range(count):
        one, other = kin[draws.below(len(kin))], kin[draws.below(len(kin))]
        start = crossed(one, other, draws) if number % 2 else kin[0]
        fresh.draw(partial(stepped, start, fresh.movable, draws))


def anywhere(fresh: Fresh, values: Values, count: int, draws: Draws) -> None:
    """Sets from everywhere, where nothing near the champion traded."""
    for _ in range(count):
        fresh.draw(partial(scattered, values, fresh.movable, draws))
