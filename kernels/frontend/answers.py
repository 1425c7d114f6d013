"""What entry() and exits() may answer, and which of the step's features a strategy uses."""

import ast
from collections.abc import Callable, Mapping

from kernels import ir
from kernels.frontend import bounds
from kernels.frontend.scope import Facts, Value, as_value
from kernels.frontend.source import refused, spelled
from kernels.sizing_methods import Method

SIDES = {"FLAT": 0.0, "LONG": 1.0, "SHORT": -1.0}
MAX_TARGETS = 3
NAN = ir.Num(float("nan"))
# What exits() amounts to: stop, three targets, the shares of the first two, and OTHERS.
OTHERS = ("max_bars", "trail", "max_minutes", "soft_minutes", "soft_return")
PLAN: tuple[ir.Type, ...] = ("num",) * 11
PLANNED = (
    "plan(stop=…, target=…, max_bars=…), stop at least;"
    " or targets=((distance, share), …, distance), at most 3;"
    " trail=…, max_minutes=…, soft_minutes=… with soft_return=…"
)

Ranges = Mapping[str, bounds.Interval]  # of parameters
Number = Callable[[ast.expr], Value]
Tag = Callable[[ast.expr], ir.Num]


def signal(node: ast.expr | None, at: ast.AST, number: Number, tag_of: Tag) -> tuple[Value, ...]:
    """Read FLAT, LONG, SHORT, long(…) or short(…): side, confidence, tag index."""
    match node:
        case ast.Name(id=side) if side in SIDES:
            return ir.Num(SIDES[side]), ir.Num(1.0), ir.Num(0.0)
        case ast.Call(func=ast.Name(id="long" | "short" as word), args=[]):
            tag, confidence = ir.Num(0.0), as_value(ir.Num(1.0))
            given = [keyword.arg for keyword in node.keywords]
            for keyword in node.keywords:
                if given.count(keyword.arg) > 1:
                    raise refused(
                        keyword.value, f"the argument {keyword.arg!r} a second time", "each once"
                    )
                if keyword.arg == "tag":
                    tag = tag_of(keyword.value)
                elif keyword.arg == "confidence":
                    confidence = number(keyword.value)
                else:
                    raise refused(
                        keyword.value, f"the argument {keyword.arg!r}", "tag and confidence"
                    )
            return ir.Num(1.0 if word == "long" else -1.0), confidence, tag
    allowed = "FLAT, long(tag=…, confidence=…) or short(…)"
    if isinstance(node, ast.IfExp):
        allowed += "; a choice of them by if and return"
    raise refused(node or at, spelled(node) if node else "nothing returned", allowed)


def plan(node: ast.expr | None, at: ast.AST, number: Number, ranges: Ranges) -> tuple[Value, ...]:
    """Read plan(…): the values of PLAN."""
    words = ("stop", "target", "max_bars")
    match node:
        case ast.Call(func=ast.Name(id="plan")) if len(node.args) <= len(words):
            given = dict(zip(words, node.args, strict=False))
            for keyword in node.keywords:
                known = keyword.arg in ("stop", "target", "targets", *OTHERS)
                if not known or keyword.arg in given:
                    raise refused(keyword.value, f"the argument {keyword.arg!r}", PLANNED)
                given[str(keyword.arg)] = keyword.value
            if is_whole(given):
                stop = number(given["stop"])
                aims, shares = targets(given, number, ranges)
                others = (number(given[word]) if word in given else NAN for word in OTHERS)
                return (stop, *aims, *shares, *others)
    raise refused(node or at, spelled(node) if node else "nothing returned", PLANNED)


def is_whole(given: Mapping[str, ast.expr]) -> bool:
    """Whether a plan has its stop, one kind of targets, and both halves of a soft limit."""
    soft = ("soft_minutes" in given) == ("soft_return" in given)
    return "stop" in given and not {"target", "targets"} <= set(given) and soft


def targets(
    given: dict[str, ast.expr], number: Number, ranges: Ranges
) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    if "targets" not in given:
        first = number(given["target"]) if "target" in given else NAN
        return (first, NAN, NAN), (NAN, NAN)
    node = given["targets"]
    if not isinstance(node, ast.Tuple) or not 1 <= len(node.elts) <= MAX_TARGETS:
        raise refused(node, spelled(node), PLANNED)
    aims: list[Value] = []
    shares: list[Value] = []
    taken = 0.0  # at least
    for item in node.elts[:-1]:
        if not isinstance(item, ast.Tuple) or len(item.elts) != 2:
            raise refused(item, spelled(item), "(distance, share) before the last target")
        aims.append(number(item.elts[0]))
        part, least = share(item.elts[1], number, ranges)
        shares.append(part)
        taken += least
    if taken >= 1.0:
        raise refused(
            node, f"shares that add up to {taken:g}", "less than 1: the last has the rest"
        )
    if isinstance(node.elts[-1], ast.Tuple):
        raise refused(
            node.elts[-1], spelled(node.elts[-1]), "a distance: the last target closes what is left"
        )
    aims.append(number(node.elts[-1]))
    if len(aims) > 1:
        shares.append(ir.Num(1.0))  # the last of two closes what is left
    return pad(aims, MAX_TARGETS), pad(shares[:2], 2)


def uses(entry: ast.FunctionDef, exits: ast.FunctionDef, method: Method, several: bool) -> Facts:
    """What a strategy may ask for: what it never does is left out of its step.

    `targets`: how many levels a plan can name, 0, 1 or 3 (two count as three); `shorts`: 1 where
    entry() can say short; `trail`, `clock`: 1 where a plan can follow, or counts minutes;
    `record`: 1 where sizing looks at a record of closed trades; `several`: 1 where an account holds
    several symbols.
    """
    named = [targets_named(node) for node in ast.walk(exits) if isinstance(node, ast.Call)]
    words = {node.id for node in ast.walk(entry) if isinstance(node, ast.Name)}
    most = max(named, default=0)
    said = {node.arg for node in ast.walk(exits) if isinstance(node, ast.keyword)}
    return Facts(
        {
            "several": ir.Num(float(several)),
            "trail": ir.Num(float("trail" in said)),
            "clock": ir.Num(float(bool(said & {"max_minutes", "soft_minutes"}))),
            "targets": ir.Num(3.0 if most > 1 else float(most)),
            "shorts": ir.Num(float(bool(words & {"short", "SHORT"}))),
            "record": ir.Num(float(method.record)),
        }
    )


def targets_named(call: ast.Call) -> int:
    for keyword in call.keywords:
        if keyword.arg == "targets" and isinstance(keyword.value, ast.Tuple):
            return len(keyword.value.elts)
    return int(len(call.args) > 1 or any(keyword.arg == "target" for keyword in call.keywords))


def pad(values: list[Value], length: int) -> tuple[Value, ...]:
    return (*values, *[NAN] * (length - len(values)))


def share(node: ast.expr, number: Number, ranges: Ranges) -> tuple[Value, float]:
    value = number(node)
    reach = bounds.interval(value, ranges)
    if ir.level_of(value) != ir.CONST or (reach and not 0.0 < reach[0] <= reach[1] < 1.0):
        raise refused(node, spelled(node), "a share between 0 and 1, a number or a parameter")
    return value, reach[0] if reach else 0.0
