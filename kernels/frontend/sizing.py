"""Reads sizing(method, value) and sizing(method, value, figure): how large a trade is asked to be.

What a value may be is checked over the whole range of its parameters, so that no parameter set can
ask for what its method does not take.
"""

import ast
from math import sqrt

from kernels import ir
from kernels.frontend import bounds
from kernels.frontend.answers import NAN, Ranges
from kernels.frontend.flat import TIMEFRAMES, Flat
from kernels.frontend.scope import Facts, Value
from kernels.frontend.source import refused, spelled
from kernels.sizing_methods import METHODS, Method

MINUTES_A_YEAR = 365 * 24 * 60


def method_of(call: ast.Call) -> Method:
    """Read the method, and whether the call has as many arguments as it takes."""
    if not call.args or call.keywords:
        raise refused(call, spelled(call), "sizing(method, value), some methods with a figure")
    match call.args[0]:
        case ast.Constant(value=str(name)) if name in METHODS:
            found = METHODS[name]
        case node:
            raise refused(node, spelled(node), "one of " + ", ".join(map(repr, METHODS)))
    if len(call.args) != (3 if found.figure else 2):
        wanted = f'sizing("{name}", value)'
        if found.figure:
            wanted = f'sizing("{name}", value, figure), the figure {found.figure}'
        raise refused(call, spelled(call), wanted)
    return found


def refuse_value(node: ast.expr, value: Value, method: Method, ranges: Ranges) -> None:
    """Raise StrategyError where the value is out of the method's bounds for any parameters."""
    reach = bounds.interval(value, ranges)
    allowed = f"a number or parameter above 0, at most {method.most:g} ({method.value})"
    if ir.level_of(value) != ir.CONST or reach is None:
        raise refused(node, spelled(node), allowed)
    if not 0.0 < reach[0] <= reach[1] <= method.most:
        raise refused(node, f"{spelled(node)}, from {reach[0]:g} to {reach[1]:g}", allowed)


def refuse_figure(node: ast.expr, value: Value, method: Method, ranges: Ranges) -> None:
    """Raise StrategyError where a fixed figure is not above 0 for all parameters."""
    reach = bounds.interval(value, ranges)
    if ir.level_of(value) == ir.CONST and (reach is None or not reach[0] > 0.0):
        raise refused(node, spelled(node), f"{method.figure}; a fixed one above 0")


def facts(flat: Flat) -> Facts:
    """What the library's function of the method is told beside the account."""
    return Facts(
        {
            "value": flat.sizing[1],
            "figure": flat.figure or NAN,
            "bars_root": ir.Num(sqrt(MINUTES_A_YEAR / TIMEFRAMES[flat.timeframe])),
        }
    )
