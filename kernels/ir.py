"""The flat list: what a strategy means, before any backend spells it.

Everything a strategy says, its indicators and the trading step end up as one list of typed
statements over scalars, a state vector and named records. Printers only spell it, so whatever two
backends disagree about cannot be the meaning. All numbers are IEEE doubles; the only operations are
+ − * / sqrt abs floor, comparisons and selection, which every backend rounds alike.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Type = Literal["num", "bool"]
UnaryOp = Literal["-", "not", "sqrt", "abs", "floor"]
BinaryOp = Literal["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or"]

# Levels: an expression is as variable as its most variable part.
CONST = 0  # numbers and parameters: fixed for a run
SERIES = 1  # one value per strategy bar
ACCOUNT = 2  # depends on what the account holds


@dataclass(frozen=True, slots=True)
class Num:
    value: float


@dataclass(frozen=True, slots=True)
class Flag:
    value: bool


@dataclass(frozen=True, slots=True)
class Var:
    name: str
    type: Type
    level: int


@dataclass(frozen=True, slots=True)
class Field:
    """A named double in a record: param.lookback, bar.close, account.cash, row.mid …"""

    record: str
    name: str
    level: int


@dataclass(frozen=True, slots=True)
class State:
    """One double of the series state, kept from bar to bar."""

    slot: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One double of a ring buffer; `index` is a whole number ≥ 0.

    `base` is the buffer's first slot in the series state, or its first field in a record.
    """

    base: int | Field
    index: "Expr"


@dataclass(frozen=True, slots=True)
class Unary:
    op: UnaryOp
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Binary:
    op: BinaryOp
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Select:
    test: "Expr"
    then: "Expr"
    other: "Expr"


Expr = Num | Flag | Var | Field | State | Cell | Unary | Binary | Select
Target = Var | Field | State | Cell


@dataclass(frozen=True, slots=True)
class Set:
    target: Target
    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    test: Expr
    body: tuple["Stmt", ...]
    orelse: tuple["Stmt", ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`var` runs over 0 … count − 1; the count is bounded by a buffer's length."""

    var: Var
    count: Expr
    body: tuple["Stmt", ...]


@dataclass(frozen=True, slots=True)
class Emit:
    """One row of the block's records: KIND, bar index, phase, then the values."""

    kind: int
    at_close: int
    values: tuple[Expr, ...]


Stmt = Set | If | Loop | Emit

BOOLEAN_OPS = frozenset(("<", "<=", ">", ">=", "==", "!=", "and", "or"))


def type_of(expr: Expr) -> Type:
    """Say whether an expression is a number or a truth value."""
    match expr:
        case Flag():
            return "bool"
        case Var(type=kind):
            return kind
        case Unary(op=op):
            return "bool" if op == "not" else "num"
        case Binary(op=op):
            return "bool" if op in BOOLEAN_OPS else "num"
        case Select(then=then):
            return type_of(then)
        case _:
            return "num"


def size(statements: Sequence[Stmt]) -> int:
    """Count statements, those inside others included."""
    count = len(statements)
    for statement in statements:
        if isinstance(statement, If):
            count += size(statement.body) + size(statement.orelse)
        elif isinstance(statement, Loop):
            count += size(statement.body)
    return count


def level_of(expr: Expr) -> int:
    """Say how variable an expression is: CONST, SERIES or ACCOUNT."""
    match expr:
        case Num() | Flag():
            return CONST
        case Var(level=level) | Field(level=level):
            return level
        case Cell(base=Field(level=level)):
            return level
        case State() | Cell():
            return SERIES
        case Unary(operand=operand):
            return level_of(operand)
        case Binary(left=left, right=right):
            return max(level_of(left), level_of(right))
        case Select(test=test, then=then, other=other):
            return max(level_of(test), level_of(then), level_of(other))


Kind = TypeVar("Kind", bound=Expr)


def leaves(expr: Expr, kind: type[Kind]) -> Iterator[Kind]:
    """Every part of an expression that is of a kind, itself included, left to right."""
    found: list[Kind] = []
    left: list[Expr] = [expr]
    while left:  # a stack: this is what compiling spends its time on
        part = left.pop()
        if isinstance(part, kind):
            found.append(part)
        match part:
            case Binary():
                left += (part.right, part.left)
            case Select():
                left += (part.other, part.then, part.test)
            case Unary():
                left.append(part.operand)
            case Cell():
                left.append(part.index)
            case _:
                continue
    return iter(found)


def expressions(statements: Sequence[Stmt]) -> Iterator[Expr]:
    """Every expression that a list reads, the index of a cell that is set included."""
    for statement in statements:
        match statement:
            case Set(target=target, value=value):
                if isinstance(target, Cell):
                    yield target.index
                yield value
            case If(test=test, body=body, orelse=orelse):
                yield test
                yield from expressions(body)
                yield from expressions(orelse)
            case Loop(count=count, body=body):
                yield count
                yield from expressions(body)
            case Emit(values=values):
                yield from values


def targets(statements: Sequence[Stmt]) -> Iterator[Target]:
    """Everything that a list assigns to."""
    for statement in statements:
        match statement:
            case Set(target=target):
                yield target
            case If(body=body, orelse=orelse):
                yield from targets(body)
                yield from targets(orelse)
            case Loop(var=var, body=body):
                yield var
                yield from targets(body)
            case Emit():
                continue


Change = Callable[[Expr], Expr | None]  # what to put in an expression's place; None: look inside


def rewritten(expr: Expr, change: Change) -> Expr:
    """The expression with `change` applied to it, or where that gives None, to its parts."""
    found = change(expr)
    if found is not None:
        return found
    match expr:
        case Cell(base=base, index=index):
            return Cell(base, rewritten(index, change))
        case Unary(op=op, operand=operand):
            return Unary(op, rewritten(operand, change))
        case Binary(op=op, left=left, right=right):
            return Binary(op, rewritten(left, change), rewritten(right, change))
        case Select(test=test, then=then, other=other):
            return Select(*(rewritten(part, change) for part in (test, then, other)))
        case _:
            return expr


def changed(statements: Sequence[Stmt], change: Change) -> tuple[Stmt, ...]:
    """The list with `change` applied to every expression and target."""
    kept: list[Stmt] = []
    for statement in statements:
        match statement:
            case Set(target=target, value=value):
                place = rewritten(target, change)
                if not isinstance(place, Var | Field | State | Cell):
                    raise TypeError(f"{place!r} cannot be assigned to")
                kept.append(Set(place, rewritten(value, change)))
            case If(test=test, body=body, orelse=orelse):
                inner = changed(body, change), changed(orelse, change)
                kept.append(If(rewritten(test, change), *inner))
            case Loop(var=var, count=count, body=body):
                kept.append(Loop(var, rewritten(count, change), changed(body, change)))
            case Emit(kind=kind, at_close=at_close, values=values):
                kept.append(Emit(kind, at_close, tuple(rewritten(v, change) for v in values)))
    return tuple(kept)


def picked(statements: Sequence[Stmt], wanted: Callable[[Stmt], bool]) -> list[Stmt]:
    """The list without the single statements that are not wanted, and what they leave empty."""
    kept: list[Stmt] = []
    for statement in statements:
        match statement:
            case If(test=test, body=body, orelse=orelse):
                then, other = picked(body, wanted), picked(orelse, wanted)
                if then or other:
                    kept.append(If(test, tuple(then), tuple(other)))
            case Loop(var=var, count=count, body=body):
                inner = picked(body, wanted)
                if inner:
                    kept.append(Loop(var, count, tuple(inner)))
            case _:
                if wanted(statement):
                    kept.append(statement)
    return kept
