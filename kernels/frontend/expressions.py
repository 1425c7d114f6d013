"""Lowers expressions to the flat list, checking types on the way.

A printer trusts what it spells: an expression that comes out of here is a number or a truth value
made of the few operations that every backend rounds alike.
"""

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping

from kernels import dtypes, ir
from kernels.frontend import advice, bounds, library
from kernels.frontend.advice import describe
from kernels.frontend.scope import (
    Binding,
    Bindings,
    Cells,
    Facts,
    Frame,
    Named,
    Output,
    Record,
    Scope,
    Text,
    Value,
    as_binding,
    as_value,
)
from kernels.frontend.source import MAX_DEPTH, refused, spelled

ARITHMETIC: dict[type[ast.AST], ir.BinaryOp] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
COMPARISON: dict[type[ast.AST], ir.BinaryOp] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
CANDLE = ("open", "high", "low", "close", "volume")
SAID = "said"  # column of a strategy bar: the regime told from outside, NaN where there is none
ALLOWED = "numbers, names, + - * /, comparisons, and, or, not, calls"

Special = Callable[[ast.Call, Scope], Bindings]


class Expressions(ABC):
    """Turns expressions into flat ones; what they need before them is appended to `output`.

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
        self.shared: dict[tuple[str, str, str], Bindings] = {}  # by timeframe, what, of what
        self.frame = ""  # the longer timeframe that is being computed
        self.frame_names: dict[str, str] = {}  # variable -> the longer timeframe it is a series of
        self.nested = 0  # branches and loops around what is being lowered

    @abstractmethod
    def call(self, node: ast.Call, scope: Scope) -> Bindings: ...

    @abstractmethod
    def settled(self, value: Binding, hint: str) -> Binding: ...

    @abstractmethod
    def history(self, value: Value, bars: int, node: ast.AST) -> Value: ...

    def number(self, node: ast.expr, scope: Scope) -> Value:
        """Lower an expression that must be a number."""
        return self.typed(node, scope, "num", "a condition", "a number")

    def condition(self, node: ast.expr, scope: Scope) -> Value:
        """Lower an expression that must be a truth value."""
        return self.typed(node, scope, "bool", "a number", "a condition, such as close > open")

    def typed(self, node: ast.expr, scope: Scope, kind: ir.Type, found: str, allowed: str) -> Value:
        return self.typed_as(self.expression(node, scope), node, kind, found, allowed)

    def typed_as(
        self, bound: Bindings, node: ast.expr, kind: ir.Type, found: str, allowed: str
    ) -> Value:
        value = self.plain_value(bound, node)
        if ir.type_of(value) != kind:
            raise refused(node, f"{found} ({spelled(node)})", allowed)
        return value

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """Lower an expression that must be a number or a truth value."""
        return self.plain_value(self.expression(node, scope), node)

    def plain_value(self, bound: Bindings, node: ast.expr) -> Value:
        if isinstance(bound, Frame):
            used = f"a series of it, such as {spelled(node)}.close or {spelled(node)}.rsi(14)"
            raise refused(node, f"{spelled(node)}, a timeframe", used)
        if isinstance(bound, Named | tuple):
            raise refused(node, spelled(node), "a number or a condition")
        return bound

    def expression(self, node: ast.expr, scope: Scope) -> Bindings:
        """Lower any expression; raises StrategyError for what the language lacks."""
        if isinstance(node, ast.Constant):
            return self.constant(node)
        lower = LOWERINGS.get(type(node))
        if lower is None:
            raise advice.misplaced(node, ALLOWED)
        return lower(self, node, scope)

    def several(self, node: ast.Tuple, scope: Scope) -> tuple[Binding, ...]:
        return tuple(self.value(item, scope) for item in node.elts)

    def constant(self, node: ast.Constant) -> Binding:
        value = node.value
        if isinstance(value, bool):
            return ir.Flag(value)
        if isinstance(value, str):
            return Text(value)
        if not isinstance(value, int | float):
            raise refused(node, describe(node), "a number")
        if not abs(value) <= 1e15:
            raise refused(node, f"the number {spelled(node)}", "numbers between -1e15 and 1e15")
        return ir.Num(float(value))

    def name(self, node: ast.Name, scope: Scope) -> Binding:
        bound = scope.names.get(node.id)
        if bound is None and node.id == "regime" and not scope.prefix:
            return self.regime(node, scope)
        if bound is None:
            if node.id in library.CONSTANTS and scope.prefix:
                return ir.Num(library.CONSTANTS[node.id])
            raise refused(
                node, f"the unknown name {node.id!r}", advice.unknown(node.id, scope.names)
            )
        if isinstance(bound, ir.Var) and node.id in scope.mutable and node.id not in scope.assigned:
            raise refused(
                node, f"{node.id!r}, which may be unassigned here", "a value on every path"
            )
        return bound

    def regime(self, node: ast.Name, scope: Scope) -> Binding:
        """What was said of the regime, where anything was; else what the rule makes of the bars."""
        called = ast.Call(ast.copy_location(ast.Name("market_regime"), node), [], [])
        ruled = as_value(as_binding(self.call(ast.copy_location(called, node), scope)))
        said = ir.Field("candle", SAID, ir.SERIES)
        self.output.hears = True
        return self.settled(ir.Select(ir.Binary("==", said, said), said, ruled), node.id)

    def arithmetic(self, node: ast.BinOp, scope: Scope) -> Value:
        op = ARITHMETIC.get(type(node.op))
        if op is None:
            raise advice.operator(node, "+ - * /")
        return ir.Binary(op, self.number(node.left, scope), self.number(node.right, scope))

    def unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        if isinstance(node.op, ast.Not):
            return ir.Unary("not", self.condition(node.operand, scope))
        if isinstance(node.op, ast.USub):
            inner = self.number(node.operand, scope)
            return ir.Num(-inner.value) if isinstance(inner, ir.Num) else ir.Unary("-", inner)
        raise advice.operator(node, "- and not")

    def comparison(self, node: ast.Compare, scope: Scope) -> Value:
        if len(node.ops) != 1:
            raise refused(node, "a chained comparison", "one at a time: x > 30 and x < 70")
        op = COMPARISON.get(type(node.ops[0]))
        if op is None:
            raise refused(node, f"the comparison in {spelled(node)}", "< <= > >= == !=")
        left, right = self.number(node.left, scope), self.number(node.comparators[0], scope)
        return ir.Binary(op, left, right)

    def logic(self, node: ast.BoolOp, scope: Scope) -> Value:
        op: ir.BinaryOp = "and" if isinstance(node.op, ast.And) else "or"
        if len(node.values) > MAX_DEPTH:
            raise refused(node, f"{len(node.values):,} conditions in one", f"at most {MAX_DEPTH}")
        result = self.condition(node.values[0], scope)
        for item in node.values[1:]:
            result = ir.Binary(op, result, self.condition(item, scope))
        return result

    def choice(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.condition(node.test, scope)
        then, other = self.value(node.body, scope), self.value(node.orelse, scope)
        if ir.type_of(then) != ir.type_of(other):
            raise refused(
                node, "a number on one side and a condition on the other", "the same on both"
            )
        return ir.Select(test, then, other)

    def attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        if isinstance(node.value, ast.Name):
            record = scope.names.get(node.value.id)
            if isinstance(record, Record):
                return ir.Field(record.name, node.attr, record.level)
            if isinstance(record, Facts):
                return record.fields[node.attr]
            if isinstance(record, Frame) and node.attr in CANDLE:
                return ir.Field("candle", f"{node.attr}@{record.timeframe}", ir.SERIES)
            special = self.specials.get(f"{node.value.id}.")
            if special is not None:
                found = special(ast.Call(func=node, args=[], keywords=[]), scope)
                if isinstance(found, ir.Field | ir.Var | ir.Num | ir.Unary | ir.Binary):
                    return found
        raise refused(node, f"the attribute {spelled(node)}", self.attributes(node, scope))

    def attributes(self, node: ast.Attribute, scope: Scope) -> str:
        match node.value:
            case ast.Name(id=name) if isinstance(scope.names.get(name), Frame):
                if node.attr in library.indicators():
                    return f"{name}.{advice.signature(node.attr)}, with its arguments"
                return ", ".join(f"{name}.{word}" for word in CANDLE) + " and calls"
            case ast.Subscript(value=ast.Name(id=name), slice=bars) if name not in CANDLE:
                return f"{name}.{node.attr}[{spelled(bars)}]: the series first, then how long ago"
            case ast.Call(func=ast.Name(id="higher")):
                return f'h1 = higher("1h") on a line of its own, then h1.{node.attr}'
        return "position.side and its like in exits(); .open .high .low .close .volume of higher()"

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        bound = self.expression(node.value, scope)
        if isinstance(bound, Cells):
            return ir.Cell(bound.base, self.number(node.slice, scope))
        if isinstance(bound, ir.Field) and scope.prefix and bound.name in dtypes.RINGS:
            return ir.Cell(bound, self.number(node.slice, scope))
        if not isinstance(node.slice, ast.Constant) or type(node.slice.value) is not int:
            raise refused(
                node.slice,
                f"the history {spelled(node.slice)}",
                "a whole number of bars back, such as close[1]",
            )
        value = self.typed_as(bound, node.value, "num", "a condition", "a number")
        if node.slice.value == 0:
            return value
        if node.slice.value > bounds.MAX_LOOKBACK:
            raise refused(
                node.slice,
                f"the history {spelled(node.slice)}",
                f"at most {bounds.MAX_LOOKBACK} bars",
            )
        return self.history(value, node.slice.value, node)


LOWERINGS: dict[type[ast.expr], Callable[..., Bindings]] = {
    ast.Name: lambda self, node, scope: self.name(node, scope),
    ast.BinOp: Expressions.arithmetic,
    ast.UnaryOp: Expressions.unary,
    ast.Compare: Expressions.comparison,
    ast.BoolOp: Expressions.logic,
    ast.IfExp: Expressions.choice,
    ast.Call: lambda self, node, scope: self.call(node, scope),
    ast.Subscript: lambda self, node, scope: self.subscript(node, scope),
    ast.Attribute: lambda self, node, scope: self.attribute(node, scope),
    ast.Tuple: Expressions.several,
}
