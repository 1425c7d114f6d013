"""How long a strategy's plans let a trade be held, where that is fixed for a run.

Read off the file's own words, `max_bars` and `max_minutes` of its plans: no record tells it, and
what depends on the bars (an hour at which all is closed) has no one length.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from math import ceil

from msgspec import Struct

from kernels.program import Program

OTHERWISE = 24  # strategy bars, where no plan names a length
LONGEST = 288  # strategy bars that are looked at after a trade, at most
MINUTE = 60_000  # ms
OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


class Holding(Struct, frozen=True):
    """Lengths in strategy bars."""

    all: int | None  # that every plan names; None: they differ, or one names none
    horizon: int  # for how long the price is followed after a trade


def holding(program: Program, parameters: Mapping[str, float]) -> Holding:
    """Read how long trades may be held. Raises kernels.errors.ParameterError."""
    known = dict(program.resolve(parameters))
    tree = ast.parse(program.text)
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in known:
                number = fixed(value, known)
                if number is not None:
                    known[name] = number
    named = [longest(call, known, program.timeframe_ms) for call in plans(tree)]
    lengths = [length for length in named if length is not None]
    same = lengths[0] if lengths and len(set(named)) == 1 else None
    return Holding(same, min(max(lengths, default=OTHERWISE), LONGEST))


def plans(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "plan"
        ):
            yield node


def longest(call: ast.Call, known: Mapping[str, float], timeframe_ms: int) -> int | None:
    """Strategy bars after which a plan's clock runs out; None where it names no fixed one."""
    given = dict(zip(("stop", "target", "max_bars"), call.args, strict=False))
    given |= {str(keyword.arg): keyword.value for keyword in call.keywords}
    bars = fixed(given.get("max_bars"), known)
    minutes = fixed(given.get("max_minutes"), known)
    spans = [] if bars is None else [bars]
    if minutes is not None:
        spans.append(minutes * MINUTE / timeframe_ms)
    return max(ceil(min(spans)), 1) if spans else None


def fixed(node: ast.expr | None, known: Mapping[str, float]) -> float | None:
    """Evaluate what is made of numbers and parameters; None for anything else."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name):
            return known.get(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            one, other = fixed(left, known), fixed(right, known)
            if one is None or other is None:
                return None
            return OPERATIONS[type(op)](one, other)
    return None
