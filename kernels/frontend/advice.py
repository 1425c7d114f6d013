"""What an author probably meant: the allowed half of an error, for the mistakes that people make.

Who writes a strategy, person or model, writes Python first and this language second. A refusal that
says how the thought is spelled here is mended at the first try; one that only names the rule is
not.
"""

import ast
from collections.abc import Collection
from difflib import get_close_matches

from kernels.errors import StrategyError
from kernels.frontend import library
from kernels.frontend.source import refused, spelled

BUILT_IN = {
    "abs": "abs(x)",
    "sqrt": "sqrt(x)",
    "floor": "floor(x)",
    "min": "min(a, b), nested for more",
    "max": "max(a, b), nested for more",
}
# Words of the language where they do not belong, and words that other languages have.
MEANT = {
    "true": "True",
    "false": "False",
    "nan": "a number: what has none is not traded",
    "price": "open, high, low or close",
    "position": "position.side, .entry_price, .bars and .return_ in exits()",
    "FLAT": "return FLAT in entry()",
    "LONG": "return LONG or return long(…) in entry(); position.side > 0 in exits()",
    "SHORT": "return SHORT or return short(…) in entry(); position.side < 0 in exits()",
    "long": "return long(tag=…, confidence=…, size=…) in entry()",
    "short": "return short(tag=…, confidence=…, size=…) in entry()",
    "buy": "return long(…) in entry()",
    "sell": "return short(…) in entry()",
    "plan": "return plan(stop=…, …) in exits()",
    "param": "name = param(default, low, high), outside entry() and exits()",
    "higher": 'name = higher("1h"), outside entry() and exits()',
    "timeframe": 'timeframe("15m") on a line of its own, first in the file',
    "sizing": 'sizing("risk", 0.01) on a line of its own, outside entry() and exits()',
    "mean": "sma(x, n)",
    "avg": "sma(x, n)",
    "sum": "sma(x, n) * n",
    "std": "stdev(x, n)",
    "round": "floor(x + 0.5)",
    "int": "floor(x)",
    "shift": "close[1]: one bar ago",
    "ref": "close[1]: one bar ago",
    "crossover": "crossed_above(a, b)",
    "crossunder": "crossed_below(a, b)",
    "cross": "crossed_above(a, b) or crossed_below(a, b)",
    "barssince": "bars_since(condition)",
    "valuewhen": "value_when(condition, x)",
}
OPERATORS: dict[type[ast.AST], str] = {
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "and, or, not",
    ast.Invert: "not",
    ast.Pow: "x * x",
    ast.FloorDiv: "floor(a / b)",
    ast.Mod: "a - floor(a / b) * b",
}
NAMES: dict[type[ast.AST], str] = {
    ast.Import: "an import",
    ast.ImportFrom: "an import",
    ast.AugAssign: "an update in place",
    ast.AnnAssign: "a type annotation",
    ast.NamedExpr: "the operator :=",
    ast.JoinedStr: "an f-string",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Dict: "a dictionary",
    ast.FunctionDef: "a function",
    ast.AsyncFunctionDef: "an async function",
    ast.ClassDef: "a class",
    ast.Expr: "a value that is not used",
}
INSTEAD: dict[type[ast.AST], str] = {
    ast.Import: "no imports: every word of the language is known",
    ast.ImportFrom: "no imports but from kernels.language import *",
    ast.AugAssign: "x = x + 1, written out",
    ast.AnnAssign: "name = value",
    ast.For: "series functions such as highest(high, 20) or bars_since(condition)",
    ast.While: "series functions such as highest(high, 20) or bars_since(condition)",
    ast.FunctionDef: "def entry(): and def exits(): alone; what they share is a series with a name",
    ast.Lambda: "a series with a name, such as spread = high - low",
    ast.Pass: "a return on every path",
    ast.Slice: "one bar, such as close[1]",
}


def describe(node: ast.AST) -> str:
    """Name a piece of syntax as its author would."""
    return f"{NAMES.get(type(node), type(node).__name__.lower())} ({spelled(node)})"


def misplaced(node: ast.AST, allowed: str) -> StrategyError:
    """Refuse a piece of syntax that has no place where it stands; `allowed` is what has one."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in MEANT:
            allowed = MEANT[name]
    return refused(node, describe(node), INSTEAD.get(type(node), allowed))


def operator(node: ast.BinOp | ast.UnaryOp, allowed: str) -> StrategyError:
    """Refuse an operator that the language lacks."""
    return refused(node, f"the operator in {spelled(node)}", OPERATORS.get(type(node.op), allowed))


def unknown(name: str, names: Collection[str]) -> str:
    """What may stand where `name` means nothing; `names` are those that do."""
    if name in library.indicators():
        return f"{signature(name)}, with its arguments"
    if name in BUILT_IN or name in MEANT:
        return BUILT_IN.get(name) or MEANT[name]
    own = sorted(n for n in names if not n.startswith("_"))
    near = alike(name, own)
    if near:
        return f"a name defined before, perhaps {near}"
    return "a name defined before: " + ", ".join(sorted(own, key=str.isupper)[:30])


def uncallable(name: str) -> str:
    """What may be called where `name` may not."""
    words = [*library.indicators(), *BUILT_IN]
    found = next((w for w in words if w == name.lower()), None)
    if found is None and name.lower() in MEANT:
        return MEANT[name.lower()]
    near = found or alike(name, words)
    if near:
        return f"{signature(near)}, perhaps"
    return "the language's own functions, such as sma(x, n), atr(n) or crossed_above(a, b)"


def attribute_call(node: ast.Attribute) -> str:
    """What may stand in the place of a call such as close.rolling(5) or ta.rsi(close, 14)."""
    name = node.attr.lower()
    if name in library.indicators() or name in BUILT_IN:
        return f"{signature(name)}, without {spelled(node.value)}."
    if name in MEANT:
        return MEANT[name]
    return "the language's own functions, such as sma(close, 5)"


def signature(name: str) -> str:
    """How a function is called."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    return f"{name}({', '.join(library.functions()[name].arguments)})"


def alike(name: str, words: Collection[str]) -> str | None:
    near = get_close_matches(name.lower()[:40], [w.lower() for w in words], 1, 0.7)
    return next((w for w in words if near and w.lower() == near[0]), None)
