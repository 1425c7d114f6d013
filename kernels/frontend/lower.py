"""Lowers expressions and statements to the flat list; strategies and the library share it.

Library calls are inlined: each call gets state of its own, unless the same function was already
called with the same arguments, whose result is then shared. Types (number, truth value) and
definite assignment are checked on the way, so a printer can trust what it spells.
"""

import ast
from collections.abc import Callable, Collection, Mapping

from kernels import ir
from kernels.frontend import bounds, library
from kernels.frontend.scope import Binding, Cells, Output, Record, Scope, Text, Value, mutable_names
from kernels.frontend.source import fail

ARITHMETIC: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISON: dict[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
UNARY_CALLS = {"sqrt": "sqrt", "floor": "floor", "abs": "abs"}
CHOICES = {"minimum": "<", "min": "<", "maximum": ">", "max": ">"}
MAX_STATE = 1_000_000  # doubles

Special = Callable[[ast.Call, Scope], Binding | tuple[Binding, ...]]


class Lowering:
    """Turns syntax into flat statements appended to `output`.

    `specials` are calls that mean something other than a library function (entry(), exits(), …);
    `ranges` and `whole` describe the parameters.
    """

    def __init__(
        self,
        output: Output,
        ranges: Mapping[str, bounds.Interval],
        whole: Collection[str],
        specials: Mapping[str, Special] | None = None,
    ) -> None:
        self.output = output
        self.ranges = dict(ranges)
        self.whole = set(whole)
        self.specials = dict(specials or {})
        self.shared: dict[tuple[object, ...], Binding | tuple[Binding, ...]] = {}

    # Expressions

    def number(self, node: ast.expr, scope: Scope) -> Value:
        """Lower an expression that must be a number."""
        return self.typed(node, scope, "num", "a condition", "a number")

    def condition(self, node: ast.expr, scope: Scope) -> Value:
        """Lower an expression that must be a truth value."""
        return self.typed(node, scope, "bool", "a number", "a condition, such as close > open")

    def typed(self, node: ast.expr, scope: Scope, kind: ir.Type, found: str, allowed: str) -> Value:
        value = self.value(node, scope)
        if ir.type_of(value) != kind:
            fail(node, f"{found} ({ast.unparse(node)[:40]})", allowed)
        return value

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """Lower an expression that must be a number or a truth value."""
        bound = self.expression(node, scope)
        if isinstance(bound, Record | Cells | Text | tuple):
            fail(node, f"{ast.unparse(node)[:40]}", "a number or a condition")
        return bound

    def expression(self, node: ast.expr, scope: Scope) -> Binding | tuple[Binding, ...]:
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return self.name(node, scope)
            case ast.BinOp():
                return self.arithmetic(node, scope)
            case ast.UnaryOp():
                return self.unary(node, scope)
            case ast.Compare():
                return self.comparison(node, scope)
            case ast.BoolOp():
                return self.logic(node, scope)
            case ast.IfExp():
                return self.choice(node, scope)
            case ast.Call():
                return self.call(node, scope)
            case ast.Subscript():
                return self.subscript(node, scope)
            case ast.Attribute():
                return self.attribute(node, scope)
            case ast.Tuple():
                return tuple(self.value(item, scope) for item in node.elts)
        fail(node, describe(node), "numbers, names, + - * /, comparisons, and, or, not, calls")

    def constant(self, node: ast.Constant) -> Binding:
        value = node.value
        if isinstance(value, bool):
            return ir.Flag(value)
        if isinstance(value, str):
            return Text(value)
        if not isinstance(value, int | float):
            fail(node, describe(node), "a number")
        if not abs(value) <= 1e15:
            fail(node, f"the number {str(value)[:24]}", "numbers between -1e15 and 1e15")
        return ir.Num(float(value))

    def name(self, node: ast.Name, scope: Scope) -> Binding:
        bound = scope.names.get(node.id)
        if bound is None:
            if node.id in library.CONSTANTS and scope.prefix:
                return ir.Num(library.CONSTANTS[node.id])
            fail(node, f"the unknown name {node.id!r}", known(scope))
        if isinstance(bound, ir.Var) and node.id in scope.mutable and node.id not in scope.assigned:
            fail(node, f"{node.id!r}, which may be unassigned here", "a value on every path")
        return bound

    def arithmetic(self, node: ast.BinOp, scope: Scope) -> Value:
        op = ARITHMETIC.get(type(node.op))
        if op is None:
            fail(node, f"the operator in {ast.unparse(node)[:40]}", "+ - * /")
        return ir.Binary(op, self.number(node.left, scope), self.number(node.right, scope))  # type: ignore[arg-type]

    def unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        if isinstance(node.op, ast.Not):
            return ir.Unary("not", self.condition(node.operand, scope))
        if isinstance(node.op, ast.USub):
            inner = self.number(node.operand, scope)
            return ir.Num(-inner.value) if isinstance(inner, ir.Num) else ir.Unary("-", inner)
        fail(node, f"the operator in {ast.unparse(node)[:40]}", "- and not")

    def comparison(self, node: ast.Compare, scope: Scope) -> Value:
        if len(node.ops) != 1:
            fail(node, "a chained comparison", "one comparison at a time, joined by and")
        op = COMPARISON.get(type(node.ops[0]))
        if op is None:
            fail(node, f"the comparison in {ast.unparse(node)[:40]}", "< <= > >= == !=")
        left, right = self.number(node.left, scope), self.number(node.comparators[0], scope)
        return ir.Binary(op, left, right)  # type: ignore[arg-type]

    def logic(self, node: ast.BoolOp, scope: Scope) -> Value:
        op = "and" if isinstance(node.op, ast.And) else "or"
        result = self.condition(node.values[0], scope)
        for item in node.values[1:]:
            result = ir.Binary(op, result, self.condition(item, scope))  # type: ignore[arg-type]
        return result

    def choice(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.condition(node.test, scope)
        then, other = self.value(node.body, scope), self.value(node.orelse, scope)
        if ir.type_of(then) != ir.type_of(other):
            fail(node, "a number on one side and a condition on the other", "the same on both")
        return ir.Select(test, then, other)

    def attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        if isinstance(node.value, ast.Name):
            record = scope.names.get(node.value.id)
            if isinstance(record, Record):
                return ir.Field(record.name, node.attr, record.level)
            special = self.specials.get(f"{node.value.id}.")
            if special is not None:
                found = special(ast.Call(func=node, args=[], keywords=[]), scope)
                if isinstance(found, ir.Field | ir.Var | ir.Num | ir.Unary | ir.Binary):
                    return found
        fail(node, f"the attribute {ast.unparse(node)[:40]}", "position.side and its like, in exits()")

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        bound = self.expression(node.value, scope)
        if isinstance(bound, Cells):
            return ir.Cell(bound.base, self.number(node.slice, scope))
        if not isinstance(node.slice, ast.Constant) or type(node.slice.value) is not int:
            fail(node.slice, f"the history {ast.unparse(node.slice)[:40]}", "a whole number of bars, such as close[1]")
        if node.slice.value == 0:
            return self.number(node.value, scope)
        delayed = library.functions()["delayed"]
        found = self.inline(delayed, [self.number(node.value, scope), ir.Num(float(node.slice.value))], node)
        assert not isinstance(found, tuple | Record | Cells | Text)
        return found

    # Calls

    def call(self, node: ast.Call, scope: Scope) -> Binding | tuple[Binding, ...]:
        if not isinstance(node.func, ast.Name):
            fail(node, f"the call {ast.unparse(node)[:40]}", "calls of the language's own functions")
        name = node.func.id
        if name in self.specials:
            return self.specials[name](node, scope)
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            fail(node, "* in a call", "arguments one by one")
        if name in UNARY_CALLS or name in CHOICES:
            return self.built_in(name, node, scope)
        function = library.functions().get(name)
        if function is None or not (scope.prefix or name in library.indicators()):
            fail(node, f"a call of {name!r}", "one of " + ", ".join(sorted(library.indicators())))
        return self.inline(function, self.arguments(function, node, scope), node)

    def built_in(self, name: str, node: ast.Call, scope: Scope) -> Value:
        wanted = 1 if name in UNARY_CALLS else 2
        if len(node.args) != wanted or node.keywords:
            fail(node, f"{len(node.args)} arguments to {name}", f"{wanted}")
        values = [self.number(a, scope) for a in node.args]
        if wanted == 1:
            return ir.Unary(UNARY_CALLS[name], values[0])  # type: ignore[arg-type]
        left, right = self.settled(values[0], name), self.settled(values[1], name)
        return ir.Select(ir.Binary(CHOICES[name], left, right), left, right)  # type: ignore[arg-type]

    def arguments(self, function: library.Function, node: ast.Call, scope: Scope) -> list[Binding]:
        given: dict[str, ast.expr] = dict(zip(function.arguments, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg not in function.arguments or keyword.arg in given:
                fail(node, f"the argument {keyword.arg!r} of {function.name}", ", ".join(function.arguments))
            given[str(keyword.arg)] = keyword.value
        if len(node.args) > len(function.arguments) or len(given) != len(function.arguments):
            names = ", ".join(function.arguments) or "none"
            fail(node, f"{len(given)} arguments to {function.name}", f"{len(function.arguments)} ({names})")
        return [
            self.argument(given[name], kind, scope, f"{name} of {function.name}")
            for name, kind in zip(function.arguments, function.annotations, strict=True)
        ]

    def argument(self, node: ast.expr, kind: str, scope: Scope, what: str) -> Binding:
        if kind == "Condition":
            return self.condition(node, scope)
        if kind == "Bars":
            return self.lookback(node, scope, what)
        if kind == "Number":
            value = self.number(node, scope)
            if ir.level_of(value) != ir.CONST:
                fail(node, f"a series as {what}", "a number or a parameter")
            return value
        if kind == "Any":
            found = self.expression(node, scope)
            assert not isinstance(found, tuple)
            return found
        return self.number(node, scope)

    def lookback(self, node: ast.expr, scope: Scope, what: str) -> Value:
        allowed = f"a whole number or whole parameter, 1 to {bounds.MAX_LOOKBACK}"
        value = self.number(node, scope)
        if ir.level_of(value) != ir.CONST:
            fail(node, f"a series as {what}", allowed)
        reach = bounds.interval(value, self.ranges)
        if reach is None or not bounds.is_whole(value, self.whole):
            fail(node, f"{ast.unparse(node)[:40]} as {what}, which need not be whole", allowed)
        if reach[0] < 1 or reach[1] > bounds.MAX_LOOKBACK:
            fail(node, f"{ast.unparse(node)[:40]} as {what}, from {reach[0]:g} to {reach[1]:g}", allowed)
        return value

    def inline(
        self, function: library.Function, values: list[Binding], node: ast.AST
    ) -> Binding | tuple[Binding, ...]:
        """Write a library function's body here, with its arguments bound, and give its result."""
        bound = [self.settled(v, name) for v, name in zip(values, function.arguments, strict=True)]
        key = (function.name, repr(bound))
        shareable = function.module != "account" and not self.nested
        if shareable and key in self.shared:
            return self.shared[key]
        assert not (self.nested and function.stateful), f"{function.name} keeps state inside a branch"
        mutable = mutable_names(function.body)
        names: dict[str, Binding] = dict(BASE_NAMES) | dict(zip(function.arguments, bound, strict=True))
        scope = Scope(names=names, prefix=function.name, mutable=mutable)
        result: Binding | tuple[Binding, ...] = ir.Num(0.0)
        for statement in function.body:
            if isinstance(statement, ast.Return):
                assert statement.value is not None
                found = self.expression(statement.value, scope)
                result = (
                    tuple(self.settled(v, function.name) for v in found)
                    if isinstance(found, tuple)
                    else self.settled(found, function.name)
                )
            else:
                self.statement(statement, scope)
        if len(self.output.initial) > MAX_STATE:
            fail(node, "a strategy that needs too much memory", f"at most {MAX_STATE:,} numbers kept")
        if shareable:
            self.shared[key] = result
        return result

    def settled(self, value: Binding, hint: str) -> Binding:
        """Give an expression a name, unless it is simple and cannot change."""
        if isinstance(value, Record | Cells | Text | ir.Num | ir.Flag):
            return value
        if isinstance(value, ir.Field) and value.record in FIXED:
            return value
        if isinstance(value, ir.Var) and value.name.startswith("v_"):
            return value
        if ir.level_of(value) == ir.CONST:
            return self.constant_field(value)
        key = ("settled", repr(value))
        if stable(value) and key in self.shared:
            return self.shared[key]  # type: ignore[return-value]
        var = self.output.temporary(f"v_{hint}", ir.type_of(value), ir.level_of(value))
        self.output.statements.append(ir.Set(var, value))
        if stable(value) and not self.nested:
            self.shared[key] = var
        return var

    def constant_field(self, value: Value) -> Value:
        """Have what is fixed for a run computed once, before the first bar."""
        if isinstance(value, ir.Field):
            return value
        name = f"={len(self.output.constants)}"
        for known_name, expr in self.output.constants.items():
            if repr(expr) == repr(value):
                name = known_name
        self.output.constants[name] = value
        reach = bounds.interval(value, self.ranges)
        if reach is not None:
            self.ranges[name] = reach
        if bounds.is_whole(value, self.whole):
            self.whole.add(name)
        return ir.Field("const", name, ir.CONST)

    # Statements

    nested = 0  # branches and loops around what is being lowered

    def statement(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Assign(targets=[target]):
                self.assign(target, node.value, scope)
            case ast.If():
                self.branch(node, scope)
            case ast.For():
                self.loop(node, scope)
            case ast.Expr(value=ast.Call(func=ast.Name(id="emit"))):
                self.emit(node.value, scope)  # type: ignore[arg-type]
            case ast.Expr(value=ast.Call()):
                self.expression(node.value, scope)
            case _:
                fail(node, describe(node), "assignments, if, return")

    def assign(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        match target:
            case ast.Name():
                self.assign_name(target, value, scope)
            case ast.Tuple():
                found = self.expression(value, scope)
                if not isinstance(found, tuple) or len(found) != len(target.elts):
                    fail(value, ast.unparse(value)[:40], f"{len(target.elts)} values, as many as names")
                settled = [self.settled(item, "pair") for item in found]
                for item, bound in zip(target.elts, settled, strict=True):
                    assert isinstance(item, ast.Name)
                    self.bind(item, bound, scope)
            case ast.Subscript() | ast.Attribute() if scope.prefix:
                place = self.expression(target, scope)
                assert isinstance(place, ir.Cell | ir.Field)
                self.output.statements.append(ir.Set(place, self.number(value, scope)))
            case _:
                fail(target, f"an assignment to {ast.unparse(target)[:40]}", "plain names")

    def assign_name(self, target: ast.Name, value: ast.expr, scope: Scope) -> None:
        if scope.prefix and isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            if value.func.id in ("state", "ring"):
                assert not self.nested, "state is declared outside branches"
                scope.names[target.id] = self.declare(value, scope)
                return
        self.bind(target, self.value(value, scope), scope)

    def declare(self, call: ast.Call, scope: Scope) -> Binding:
        assert isinstance(call.func, ast.Name)
        if call.func.id == "state":
            initial = self.number(call.args[0], scope)
            assert isinstance(initial, ir.Num)
            return ir.State(self.output.allocate(1, initial.value))
        reach = bounds.interval(self.number(call.args[0], scope), self.ranges)
        initial = self.number(call.args[1], scope) if len(call.args) > 1 else ir.Num(0.0)
        assert reach is not None and isinstance(initial, ir.Num)
        length = int(reach[1])
        return Cells(self.output.allocate(length, initial.value), length)

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
            fail(target, f"{name!r} as a number here and a condition there", "one or the other")
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
            fail(node, "a for loop", "series functions such as highest(high, 20)")
        assert isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Call)
        count = self.number(node.iter.args[0], scope)
        var = self.output.temporary(f"m_{node.target.id}", "num", ir.SERIES)
        scope.names[node.target.id] = var
        scope.assigned.add(node.target.id)
        self.output.statements.append(ir.Loop(var, count, self.block(node.body, scope)))

    def emit(self, call: ast.Call, scope: Scope) -> None:
        kind, at_close, *values = (self.number(a, scope) for a in call.args)
        assert isinstance(kind, ir.Num) and isinstance(at_close, ir.Num)
        self.output.statements.append(ir.Emit(int(kind.value), int(at_close.value), tuple(values)))


# Records that nothing writes to while a bar is computed.
FIXED = frozenset(("param", "const", "candle", "row", "market", "limits", "control", "clock", "bar"))

BASE_NAMES: dict[str, Binding] = {
    "nan": ir.Num(float("nan")),
    "open_": ir.Field("candle", "open", ir.SERIES),
    "high": ir.Field("candle", "high", ir.SERIES),
    "low": ir.Field("candle", "low", ir.SERIES),
    "close": ir.Field("candle", "close", ir.SERIES),
    "volume": ir.Field("candle", "volume", ir.SERIES),
}


def as_value(bound: Binding) -> Value:
    assert not isinstance(bound, Record | Cells | Text)
    return bound


def stable(value: Value) -> bool:
    """Whether an expression keeps its value while the rest of the bar is computed."""
    match value:
        case ir.Num() | ir.Flag():
            return True
        case ir.Var(name=name):
            return name.startswith("v_")
        case ir.Field(record=record):
            return record in FIXED
        case ir.Unary(operand=operand):
            return stable(operand)
        case ir.Binary(left=left, right=right):
            return stable(left) and stable(right)
        case ir.Select(test=test, then=then, other=other):
            return stable(test) and stable(then) and stable(other)
        case _:
            return False


def describe(node: ast.AST) -> str:
    """Name a piece of syntax as its author would."""
    return f"{type(node).__name__.lower()} ({ast.unparse(node)[:40]})"


def known(scope: Scope) -> str:
    names = sorted(n for n in scope.names if not n.startswith("_"))
    return "a name defined before: " + ", ".join(names[:30])
