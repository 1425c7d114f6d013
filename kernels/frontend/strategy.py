"""Reads one strategy file into a flat program: parameters, series, entry and exits.

The file's shape is fixed: a docstring, `timeframe("15m")`, parameters, series, `def entry():` and
`def exits():`. Everything it says is checked here, so that what compiles cannot fail while trading.
"""

import ast
import re
from unicodedata import category

from kernels import dtypes, ir
from kernels.fold import specialise
from kernels.frontend import advice, answers, calls, library, sizing
from kernels.frontend.answers import SIDES
from kernels.frontend.bodies import POSITION, Body
from kernels.frontend.expressions import CANDLE
from kernels.frontend.flat import IS_WARM, TIMEFRAMES, Flat, Over, Parameter, Phase
from kernels.frontend.lower import Lowering
from kernels.frontend.scope import (
    Binding,
    Bindings,
    Facts,
    Frame,
    Output,
    Record,
    Scope,
    Value,
    as_binding,
    as_value,
)
from kernels.frontend.source import parse, refused, spelled
from kernels.sizing_methods import by_code, wanted_instead

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
TAG = re.compile(r"[a-z0-9_]{1,32}")
REGIMES = {
    "STRONG_BULL": 2.0,
    "WEAK_BULL": 1.0,
    "RANGING": 0.0,
    "WEAK_BEAR": -1.0,
    "STRONG_BEAR": -2.0,
}
MAX_HIGHER = 4
MAX_SIZE = 2_000  # flat statements: machine code takes some 20 s and 0.7 GB to make for so many
WORDS = ("position", "param", "timeframe", "plan", "long", "short", "higher", "sizing", "regime")
RESERVED = frozenset((*CANDLE, *SIDES, *REGIMES, *WORDS))


class StrategyReader:
    """One pass over a strategy file."""

    def __init__(self, name: str, several: bool = False) -> None:
        self.flat = Flat(name)
        self.several = several
        # One table: what is named outside means the same inside entry() and exits().
        self.flat.decide.share_constants(self.flat.series)
        self.series = Lowering(self.flat.series, {}, set(), {"position.": self.no_position})
        self.scope = Scope(names={})
        for word in CANDLE:
            self.scope.names[word] = ir.Field("candle", word, ir.SERIES)
        self.scope.names |= {name: ir.Num(code) for name, code in REGIMES.items()}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.sized = False
        self.size = self.measured = 0  # flat statements of the series, and how many were looked at
        self.imposed: tuple[int, Value] | None = None  # a sizing from outside, in place of its own

    def read(self, text: str) -> Flat:
        """Read the file; raises StrategyError."""
        tree = parse(text)
        self.flat.documentation = ast.get_docstring(tree) or ""
        body = tree.body[1:] if self.flat.documentation else tree.body
        if not is_text(self.flat.documentation):
            raise refused(tree.body[0], "a docstring with control characters", "readable text")
        for statement in body:
            self.top_level(statement)
            self.refuse_much(statement)
        end = ast.Constant(value=0, lineno=len(text.splitlines()) or 1, col_offset=0)
        if not self.flat.timeframe:
            raise refused(end, "no timeframe", 'timeframe("15m") before the parameters')
        for wanted in ("entry", "exits"):
            if wanted not in self.functions:
                raise refused(end, f"no {wanted}()", f"def {wanted}(): at the end of the file")
        method = by_code(self.flat.sizing[0])
        entry, exits = self.functions["entry"], self.functions["exits"]
        uses = answers.uses(entry, exits, method, self.several)
        self.lower_decide(uses)
        self.refuse_much(end, ir.size(self.flat.decide.statements))
        if self.several:
            last = Phase("closed", tuple(self.flat.decide.statements))
            self.flat.phases = [*joint_phases(uses), last]
        else:
            self.flat.simulate.statements = lowered("simulate", uses)
        return self.flat

    def refuse_much(self, at: ast.AST, besides: int = 0) -> None:
        statements = self.flat.series.statements
        self.size += ir.size(statements[self.measured :])
        self.measured = len(statements)
        if self.size + besides > MAX_SIZE:
            raise refused(
                at, "a strategy that computes too much", f"at most {MAX_SIZE:,} flat statements"
            )

    # Top level

    def top_level(self, node: ast.stmt) -> None:
        match node:
            case ast.ImportFrom(module="kernels.language", names=[ast.alias(name="*")]):
                return
            case ast.Expr(value=ast.Call(func=ast.Name(id="timeframe"))):
                self.timeframe(node.value)  # type: ignore[arg-type]
            case ast.Assign(targets=[ast.Name()], value=ast.Call(func=ast.Name(id="param"))):
                self.parameter(node.targets[0], node.value)  # type: ignore[arg-type]
            case ast.Expr(value=ast.Call(func=ast.Name(id="sizing"))):
                self.sizing(node.value)  # type: ignore[arg-type]
            case ast.Assign(
                targets=[ast.Name() as target], value=ast.Call(func=ast.Name(id="higher")) as call
            ):
                self.higher(target, call)
            case ast.Assign(targets=[ast.Name() as target]):
                self.define(target, self.series.value(node.value, self.scope))
            case ast.Assign(targets=[ast.Tuple() as target]):
                self.define_several(target, node.value)
            case ast.FunctionDef(name="entry" | "exits"):
                self.function(node)
            case _:
                raise advice.misplaced(node, "timeframe, parameters, series, entry() and exits()")

    def timeframe(self, call: ast.Call) -> None:
        match call.args:
            case [ast.Constant(value=str(value))] if (
                value in TIMEFRAMES and not self.flat.timeframe and not call.keywords
            ):
                self.flat.timeframe = value
            case _:
                raise refused(call, spelled(call), "once, one of " + ", ".join(TIMEFRAMES))

    def higher(self, target: ast.Name, call: ast.Call) -> None:
        self.free_name(target)
        longer = longer_than(self.flat.timeframe)
        match call.args:
            case [ast.Constant(value=str(name))] if name in longer and not call.keywords:
                if name not in self.flat.higher:
                    self.flat.higher = (*self.flat.higher, name)
            case _:
                names = ", ".join(map(repr, longer)) or f"none is, than {self.flat.timeframe}"
                allowed = f"a timeframe longer than its own: {names}"
                if not self.flat.timeframe:
                    allowed = 'timeframe("15m") before it'
                raise refused(call, spelled(call), allowed)
        if len(self.flat.higher) > MAX_HIGHER:
            raise refused(call, "one timeframe more", f"at most {MAX_HIGHER} longer ones")
        self.scope.names[target.id] = Frame(name)

    def sizing(self, call: ast.Call) -> None:
        if self.sized:
            raise refused(call, f"{spelled(call)}, a second one", "sizing(…) once")
        self.sized = True
        method = sizing.method_of(call)
        value, *figure = (self.series.number(node, self.scope) for node in call.args[1:])
        sizing.refuse_value(call.args[1], value, method, self.series.ranges)
        if figure:
            sizing.refuse_figure(call.args[2], figure[0], method, self.series.ranges)
        if self.imposed is None:
            settled = as_value(self.series.settled(value, "size"))
            self.flat.sizing = (dtypes.SIZING.index(method.name), settled)
            if figure:
                self.flat.figure = self.figure(figure[0])
                self.flat.figure_said = spelled(call.args[2])

    def figure(self, value: Value) -> Value:
        """What the decision reads as the figure of sizing: a series has a row."""
        settled = as_value(self.series.settled(value, "figure"))
        if ir.level_of(settled) == ir.CONST:
            return settled
        return self.keep_row(f"~{len(self.flat.rows)}", settled)

    def parameter(self, target: ast.Name, call: ast.Call) -> None:
        self.free_name(target)
        if len(call.args) != 3 or call.keywords:
            found = calls.counted(call, "param")
            raise refused(call, found, "three plain numbers: param(default, low, high)")
        values = [self.literal(a) for a in call.args]
        default, low, high = (float(v) for v in values)
        if not low <= default <= high:
            raise refused(call, f"param({default:g}, {low:g}, {high:g})", "low ≤ default ≤ high")
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
        raise refused(node, spelled(node), "a plain number")

    def define(self, target: ast.Name, value: Value) -> None:
        self.free_name(target)
        if ir.level_of(value) == ir.CONST:
            self.scope.names[target.id] = self.fixed(value)
            return
        settled = as_value(self.series.settled(value, target.id))
        self.scope.names[target.id] = settled
        self.flat.rows[target.id] = settled

    def fixed(self, value: Value) -> Value:
        """What is fixed for a run is computed before it; a condition, as 1 or 0."""
        if ir.type_of(value) == "num" or isinstance(value, ir.Flag):
            return as_value(self.series.settled(value, ""))
        kept = self.series.settled(ir.Select(value, ir.Num(1.0), ir.Num(0.0)), "")
        return ir.Binary("!=", as_value(kept), ir.Num(0.0))

    def define_several(self, target: ast.Tuple, value: ast.expr) -> None:
        if not isinstance(value, ast.Tuple) or len(value.elts) != len(target.elts):
            raise refused(value, spelled(value), f"{len(target.elts)} values, as many as names")
        values = [self.series.value(item, self.scope) for item in value.elts]
        for item, found in zip(target.elts, values, strict=True):
            if not isinstance(item, ast.Name):
                raise refused(item, spelled(item), "plain names")
            self.define(item, found)

    def free_name(self, target: ast.Name) -> None:
        name = target.id
        if not NAME.fullmatch(name):
            raise refused(
                target,
                f"the name {name[:40]!r}",
                "ASCII letters, digits and _, at most 40, a letter first",
            )
        if (
            name in RESERVED
            or name in library.indicators()
            or name in ("min", "max", "abs", "sqrt", "floor")
        ):
            raise refused(
                target, f"the name {name!r}, a word of the language", "a name of your own"
            )
        if name in self.scope.names:
            raise refused(target, f"{name!r} a second time", "each name once")

    def function(self, node: ast.FunctionDef) -> None:
        arguments = node.args
        if spelled(arguments) or node.decorator_list or node.returns:
            raise refused(
                node, f"def {node.name} with arguments, decorators or types", f"def {node.name}():"
            )
        if node.name in self.functions:
            raise refused(node, f"{node.name}() a second time", "each function once")
        self.functions[node.name] = node

    # The two functions

    def lower_decide(self, uses: Facts) -> None:
        specials = {
            "entry": self.entry,
            "exits": self.exits,
            "warm": self.warm,
            "lots_asked": self.lots_asked,
        }
        self.decide = Lowering(self.flat.decide, self.series.ranges, self.series.whole, specials)
        function = library.functions()["decide"]
        given = bound(function, {"sizing": sizing.facts(self.flat), "uses": uses})
        self.decide.inline(function, given, ast.Constant(value=0))
        self.flat.decide.statements = specialise(self.flat.decide.statements, {})

    def entry(self, call: ast.Call, scope: Scope) -> tuple[Binding, ...]:
        body = Body(self, self.functions["entry"], {}, self.signal, answers.SIGNAL)
        return body.lower(self.decide)

    def exits(self, call: ast.Call, scope: Scope) -> tuple[Binding, ...]:
        facts = [self.decide.number(a, scope) for a in call.args]
        settled = [as_value(self.decide.settled(f, "fact")) for f in facts]
        named = dict(zip(POSITION, settled, strict=True))
        body = Body(self, self.functions["exits"], named, self.plan, answers.PLAN)
        return body.lower(self.decide)

    def warm(self, call: ast.Call, scope: Scope) -> Value:
        return IS_WARM

    def lots_asked(self, call: ast.Call, scope: Scope) -> Bindings:
        """The library's function of the sizing method, of the arguments at hand."""
        method = by_code(self.flat.sizing[0])
        values = [as_binding(self.decide.expression(node, scope)) for node in call.args]
        return self.decide.inline(library.functions()[f"by_{method.name}"], values, call)

    def keep_row(self, name: str, value: Value) -> Value:
        """Have a series value kept for the decision, and give what reads it there."""
        for existing, held in self.flat.rows.items():
            if held == value:
                name = existing
        self.flat.rows[name] = value
        field_ = ir.Field("row", name, ir.SERIES)
        return ir.Binary("!=", field_, ir.Num(0.0)) if ir.type_of(value) == "bool" else field_

    def signal(self, node: ast.expr | None, body: Body, at: ast.AST) -> tuple[Value, ...]:
        return answers.signal(node, at, body.number, self.tag, self.decide.ranges)

    def plan(self, node: ast.expr | None, body: Body, at: ast.AST) -> tuple[Value, ...]:
        return answers.plan(node, at, body.number, self.decide.ranges)

    def tag(self, node: ast.expr) -> ir.Num:
        match node:
            case ast.Constant(value=str(text)) if TAG.fullmatch(text):
                if text not in self.flat.tags:
                    self.flat.tags.append(text)
                return ir.Num(float(self.flat.tags.index(text)))
        raise refused(node, spelled(node), "a tag such as 'below_band': a-z, 0-9, _, at most 32")

    def no_position(self, call: ast.Call, scope: Scope) -> Binding:
        raise refused(call.func, spelled(call.func), "position only in exits()")


JOINT: tuple[tuple[Over, str], ...] = (
    ("each", "joint_funding"),
    ("once", "joint_begin"),
    ("each", "joint_open"),
    ("each", "joint_inside"),
    ("each", "joint_worth"),
    ("once", "joint_clear"),
    ("every", "joint_sum"),
    ("once", "joint_mark"),
    ("each", "joint_follow"),
)
WRITTEN = ("account", "held", "intents")  # records that the library's functions write to


# Flat lists of functions of the account's, by name and what is used: few dozen, and never changed.
LOWERED: dict[tuple[object, ...], tuple[ir.Stmt, ...]] = {}


def joint_phases(uses: Facts) -> list[Phase]:
    """What happens to an account on several symbols before it decides."""
    return [Phase(over, tuple(lowered(name, uses))) for over, name in JOINT]


def lowered(name: str, uses: Facts) -> list[ir.Stmt]:
    """The flat list of a function of the account's: the same for all that use the same of it."""
    key = name, *sorted((word, repr(value)) for word, value in uses.fields.items())
    if key not in LOWERED:
        LOWERED[key] = tuple(lowered_anew(name, uses))
    return list(LOWERED[key])


def lowered_anew(name: str, uses: Facts) -> list[ir.Stmt]:
    output = Output()
    function = library.functions()[name]
    given = bound(function, {"uses": uses})
    Lowering(output, {}, set()).inline(function, given, ast.Constant(value=0))
    return specialise(output.statements, {})


def bound(function: library.Function, facts: dict[str, Facts]) -> list[Binding]:
    """What a function of the account's is given: facts, or the record that an argument names."""
    return [
        facts[name] if name in facts else Record(name, ir.ACCOUNT if name in WRITTEN else ir.SERIES)
        for name in function.arguments
    ]


def longer_than(timeframe: str) -> list[str]:
    own = TIMEFRAMES.get(timeframe)
    if own is None:
        return []
    return [name for name, minutes in TIMEFRAMES.items() if minutes > own and minutes % own == 0]


def is_text(text: str) -> bool:
    return all(c in "\n\t" or category(c) not in ("Cc", "Cs") for c in text)


def read_strategy(
    text: str, name: str, imposed: tuple[str, float] | None = None, several: bool = False
) -> Flat:
    """Read a strategy file's text; raises StrategyError with line and column.

    `imposed` (method, value) takes the place of what the file says; raises ValueError for one that
    needs a figure, or whose value is out of bounds. `several`: for accounts that hold several
    symbols.
    """
    reader = StrategyReader(name, several)
    if imposed is not None:
        method, value = imposed
        if wanted := wanted_instead(method, value):
            raise ValueError(f"sizing was {method}={value}, must be {wanted}")
        reader.imposed = reader.flat.sizing = (dtypes.SIZING.index(method), ir.Num(value))
    return reader.read(text)
