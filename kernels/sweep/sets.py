"""Parameter sets by number: what a sweep tries, without a list of it.

A sweep is a grid over some parameters, times random draws of all others: set `id` is grid point
`id // draws` with draw `id % draws`, and grid points count like digits, the first named slowest.
Any stretch of sets is computed when it is needed, so memory does not grow with their number, and
the same words and seed give the same sets on every machine.

A draw is counter-based: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at counter draw + 1 of a
stream keyed by sha256("seed/parameter"); its upper 53 bits, over 2^53, are the uniform number. So
a parameter's draws depend on no other parameter, and more draws extend fewer. Spaced and drawn
values are rounded to ten digits: what a table shows is what was run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.errors import ParameterError
from kernels.frontend.flat import Parameter
from kernels.metrics import draws as counted
from kernels.program import checked

Array = np.ndarray[Any, Any]

MOST_VALUES = 1_000_000  # of one parameter in a grid
MOST_SETS = 1_000_000_000
SEEDS = 2**63
DIGITS = 10  # of spaced and drawn values, as `perpetua` prints numbers


class SetsInvalid(ValueError):
    """A grid or a number of draws is not what it must be; the message names it."""


@dataclass(frozen=True)
class Axis:
    """The values that a grid gives one parameter, in the order asked for."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class ParameterSets:
    """All sets of a sweep; `table` gives any stretch of them."""

    parameters: tuple[Parameter, ...]
    axes: tuple[Axis, ...]
    draws: int  # 0: what the grid does not name keeps its fixed value
    seed: int
    fixed: Mapping[str, float]  # of parameters that are neither in the grid nor drawn

    @property
    def count(self) -> int:
        """How many sets there are."""
        return grid_points(self.axes) * max(1, self.draws)

    def table(self, start: int, stop: int) -> dict[str, Array]:
        """Sets start … stop − 1: float64 [stop − start] for every parameter, in declared order."""
        ids = np.arange(start, stop, dtype=np.int64)
        point, draw = np.divmod(ids, max(1, self.draws))
        columns: dict[str, Array] = {}
        for axis in reversed(self.axes):  # the last named is the fastest digit
            point, digit = np.divmod(point, len(axis.values))
            columns[axis.name] = np.array(axis.values)[digit]
        table: dict[str, Array] = {}
        for parameter in self.parameters:
            name = parameter.name
            if name in columns:
                table[name] = columns[name]
            elif name in self.fixed:
                table[name] = np.full(len(ids), self.fixed[name])
            else:
                table[name] = drawn(parameter, self.seed, draw)
        return table


def parameter_sets(
    declared: Sequence[Parameter],
    grid: Iterable[str] = (),
    fixed: Mapping[str, float] | None = None,
    draws: int = 0,
    seed: int = 0,
) -> ParameterSets:
    """Read what to try: `grid` in words, `fixed` values, and `draws` of whatever is left.

    `name=low:high:n` is n evenly spaced values, ends included (whole parameters: rounded half up to
    whole numbers, each once); `name=a,b,c` is these values. With neither grid nor draws there is
    one set. Raises SetsInvalid naming what was wrong, ParameterError for a value out of range.
    """
    by_name = {p.name: p for p in declared}
    axes = tuple(axis_of(text, by_name) for text in grid)
    held = {name: checked(known(by_name, name), v) for name, v in (fixed or {}).items()}
    seen: set[str] = set()
    for name in (*held, *(axis.name for axis in axes)):
        if name in seen:
            raise SetsInvalid(f"parameter {name} was given values twice, must be given them once")
        seen.add(name)
    if not 0 <= draws <= MOST_SETS:
        raise SetsInvalid(f"random was {draws}, must be 0 to {MOST_SETS:,}")
    if not 0 <= seed < SEEDS:
        raise SetsInvalid(f"seed was {seed}, must be 0 to 2^63 − 1")
    if draws and len(seen) == len(by_name):
        raise SetsInvalid(f"random was {draws}, must be 0: no parameter is left to draw")
    if not draws:
        held |= {name: p.default for name, p in by_name.items() if name not in seen}
    held = {name: value + 0.0 for name, value in held.items()}  # −0 is 0
    sets = ParameterSets(tuple(declared), axes, draws, seed, held)
    if sets.count > MOST_SETS:
        raise SetsInvalid(f"sets were {sets.count:,}, must be at most {MOST_SETS:,}")
    return sets


def listed(declared: Sequence[Parameter], table: Mapping[str, Array]) -> "ListedSets":
    """Sets given one by one: a value per set for every parameter. Raises ParameterError."""
    for name, values in table.items():
        parameter = known({p.name: p for p in declared}, name)
        for value in np.unique(values):
            checked(parameter, float(value))
    for parameter in declared:
        if parameter.name not in table:
            raise ParameterError(f"parameter {parameter.name} was missing, must have its values")
    return ListedSets({p.name: np.asarray(table[p.name], np.float64) + 0.0 for p in declared})


@dataclass(frozen=True)
class ListedSets:
    """Sets that somebody chose one by one, e.g. a search."""

    columns: Mapping[str, Array]

    @property
    def count(self) -> int:
        """How many sets there are."""
        return len(next(iter(self.columns.values()))) if self.columns else 1

    def table(self, start: int, stop: int) -> dict[str, Array]:
        """Sets start … stop − 1."""
        return {name: values[start:stop] for name, values in self.columns.items()}


Sets = ParameterSets | ListedSets


def grid_points(axes: Sequence[Axis]) -> int:
    points = 1
    for axis in axes:
        points *= len(axis.values)
    return points


def axis_of(text: str, declared: Mapping[str, Parameter]) -> Axis:
    name, equals, words = text.partition("=")
    if not equals:
        raise SetsInvalid(f"grid was {text!r}, must be name=low:high:n or name=value,value,…")
    parameter = known(declared, name)
    values = spaced(text, words, parameter) if ":" in words else named(text, words)
    for value in values:
        checked(parameter, value)
    if len(set(values)) != len(values):
        raise SetsInvalid(f"grid was {text!r}, must name each value once")
    return Axis(name, tuple(values))


def known(declared: Mapping[str, Parameter], name: str) -> Parameter:
    if name not in declared:
        names = ", ".join(declared) or "none"
        raise ParameterError(f"parameter {name!r} is unknown to the strategy, which has: {names}")
    return declared[name]


def named(text: str, words: str) -> list[float]:
    try:
        return [float(word) + 0.0 for word in words.split(",")]
    except ValueError:
        raise SetsInvalid(f"grid was {text!r}, must list numbers: name=value,value,…") from None


def spaced(text: str, words: str, parameter: Parameter) -> list[float]:
    try:
        low, high, wanted = words.split(":")
        ends, count = (float(low) + 0.0, float(high) + 0.0), int(wanted)
    except ValueError:
        raise SetsInvalid(f"grid was {text!r}, must be name=low:high:n, n a whole number") from None
    for end in ends:
        checked(parameter, end)
    if not 1 <= count <= MOST_VALUES or (count == 1) != (ends[0] == ends[1]) or ends[0] > ends[1]:
        raise SetsInvalid(
            f"grid was {text!r}, must have low < high and n from 2 to {MOST_VALUES:,}, or low = "
            "high and n = 1"
        )
    if count == 1:
        return [ends[0]]
    steps = np.arange(count) / (count - 1)
    values = short(ends[0] + (ends[1] - ends[0]) * steps, *ends)
    values[0], values[-1] = ends
    if parameter.integer:
        values = np.unique(np.floor(values + 0.5))
    return [float(value) for value in values]


def drawn(parameter: Parameter, seed: int, draw: Array) -> Array:
    """Uniform values of one parameter at some draws, both ends of its range included."""
    uniform = mixed(stream(seed, parameter.name), draw) * 2.0**-53
    low, high = parameter.low, parameter.high
    if parameter.integer:
        return np.minimum(low + np.floor(uniform * (high - low + 1.0)), high) + 0.0
    return short(low + uniform * (high - low), low, high) + 0.0


def short(values: Array, low: float, high: float) -> Array:
    """Round to the decimal places that leave ten digits of the larger end, within the ends."""
    exponent = int(f"{max(abs(low), abs(high)):e}".partition("e")[2])
    scale = float(10 ** min(max(DIGITS - 1 - exponent, 0), 22))  # 10^22 is the last exact double
    rounded = np.floor(values * scale + 0.5) / scale
    return np.minimum(np.maximum(rounded, low), high)


def stream(seed: int, name: str) -> np.uint64:
    return counted.stream(str(seed), name)


def mixed(start: np.uint64, draw: Array) -> Array:
    """SplitMix64 of a stream at counters draw + 1: 53 bits, as doubles."""
    return (counted.bits(start, draw) >> np.uint64(11)).astype(np.float64)
