"""What counts as a change: other rules, or a parameter moved by a hundredth of its range at least.

A candidate costs a test, and every test makes the next one harder to pass: what trades as before is
none. Rules are compared as the compiler understood them, so a docstring, a tag, a confidence, the
name of a series or of a parameter, or the range of one, is no change; neither is a series that
nothing reads. What moves is told in exact decimals: a move of exactly one per cent is one.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from kernels import ir, slices, stages
from kernels.errors import ParameterError
from kernels.frontend.flat import Flat, Parameter
from kernels.frontend.scope import Value
from kernels.program import Program

LEAST = Fraction(1, 100)  # of a parameter's range
WHOLE = Fraction(1)  # least move of a whole parameter, if that is more


@dataclass(frozen=True)
class Shape:
    """Rules without their names: equal digests trade alike where equal values stand alike."""

    digest: str  # sha256
    parameters: tuple[Parameter, ...]  # those that it reads, in the order in which it does


@dataclass(frozen=True)
class Version:
    """Rules and the values that they trade with."""

    shape: Shape
    values: tuple[float, ...]  # of the shape's parameters


@dataclass(frozen=True)
class Move:
    """How far a parameter is from where it was."""

    parameter: Parameter
    was: float
    now: float

    @property
    def of_least(self) -> Fraction:
        """The move, 1 being the least that counts; where a range is a point, any move counts."""
        moved = abs(exact(self.now) - exact(self.was))
        least = least_move(self.parameter)
        return moved / least if least else Fraction(bool(moved))

    @property
    def of_range(self) -> Fraction:
        """The move, 1 being the whole range."""
        reach = exact(self.parameter.high) - exact(self.parameter.low)
        return abs(exact(self.now) - exact(self.was)) / reach if reach else Fraction(0)


def changed(
    old: Program,
    old_parameters: Mapping[str, float],
    new: Program,
    new_parameters: Mapping[str, float],
) -> str:
    """Give "" if `new` trades by other rules or values than `old`, else NO_CHANGE: and why.

    Parameters that are not named have their defaults; a value out of range gives PARAMETER: and
    which. Ranges are those of `old`.
    """
    try:
        before = version_of(old, old.resolve(old_parameters))
        after = version_of(new, new.resolve(new_parameters))
    except ParameterError as error:
        return f"PARAMETER: {error}"
    return unchanged(before, after)


def unchanged(old: Version, new: Version) -> str:
    """Give "" if the versions differ enough, else NO_CHANGE: and the largest move there is."""
    if old.shape.digest != new.shape.digest:
        return ""
    moves = [
        Move(parameter, was, now)
        for parameter, was, now in zip(old.shape.parameters, old.values, new.values, strict=True)
        if was != now
    ]
    if not moves:
        return "NO_CHANGE: the compiled rules are the same, and so is every parameter they read"
    if any(move.of_least >= 1 for move in moves):
        return ""
    largest = max(moves, key=lambda move: move.of_least)  # the first of equals
    name, low, high = (getattr(largest.parameter, word) for word in ("name", "low", "high"))
    return (
        f"NO_CHANGE: the compiled rules are the same, and the largest move of a parameter is that "
        f"of {name} from {largest.was:.10g} to {largest.now:.10g}, "
        f"{float(largest.of_range) * 100:.2g} % of its range ({low:.10g} to {high:.10g}), "
        f"must be at least {least_said(largest.parameter)}"
    )


def version_of(program: Program, parameters: Mapping[str, float]) -> Version:
    """Compile a version for comparison; every parameter must have a value that is in range."""
    shape = shape_of(program)
    return Version(shape, tuple(parameters[p.name] for p in shape.parameters))


def least_move(parameter: Parameter) -> Fraction:
    """Give the least move of a parameter that counts as one."""
    least = (exact(parameter.high) - exact(parameter.low)) * LEAST
    return max(least, WHOLE) if parameter.integer and least else least


def least_said(parameter: Parameter) -> str:
    least = least_move(parameter)
    return "1" if parameter.integer and least == WHOLE else "1 %"


@lru_cache(maxsize=4096)
def exact(value: float) -> Fraction:
    """Give the shortest decimal that is this double: what an author wrote."""
    return Fraction(repr(float(value)))


@dataclass(frozen=True, eq=False)
class Source:
    """A program known by its text: equal texts are looked at once."""

    program: Program

    @property
    def key(self) -> tuple[str, str]:
        return self.program.name, self.program.source_sha

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def shape_of(program: Program) -> Shape:
    """Spell what a program does to an account, without names. Ranges are no part of it."""
    return shape_of_source(Source(program))


@lru_cache(maxsize=128)
def shape_of_source(source: Source) -> Shape:
    program = source.program
    flat = alike_once(program.flat)
    step = stages.step_over(flat, (), {}, skips=False)
    spelling = Spelling()
    parts = [f"timeframe {flat.timeframe}"]
    for name, statements in (("simulate", step.simulate), ("decide", step.decide)):
        parts += spelling.block(name, untold(statements))
    if step.flying is not None:
        parts += spelling.block("series", step.flying.statements)
        parts += spelling.definitions("row", step.flying.rows)
        parts += spelling.definitions("const", flat.series.constants)
        parts += spelling.initial(step.flying.initial)
    names = spelling.numbered("param")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return Shape(digest, tuple(flat.parameters[name] for name in names))


def alike_once(flat: Flat) -> Flat:
    """The list without second names for one series, which entries need not wait for twice."""
    read = stages.read_rows(flat)
    rows = dict(read)
    for name, value in flat.rows.items():
        if name not in rows and value not in rows.values():
            rows[name] = value
    return replace(flat, rows={name: v for name, v in flat.rows.items() if name in rows})


def untold(statements: Sequence[ir.Stmt]) -> list[ir.Stmt]:
    """The statements that an account's state depends on: without what is only worked out."""
    needed: set[slices.Key] = set()
    left: list[slices.Key] = []
    reads: dict[slices.Key, set[slices.Key]] = {}
    for made, read in slices.links(statements):
        if not made:
            left += read
        for key in made:
            reads.setdefault(key, set()).update(read)
    while left:
        key = left.pop()
        if key not in needed:
            needed.add(key)
            left += reads.get(key, ())
    return ir.picked(statements, lambda s: not is_idle(s, needed))


def is_idle(statement: ir.Stmt, needed: Collection[slices.Key]) -> bool:
    """Whether a statement makes what nothing needs."""
    match statement:
        case ir.Set(target=ir.Var(name=name)):
            return ("var", name) not in needed
        case _:
            return False


class Spelling:
    """One spelling of a flat list: everything with a name is numbered as it is first met."""

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str | int, int]] = {}
        self.list = ""  # whose variables are spelled: each list has its own

    def number(self, kind: str, name: str | int) -> str:
        known = self.numbers.setdefault(kind, {})
        return f"{kind}{known.setdefault(name, len(known))}"

    def numbered(self, kind: str) -> list[str]:
        return [str(name) for name in self.numbers.get(kind, {})]

    def block(self, name: str, statements: Sequence[ir.Stmt]) -> Iterator[str]:
        self.list = name
        yield name
        yield from self.statements(statements)

    def statements(self, statements: Sequence[ir.Stmt]) -> Iterator[str]:
        for statement in statements:
            match statement:
                case ir.Set(target=target, value=value):
                    yield f"{self.expr(target)} = {self.expr(value)}"
                case ir.If(test=test, body=body, orelse=orelse):
                    yield f"if {self.expr(test)}"
                    yield from self.statements(body)
                    yield "else"
                    yield from self.statements(orelse)
                    yield "end"
                case ir.Loop(var=var, count=count, body=body):
                    yield f"each {self.expr(var)} of {self.expr(count)}"
                    yield from self.statements(body)
                    yield "end"
                case ir.Emit():
                    continue  # what is recorded changes nothing

    def expr(self, expr: ir.Expr) -> str:
        match expr:
            case ir.Cell(base=base, index=index):
                place = base if isinstance(base, ir.Field) else ir.State(base)
                return f"{self.leaf(place)}[{self.expr(index)}]"
            case ir.Unary(op=op, operand=operand):
                return f"({op} {self.expr(operand)})"
            case ir.Binary(op=op, left=left, right=right):
                return f"({self.expr(left)} {op} {self.expr(right)})"
            case ir.Select(test=test, then=then, other=other):
                return f"({self.expr(test)} ? {self.expr(then)} : {self.expr(other)})"
            case _:
                return self.leaf(expr)

    def leaf(self, expr: ir.Num | ir.Flag | ir.Var | ir.Field | ir.State) -> str:
        match expr:
            case ir.Num(value=value):
                return value.hex()
            case ir.Flag(value=flag):
                return str(flag)
            case ir.Var(name=name, type=kind):
                return self.number(f"{self.list} {kind} ", name)
            case ir.State(slot=slot):
                return self.number("state", slot)
            case ir.Field(record="param" | "const" | "row" as record, name=name):
                return self.number(record, name)
            case ir.Field(record=record, name=name):
                return f"{record}.{name}"

    def definitions(self, kind: str, values: Mapping[str, Value]) -> Iterator[str]:
        """What the numbered rows or constants stand for; a constant may be made of others."""
        told = 0
        while told < len(names := self.numbered(kind)):
            yield f"{kind}{told} is {self.expr(values[names[told]])}"
            told += 1

    def initial(self, values: Sequence[float]) -> Iterator[str]:
        """What state and buffers begin with; how long a buffer is follows from a range alone."""
        for slot in self.numbers.get("state", {}):
            yield f"from {values[int(slot)].hex()}"
