"""How large a number can get: lookbacks need buffers, and buffers need a length at compile time."""

from collections.abc import Collection, Mapping
from math import floor

from kernels import ir

MAX_LOOKBACK = 5000

Interval = tuple[float, float]


def interval(expr: ir.Expr, ranges: Mapping[str, Interval]) -> Interval | None:
    """Give the least and greatest value of a constant expression, None where it cannot be told."""
    match expr:
        case ir.Num(value=value):
            return value, value
        case ir.Field(record="param" | "const", name=name):
            return ranges.get(name)
        case ir.Unary(op="-", operand=operand):
            inner = interval(operand, ranges)
            return None if inner is None else (-inner[1], -inner[0])
        case ir.Binary(op=op, left=left, right=right) if op in ("+", "-", "*"):
            a, b = interval(left, ranges), interval(right, ranges)
            return None if a is None or b is None else combine(op, a, b)
        case _:
            return None


def combine(op: str, a: Interval, b: Interval) -> Interval:
    if op == "+":
        return a[0] + b[0], a[1] + b[1]
    if op == "-":
        return a[0] - b[1], a[1] - b[0]
    products = [x * y for x in a for y in b]
    return min(products), max(products)


def is_whole(expr: ir.Expr, whole_parameters: Collection[str]) -> bool:
    """Say whether a constant expression can only be a whole number."""
    match expr:
        case ir.Num(value=value):
            return value == floor(value)
        case ir.Field(record="param" | "const", name=name):
            return name in whole_parameters
        case ir.Unary(op="-", operand=operand):
            return is_whole(operand, whole_parameters)
        case ir.Binary(op=op, left=left, right=right) if op in ("+", "-", "*"):
            return is_whole(left, whole_parameters) and is_whole(right, whole_parameters)
        case _:
            return False
