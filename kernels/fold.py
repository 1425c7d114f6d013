"""Makes a flat list smaller without changing what it computes.

What is known before a run (a feature the strategy does not use, limits that are off, a spot market)
decides conditions at once: the statements behind them are never spelled, so what is not used costs
nothing. Only conditions and selections are decided here; arithmetic is left to run as written.
"""

import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from kernels import ir

Known = Mapping[tuple[str, str], float]  # (record, field) -> its value for a whole run

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def specialise(statements: Sequence[ir.Stmt], known: Known) -> list[ir.Stmt]:
    """Put in what is known, drop what then cannot run, and what nothing reads."""
    return live(Folding(known).block(statements))


class Folding:
    """One pass over a list: names that stand for a known value disappear."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.named: dict[str, ir.Num | ir.Flag] = {}

    def block(self, statements: Sequence[ir.Stmt]) -> list[ir.Stmt]:
        kept: list[ir.Stmt] = []
        for statement in statements:
            kept += self.statement(statement)
        return kept

    def statement(self, statement: ir.Stmt) -> list[ir.Stmt]:
        match statement:
            case ir.Set(target=target, value=value):
                return self.assign(target, self.expr(value))
            case ir.If(test=test, body=body, orelse=orelse):
                return self.branch(self.expr(test), body, orelse)
            case ir.Loop(var=var, count=count, body=body):
                return [ir.Loop(var, self.expr(count), tuple(self.block(body)))]
            case ir.Emit(kind=kind, at_close=at_close, values=values):
                return [ir.Emit(kind, at_close, tuple(self.expr(v) for v in values))]

    def assign(self, target: ir.Target, value: ir.Expr) -> list[ir.Stmt]:
        if isinstance(target, ir.Var) and target.name.startswith("v_"):
            if isinstance(value, ir.Num | ir.Flag):
                self.named[target.name] = value
                return []
        elif isinstance(target, ir.Cell):
            target = ir.Cell(target.base, self.expr(target.index))
        return [ir.Set(target, value)]

    def branch(
        self, test: ir.Expr, body: tuple[ir.Stmt, ...], orelse: tuple[ir.Stmt, ...]
    ) -> list[ir.Stmt]:
        if isinstance(test, ir.Flag):
            return self.block(body if test.value else orelse)
        then, other = self.block(body), self.block(orelse)
        return [ir.If(test, tuple(then), tuple(other))] if then or other else []

    def expr(self, expr: ir.Expr) -> ir.Expr:
        match expr:
            case ir.Var(name=name):
                return self.named.get(name, expr)
            case ir.Field(record=record, name=name) if (record, name) in self.known:
                return ir.Num(self.known[record, name])
            case ir.Cell(base=base, index=index):
                return ir.Cell(base, self.expr(index))
            case ir.Unary(op=op, operand=operand):
                return negated(op, self.expr(operand))
            case ir.Binary(op=op, left=left, right=right):
                return combined(op, self.expr(left), self.expr(right))
            case ir.Select(test=test, then=then, other=other):
                return chosen(self.expr(test), self.expr(then), self.expr(other))
            case _:
                return expr


def negated(op: ir.UnaryOp, operand: ir.Expr) -> ir.Expr:
    if op == "not" and isinstance(operand, ir.Flag):
        return ir.Flag(not operand.value)
    return ir.Unary(op, operand)


def combined(op: ir.BinaryOp, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    if op in COMPARE and isinstance(left, ir.Num) and isinstance(right, ir.Num):
        return ir.Flag(COMPARE[op](left.value, right.value))
    if op in ("and", "or"):
        absorbing = op == "or"
        for one, other in ((left, right), (right, left)):
            if isinstance(one, ir.Flag):
                return one if one.value == absorbing else other
    return ir.Binary(op, left, right)


def chosen(test: ir.Expr, then: ir.Expr, other: ir.Expr) -> ir.Expr:
    if isinstance(test, ir.Flag):
        return then if test.value else other
    return ir.Select(test, then, other)


def live(statements: Sequence[ir.Stmt], wanted: Iterable[ir.Expr] = ()) -> list[ir.Stmt]:
    """Drop assignments to variables that neither the list nor `wanted` reads."""
    kept = list(statements)
    asked = {var.name for expr in wanted for var in ir.leaves(expr, ir.Var)}
    while True:
        idle = unread(kept, asked)
        fewer = ir.picked(kept, lambda s: not is_idle(s, idle))  # noqa: B023
        if ir.size(fewer) == ir.size(kept):
            return kept
        kept = fewer


def unread(statements: Sequence[ir.Stmt], asked: Collection[str]) -> set[str]:
    """Variables that are assigned, and that nothing reads but what is assigned and unread."""
    reads = Counter([*variables(statements), *asked])
    assigned: dict[str, list[str]] = {}  # variable -> what its assignments read
    for name, value in assignments(statements):
        own = assigned.setdefault(name, [])
        own += (var.name for var in ir.leaves(value, ir.Var))
    idle = [name for name in assigned if not reads[name]]
    for name in idle:  # grows while it is walked
        for other in assigned[name]:
            reads[other] -= 1
            if not reads[other] and other in assigned:
                idle.append(other)
    return set(idle)


def assignments(statements: Sequence[ir.Stmt]) -> Iterator[tuple[str, ir.Expr]]:
    """Every variable that is set, and to what."""
    for statement in statements:
        match statement:
            case ir.Set(target=ir.Var(name=name), value=value):
                yield name, value
            case ir.If(body=body, orelse=orelse):
                yield from assignments(body)
                yield from assignments(orelse)
            case ir.Loop(body=body):
                yield from assignments(body)
            case _:
                continue


def variables(statements: Sequence[ir.Stmt]) -> Iterable[str]:
    for expr in ir.expressions(statements):
        yield from (var.name for var in ir.leaves(expr, ir.Var))


def is_idle(statement: ir.Stmt, idle: set[str]) -> bool:
    match statement:
        case ir.Set(target=ir.Var(name=name)):
            return name in idle
        case _:
            return False
