"""Lowers calls: library functions are inlined where they are called.

Each call gets state of its own, unless the same function was already called with the same
arguments, whose result is then shared: what a strategy writes twice is computed once.
"""

import ast
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kernels import ir
from kernels.errors import StrategyError
from kernels.frontend import advice, bounds, library
from kernels.frontend.expressions import CANDLE
from kernels.frontend.frames import NAN, Frames
from kernels.frontend.scope import (
    Binding,
    Bindings,
    Frame,
    Named,
    Scope,
    Value,
    as_binding,
    as_value,
)
from kernels.frontend.source import refused, spelled

UNARY_CALLS: dict[str, ir.UnaryOp] = {"sqrt": "sqrt", "floor": "floor", "abs": "abs"}
CHOICES: dict[str, ir.BinaryOp] = {"minimum": "<", "min": "<", "maximum": ">", "max": ">"}
# Library modules that write to the account.
TRADING = (
    *("account", "decision", "exits", "fills", "joint"),
    *("limits", "sizing", "sizing_record"),
)
MAX_STATE = 1_000_000  # doubles

# Records that nothing writes to while a bar is computed.
FIXED = frozenset(("param", "const", "candle", "row", "market", "limits", "control", "bar"))


class LibraryFault(TypeError):
    """The kernel's own library breaks the rules of its dialect."""


class Calls(Frames):
    """Expressions with calls."""

    @abstractmethod
    def statement(self, node: ast.stmt, scope: Scope) -> None: ...

    def call(self, node: ast.Call, scope: Scope) -> Bindings:
        name, frame = self.called(node, scope)
        if name in self.specials:
            return self.specials[name](node, scope)
        if any(isinstance(a, ast.Starred) for a in node.args) or any(
            k.arg is None for k in node.keywords
        ):
            raise refused(node, "* in a call", "arguments one by one")
        if name in UNARY_CALLS or name in CHOICES:
            return self.built_in(name, node, scope)
        function = library.functions().get(name)
        if function is None or not (scope.prefix or name in library.indicators()):
            raise refused(node, f"a call of {name!r}", advice.uncallable(name))
        values = self.arguments(function, node, scope)
        if frame is not None:
            self.refuse_other_frames(frame, values, node)
        if frame is None and not scope.prefix:
            frame = self.frame_of(values)
        if scope.prefix:
            return self.inline(function, values, node)
        with told_at(node):
            if frame is not None:
                return self.inline_above(frame, function, values, node)
            return self.inline(function, values, node)

    def called(self, node: ast.Call, scope: Scope) -> tuple[str, str | None]:
        """The name of the function, and the longer timeframe that it is called on."""
        match node.func:
            case ast.Name(id=name):
                return name, None
            case ast.Attribute(value=ast.Name(id=above), attr=name):
                found = scope.names.get(above)
                if isinstance(found, Frame) and name in library.indicators():
                    return name, found.timeframe
                if isinstance(found, Frame):
                    raise refused(
                        node,
                        f"the call {spelled(node)}",
                        f"a series function of those bars, such as {above}.rsi(14)",
                    )
        allowed = "the language's own functions, such as sma(close, 5)"
        if isinstance(node.func, ast.Attribute):
            allowed = advice.attribute_call(node.func)
        raise refused(node, f"the call {spelled(node)}", allowed)

    def built_in(self, name: str, node: ast.Call, scope: Scope) -> Value:
        wanted = 1 if name in UNARY_CALLS else 2
        if len(node.args) != wanted or node.keywords:
            raise refused(node, counted(node, name), advice.signature(name))
        values = [self.number(a, scope) for a in node.args]
        if wanted == 1:
            return ir.Unary(UNARY_CALLS[name], values[0])
        left, right = (as_value(self.settled(v, name)) for v in values)
        return ir.Select(ir.Binary(CHOICES[name], left, right), left, right)

    def arguments(self, function: library.Function, node: ast.Call, scope: Scope) -> list[Binding]:
        given: dict[str, ast.expr] = dict(zip(function.arguments, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg not in function.arguments or keyword.arg in given:
                raise refused(
                    node,
                    f"the argument {keyword.arg!r} of {function.name}",
                    advice.signature(function.name),
                )
            given[str(keyword.arg)] = keyword.value
        if len(node.args) > len(function.arguments) or len(given) != len(function.arguments):
            raise refused(node, counted(node, function.name), advice.signature(function.name))
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
                raise refused(node, f"a series as {what}", "a number or a parameter")
            return value
        if kind == "Any":
            return as_binding(self.expression(node, scope))
        return self.number(node, scope)

    def lookback(self, node: ast.expr, scope: Scope, what: str) -> Value:
        allowed = f"a whole number or whole parameter, 1 to {bounds.MAX_LOOKBACK}"
        value = self.number(node, scope)
        if ir.level_of(value) != ir.CONST:
            raise refused(node, f"a series as {what}", allowed)
        reach = bounds.interval(value, self.ranges)
        if reach is None or not bounds.is_whole(value, self.whole):
            raise refused(node, f"{spelled(node)} as {what}, which need not be whole", allowed)
        if not (reach[0] >= 1 and reach[1] <= bounds.MAX_LOOKBACK):
            raise refused(
                node,
                f"{spelled(node)} as {what}, from {reach[0]:g} to {reach[1]:g}",
                allowed,
            )
        return value

    def inline(
        self, function: library.Function, values: Sequence[Binding], node: ast.AST
    ) -> Bindings:
        """Write a library function's body here, with its arguments bound, and give its result."""
        bound = [self.settled(v, name) for v, name in zip(values, function.arguments, strict=True)]
        key = (self.frame, function.name, repr(bound))
        shareable = function.module not in TRADING and not self.nested
        if shareable and key in self.shared:
            return self.shared[key]
        if self.nested and function.stateful:
            raise LibraryFault(f"{function.name} keeps state, and was called inside a branch")
        names = self.base_names() | dict(zip(function.arguments, bound, strict=True))
        scope = Scope(names, prefix=function.name, mutable=function.mutable)
        for statement in function.body[:-1]:
            self.statement(statement, scope)
        result = self.returned(function, scope)
        if len(self.output.initial) > MAX_STATE:
            raise refused(node, "too much memory", f"at most {MAX_STATE:,} numbers kept")
        if shareable:
            self.shared[key] = result
        return result

    def returned(self, function: library.Function, scope: Scope) -> Bindings:
        last = function.body[-1]
        if not isinstance(last, ast.Return) or last.value is None:
            raise LibraryFault(f"{function.name} must end in its one return")
        found = self.expression(last.value, scope)
        if isinstance(found, tuple):
            return tuple(self.settled(v, function.name) for v in found)
        return self.settled(found, function.name)

    def base_names(self) -> dict[str, Binding]:
        """What library code calls the bar that closed, of the timeframe it is computed on."""
        at = f"@{self.frame}" if self.frame else ""
        words = {"open_" if word == "open" else word: f"{word}{at}" for word in CANDLE}
        fields = {word: ir.Field("candle", name, ir.SERIES) for word, name in words.items()}
        return {"nan": ir.Num(NAN), **fields}

    def history(self, value: Value, bars: int, node: ast.AST) -> Value:
        """The value some bars ago, of the timeframe that the value is of."""
        delayed, values = library.functions()["delayed"], [value, ir.Num(float(bars))]
        frame = self.frame_of(values)
        with told_at(node):
            if frame is None or self.frame:
                return as_value(as_binding(self.inline(delayed, values, node)))
            return as_value(as_binding(self.inline_above(frame, delayed, values, node)))

    def settled(self, value: Binding, hint: str) -> Binding:
        """Give an expression a name, unless it is simple and cannot change."""
        if isinstance(value, Named | ir.Num | ir.Flag):
            return value
        if isinstance(value, ir.Field) and value.record in FIXED:
            return value
        if isinstance(value, ir.Var) and value.name.startswith("v_"):
            return value
        if ir.level_of(value) == ir.CONST and ir.type_of(value) == "num":
            return self.constant_field(value)
        key = (self.frame, "settled", repr(value)) if stable(value) else None
        if key is not None and key in self.shared:
            return as_binding(self.shared[key])
        # a fixed condition that is assigned here is not among what is computed before the run
        level = max(ir.level_of(value), ir.SERIES)
        var = self.output.temporary(f"v_{hint}", ir.type_of(value), level)
        self.output.statements.append(ir.Set(var, value))
        frame = self.frame_of([value])
        if frame is not None:
            self.frame_names[var.name] = frame
        if key is not None and not self.nested:
            self.shared[key] = var
        return var

    def constant_field(self, value: Value) -> Value:
        """Have what is fixed for a run computed once, before the first bar."""
        if isinstance(value, ir.Field):
            return value
        names = self.output.constant_names
        name = names.setdefault(repr(value), f"={len(names)}")
        self.output.constants[name] = value
        reach = bounds.interval(value, self.ranges)
        if reach is not None:
            self.ranges[name] = reach
        if bounds.is_whole(value, self.whole):
            self.whole.add(name)
        return ir.Field("const", name, ir.CONST)


@contextmanager
def told_at(node: ast.AST) -> Iterator[None]:
    """A fault inside what the author calls is told of where the call stands."""
    try:
        yield
    except StrategyError as error:
        raise refused(node, f"{error.found} in {spelled(node)}", error.allowed) from None


def counted(node: ast.Call, name: str) -> str:
    count = len(node.args) + len(node.keywords)
    return f"{count} argument{'' if count == 1 else 's'} to {name}"


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
