"""Lowers the bodies of entry() and exits(): local names, branches and early returns.

A body becomes one block with one exit: a return sets the result and a flag, and what follows runs
only while the flag is down. Series called inside move out to where each bar is computed, since they
must see every bar, whichever branch is taken.
"""

import ast
from collections.abc import Callable
from typing import Protocol

from kernels import ir
from kernels.frontend import advice, library
from kernels.frontend.flat import Flat
from kernels.frontend.lower import Lowering
from kernels.frontend.scope import (
    Binding,
    Bindings,
    Frame,
    Named,
    Scope,
    Value,
    as_value,
    mutable_names,
)
from kernels.frontend.source import refused, spelled

POSITION = ("side", "entry_price", "bars", "return_")


class Reader(Protocol):
    """What a body needs of the file around it."""

    flat: Flat
    series: Lowering
    scope: Scope

    def free_name(self, target: ast.Name) -> None: ...

    def keep_row(self, name: str, value: Value) -> Value: ...

    def no_position(self, call: ast.Call, scope: Scope) -> Binding: ...


Returned = Callable[[ast.expr | None, "Body", ast.AST], tuple[Value, ...]]


class Body:
    """The body of entry() or exits(): local names, if, and returns, flattened to one exit."""

    def __init__(
        self,
        reader: Reader,
        function: ast.FunctionDef,
        facts: dict[str, Value],
        result: Returned,
        kinds: tuple[ir.Type, ...],
    ) -> None:
        self.reader = reader
        self.function = function
        self.facts = facts
        self.result = result
        self.kinds = kinds

    def lower(self, into: Lowering) -> tuple[Binding, ...]:
        """Write the body here; its result is left in variables of its own."""
        output = into.output
        self.lowering = Inner(self, into)
        self.results = [output.temporary("m_result", k, ir.ACCOUNT) for k in self.kinds]
        self.done = output.temporary("m_done", "bool", ir.ACCOUNT)
        for variable in self.results:
            output.statements.append(ir.Set(variable, ir.Num(0.0)))
        output.statements.append(ir.Set(self.done, ir.Flag(False)))
        body = self.function.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        self.scope = Scope(names=dict(self.reader.scope.names), mutable=mutable_names(body))
        if not self.statements(body):
            raise refused(
                self.function,
                f"a path through {self.function.name}() that returns nothing",
                "a return at its end",
            )
        return tuple(self.results)

    def number(self, node: ast.expr) -> Value:
        return self.lowering.number(node, self.scope)

    def statements(self, body: list[ast.stmt]) -> bool:
        """Lower statements in order; says whether every path through them returns."""
        output, outer = self.lowering.output, self.lowering.output.statements
        guarded = returned = False
        output.statements = []
        for node in body:
            if returned:
                raise refused(node, "a statement after return", "return as the last statement")
            returned = self.step(node)
            if contains_return(node):
                outer.extend(self.guard(guarded))
                guarded = True
        outer.extend(self.guard(guarded))
        output.statements = outer
        return returned

    def guard(self, guarded: bool) -> list[ir.Stmt]:
        output = self.lowering.output
        written, output.statements = output.statements, []
        if not (guarded and written):
            return written
        return [ir.If(ir.Unary("not", self.done), tuple(written), ())]

    def step(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Return):
            self.leave(node)
            return True
        if isinstance(node, ast.If) and contains_return(node):
            return self.branch(node)
        self.check(node)
        self.lowering.statement(node, self.scope)
        return False

    def check(self, node: ast.stmt) -> None:
        if not isinstance(node, ast.If | ast.Assign):
            raise advice.misplaced(node, "assignments, if and return")
        own = set(self.scope.names) - set(self.reader.scope.names)
        for inner in ast.walk(node):
            stored = isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
            if isinstance(inner, ast.Name) and stored and inner.id not in own:
                self.reader.free_name(inner)

    def branch(self, node: ast.If) -> bool:
        test = as_value(
            self.lowering.settled(self.lowering.condition(node.test, self.scope), "test")
        )
        before = set(self.scope.assigned)
        body, left = self.inside(node.body)
        after, self.scope.assigned = self.scope.assigned, set(before)
        orelse, right = self.inside(node.orelse)
        if right:
            self.scope.assigned = after
        elif not left:
            self.scope.assigned &= after
        self.lowering.output.statements.append(ir.If(test, body, orelse))
        return left and right

    def inside(self, body: list[ast.stmt]) -> tuple[tuple[ir.Stmt, ...], bool]:
        outer, self.lowering.output.statements = self.lowering.output.statements, []
        self.lowering.nested += 1
        returns = self.statements(body)
        self.lowering.nested -= 1
        inner, self.lowering.output.statements = self.lowering.output.statements, outer
        return tuple(inner), returns

    def leave(self, node: ast.Return) -> None:
        values = self.result(node.value, self, node)
        for variable, value in zip(self.results, values, strict=True):
            self.lowering.output.statements.append(ir.Set(variable, value))
        self.lowering.output.statements.append(ir.Set(self.done, ir.Flag(True)))


class Inner(Lowering):
    """Lowering inside entry() and exits(): series calls move out to where each bar is computed."""

    def __init__(self, body: Body, outer: Lowering) -> None:
        specials = (
            {"position.": self.position} if body.facts else {"position.": body.reader.no_position}
        )
        super().__init__(outer.output, outer.ranges, outer.whole, specials)
        self.body = body

    def position(self, call: ast.Call, scope: Scope) -> Binding:
        fact = self.body.facts.get(ast.unparse(call.func).removeprefix("position."))
        if fact is None:
            raise refused(
                call.func, spelled(call.func), ", ".join(f"position.{p}" for p in POSITION)
            )
        return fact

    def call(self, node: ast.Call, scope: Scope) -> Bindings:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in library.indicators() or isinstance(node.func, ast.Attribute):
            return self.lift(node)
        return super().call(node, scope)

    def attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        if isinstance(node.value, ast.Name) and isinstance(scope.names.get(node.value.id), Frame):
            return self.lift(node)
        return super().attribute(node, scope)

    def name(self, node: ast.Name, scope: Scope) -> Binding:
        outside = self.body.reader.scope.names.get(node.id)
        bound = super().name(node, scope)
        if isinstance(bound, Named):
            return bound
        if bound is outside and ir.level_of(as_value(bound)) != ir.CONST:
            return self.body.reader.keep_row(node.id, as_value(bound))
        return bound

    def regime(self, node: ast.Name, scope: Scope) -> Binding:
        return self.lift(node)

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        return self.lift(node)

    def lift(self, node: ast.expr) -> Value:
        reader = self.body.reader
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.scope_only():
                raise refused(
                    inner,
                    f"{inner.id!r} inside a series",
                    "names defined outside entry() and exits()",
                )
        value = as_value(reader.series.settled(reader.series.value(node, reader.scope), "lifted"))
        if ir.level_of(value) == ir.CONST:
            return value
        return reader.keep_row(f"~{len(reader.flat.rows)}", value)

    def scope_only(self) -> set[str]:
        return set(self.body.scope.names) - set(self.body.reader.scope.names)


def contains_return(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Return) for inner in ast.walk(node))
