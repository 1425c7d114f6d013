"""Parameter sets made of others: a step, a cross, a scatter, and steps that losses call for.

Every value stays in its range, whole where it must be, and is short enough to be read. Steps are
never smaller than what counts as a change.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor, ldexp

from application.improvement.change import Move, exact, least_move
from application.improvement.search.draws import Draws
from application.improvement.search.exit_mutations import distances
from application.improvement.search.manuscript import Manuscript
from domain.strategy.improvement import LossPattern
from kernels.errors import StrategyError
from kernels.frontend.flat import Parameter

Values = dict[str, float]

DIGITS = 4  # significant ones of a value that a step gives
MOST_MOVED = 3  # parameters in a step
REACHES = (0.06, 0.06, 0.15, 0.15, 0.4)  # of the range, at most; one is drawn
WIDE = 10.0  # high over low, from which on a parameter moves by factors
FACTOR = 5.0  # a factor of 1 + 5 · reach
# What losses call for: which distances or times of the plan, and by what they are multiplied.
CALLS = {
    "STOP_TOO_TIGHT": (("stop",), 1.5),
    "TARGET_TOO_FAR": (("target", "targets"), 0.7),
    "HELD_TOO_LONG": (("max_bars", "max_minutes", "soft_minutes"), 0.6),
}


def movable(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Give the parameters that can have another value at all."""
    return tuple(p for p in parameters if p.low < p.high)


def stepped(values: Values, movable: Sequence[Parameter], draws: Draws) -> Values:
    """Move one to three parameters, seldom far."""
    most = min(MOST_MOVED, len(movable))
    count = 1 + min(draws.below(most), draws.below(most))
    chosen = [movable[place] for place in draws.order(len(movable))[:count]]
    return values | {p.name: step(p, values[p.name], draws) for p in chosen}


def step(parameter: Parameter, value: float, draws: Draws) -> float:
    """Move one parameter by a part of its range, or by a factor where its range is wide."""
    reach = REACHES[draws.below(len(REACHES))] * (0.5 + 0.5 * draws.uniform())
    up = draws.below(2) == 1
    low, high = parameter.low, parameter.high
    if low > 0 and high >= WIDE * low:
        factor = 1.0 + FACTOR * reach
        wanted = value * factor if up else value / factor
    else:
        wanted = value + (high - low) * (reach if up else -reach)
    return moved(parameter, value, wanted)


def moved(parameter: Parameter, value: float, wanted: float) -> float:
    """The value wanted, or the nearest that counts as a change; the other way at an end."""
    found = tidy(parameter, wanted)
    if Move(parameter, value, found).of_least >= 1:
        return found
    least = least_move(parameter)
    if parameter.integer:
        least = Fraction(-(-least.numerator // least.denominator))
    way = least if wanted >= value else -least
    for by in (way, -way):
        if exact(parameter.low) <= exact(value) + by <= exact(parameter.high):
            return float(exact(value) + by)
    return parameter.low if value - parameter.low > parameter.high - value else parameter.high


def tidy(parameter: Parameter, value: float) -> float:
    """The value with few digits, whole where it must be, within the range."""
    short = float(floor(value + 0.5)) if parameter.integer else float(f"{value:.{DIGITS}g}")
    return min(max(short, parameter.low), parameter.high) + 0.0  # −0 is 0


def crossed(one: Values, other: Values, draws: Draws) -> Values:
    """Take each parameter from one or the other."""
    return {name: (one, other)[draws.below(2)][name] for name in one}


def scattered(values: Values, movable: Sequence[Parameter], draws: Draws) -> Values:
    """Draw every parameter anew from its whole range."""
    return values | {p.name: anywhere(p, draws) for p in movable}


def anywhere(parameter: Parameter, draws: Draws) -> float:
    """Draw from the range: where it is wide, each doubling of its low end as often as another."""
    low, high = parameter.low, parameter.high
    part = draws.uniform()
    if parameter.integer:
        return min(low + floor(part * (high - low + 1.0)), high)
    if low > 0 and high >= WIDE * low:
        doublings = 1
        while ldexp(low, doublings) < high:
            doublings += 1
        return tidy(parameter, ldexp(low, draws.below(doublings)) * (1.0 + part))
    return tidy(parameter, low + part * (high - low))


def called_for(
    text: str,
    patterns: Sequence[LossPattern],
    values: Mapping[str, float],
    movable: Sequence[Parameter],
) -> list[Values]:
    """Give the sets that significant patterns call for: what they name, further or less far."""
    try:
        manuscript = Manuscript(text)
    except StrategyError:
        return []
    found: list[Values] = []
    for pattern in patterns:
        words, factor = CALLS.get(pattern.code, ((), 1.0))
        behind = names_of(manuscript, words) if pattern.significant else set()
        named = [p for p in movable if p.name in behind]
        for times in (factor, factor * factor) if named else ():
            changed = {p.name: moved(p, values[p.name], values[p.name] * times) for p in named}
            found.append(dict(values) | changed)
    return found


def names_of(manuscript: Manuscript, words: Sequence[str]) -> set[str]:
    """The names behind some arguments of plan(…); of targets, behind their distances."""
    found: set[str] = set()
    for call in manuscript.plans() if "exits" in manuscript.functions else ():
        given = manuscript.arguments(call)
        for word in words:
            if word in given:
                for node in distances(given[word]) or [given[word].node]:
                    found |= manuscript.names_behind(node)
    return found
