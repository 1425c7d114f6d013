"""Spells units and steps as Python for numba: the reference, and what live and paper run.

Arrays: consts [n, columns], state [n, slots], desk [n, slots], rows [n, rows, bars] per unit with
index [accounts] into it, candles [m, columns], tape [t, columns], out [n, room, RECORD_WIDTH].
"""

import re
from collections.abc import Sequence

from kernels import dtypes, ir
from kernels.printers.scalar_cuts import DecisionCutter, SeriesCutter
from kernels.printers.scalar_pieces import Pieces
from kernels.printers.scalar_spelling import HEADER, Place, Speller, function, in_memory
from kernels.stages import DESK, KEPT, TAPE, Step, Unit

SERIES = "candles, b0, b1, consts, state, rows"


def print_record() -> str:
    """Spell how one record is written: a function of its own keeps every caller small."""
    names = [f"v{n}" for n in range(dtypes.RECORD_WIDTH)]
    body = [f"    out[k, {n}] = {name}" for n, name in enumerate(names)]
    text = function("record", f"out, k, {', '.join(names)}", body, "k + 1")
    return HEADER.format(imports="") + text


# A run of one version: records are written, and the broker is the same compiled code for all.


def print_simulate(step: Step, record_module: str) -> str:
    """Spell the broker, looping over the bars between two decisions.

    A call per bar would cost as much as the bar.
    """
    speller = Speller(in_memory((), ()))
    loop = ["    for t in range(start, stop):", *speller.block(step.simulate, 2)]
    imports = f"from {record_module} import record\n"
    text = function("simulate", "start, stop, tape, d, out, k", loop, "k")
    return HEADER.format(imports=imports) + text


def print_run(step: Step, record_module: str, simulate_module: str, pieces: Pieces) -> str:
    """Spell the functions of a run: the series of its one unit, the decision, and the step."""
    (unit,) = step.shared
    place = in_memory(step.columns, step.candles, list(unit.rows))
    deciding = DecisionCutter(place, pieces, record_module)
    decision = deciding.whole(step.decide, 1)
    computing = SeriesCutter(in_locals(step.columns, step.candles), pieces)
    series = print_bars(step.columns, step.candles, computing.unit(unit, 3))
    imports = f"from {record_module} import record\nfrom {simulate_module} import simulate\n"
    return (
        HEADER.format(imports=imports + computing.imports() + deciding.imports())
        + series
        + function("decide", "t, j, tape, r, c, d, out, k", decision, "k")
        + RUN.format(closed=TAPE["closed"], index=TAPE["index"])
    )


def print_bars(columns: Sequence[str], candles: Sequence[str], bar: Sequence[str]) -> str:
    body = ["    for u in range(consts.shape[0]):", "        c = consts[u]", "        s = state[u]"]
    body += [f"        c_{n} = c[{n}]" for n in used(bar, "c", len(columns))]
    body += ["        for j in range(b1 - b0):"]
    body += [f"            x_{n} = candles[b0 + j, {n}]" for n in used(bar, "x", len(candles))]
    return function("series", SERIES, [*body, *bar])


def used(lines: Sequence[str], letter: str, count: int) -> list[int]:
    """Which of the names x_0, x_1 … a text speaks of."""
    words = {word for line in lines for word in re.findall(rf"\b{letter}_\d+\b", line)}
    return [n for n in range(count) if f"{letter}_{n}" in words]


def in_locals(columns: Sequence[str], candles: Sequence[str]) -> Place:
    """Fields of a unit's bar, read into names of their own before it is computed."""

    def place(field: ir.Field) -> str:
        if field.record == "candle":
            return f"x_{candles.index(field.name)}"
        return f"c_{columns.index(field.name)}"

    return place


def print_unit(
    unit: Unit, columns: Sequence[str], candles: Sequence[str], pieces: Pieces | None = None
) -> str:
    """Spell a unit on its own, for many instances of it; without `pieces` as one function."""
    place = in_locals(columns, candles)
    if pieces is not None:
        cutter = SeriesCutter(place, pieces)
        series = print_bars(columns, candles, cutter.unit(unit, 3))
        return HEADER.format(imports=cutter.imports()) + series
    speller = Speller(place)
    bar = speller.block(unit.statements, 3)
    for n, value in enumerate(unit.rows.values()):
        bar.append(f"            rows[u, {n}, j] = {speller.stored(value)}")
    return HEADER.format(imports="") + print_bars(columns, candles, bar)


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
    """Spell a step over accounts a0 … a1 − 1, bars t0 … t1 − 1; rows begin at strategy bar b0."""
    speller = Speller(in_registers(step), "s_{}", "s")
    bars = sweep_bars(step, speller)
    slots = flying_slots(step)
    own = used(bars, "d", KEPT)
    body = ["    for a in range(a0, a1):", "        c = consts[a]"]
    body += [f"        c_{n} = c[{n}]" for n in used(bars, "c", len(step.columns))]
    body += ["        d = desk[a]", *(f"        d_{n} = d[{n}]" for n in own)]
    body += ["        s = state[a]", *(f"        s_{n} = s[{n}]" for n in slots)]
    body += [f"        r_{k} = rows_{k}[index_{k}[a]]" for k in range(len(step.shared))]
    body += ["        t = t0", *bars]
    set_ = {line.split(" = ")[0].strip() for line in bars}
    body += [f"        d[{n}] = d_{n}" for n in own if f"d_{n}" in set_]
    body += [f"        s[{n}] = s_{n}" for n in slots]
    arguments = "a0, a1, t0, t1, b0, tape, candles, consts, state, desk"
    shared = "".join(f", rows_{k}, index_{k}" for k in range(len(step.shared)))
    return HEADER.format(imports="") + function("sweep", arguments + shared, body)


def sweep_bars(step: Step, speller: Speller) -> list[str]:
    body = ["        while t < t1:"]
    if step.skips:
        idle = (f"d_{DESK[place]} == 0.0" for place in (IDLE_POSITION, IDLE_ENTRY))
        body += [f"            if {' and '.join(idle)}:"]
        body += [f"                t = max(t, min(t1, int(tape[t, {TAPE['wake']}])))"]
        body += ["                if t >= t1:", "                    break"]
    body += speller.block(step.simulate, 3)
    body += [f"            closed = int(tape[t, {TAPE['closed']}])", "            if closed > 0:"]
    body += [f"                last = int(tape[t, {TAPE['index']}]) - b0"]
    if step.flying:
        bar = flying_lines(step, speller, 5)
        body += ["                for j in range(last + 1 - closed, last + 1):"]
        read = used(bar, "x", len(step.candles))
        body += [f"                    x_{n} = candles[b0 + j, {n}]" for n in read]
        body += bar
    decision = speller.block(step.decide, 4)
    body += ["                j = last"]
    read = used(decision, "x", len(step.candles))
    body += [f"                x_{n} = candles[b0 + j, {n}]" for n in read]
    body += decision
    return [*body, "            t += 1"]


IDLE_POSITION = ("held", "position")
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
                return f"x_{candles.index(field.name)}"
            case "bar":
                return f"tape[t, {TAPE[field.name]}]"
        return f"d_{DESK[field.record, field.name]}"

    return place
