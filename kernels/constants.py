"""What is fixed for a run: computed once per parameter set, before the first bar.

numpy's element-wise operations on doubles are the IEEE ones, so these are the bits that any backend
would have given.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kernels import ir
from kernels.frontend.flat import Flat

Array = np.ndarray[Any, Any]


def constants(flat: Flat, parameters: Mapping[str, Array]) -> Array:
    """Lay out parameters and what follows from them: float64 [sets, columns].

    `parameters` holds one array of `sets` values per parameter; the order of columns is that of
    `stages.columns`.
    """
    known: dict[tuple[str, str], Array] = {("param", n): v for n, v in parameters.items()}
    sets = len(next(iter(parameters.values()))) if parameters else 1
    table = np.empty((sets, max(1, len(flat.parameters) + len(flat.series.constants))))
    table[:] = 0.0
    for column, name in enumerate(flat.parameters):
        table[:, column] = parameters[name]
    with np.errstate(all="ignore"):
        for column, (name, expr) in enumerate(flat.series.constants.items(), len(flat.parameters)):
            known["const", name] = np.broadcast_to(np.float64(value(expr, known)), (sets,))
            table[:, column] = known["const", name]
    return table


def value(expr: ir.Expr, known: Mapping[tuple[str, str], Array]) -> Any:
    """Evaluate an expression of constants over all sets at once."""
    match expr:
        case ir.Num(value=number) | ir.Flag(value=number):
            return number
        case ir.Field(record=record, name=name):
            return known[record, name]
        case ir.Unary(op=op, operand=operand):
            return UNARY[op](value(operand, known))
        case ir.Binary(op=op, left=left, right=right):
            return BINARY[op](value(left, known), value(right, known))
        case ir.Select(test=test, then=then, other=other):
            return np.where(value(test, known), value(then, known), value(other, known))
        case _:
            raise TypeError(f"{expr!r} is not fixed for a run")


UNARY: dict[str, Any] = {
    "-": np.negative,
    "not": np.logical_not,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
}
BINARY: dict[str, Any] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
}
