"""Which statements of a flat list a value needs.

A value needs what it is computed of at this bar and, through state, what fills that state at later
ones. Cutting a list by need keeps the statements as they are, so a slice computes the same bits.
"""

from collections.abc import Collection, Iterator, Sequence

from kernels import ir
from kernels.frontend.flat import Flat
from kernels.frontend.scope import Value

Key = tuple[str, str | int]  # a variable, a state slot or a buffer


class Slicer:
    """Cuts the series of one strategy; what each statement reads is looked up once."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.reads: dict[Key, set[Key]] = {}  # what the statements that make a key read
        for made, reads in links(flat.series.statements):
            for key in made:
                self.reads.setdefault(key, set()).update(reads)

    def sliced(self, wanted: Collection[Value], given: Collection[str] = ()) -> list[ir.Stmt]:
        """The statements that `wanted` needs, without what only `given` variables need."""
        known: set[Key] = {("var", name) for name in given}
        needed: set[Key] = set()
        left = [key for value in wanted for key in keys(value)]
        while left:
            key = left.pop()
            if key not in needed and key not in known:
                needed.add(key)
                left += self.reads.get(key, ())
        return ir.picked(
            self.flat.series.statements,
            lambda s: isinstance(s, ir.Set) and bool(own(s.target) & needed),
        )

    def dependence(self, value: Value) -> frozenset[str]:
        """Names of the parameters that a series depends on."""
        return parameters_of(self.flat, [value, *ir.expressions(self.sliced([value]))])


def links(
    statements: Sequence[ir.Stmt], around: frozenset[Key] = frozenset()
) -> Iterator[tuple[set[Key], set[Key]]]:
    """What each single statement makes, and what it reads, the tests around it included."""
    for statement in statements:
        match statement:
            case ir.Set(target=target, value=value):
                yield own(target), keys(value) | keys(target) | around
            case ir.If(test=test, body=body, orelse=orelse):
                yield from links((*body, *orelse), around | keys(test))
            case ir.Loop(var=var, count=count, body=body):
                yield from links(body, around | keys(count) | {("var", var.name)})
            case ir.Emit():
                continue


def keys(expr: ir.Expr) -> set[Key]:
    """The variables, and the slots and buffers of the series state, in an expression."""
    found: set[Key] = {("var", var.name) for var in ir.leaves(expr, ir.Var)}
    found |= {("state", state.slot) for state in ir.leaves(expr, ir.State)}
    bases = (cell.base for cell in ir.leaves(expr, ir.Cell))
    return found | {("ring", base) for base in bases if isinstance(base, int)}


def own(target: ir.Target) -> set[Key]:
    """What an assignment to a target makes."""
    match target:
        case ir.Var(name=name):
            return {("var", name)}
        case ir.State(slot=slot):
            return {("state", slot)}
        case ir.Cell(base=int() as base):
            return {("ring", base)}
        case ir.Cell() | ir.Field():
            return set()


def parameters_of(flat: Flat, found: Collection[ir.Expr]) -> frozenset[str]:
    """Names of the parameters in expressions, those behind constants included."""
    names: set[str] = set()
    for expr in found:
        for field in ir.leaves(expr, ir.Field):
            if field.record == "param":
                names.add(field.name)
            elif field.record == "const":
                names |= parameters_of(flat, [flat.series.constants[field.name]])
    return frozenset(names)
