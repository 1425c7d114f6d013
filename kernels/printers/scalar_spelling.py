"""Spells expressions and statements of the flat list as Python for numba.

Only IEEE basic operations are spelled, `fastmath` is never set and division follows IEEE
(`error_model="numpy"`), so the bits are those every other printer must give.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from kernels import dtypes, ir
from kernels.stages import DESK, TAPE

HEADER = '''"""Generated: do not edit."""

import numpy as np
from numba import njit
{imports}
NAN = np.float64(np.nan)
COMPILE = dict(cache=True, nogil=True, fastmath=False, error_model="numpy")

'''
Place = Callable[[ir.Field], str]


class Speller:
    """Spells expressions and statements; `place` says where a record's field is.

    `slot` says where a slot of the state is, `ring` what a ring's cells are in.
    """

    def __init__(self, place: Place, slot: str = "s[{}]", ring: str = "s") -> None:
        self.place = place
        self.slot = slot
        self.ring = ring
        self.symbol = "0.0"  # which one a record is of

    def expression(self, expr: ir.Expr) -> str:
        match expr:
            case ir.Unary(op="-" | "not" as op, operand=operand):
                return f"({op} {self.expression(operand)})"
            case ir.Unary(op=op, operand=operand):
                return f"{'abs' if op == 'abs' else 'np.' + op}({self.expression(operand)})"
            case ir.Binary(op=op, left=left, right=right):
                return f"({self.expression(left)} {op} {self.expression(right)})"
            case ir.Select(test=test, then=then, other=other):
                spelled = [self.expression(e) for e in (then, test, other)]
                return "({} if {} else {})".format(*spelled)
            case _:
                return self.leaf(expr)

    def leaf(self, expr: ir.Num | ir.Flag | ir.Var | ir.Field | ir.State | ir.Cell) -> str:
        match expr:
            case ir.Num(value=value):
                return number(value)
            case ir.Flag(value=flag):
                return repr(flag)
            case ir.Var(name=name):
                return name
            case ir.Field():
                return self.place(expr)
            case ir.State(slot=slot):
                return self.slot.format(slot)
            case ir.Cell(base=ir.Field(record=record, name=name), index=index):
                return f"d[{DESK[record, name]} + int({self.expression(index)})]"
            case ir.Cell(base=base, index=index):
                return f"{self.ring}[{base} + int({self.expression(index)})]"

    def block(self, statements: Sequence[ir.Stmt], indent: int) -> list[str]:
        lines: list[str] = []
        pad = "    " * indent
        for statement in statements:
            match statement:
                case ir.Set(target=target, value=value):
                    lines.append(f"{pad}{self.expression(target)} = {self.expression(value)}")
                case ir.If(test=test, body=body, orelse=orelse):
                    lines.append(f"{pad}if {self.expression(test)}:")
                    lines += self.block(body, indent + 1) or [f"{pad}    pass"]
                    if orelse:
                        lines.append(f"{pad}else:")
                        lines += self.block(orelse, indent + 1)
                case ir.Loop(var=var, count=count, body=body):
                    lines.append(f"{pad}for n_{var.name} in range(int({self.expression(count)})):")
                    lines.append(f"{pad}    {var.name} = np.float64(n_{var.name})")
                    lines += self.block(body, indent + 1)
                case ir.Emit(kind=kind, at_close=at_close, values=values):
                    cells = [str(float(kind)), "np.float64(t)", str(float(at_close))]
                    cells += [self.expression(v) for v in values]
                    cells += ["0.0"] * (dtypes.SYMBOL - len(cells)) + [self.symbol]
                    lines.append(f"{pad}k = record(out, k, {', '.join(cells)})")
        return lines

    def stored(self, value: ir.Expr) -> str:
        spelled = self.expression(value)
        return f"(1.0 if {spelled} else 0.0)" if ir.type_of(value) == "bool" else spelled


def number(value: float) -> str:
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return f"({'-' if value < 0 else ''}np.inf)"
    return repr(value) if value >= 0 and not np.signbit(value) else f"({value!r})"


def function(name: str, arguments: str, body: Sequence[str], result: str = "") -> str:
    lines = [f"@njit(**COMPILE)\ndef {name}({arguments}):", *body]
    return "\n".join([*lines, f"    return {result}".rstrip()]) + "\n\n\n"


def in_memory(columns: Sequence[str], candles: Sequence[str], rows: Sequence[str] = ()) -> Place:
    """Fields read where they lie: constants c, account d, the unit's rows r at bar j."""

    def place(field: ir.Field) -> str:
        match field.record:
            case "param" | "const":
                return f"c[{columns.index(field.name)}]"
            case "row":
                return f"r[{rows.index(field.name)}, j]"
            case "candle":
                return f"candles[b0 + j, {candles.index(field.name)}]"
            case "bar":
                return f"tape[t, {TAPE[field.name]}]"
        return f"d[{DESK[field.record, field.name]}]"

    return place
