"""What a stretch of a flat list needs, gives and may be moved past.

A list may be cut where these facts allow, and nowhere else: what a stretch reads before it assigns
it comes in, what others read goes out, and statements that share state or a variable that is
assigned more than once stay together, in their order.
"""

import graphlib
import heapq
from collections import Counter
from collections.abc import Iterable, Sequence

from kernels import ir
from kernels.slices import Key, keys, own


class Reading:
    """Walks a list: `exposed` variables are read where they need not have been assigned."""

    def __init__(self) -> None:
        self.exposed: dict[str, ir.Var] = {}

    def block(self, statements: Iterable[ir.Stmt], assigned: frozenset[str]) -> frozenset[str]:
        """Walk a list; gives what is certainly assigned after it."""
        for statement in statements:
            match statement:
                case ir.Set(target=target, value=value):
                    self.expression(value, assigned)
                    if isinstance(target, ir.Cell):
                        self.expression(target.index, assigned)
                    elif isinstance(target, ir.Var):
                        assigned |= {target.name}
                case ir.If(test=test, body=body, orelse=orelse):
                    self.expression(test, assigned)
                    assigned = self.block(body, assigned) & self.block(orelse, assigned)
                case ir.Loop(var=var, count=count, body=body):
                    self.expression(count, assigned)
                    self.block(body, assigned | {var.name})
                case ir.Emit(values=values):
                    for value in values:
                        self.expression(value, assigned)
        return assigned

    def expression(self, expr: ir.Expr, assigned: frozenset[str]) -> None:
        for var in ir.leaves(expr, ir.Var):
            if var.name not in assigned:
                self.exposed.setdefault(var.name, var)


def after(statements: Sequence[ir.Stmt], assigned: frozenset[str]) -> frozenset[str]:
    """What is certainly assigned after a list."""
    return Reading().block(statements, assigned)


def reads(expressions: Iterable[ir.Expr]) -> Counter[str]:
    """How often each variable is read."""
    return Counter(var.name for expr in expressions for var in ir.leaves(expr, ir.Var))


# Groups


def groups(statements: Sequence[ir.Stmt]) -> list[list[ir.Stmt]]:
    """Split a list into stretches that touch only through variables assigned once.

    In an order in which each has what it reads.
    """
    single = once(statements)
    touched = [all_keys(s) for s in statements]
    owner = tied(touched, single)
    while True:
        needs = dependence(statements, touched, owner)
        try:
            graphlib.TopologicalSorter(needs).prepare()
        except graphlib.CycleError as error:
            first, *others = dict.fromkeys(error.args[1])
            owner = [first if n in others else n for n in owner]
        else:
            return [
                [s for s, n in zip(statements, owner, strict=True) if n == group]
                for group in ordered(needs)
            ]


def once(statements: Sequence[ir.Stmt]) -> set[str]:
    """Variables with a single assignment, which stands at the top of the list."""
    count = Counter(t.name for t in ir.targets(statements) if isinstance(t, ir.Var))
    top = [s.target for s in statements if isinstance(s, ir.Set)]
    return {var.name for var in top if isinstance(var, ir.Var) and count[var.name] == 1}


def all_keys(statement: ir.Stmt) -> set[Key]:
    found = {key for expr in ir.expressions([statement]) for key in keys(expr)}
    return found | {key for target in ir.targets([statement]) for key in own(target)}


def tied(touched: Sequence[set[Key]], single: set[str]) -> list[int]:
    """For each statement the group it is in, named by its first statement."""
    above = list(range(len(touched)))  # towards the first of a group
    holder: dict[Key, int] = {}

    def first(index: int) -> int:
        while above[index] != index:
            index = above[index]
        return index

    for index, found in enumerate(touched):
        for key in found:
            if key[0] != "var" or key[1] not in single:
                low, high = sorted((first(holder.setdefault(key, index)), first(index)))
                above[high] = low
    return [first(index) for index in range(len(touched))]


def dependence(
    statements: Sequence[ir.Stmt], touched: Sequence[set[Key]], owner: Sequence[int]
) -> dict[int, set[int]]:
    """For each group those that must come before it."""
    made: dict[Key, int] = {}
    for statement, group in zip(statements, owner, strict=True):
        for target in ir.targets([statement]):
            made |= dict.fromkeys(own(target), group)
    needs: dict[int, set[int]] = {group: set() for group in owner}
    for found, group in zip(touched, owner, strict=True):
        needs[group] |= {made[key] for key in found if key in made} - {group}
    return needs


def ordered(needs: dict[int, set[int]]) -> list[int]:
    """Groups in the order of their first statements, as far as dependence allows."""
    sorter = graphlib.TopologicalSorter(needs)
    sorter.prepare()
    ready: list[int] = []
    found: list[int] = []
    while sorter.is_active():
        for group in sorter.get_ready():
            heapq.heappush(ready, group)
        found.append(heapq.heappop(ready))
        sorter.done(found[-1])
    return found
