"""Reads one strategy file into a flat program: parameters, series, entry and exits.

The file's shape is fixed: a docstring, `timeframe("15m")`, parameters, series, `def entry():` and
`def exits():`. Everything it says is checked here, so that what compiles cannot fail while trading.
"""

import ast
import re
from dataclasses import dataclass, field

from kernels import ir
from kernels.frontend import library
from kernels.frontend.lower import Lowering, as_value, describe
from collections.abc import Callable

from kernels.frontend.scope import Binding, Output, Record, Scope, Value, mutable_names
from kernels.frontend.source import fail, parse

TIMEFRAMES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}  # minutes
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
TAG = re.compile(r"[a-z0-9_]{1,32}")
CANDLE = ("open", "high", "low", "close", "volume")
SIDES = {"FLAT": 0.0, "LONG": 1.0, "SHORT": -1.0}
POSITION = ("side", "entry_price", "bars", "return_")
RESERVED = frozenset(CANDLE) | frozenset(SIDES) | {"position", "param", "timeframe", "plan", "long", "short"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number the search may change; both ends of the range are included."""

    name: str
    default: float
    low: float
    high: float
    integer: bool


@dataclass(slots=True)
class Flat:
    """A whole strategy as flat lists, ready to be spelled by a printer."""

    name: str
    documentation: str = ""
    timeframe: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    rows: dict[str, Value] = field(default_factory=dict)  # row name -> what fills it at each close
    tags: list[str] = field(default_factory=lambda: [""])
    series: Output = field(default_factory=Output)
    decide: Output = field(default_factory=Output)
    simulate: Output = field(default_factory=Output)

    @property
    def named(self) -> tuple[str, ...]:
        """Rows the author gave a name to, in the order of the file."""
        return tuple(n for n in self.rows if not n.startswith("~") and n not in CANDLE)


class StrategyReader:
    """One pass over a strategy file."""

    def __init__(self, name: str) -> None:
        self.flat = Flat(name)
        self.series = Lowering(self.flat.series, {}, set(), {"position.": self.no_position})
        self.scope = Scope(names={})
        for word in CANDLE:
            self.scope.names[word] = ir.Field("candle", word, ir.SERIES)
        self.functions: dict[str, ast.FunctionDef] = {}

    def read(self, text: str) -> Flat:
        """Read the file; raises StrategyError."""
        tree = parse(text)
        self.flat.documentation = ast.get_docstring(tree) or ""
        body = tree.body[1:] if self.flat.documentation else tree.body
        for statement in body:
            self.top_level(statement)
        end = ast.Constant(value=0, lineno=len(text.splitlines()) or 1, col_offset=0)
        if not self.flat.timeframe:
            fail(end, "no timeframe", 'timeframe("15m") before the parameters')
        for wanted in ("entry", "exits"):
            if wanted not in self.functions:
                fail(end, f"no {wanted}()", f"def {wanted}(): at the end of the file")
        self.keep_row("close", ir.Field("candle", "close", ir.SERIES))
        self.lower_decide()
        lower_simulate(self.flat)
        return self.flat

    # Top level

    def top_level(self, node: ast.stmt) -> None:
        match node:
            case ast.ImportFrom(module="kernels.language", names=[ast.alias(name="*")]):
                return
            case ast.Expr(value=ast.Call(func=ast.Name(id="timeframe"))):
                self.timeframe(node.value)  # type: ignore[arg-type]
            case ast.Assign(targets=[ast.Name()], value=ast.Call(func=ast.Name(id="param"))):
                self.parameter(node.targets[0], node.value)  # type: ignore[arg-type]
            case ast.Assign(targets=[ast.Name() as target]):
                self.define(target, self.series.value(node.value, self.scope))
            case ast.Assign(targets=[ast.Tuple() as target]):
                self.define_several(target, node.value)
            case ast.FunctionDef(name="entry" | "exits"):
                self.function(node)
            case _:
                fail(node, describe(node).splitlines()[0], "timeframe, parameters, series, entry() and exits()")

    def timeframe(self, call: ast.Call) -> None:
        match call.args:
            case [ast.Constant(value=str(value))] if value in TIMEFRAMES and not self.flat.timeframe:
                self.flat.timeframe = value
            case _:
                fail(call, f"{ast.unparse(call)[:60]}", "once, one of " + ", ".join(TIMEFRAMES))

    def parameter(self, target: ast.Name, call: ast.Call) -> None:
        self.free_name(target)
        if len(call.args) != 3 or call.keywords:
            fail(call, f"{len(call.args)} arguments to param", "param(default, low, high)")
        values = [self.literal(a) for a in call.args]
        default, low, high = (float(v) for v in values)
        if not low <= default <= high:
            fail(call, f"param({default:g}, {low:g}, {high:g})", "low ≤ default ≤ high")
        integer = all(isinstance(v, int) for v in values)
        self.flat.parameters[target.id] = Parameter(target.id, default, low, high, integer)
        self.series.ranges[target.id] = (low, high)
        if integer:
            self.series.whole.add(target.id)
        self.scope.names[target.id] = ir.Field("param", target.id, ir.CONST)

    def literal(self, node: ast.expr) -> int | float:
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                self.series.constant(node)
                return node.value  # type: ignore[return-value]
            case ast.UnaryOp(op=ast.USub()):
                return -self.literal(node.operand)
        fail(node, ast.unparse(node)[:40], "a plain number")

    def define(self, target: ast.Name, value: Value) -> None:
        self.free_name(target)
        if ir.level_of(value) == ir.CONST:
            self.scope.names[target.id] = self.series.settled(value, target.id)
            return
        settled = as_value(self.series.settled(value, target.id))
        self.scope.names[target.id] = settled
        self.flat.rows[target.id] = settled

    def define_several(self, target: ast.Tuple, value: ast.expr) -> None:
        if not isinstance(value, ast.Tuple) or len(value.elts) != len(target.elts):
            fail(value, ast.unparse(value)[:40], f"{len(target.elts)} values, as many as names")
        values = [self.series.value(item, self.scope) for item in value.elts]
        for item, found in zip(target.elts, values, strict=True):
            if not isinstance(item, ast.Name):
                fail(item, ast.unparse(item)[:40], "plain names")
            self.define(item, found)

    def free_name(self, target: ast.Name) -> None:
        name = target.id
        if not NAME.fullmatch(name):
            fail(target, f"the name {name[:40]!r}", "ASCII letters, digits and _, at most 40, a letter first")
        if name in RESERVED or name in library.indicators() or name in ("min", "max", "abs", "sqrt", "floor"):
            fail(target, f"the name {name!r}, a word of the language", "a name of your own")
        if name in self.scope.names:
            fail(target, f"{name!r} a second time", "each name once")

    def function(self, node: ast.FunctionDef) -> None:
        arguments = node.args
        if ast.unparse(arguments) or node.decorator_list or node.returns:
            fail(node, f"def {node.name} with arguments or decorators", f"def {node.name}():")
        if node.name in self.functions:
            fail(node, f"{node.name}() a second time", "each function once")
        self.functions[node.name] = node

    # The two functions

    def lower_decide(self) -> None:
        specials = {"entry": self.entry, "exits": self.exits, "warm": self.warm}
        self.decide = Lowering(self.flat.decide, self.series.ranges, self.series.whole, specials)
        names: list[Binding] = [Record(n, ir.ACCOUNT) for n in ("account", "intents")]
        names += [Record(n, ir.SERIES) for n in ("row", "market", "limits", "control", "clock")]
        self.decide.inline(library.functions()["decide"], names, ast.Constant(value=0))

    def entry(self, call: ast.Call, scope: Scope) -> tuple[Binding, ...]:
        body = Body(self, self.functions["entry"], {}, self.signal, ("num", "num", "num"))
        return body.lower(self.decide)

    def exits(self, call: ast.Call, scope: Scope) -> tuple[Binding, ...]:
        facts = [self.decide.number(a, scope) for a in call.args]
        settled = [as_value(self.decide.settled(f, "fact")) for f in facts]
        named = dict(zip(POSITION, settled, strict=True))
        body = Body(self, self.functions["exits"], named, self.plan, ("num", "num", "num"))
        return body.lower(self.decide)

    def warm(self, call: ast.Call, scope: Scope) -> Value:
        result: Value = ir.Flag(True)
        for name in self.flat.rows:
            row = ir.Field("row", name, ir.SERIES)
            result = ir.Binary("and", result, ir.Binary("==", row, row))
        return result

    def keep_row(self, name: str, value: Value) -> Value:
        """Have a series value kept for the decision, and give what reads it there."""
        for existing, held in self.flat.rows.items():
            if held == value:
                name = existing
        self.flat.rows[name] = value
        field_ = ir.Field("row", name, ir.SERIES)
        return ir.Binary("!=", field_, ir.Num(0.0)) if ir.type_of(value) == "bool" else field_

    def signal(self, node: ast.expr | None, body: "Body", at: ast.AST) -> tuple[Value, ...]:
        allowed = "FLAT, long(tag=…, confidence=…) or short(…)"
        match node:
            case ast.Name(id=side) if side in SIDES:
                return ir.Num(SIDES[side]), ir.Num(1.0), ir.Num(0.0)
            case ast.Call(func=ast.Name(id="long" | "short" as word), args=[]):
                tag, confidence = ir.Num(0.0), as_value(ir.Num(1.0))
                for keyword in node.keywords:
                    if keyword.arg == "tag":
                        tag = self.tag(keyword.value)
                    elif keyword.arg == "confidence":
                        confidence = body.number(keyword.value)
                    else:
                        fail(keyword.value, f"the argument {keyword.arg!r}", "tag and confidence")
                return ir.Num(1.0 if word == "long" else -1.0), confidence, tag
        fail(node or at, ast.unparse(node)[:60] if node else "nothing returned", allowed)

    def tag(self, node: ast.expr) -> ir.Num:
        match node:
            case ast.Constant(value=str(text)) if TAG.fullmatch(text):
                if text not in self.flat.tags:
                    self.flat.tags.append(text)
                return ir.Num(float(self.flat.tags.index(text)))
        fail(node, ast.unparse(node)[:60], "a tag such as 'below_band': a-z, 0-9, _, at most 32")

    def plan(self, node: ast.expr | None, body: "Body", at: ast.AST) -> tuple[Value, ...]:
        allowed = "plan(stop=…, target=…, max_bars=…), stop at least"
        words = ("stop", "target", "max_bars")
        match node:
            case ast.Call(func=ast.Name(id="plan")) if len(node.args) <= 3:
                given = dict(zip(words, node.args, strict=False))
                for keyword in node.keywords:
                    if keyword.arg not in words or keyword.arg in given:
                        fail(keyword.value, f"the argument {keyword.arg!r}", allowed)
                    given[keyword.arg] = keyword.value
                if "stop" in given:
                    return tuple(
                        body.number(given[w]) if w in given else ir.Num(float("nan")) for w in words
                    )
        fail(node or at, ast.unparse(node)[:60] if node else "nothing returned", allowed)

    def no_position(self, call: ast.Call, scope: Scope) -> Binding:
        fail(call.func, ast.unparse(call.func)[:40], "position only in exits()")


Returned = Callable[[ast.expr | None, "Body", ast.AST], tuple[Value, ...]]


class Body:
    """The body of entry() or exits(): local names, if, and returns, flattened to one exit."""

    def __init__(
        self,
        reader: StrategyReader,
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
            fail(self.function, f"a path through {self.function.name}() that returns nothing", "a return at its end")
        return tuple(self.results)

    def number(self, node: ast.expr) -> Value:
        return self.lowering.number(node, self.scope)

    def statements(self, body: list[ast.stmt]) -> bool:
        """Lower statements in order; says whether every path through them returns."""
        for index, node in enumerate(body):
            if isinstance(node, ast.Return):
                self.leave(node)
                return True
            if isinstance(node, ast.If) and contains_return(node):
                if self.branch(node):
                    return True
                rest = body[index + 1 :]
                outer, self.lowering.output.statements = self.lowering.output.statements, []
                returns = self.statements(rest)
                inner, self.lowering.output.statements = self.lowering.output.statements, outer
                self.lowering.output.statements.append(ir.If(ir.Unary("not", self.done), tuple(inner), ()))
                return returns
            self.check(node)
            self.lowering.statement(node, self.scope)
        return False

    def check(self, node: ast.stmt) -> None:
        if not isinstance(node, ast.If | ast.Assign):
            fail(node, describe(node).splitlines()[0], "assignments, if and return")
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                if inner.id not in self.scope.names or inner.id in self.reader.scope.names:
                    self.reader.free_name(inner)

    def branch(self, node: ast.If) -> bool:
        test = as_value(self.lowering.settled(self.lowering.condition(node.test, self.scope), "test"))
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
        specials = {"position.": self.position} if body.facts else {"position.": body.reader.no_position}
        super().__init__(outer.output, outer.ranges, outer.whole, specials)
        self.body = body

    def position(self, call: ast.Call, scope: Scope) -> Binding:
        assert isinstance(call.func, ast.Attribute)
        fact = self.body.facts.get(call.func.attr)
        if fact is None:
            fail(call.func, ast.unparse(call.func)[:40], ", ".join(f"position.{p}" for p in POSITION))
        return fact

    def call(self, node: ast.Call, scope: Scope) -> Binding | tuple[Binding, ...]:
        if isinstance(node.func, ast.Name) and node.func.id in library.indicators():
            return self.lift(node)
        return super().call(node, scope)

    def name(self, node: ast.Name, scope: Scope) -> Binding:
        outside = self.body.reader.scope.names.get(node.id)
        bound = super().name(node, scope)
        if bound is outside and ir.level_of(as_value(bound)) != ir.CONST:
            return self.body.reader.keep_row(node.id, as_value(bound))
        return bound

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        return self.lift(node)

    def lift(self, node: ast.expr) -> Value:
        reader = self.body.reader
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.scope_only():
                fail(inner, f"{inner.id!r} inside a series", "names defined outside entry() and exits()")
        value = as_value(reader.series.settled(reader.series.value(node, reader.scope), "lifted"))
        if ir.level_of(value) == ir.CONST:
            return value
        return reader.keep_row(f"~{len(reader.flat.rows)}", value)

    def scope_only(self) -> set[str]:
        return set(self.body.scope.names) - set(self.body.reader.scope.names)


def contains_return(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Return) for inner in ast.walk(node))


def lower_simulate(flat: Flat) -> None:
    lowering = Lowering(flat.simulate, {}, set())
    names: list[Binding] = [Record(n, ir.ACCOUNT) for n in ("account", "intents")]
    names += [Record(n, ir.SERIES) for n in ("bar", "market", "limits", "control", "clock")]
    lowering.inline(library.functions()["simulate"], names, ast.Constant(value=0))


def read_strategy(text: str, name: str) -> Flat:
    """Read a strategy file's text; raises StrategyError with line and column."""
    return StrategyReader(name).read(text)
