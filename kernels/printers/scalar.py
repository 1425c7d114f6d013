"""Spells a flat program as Python for numba: the reference, and what live and paper run.

Only IEEE basic operations are spelled, `fastmath` is never set and division follows IEEE
(`error_model="numpy"`), so the bits are those every other printer must give.
"""

import math
from collections.abc import Sequence

import numpy as np

from kernels import dtypes, ir
from kernels.frontend.flat import CANDLE, Flat
from kernels.frontend.scope import Output

# All that a step over one account reads and writes lies in one array: a call passes few arguments.
DESK: dict[tuple[str, str], int] = {
    (record, name): slot
    for slot, (record, name) in enumerate(
        (record, name)
        for record, layout in (
            ("account", dtypes.ACCOUNT),
            ("intents", dtypes.PENDING),
            ("market", dtypes.MARKET),
            ("limits", dtypes.LIMITS),
            ("control", dtypes.CONTROL),
            ("clock", dtypes.CLOCK),
        )
        for name in layout.names or ()
    )
}
HEADER = '''"""Generated: do not edit."""

import numpy as np
from numba import njit
{imports}
NAN = np.float64(np.nan)
COMPILE = dict(cache=True, nogil=True, fastmath=False, error_model="numpy")

'''


class Speller:
    """Spells expressions and statements; `fields` says how a record's field is read."""

    def __init__(
        self, parameters: Sequence[str], constants: Sequence[str], rows: Sequence[str]
    ) -> None:
        self.parameters = list(parameters)
        self.constants = list(constants)
        self.rows = list(rows)

    def field(self, expr: ir.Field) -> str:
        match expr.record:
            case "param":
                return f"params[{self.parameters.index(expr.name)}]"
            case "const":
                return f"constants[{self.constants.index(expr.name)}]"
            case "row":
                return f"rows[{self.rows.index(expr.name)}, m]"
            case "candle":
                return f"candle[{1 + CANDLE.index(expr.name)}]"
            case "bar" if expr.name == "timestamp":
                return "np.float64(bars[i].timestamp)"
            case "bar":
                return f"bars[i].{expr.name}"
        return f"desk[{DESK[expr.record, expr.name]}]"

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
                return self.field(expr)
            case ir.State(slot=slot):
                return f"state[{slot}]"
            case ir.Cell(base=base, index=index):
                return f"state[{base} + int({self.expression(index)})]"

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
                    cells = [str(float(kind)), "i", str(float(at_close))]
                    cells += [self.expression(v) for v in values]
                    cells += ["0.0"] * (dtypes.RECORD_WIDTH - len(cells))
                    lines.append(f"{pad}k = record(out, k, {', '.join(cells)})")
        return lines


def print_record() -> str:
    """Spell how one record is written: a function of its own keeps every caller small."""
    names = [f"v{n}" for n in range(dtypes.RECORD_WIDTH)]
    body = [f"    out[k, {n}] = {name}" for n, name in enumerate(names)]
    return HEADER.format(imports="") + function(
        "record", f"out, k, {', '.join(names)}", body, "k + 1"
    )


def number(value: float) -> str:
    if math.isnan(value):
        return "NAN"
    return repr(value) if value >= 0 and not np.signbit(value) else f"({value!r})"


def function(name: str, arguments: str, body: Sequence[str], result: str) -> str:
    lines = [f"@njit(**COMPILE)\ndef {name}({arguments}):", *body, f"    return {result}"]
    return "\n".join(lines) + "\n\n\n"


def print_simulate(simulate: Output, record_module: str) -> str:
    """Spell the broker: the same for every strategy, so it is compiled once.

    It loops over the bars between two decisions: a call per bar would cost as much as the bar.
    """
    speller = Speller((), list(simulate.constants), ())
    loop = ["    for i in range(start, stop):", *speller.block(simulate.statements, 2)]
    imports = f"from {record_module} import record\n"
    return HEADER.format(imports=imports) + function(
        "simulate", "start, stop, bars, desk, out, k", loop, "k"
    )


def print_strategy(flat: Flat, record_module: str, simulate_module: str) -> str:
    """Spell one strategy: constants, series of a closed bar, the decision, and the two loops."""
    return (
        HEADER.format(
            imports=f"from {record_module} import record\nfrom {simulate_module} import simulate\n"
        )
        + print_constants(flat)
        + print_update(flat)
        + print_decide(flat)
        + LOOPS.format(closed=DESK["clock", "closed"], index=DESK["clock", "index"])
    )


def print_constants(flat: Flat) -> str:
    speller = Speller(list(flat.parameters), list(flat.series.constants), ())
    body = [
        f"    constants[{n}] = {speller.expression(expr)}"
        for n, expr in enumerate(flat.series.constants.values())
    ]
    return function("fix_constants", "params, constants", body, "None")


def print_update(flat: Flat) -> str:
    speller = Speller(list(flat.parameters), list(flat.series.constants), ())
    body = speller.block(flat.series.statements, 1)
    for n, value in enumerate(flat.rows.values()):
        spelled = speller.expression(value)
        if ir.type_of(value) == "bool":
            spelled = f"(1.0 if {spelled} else 0.0)"
        body.append(f"    rows[{n}, m] = {spelled}")
    return function("update", "candle, params, constants, state, rows, m", body, "None")


def print_decide(flat: Flat) -> str:
    speller = Speller(list(flat.parameters), list(flat.decide.constants), list(flat.rows))
    arguments = "i, rows, m, params, constants, desk, out, k"
    return function("decide", arguments, speller.block(flat.decide.statements, 1), "k")


# The building candle: bucket, open, high, low, close, volume, and 1 where it holds a bar.
LOOPS = '''@njit(**COMPILE)
def series(bars, base_ms, bar_ms, params, constants, state, candle, rows, closed_at, closed_open):
    """Build strategy bars and fill a column of rows at each close; gives how many closed."""
    m = 0
    for i in range(bars.shape[0]):
        start = bars[i].timestamp - bars[i].timestamp % bar_ms
        if candle[6] != 0.0 and candle[0] != np.float64(start):
            update(candle, params, constants, state, rows, m)
            closed_at[m] = i
            closed_open[m] = np.int64(candle[0])
            m += 1
            candle[6] = 0.0
        if candle[6] == 0.0:
            candle[0] = np.float64(start)
            candle[1] = bars[i].open
            candle[2] = bars[i].high
            candle[3] = bars[i].low
            candle[5] = 0.0
            candle[6] = 1.0
        candle[2] = bars[i].high if bars[i].high > candle[2] else candle[2]
        candle[3] = bars[i].low if bars[i].low < candle[3] else candle[3]
        candle[4] = bars[i].close
        candle[5] = candle[5] + bars[i].volume
        if bars[i].timestamp + base_ms >= start + bar_ms:
            update(candle, params, constants, state, rows, m)
            closed_at[m] = i
            closed_open[m] = start
            m += 1
            candle[6] = 0.0
    return m


@njit(**COMPILE)
def step(bars, rows, closed_at, closed, params, constants, desk, out):
    """Take every bar through simulate, and through decide where a strategy bar closed."""
    k = 0
    m = 0
    i = 0
    while m < closed:
        at = closed_at[m]
        k = simulate(i, at + 1, bars, desk, out, k)
        i = at + 1
        before = m
        while m < closed and closed_at[m] == at:
            m += 1
        desk[{closed}] = np.float64(m - before)
        desk[{index}] = np.float64(m - 1)
        k = decide(at, rows, m - 1, params, constants, desk, out, k)
    return simulate(i, bars.shape[0], bars, desk, out, k)


@njit(**COMPILE)
def first_bad(bars):
    """Index of the first bar with a figure that is not finite, else -1."""
    for i in range(bars.shape[0]):
        total = bars[i].open + bars[i].high + bars[i].low + bars[i].close
        total += bars[i].volume + bars[i].funding
        if not total - total == 0.0:
            return i
    return -1
'''
