"""What entry() and exits() may answer, and which of the step's features a strategy uses."""

import ast
from collections.abc import Callable, Mapping

from kernels import ir
from kernels.frontend import bounds
from kernels.frontend.scope import Facts, Value
from kernels.frontend.source import refused, spelled
from kernels.sizing_methods import Method

SIDES = {"FLAT": 0.0, "LONG": 1.0, "SHORT": -1.0}
MAX_TARGETS = 3
NAN = ir.Num(float("nan"))
ONE = ir.Num(1.0)
# What entry() amounts to: side, confidence, tag index, share of a full trade.
SIGNAL: tuple[ir.Type, ...] = ("num",) * 4
SAID = ("tag", "confidence", "size")
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


def signal(
    node: ast.expr | None, at: ast.AST, number: Number, tag_of: Tag, ranges: Ranges
) -> tuple[Value, ...]:
    """Read FLAT, LONG, SHORT, long(…) or short(…): the values of SIGNAL."""
    match node:
        case ast.Name(id=side) if side in SIDES:
            return ir.Num(SIDES[side]), ONE, ir.Num(0.0), ONE
        case ast.Call(func=ast.Name(id="long" | "short" as word), args=[]):
            given = said(node)
            tag = tag_of(given["tag"]) if "tag" in given else ir.Num(0.0)
            confidence = number(given["confidence"]) if "confidence" in given else ONE
            size = part(given["size"], number, ranges) if "size" in given else ONE
            return ir.Num(SIDES[word.upper()]), confidence, tag, size
    allowed = "FLAT, long(tag=…, confidence=…, size=…) or short(…)"
    if isinstance(node, ast.IfExp):
        allowed += "; a choice of them by if and return"
    raise refused(node or at, spelled(node) if node else "nothing returned", allowed)


def said(call: ast.Call) -> dict[str, ast.expr]:
    """The arguments of long(…) or short(…), each by name and once."""
    given: dict[str, ast.expr] = {}
    for keyword in call.keywords:
        if keyword.arg not in SAID:
            raise refused(
                keyword.value, f"the argument {keyword.arg!r}", "tag, confidence and size"
            )
        if keyword.arg in given:
            first = given[keyword.arg]
            raise refused(first, f"the argument {keyword.arg!r} a second time", "each once")
        given[keyword.arg] = keyword.value
    return given


def part(node: ast.expr, number: Number, ranges: Ranges) -> Value:
    """The share of a full trade that an entry asks for; a fixed one is above 0, at most 1."""
    value = number(node)
    reach = bounds.interval(value, ranges) if ir.level_of(value) == ir.CONST else None
    if reach and not 0.0 < reach[0] <= reach[1] <= 1.0:
        raise refused(
            node,
            f"{spelled(node)} as size, from {reach[0]:g} to {reach[1]:g}",
            "a share of a full trade, a series or a number; a fixed one above 0, at most 1",
        )
    return value


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
        closed, least = share(item.elts[1], number, ranges)
        shares.append(closed)
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
    entry() can say short; `size`: 1 where it gives an entry a size; `trail`, `clock`: 1 where a
    plan can follow, or counts minutes; `record`: 1 where sizing looks at a record of closed trades;
    `several`: 1 where an account holds several symbols.
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
            "size": ir.Num(float(any(gives_size(node) for node in ast.walk(entry)))),
        }
    )


def gives_size(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="long" | "short"), keywords=keywords):
            return any(keyword.arg == "size" for keyword in keywords)
    return False


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
