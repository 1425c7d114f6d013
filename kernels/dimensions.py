"""What a series is measured in, worked out from what it is computed of.

Candles are in quote (prices) and base (volume); sums keep a unit, products and quotients combine
them. Numbers and parameters take the unit of what they meet: nothing says whether 2.0 is a factor
or a distance. It is a note for readers and decides nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kernels import ir
from kernels.frontend.flat import Flat
from kernels.frontend.scope import Value

ROUNDS = 200  # a unit goes one assignment further in each; what never settles has none

CONDITION = "condition"
MIXED = "mixed units"


@dataclass(frozen=True)
class Dimension:
    """Powers of the two units there are."""

    quote: Fraction = Fraction(0)
    base: Fraction = Fraction(0)

    def times(self, other: "Dimension", sign: int) -> "Dimension":
        """Multiply (sign 1) or divide (−1)."""
        return Dimension(self.quote + sign * other.quote, self.base + sign * other.base)

    def __str__(self) -> str:
        powers = (("quote", self.quote), ("base", self.base))
        parts = [name if power == 1 else f"{name}^{power}" for name, power in powers if power]
        return " × ".join(parts) or "number"


class Unknown:
    """No unit of its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


ANY = Unknown("number")  # fits wherever it stands
OPEN = Unknown("number")  # not known yet
CLASH = Unknown(MIXED)  # two met that do not fit
UNIT = {"volume": Dimension(base=Fraction(1))}
QUOTE, NONE = Dimension(quote=Fraction(1)), Dimension()

Found = Dimension | Unknown
Known = Mapping[ir.Target, Found]
Sets = Mapping[ir.Target, Sequence[ir.Expr]]


def units(flat: Flat) -> dict[str, str]:
    """Say of each named series what it is measured in."""
    sets: dict[ir.Target, list[ir.Expr]] = defaultdict(list)
    for target, value in assignments(flat.series.statements):
        sets[place_of(target)].append(value)
    known: dict[ir.Target, Found] = dict.fromkeys(sets, OPEN)
    for _ in range(len(sets) + 1):
        known = settled(sets, known)
        plain = counting(sets, known)
        if not plain:
            break
        known |= dict.fromkeys(plain, ANY)
    return {name: unit_of(flat.rows[name], known) for name in flat.named}


def settled(sets: Sets, known: dict[ir.Target, Found]) -> dict[ir.Target, Found]:
    """Follow units from assignment to assignment until none changes."""
    for _ in range(ROUNDS):
        fresh = {
            place: found if found is ANY else value_of(sets[place], known)
            for place, found in known.items()
        }
        if fresh == known:
            return known
        known, before = fresh, known
    return {place: found if found == before[place] else CLASH for place, found in known.items()}


def counting(sets: Sets, known: Known) -> set[ir.Target]:
    """The open places that are only counted up or set to numbers, through one another at most."""
    plain = {place for place, found in known.items() if found is OPEN}
    while True:
        tried = {**known, **dict.fromkeys(plain, ANY)}
        kept = {place for place in plain if value_of(sets[place], tried) is ANY}
        if kept == plain:
            return plain
        plain = kept


def value_of(values: Sequence[ir.Expr], known: Known) -> Found:
    found: Found = ANY
    for value in values:
        latest = dimension(value, known)
        both = joined(found, latest)
        found = latest if both is CLASH else both  # a name used again: what it is in the end
    return found


def unit_of(value: Value, known: Known) -> str:
    return CONDITION if ir.type_of(value) == "bool" else str(dimension(value, known))


def assignments(statements: Sequence[ir.Stmt]) -> Iterator[tuple[ir.Target, ir.Expr]]:
    for statement in statements:
        match statement:
            case ir.Set(target=target, value=value):
                yield target, value
            case ir.If(body=body, orelse=orelse):
                yield from assignments((*body, *orelse))
            case ir.Loop(body=body):
                yield from assignments(body)


def place_of(target: ir.Target) -> ir.Target:
    return ir.Cell(target.base, ir.Num(0.0)) if isinstance(target, ir.Cell) else target


def dimension(expr: ir.Expr, known: Known) -> Found:
    match expr:
        case ir.Field(record="candle", name=name):
            return of_candle(name.partition("@")[0])
        case ir.Var() | ir.State() | ir.Cell():
            return known.get(place_of(expr), ANY)
        case ir.Unary(op="sqrt", operand=operand):
            inner = dimension(operand, known)
            return half(inner) if isinstance(inner, Dimension) else inner
        case ir.Unary(operand=operand):
            return dimension(operand, known)
        case ir.Binary(op=op, left=left, right=right):
            return combined(op, dimension(left, known), dimension(right, known))
        case ir.Select(then=then, other=other):
            return joined(dimension(then, known), dimension(other, known))
    return ANY


def of_candle(word: str) -> Found:
    return NONE if word == "fresh" else UNIT.get(word, QUOTE)


def half(found: Dimension) -> Dimension:
    return Dimension(found.quote / 2, found.base / 2)


def combined(op: str, left: Found, right: Found) -> Found:
    if op in ("+", "-"):
        return joined(left, right)
    if op not in ("*", "/"):
        return ANY
    for unknown in (OPEN, CLASH):
        if unknown in (left, right):
            return unknown
    if left is ANY and right is ANY:
        return ANY
    first = left if isinstance(left, Dimension) else NONE
    second = right if isinstance(right, Dimension) else NONE
    return first.times(second, 1 if op == "*" else -1)


def joined(left: Found, right: Found) -> Found:
    for unknown, other in ((left, right), (right, left)):
        if unknown is ANY:
            return other
        if unknown is OPEN:
            return OPEN if other is ANY else other
    return left if left == right else CLASH
