"""Spells units and steps as kernels: one work item is one account, or one instance of a unit.

What an account holds and the scalars of state stay in private variables over the loop of bars; only
what is touched is loaded, only what is written is stored. The bars between two decisions are a loop
of their own, so that work items that run together also decide together.

Arrays of doubles: consts [columns][n], state [slots][n], desk [slots][n], rows [rows][bars][n]
(neighbours in n are neighbours in memory, and are read together), tape [bars][TAPE] and candles
[bars][columns] of the stretch that one launch takes, out [n][room][RECORD_WIDTH]. Sizes and indexes
are 64 bits wide.
"""

from collections.abc import Iterable, Iterator, Sequence

from kernels import dtypes, ir
from kernels.printers.opencl import FLOORED, PRELUDE, Speller
from kernels.stages import DESK, KEPT, TAPE, Step, Unit

WIDTH = len(TAPE)
IDLE = DESK["held", "position"], DESK["intents", "entry_lots"]  # both 0: nothing can happen


def print_unit(unit: Unit, columns: Sequence[str], candles: Sequence[str]) -> str:
    """Spell a unit: every one of n instances over the strategy bars of `candles`."""

    def place(field: ir.Field) -> str:
        return f"c_{columns.index(field.name)}" if field.record != "candle" else candle(field)

    def candle(field: ir.Field) -> str:
        return f"candles[j * {len(candles)}L + {candles.index(field.name)}]"

    speller = Speller(place)
    rows = [
        f"        rows[({n}L * bars + j) * n + a] = {speller.stored(value)};"
        for n, value in enumerate(unit.rows.values())
    ]
    slots = scalars(unit)
    lines = ["    for (long j = 0; j < bars; j++)", *speller.section(unit.statements, 1, rows)]
    read = [*ir.expressions(unit.statements), *unit.rows.values()]
    head = [*loaded("c", "consts", constants(read, columns), fixed=True)]
    head += loaded("s", "state", slots)
    arguments = "const long n, const long bars, __global const double *restrict candles"
    arguments += ", __global const double *restrict consts, __global double *restrict state"
    arguments += ", __global double *restrict rows"
    return (
        PRELUDE
        + FLOORED
        + kernel("fill_rows", arguments, [*head, *lines, *kept("s", "state", slots)])
    )


def print_step(step: Step) -> str:
    """Spell a step: every one of n accounts over the bars of `tape`, from `next` to its end.

    `t0` and `b0` say which bar of the run the first of `tape` is, and which strategy bar the first
    of the rows; for every shared unit its rows, the instance that each account reads, how many
    instances there are, and how far apart two rows lie.
    """
    shape = Shape(step)
    speller = shape.speller
    body = ["    while (next < bars) {", "        long t = next;", "        int closed = 0;"]
    body += ["        while (next < bars && !closed) {", *skipping(step)]
    body += ["            t = next;", *speller.section(step.simulate, 3)]
    body += [f"            closed = {tape('closed')} > 0.0;", "            next = t + 1;"]
    body += ["        }", "        if (!closed)", "            continue;"]
    body += [*flying(step, shape), *shape.cursors(2), *speller.section(step.decide, 2), "    }"]
    head = ["    long next = 0;"]
    head += loaded("c", "consts", shape.constants, fixed=True)
    head += [*loaded("d", "desk", shape.desk), *loaded("s", "state", shape.slots)]
    head += [f"    const long i_{k} = index_{k}[a];" for k in range(len(step.shared))]
    tail = [*kept("d", "desk", shape.changed), *kept("s", "state", shape.slots)]
    record = ""
    if step.emits:
        record = RECORD
        head += ["    long k = 0;", f"    out += a * room * {dtypes.RECORD_WIDTH}L;"]
        tail.append("    counts[a] = k;")
    return (
        PRELUDE
        + FLOORED
        + record
        + kernel("take_bars", ", ".join(arguments(step)), [*head, *body, *tail])
    )


def arguments(step: Step) -> Iterator[str]:
    yield "const long n, const long bars, const long t0, const long b0"
    yield from (f"__global const double *restrict {name}" for name in ("tape", "candles", "consts"))
    yield from (f"__global double *restrict {name}" for name in ("state", "desk"))
    for k in range(len(step.shared)):
        yield f"__global const double *restrict rows_{k}, __global const long *restrict index_{k}"
        yield f"const long n_{k}, const long apart_{k}"
    if step.emits:
        yield "const long room, __global double *restrict out, __global long *restrict counts"


class Shape:
    """What of an account, its constants and its state a step touches, and where it lies."""

    def __init__(self, step: Step) -> None:
        flying = step.flying
        statements = [*step.simulate, *step.decide, *(flying.statements if flying else ())]
        read = [*ir.expressions(statements), *(flying.rows.values() if flying else ())]
        fields = {DESK[f.record, f.name] for f in fields_of(read) if (f.record, f.name) in DESK}
        written = {
            DESK[t.record, t.name] for t in ir.targets(statements) if isinstance(t, ir.Field)
        }
        if step.skips:
            fields |= set(IDLE)
        self.step = step
        self.speller = Speller(self.place)
        self.constants = constants(read, step.columns)
        self.desk = sorted(fields | written)
        self.changed = sorted(slot for slot in written if slot < KEPT)
        self.slots = scalars(flying) if flying else []
        self.rows = {
            name: (k, n) for k, unit in enumerate(step.shared) for n, name in enumerate(unit.rows)
        }

    def place(self, field: ir.Field) -> str:
        match field.record:
            case "param" | "const":
                return f"c_{self.step.columns.index(field.name)}"
            case "row" if field.name in self.rows:
                unit, row = self.rows[field.name]
                return f"rows_{unit}[{row}L * apart_{unit} + at_{unit}]"
            case "row":
                return flown(field.name)
            case "candle":
                column = self.step.candles.index(field.name)
                return f"candles[j * {len(self.step.candles)}L + {column}]"
            case "bar":
                return tape(field.name)
        return f"d_{DESK[field.record, field.name]}"

    def cursors(self, indent: int) -> list[str]:
        """Where each shared unit's rows hold this account's figures of strategy bar `j`."""
        pad = "    " * indent
        units = range(len(self.step.shared))
        return [f"{pad}const long at_{k} = j * n_{k} + i_{k};" for k in units]


def skipping(step: Step) -> list[str]:
    """Jump over the bars at which an idle account cannot change; never past a strategy close."""
    if not step.skips:
        return []
    idle = " && ".join(f"d_{slot} == 0.0" for slot in IDLE)
    return [
        f"            if ({idle}) {{",
        f"                const long wake = (long){tape('wake', 'next')} - t0;",
        "                next = wake > next ? wake : next;",
        "                if (next >= bars)",
        "                    break;",
        "            }",
    ]


def flying(step: Step, shape: Shape) -> list[str]:
    """The series of the strategy bars that closed, up to the last one, `j`."""
    last = f"        const long last = (long){tape('index')} - b0;"
    unit = step.flying
    if unit is None:
        return [last, "        const long j = last;"]
    names = [flown(name) for name in unit.rows]
    lines = [last, *(f"        double {name} = 0.0;" for name in names)]
    lines.append(f"        for (long j = last + 1 - (long){tape('closed')}; j <= last; j++) {{")
    lines += shape.cursors(3)
    values = zip(names, unit.rows.values(), strict=True)
    rows = [f"                {name} = {shape.speller.stored(value)};" for name, value in values]
    lines += shape.speller.section(unit.statements, 3, rows)
    return [*lines, "        }", "        const long j = last;"]


def flown(row: str) -> str:
    return f"f_{row.encode().hex()}"  # a row's name may be no name in C


def tape(field: str, at: str = "t") -> str:
    return f"tape[{at} * {WIDTH}L + {TAPE[field]}]"


def fields_of(read: Iterable[ir.Expr]) -> Iterator[ir.Field]:
    for expr in read:
        yield from ir.leaves(expr, ir.Field)


def constants(read: Iterable[ir.Expr], columns: Sequence[str]) -> list[int]:
    used = {f.name for f in fields_of(read) if f.record in ("param", "const")}
    return [number for number, name in enumerate(columns) if name in used]


def scalars(unit: Unit) -> list[int]:
    """State slots that are no ring's."""
    cells = {n for base, length in unit.rings.items() for n in range(base, base + length)}
    return [n for n in range(len(unit.initial)) if n not in cells]


def loaded(name: str, array: str, slots: Iterable[int], fixed: bool = False) -> list[str]:
    kind = "const double" if fixed else "double"
    return [f"    {kind} {name}_{slot} = {array}[{slot}L * n + a];" for slot in slots]


def kept(name: str, array: str, slots: Iterable[int]) -> list[str]:
    return [f"    {array}[{slot}L * n + a] = {name}_{slot};" for slot in slots]


def kernel(name: str, arguments: str, body: Sequence[str]) -> str:
    head = ["    const long a = (long)get_global_id(0);", "    if (a >= n)", "        return;"]
    return "\n".join([f"__kernel void {name}({arguments})", "{", *head, *body, "}"]) + "\n"


CELLS = range(dtypes.RECORD_WIDTH)
RECORD = "\n".join(
    [
        "static long record(__global double *out, const long k,",
        f"    {', '.join(f'const double v{n}' for n in CELLS)})",
        "{",
        f"    __global double *row = out + k * {dtypes.RECORD_WIDTH}L;",
        *(f"    row[{n}] = v{n};" for n in CELLS),
        "    return k + 1;",
        "}\n",
    ]
)
