"""Spells units and steps as Python for numba: the reference, and what live and paper run.

Only IEEE basic operations are spelled, `fastmath` is never set and division follows IEEE
(`error_model="numpy"`), so the bits are those every other printer must give.

Arrays: consts [n, columns], state [n, slots], desk [n, slots], rows [n, rows, bars] per unit with
index [accounts] into it, candles [m, columns], tape [t, columns], out [n, room, RECORD_WIDTH].
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from kernels import dtypes, ir
from kernels.stages import DESK, KEPT, TAPE, Step, Unit

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
                    cells += ["0.0"] * (dtypes.RECORD_WIDTH - len(cells))
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


def print_record() -> str:
    """Spell how one record is written: a function of its own keeps every caller small."""
    names = [f"v{n}" for n in range(dtypes.RECORD_WIDTH)]
    body = [f"    out[k, {n}] = {name}" for n, name in enumerate(names)]
    text = function("record", f"out, k, {', '.join(names)}", body, "k + 1")
    return HEADER.format(imports="") + text


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


# A run of one version: records are written, and the broker is the same compiled code for all.


def print_simulate(step: Step, record_module: str) -> str:
    """Spell the broker, looping over the bars between two decisions.

    A call per bar would cost as much as the bar.
    """
    speller = Speller(in_memory((), ()))
    loop = ["    for t in range(start, stop):", *speller.block(step.simulate, 2)]
    text = function("simulate", "start, stop, tape, d, out, k", loop, "k")
    return HEADER.format(imports=f"from {record_module} import record\n") + text


def print_run(step: Step, record_module: str, simulate_module: str) -> str:
    """Spell the two functions of a run: the series of its one unit, and the step."""
    imports = f"from {record_module} import record\nfrom {simulate_module} import simulate\n"
    (unit,) = step.shared
    return (
        HEADER.format(imports=imports)
        + print_series(unit, step.columns, step.candles)
        + print_decide(step, unit)
        + RUN.format(closed=TAPE["closed"], index=TAPE["index"])
    )


def print_unit(unit: Unit, columns: Sequence[str], candles: Sequence[str]) -> str:
    """Spell a unit on its own, for many instances of it."""
    return HEADER.format(imports="") + print_series(unit, columns, candles)


def print_decide(step: Step, unit: Unit) -> str:
    speller = Speller(in_memory(step.columns, step.candles, list(unit.rows)))
    return function("decide", "t, j, tape, r, c, d, out, k", speller.block(step.decide, 1), "k")


def print_series(unit: Unit, columns: Sequence[str], candles: Sequence[str]) -> str:
    """Spell a unit: every instance over the strategy bars b0 … b1 − 1."""
    speller = Speller(in_memory(columns, candles))
    body = ["    for u in range(consts.shape[0]):", "        c = consts[u]", "        s = state[u]"]
    body += ["        for j in range(b1 - b0):", *speller.block(unit.statements, 3)]
    for n, value in enumerate(unit.rows.values()):
        body.append(f"            rows[u, {n}, j] = {speller.stored(value)}")
    return function("series", "candles, b0, b1, consts, state, rows", body)


RUN = '''@njit(**COMPILE)
def step(tape, rows, consts, desk, out, counts):
    """Take every bar through simulate, and through decide where a strategy bar closed."""
    for n in range(desk.shape[0]):
        d = desk[n]
        k = 0
        start = 0
        for t in range(tape.shape[0]):
            if tape[t, {closed}] > 0.0:
                k = simulate(start, t + 1, tape, d, out[n], k)
                j = int(tape[t, {index}])
                k = decide(t, j, tape, rows[0], consts[0], d, out[n], k)
                start = t + 1
        counts[n] = simulate(start, tape.shape[0], tape, d, out[n], k)
'''


# Many accounts at once: nothing is written, and what an account holds stays in registers.


def print_sweep(step: Step) -> str:
    """Spell a step over accounts a0 … a1 − 1 and bars t0 … t1 − 1; rows begin at bar b0."""
    body = ["    for a in range(a0, a1):"]
    speller = Speller(in_registers(step), "s_{}", "s")
    slots = flying_slots(step)
    body += [f"        c_{n} = consts[a, {n}]" for n in range(len(step.columns))]
    body += [f"        d_{n} = desk[a, {n}]" for n in range(KEPT)]
    body += ["        s = state[a]", *(f"        s_{n} = s[{n}]" for n in slots)]
    body += [f"        r_{k} = rows_{k}[index_{k}[a]]" for k in range(len(step.shared))]
    body += ["        t = t0", "        while t < t1:"]
    if step.skips:
        idle = (f"d_{DESK[place]} == 0.0" for place in (IDLE_POSITION, IDLE_ENTRY))
        body += [f"            if {' and '.join(idle)}:"]
        body += [f"                t = max(t, min(t1, int(tape[t, {TAPE['wake']}])))"]
        body += ["                if t >= t1:", "                    break"]
    body += speller.block(step.simulate, 3)
    body += [f"            if tape[t, {TAPE['closed']}] > 0.0:"]
    body += [f"                last = int(tape[t, {TAPE['index']}]) - b0"]
    if step.flying:
        body += [
            f"                for j in range(last + 1 - int(tape[t, {TAPE['closed']}]), last + 1):"
        ]
        body += flying_lines(step, speller, 5)
    body += ["                j = last", *speller.block(step.decide, 4)]
    body += ["            t += 1"]
    body += [f"        desk[a, {n}] = d_{n}" for n in range(KEPT)]
    body += [f"        s[{n}] = s_{n}" for n in slots]
    arguments = "a0, a1, t0, t1, b0, tape, candles, consts, state, desk"
    shared = "".join(f", rows_{k}, index_{k}" for k in range(len(step.shared)))
    return HEADER.format(imports="") + function("sweep", arguments + shared, body)


IDLE_POSITION = ("account", "position")
IDLE_ENTRY = ("intents", "entry_lots")


def flying_lines(step: Step, speller: Speller, indent: int) -> list[str]:
    lines: list[str] = []
    pad = "    " * indent
    if step.flying is not None:
        lines += speller.block(step.flying.statements, indent)
        rows = step.flying.rows.items()
        lines += [f"{pad}{flown(name)} = {speller.stored(value)}" for name, value in rows]
    return lines


def flown(row: str) -> str:
    return f"f_{row.encode().hex()}"


def flying_slots(step: Step) -> list[int]:
    """State slots of the flying unit that are no ring's: they live in registers."""
    unit = step.flying
    if unit is None:
        return []
    cells = {n for base, length in unit.rings.items() for n in range(base, base + length)}
    return [n for n in range(len(unit.initial)) if n not in cells]


def in_registers(step: Step) -> Place:
    columns, candles = step.columns, step.candles
    flying = step.flying.rows if step.flying is not None else {}
    shared = {name: (k, n) for k, u in enumerate(step.shared) for n, name in enumerate(u.rows)}

    def place(field: ir.Field) -> str:
        match field.record:
            case "param" | "const":
                return f"c_{columns.index(field.name)}"
            case "row" if field.name in flying:
                return flown(field.name)
            case "row":
                unit, row = shared[field.name]
                return f"r_{unit}[{row}, j]"
            case "candle":
                return f"candles[b0 + j, {candles.index(field.name)}]"
            case "bar":
                return f"tape[t, {TAPE[field.name]}]"
        return f"d_{DESK[field.record, field.name]}"

    return place
