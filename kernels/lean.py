"""A step without what nobody asks for: the same bits in all that is left.

A step keeps an account as paper trading wants it told. Trials want a few of its figures, so what
none of them follows from (all fees so far, the best price where no stop follows it) is left out:
a field or variable is kept where it is wanted, decides a branch, or is read to compute one that is.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from kernels import fold, ir
from kernels.frontend.flat import Phase
from kernels.stages import silent

Name = tuple[object, ...]  # of a field, or of a variable of one list


def lean(
    phases: Sequence[Phase], known: fold.Known, wanted: Collection[tuple[str, str]]
) -> list[list[ir.Stmt]]:
    """The phases' lists with what is `known` put in, and what the `wanted` fields follow from."""
    lists = [fold.specialise(silent(phase.statements), known) for phase in phases]
    while True:
        needed = needs(lists, wanted)
        fewer = [ir.picked(each, partial(is_needed, n, needed)) for n, each in enumerate(lists)]
        if list(map(ir.size, fewer)) == list(map(ir.size, lists)):
            return lists
        lists = fewer


def needs(lists: Sequence[Sequence[ir.Stmt]], wanted: Collection[tuple[str, str]]) -> set[Name]:
    """All fields and variables that something kept reads."""
    found: set[Name] = {("field", *field) for field in wanted}
    sources: dict[Name, set[Name]] = {}
    for n, statements in enumerate(lists):
        for made, reads in links(statements, n):
            if made is None:
                found |= reads
            else:
                sources.setdefault(made, set()).update(reads)
    left = list(found)
    while left:
        for name in sources.get(left.pop(), set()) - found:
            found.add(name)
            left.append(name)
    return found


def links(statements: Sequence[ir.Stmt], n: int) -> Iterator[tuple[Name | None, set[Name]]]:
    """What each statement makes and reads; None: it is kept whatever it makes."""
    for statement in statements:
        match statement:
            case ir.Set(target=ir.Field() | ir.Var() as target, value=value):
                yield name_of(target, n), names(value, n)
            case ir.Set(target=target, value=value):
                yield None, names(target, n) | names(value, n)
            case ir.If(test=test, body=body, orelse=orelse):
                yield None, names(test, n)
                yield from links((*body, *orelse), n)
            case ir.Loop(count=count, body=body):
                yield None, names(count, n)
                yield from links(body, n)
            case ir.Emit():
                continue


def names(expr: ir.Expr, n: int) -> set[Name]:
    """Of all fields and variables in an expression, a ring's first field for the ring."""
    found = {name_of(field, n) for field in ir.leaves(expr, ir.Field)}
    found |= {name_of(variable, n) for variable in ir.leaves(expr, ir.Var)}
    rings = (cell.base for cell in ir.leaves(expr, ir.Cell))
    return found | {name_of(base, n) for base in rings if isinstance(base, ir.Field)}


def name_of(place: ir.Field | ir.Var, n: int) -> Name:
    if isinstance(place, ir.Field):
        return ("field", place.record, place.name)
    return ("variable", n, place.name)


def is_needed(n: int, needed: Collection[Name], statement: ir.Stmt) -> bool:
    match statement:
        case ir.Set(target=ir.Field() | ir.Var() as target):
            return name_of(target, n) in needed
        case _:
            return True
