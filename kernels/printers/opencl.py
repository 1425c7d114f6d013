"""Spells statements as OpenCL C, so that a GPU gives the bits that numba gives.

Contraction is off in every source (PRELUDE), literals are exact (hexadecimal
or bits), and only IEEE operations that OpenCL rounds correctly are spelled. Fields and scalars of
state live in private variables over the loop of bars; rings stay in global memory. `?:`, `&&` and
`||` evaluate the taken side only, so an index that is garbage where it is not wanted is never used.

Rings are in `state` or `desk` [slots][n], of which the work item `a` sees its own column.
"""

import math
from collections.abc import Callable, Sequence

from kernels import dtypes, ir
from kernels.stages import DESK

PRELUDE = """\
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF
"""
# PoCL's compiler takes floor of a NaN that it knows beforehand for 0.
FLOORED = """\
static double floored(double x) {
    return x == x ? floor(x) : x;
}
"""
Place = Callable[[ir.Field], str]


class Speller:
    """Spells expressions and statements; `place` says where a record's field is."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.symbol = number(0.0)  # which one a record is of

    def expression(self, expr: ir.Expr) -> str:
        match expr:
            case ir.Unary(op=op, operand=operand):
                return f"({UNARY[op]}({self.expression(operand)}))"
            case ir.Binary(op=op, left=left, right=right):
                spelled = self.expression(left), self.expression(right)
                return f"({spelled[0]} {BINARY.get(op, op)} {spelled[1]})"
            case ir.Select(test=test, then=then, other=other):
                parts = [self.expression(part) for part in (test, then, other)]
                return "({} ? {} : {})".format(*parts)
            case _:
                return self.leaf(expr)

    def leaf(self, expr: ir.Num | ir.Flag | ir.Var | ir.Field | ir.State | ir.Cell) -> str:
        match expr:
            case ir.Num(value=value):
                return number(value)
            case ir.Flag(value=flag):
                return "1" if flag else "0"
            case ir.Var(name=name):
                return name
            case ir.Field():
                return self.place(expr)
            case ir.State(slot=slot):
                return f"s_{slot}"
            case ir.Cell(base=ir.Field(record=record, name=name), index=index):
                first = DESK[record, name]
                return f"desk[({first}L + (long)({self.expression(index)})) * n + a]"
            case ir.Cell(base=base, index=index):
                return f"state[({base}L + (long)({self.expression(index)})) * n + a]"

    def section(
        self, statements: Sequence[ir.Stmt], indent: int, closing: Sequence[str] = ()
    ) -> list[str]:
        """Spell a block with variables of its own, each with a value from the start.

        `closing` are lines that read them.
        """
        pad = "    " * indent
        declared = {t.name: t.type for t in ir.targets(statements) if isinstance(t, ir.Var)}
        zeros = {"num": "double {} = 0.0;", "bool": "int {} = 0;"}
        lines = [f"{pad}    {zeros[kind].format(name)}" for name, kind in declared.items()]
        lines += self.block(statements, indent + 1)
        return [f"{pad}{{", *lines, *closing, f"{pad}}}"]

    def block(self, statements: Sequence[ir.Stmt], indent: int) -> list[str]:
        return [line for statement in statements for line in self.statement(statement, indent)]

    def statement(self, statement: ir.Stmt, indent: int) -> list[str]:
        pad = "    " * indent
        match statement:
            case ir.Set(target=target, value=value):
                return [f"{pad}{self.expression(target)} = {self.expression(value)};"]
            case ir.If(test=test, body=body, orelse=orelse):
                lines = [f"{pad}if ({self.expression(test)}) {{", *self.block(body, indent + 1)]
                if orelse:
                    lines += [f"{pad}}} else {{", *self.block(orelse, indent + 1)]
                return [*lines, f"{pad}}}"]
            case ir.Loop(var=var, count=count, body=body):
                at, end = f"n_{var.name}", f"e_{var.name}"
                head = f"for (long {at} = 0, {end} = (long)({self.expression(count)})"
                lines = [f"{pad}{head}; {at} < {end}; {at}++) {{"]
                lines += [f"{pad}    {var.name} = (double){at};", *self.block(body, indent + 1)]
                return [*lines, f"{pad}}}"]
            case ir.Emit(kind=kind, at_close=at_close, values=values):
                cells = [number(kind), "(double)(t0 + t)", number(at_close)]
                cells += [self.expression(value) for value in values]
                cells += [number(0.0)] * (dtypes.SYMBOL - len(cells)) + [self.symbol]
                return [f"{pad}k = record(out, k, {', '.join(cells)});"]

    def stored(self, value: ir.Expr) -> str:
        spelled = self.expression(value)
        return f"({spelled} ? 1.0 : 0.0)" if ir.type_of(value) == "bool" else spelled


UNARY = {"-": "-", "not": "!", "sqrt": "sqrt", "abs": "fabs", "floor": "floored"}
BINARY = {"and": "&&", "or": "||"}


def number(value: float) -> str:
    """Spell a double exactly: a whole number, hexadecimal, or its bits where it is no number."""
    if math.isnan(value):
        return "as_double(0x7ff8000000000000UL)"
    if math.isinf(value):
        return f"as_double(0x{'fff' if value < 0 else '7ff'}0000000000000UL)"
    size = abs(float(value))
    spelled = repr(size) if size == math.floor(size) and size < 1e15 else size.hex()
    return f"(-{spelled})" if math.copysign(1.0, value) < 0 else spelled
