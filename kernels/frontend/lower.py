"""Lowers statements to the flat list; strategies and the library share it.

A name assigned once is its value; a name assigned again, or inside a branch, is a variable, and
must have a value on every path that reads it.
"""

import ast

from kernels import ir
from kernels.frontend import advice, bounds
from kernels.frontend.calls import Calls, LibraryFault
from kernels.frontend.scope import Binding, Cells, Scope, as_value
from kernels.frontend.source import refused, spelled


class Lowering(Calls):
    """Turns syntax into flat statements appended to `output`."""

    def statement(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Assign(targets=[target]):
                self.assign(target, node.value, scope)
            case ast.If():
                self.branch(node, scope)
            case ast.For():
                self.loop(node, scope)
            case ast.Expr(value=ast.Call() as call) if scope.prefix:
                if ast.unparse(call.func) == "emit":
                    self.emit(call, scope)
                else:
                    self.expression(call, scope)
            case _:
                raise advice.misplaced(node, "assignments, if and return")

    def assign(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        match target:
            case ast.Name():
                self.assign_name(target, value, scope)
            case ast.Tuple():
                self.assign_several(target, value, scope)
            case ast.Subscript() | ast.Attribute() if scope.prefix:
                place = self.expression(target, scope)
                if not isinstance(place, ir.Cell | ir.Field):
                    raise LibraryFault(f"{ast.unparse(target)} cannot be assigned to")
                self.output.statements.append(ir.Set(place, self.number(value, scope)))
            case _:
                raise refused(target, f"an assignment to {spelled(target)}", "plain names")

    def assign_several(self, target: ast.Tuple, value: ast.expr, scope: Scope) -> None:
        found = self.expression(value, scope)
        if not isinstance(found, tuple) or len(found) != len(target.elts):
            wanted = f"{len(target.elts)} values, as many as names"
            raise refused(value, spelled(value), wanted)
        settled = [self.settled(item, "pair") for item in found]
        for item, bound in zip(target.elts, settled, strict=True):
            if not isinstance(item, ast.Name):
                raise refused(item, spelled(item), "plain names")
            self.bind(item, bound, scope)

    def assign_name(self, target: ast.Name, value: ast.expr, scope: Scope) -> None:
        match value:
            case ast.Call(func=ast.Name(id="state"), args=[initial]) if scope.prefix:
                slot = self.output.allocate(1, self.plain(initial, scope))
                scope.names[target.id] = ir.State(slot)
            case ast.Call(func=ast.Name(id="ring"), args=[length, *rest]) if scope.prefix:
                first = self.plain(rest[0], scope) if rest else 0.0
                scope.names[target.id] = self.buffer(length, first, scope)
            case _:
                self.bind(target, self.value(value, scope), scope)

    def plain(self, node: ast.expr, scope: Scope) -> float:
        value = self.number(node, scope)
        if not isinstance(value, ir.Num):
            raise LibraryFault(f"{ast.unparse(node)} must be a plain number")
        return value.value

    def buffer(self, length: ast.expr, initial: float, scope: Scope) -> Cells:
        reach = bounds.interval(self.number(length, scope), self.ranges)
        if reach is None:
            raise LibraryFault(f"{ast.unparse(length)} has no largest value")
        longest = int(reach[1])
        base = self.output.allocate(longest, initial)
        self.output.rings[base] = longest
        return Cells(base, longest)

    def bind(self, target: ast.Name, value: Binding, scope: Scope) -> None:
        name = target.id
        bound = scope.names.get(name)
        if isinstance(bound, ir.State):
            self.output.statements.append(ir.Set(bound, as_value(value)))
            return
        if name not in scope.mutable:
            scope.names[name] = self.settled(value, name)
            return
        number = as_value(value)
        if not (isinstance(bound, ir.Var) and bound.name.startswith("m_")):
            bound = self.output.temporary(f"m_{name}", ir.type_of(number), ir.ACCOUNT)
            scope.names[name] = bound
        if ir.type_of(number) != bound.type:
            raise refused(
                target, f"{name!r} as a number here and a condition there", "one or the other"
            )
        scope.assigned.add(name)
        self.output.statements.append(ir.Set(bound, number))

    def branch(self, node: ast.If, scope: Scope) -> None:
        test = self.settled(self.condition(node.test, scope), "test")
        before = set(scope.assigned)
        body = self.block(node.body, scope)
        after_body, scope.assigned = scope.assigned, set(before)
        orelse = self.block(node.orelse, scope)
        scope.assigned &= after_body
        self.output.statements.append(ir.If(as_value(test), body, orelse))

    def block(self, statements: list[ast.stmt], scope: Scope) -> tuple[ir.Stmt, ...]:
        outer, self.output.statements = self.output.statements, []
        self.nested += 1
        for statement in statements:
            self.statement(statement, scope)
        self.nested -= 1
        inner, self.output.statements = self.output.statements, outer
        return tuple(inner)

    def loop(self, node: ast.For, scope: Scope) -> None:
        if not scope.prefix:
            raise refused(node, "a for loop", "series functions such as highest(high, 20)")
        if not isinstance(node.target, ast.Name) or not isinstance(node.iter, ast.Call):
            raise LibraryFault(f"{ast.unparse(node.iter)} must be each(count)")
        count = self.number(node.iter.args[0], scope)
        var = self.output.temporary(f"m_{node.target.id}", "num", ir.SERIES)
        scope.names[node.target.id] = var
        scope.assigned.add(node.target.id)
        self.output.statements.append(ir.Loop(var, count, self.block(node.body, scope)))

    def emit(self, call: ast.Call, scope: Scope) -> None:
        kind, at_close = (int(self.plain(a, scope)) for a in call.args[:2])
        values = tuple(self.number(a, scope) for a in call.args[2:])
        self.output.statements.append(ir.Emit(kind, at_close, values))
