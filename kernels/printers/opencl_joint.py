"""Spells the step of accounts on several symbols as a kernel: one work item is one account.

Arrays of doubles: consts [columns][n], desk [size][n], clock [moments][TAPE], tape [moments]
[symbols][TAPE], here [moments][symbols], rows [symbols][rows][length], out [n][room][RECORD_WIDTH].
What an account holds stays in global memory: whose it is follows from a loop count, so one kernel
serves any number of symbols.
"""

from collections.abc import Iterator

from kernels import dtypes, ir
from kernels.frontend.flat import Over, Phase
from kernels.joint import FIRST, OWN, SHARED, STRIDE, JointStep
from kernels.printers.opencl import FLOORED, PRELUDE, Place, Speller
from kernels.printers.opencl_kernels import RECORD, WIDTH, kernel
from kernels.stages import TAPE

CELL = "(t * symbols + s)"
ARGUMENTS = ", ".join(
    [
        "const long n, const long moments, const long symbols, const long length",
        *(f"__global const double *restrict {name}" for name in ("clock", "tape", "here")),
        "__global const double *restrict consts, __global double *restrict desk",
        "__global const double *restrict rows, const long room",
        "__global double *restrict out, __global long *restrict counts",
    ]
)


def print_joint(step: JointStep) -> str:
    """Spell every one of n accounts over all moments."""
    head = ["    const long t0 = 0;", "    long k = 0;"]
    head += [f"    out += a * room * {dtypes.RECORD_WIDTH}L;"]
    body = ["    for (long t = 0; t < moments; t++) {"]
    for phase in step.phases:
        body += phase_lines(phase, step)
    tail = ["    }", "    counts[a] = k;"]
    return PRELUDE + FLOORED + RECORD + kernel("take_moments", ARGUMENTS, [*head, *body, *tail])


def phase_lines(phase: Phase, step: JointStep) -> Iterator[str]:
    """One phase: once, or for the symbols that it is for."""
    if not phase.statements:
        return
    speller = Speller(place_of(phase.over, step))
    if phase.over == "once":
        yield from speller.section(phase.statements, 2)
        return
    speller.symbol = "(double)s"
    yield "        for (long s = 0; s < symbols; s++) {"
    if phase.over != "every":
        yield f"            if (!(here[{CELL}] > 0.0))"
        yield "                continue;"
    yield f"            const long o = {FIRST}L + s * {STRIDE}L;"
    if phase.over == "closed":
        yield f"            if (!({bar('closed')} > 0.0))"
        yield "                continue;"
        rows = max(1, len(step.unit.rows))
        yield f"            const long j = s * {rows}L * length + (long){bar('index')};"
    yield from speller.section(phase.statements, 3)
    yield "        }"


def bar(name: str) -> str:
    return f"tape[{CELL} * {WIDTH}L + {TAPE[name]}]"


def place_of(over: Over, step: JointStep) -> Place:
    rows = list(step.unit.rows)

    def place(field: ir.Field) -> str:
        match field.record:
            case "param" | "const":
                return f"consts[{step.columns.index(field.name)}L * n + a]"
            case "row":
                return f"rows[{rows.index(field.name)}L * length + j]"
            case "bar" if over == "once":
                return f"clock[t * {WIDTH}L + {TAPE[field.name]}]"
            case "bar":
                return bar(field.name)
        key = field.record, field.name
        return (
            f"desk[{SHARED[key]}L * n + a]" if key in SHARED else f"desk[(o + {OWN[key]}L) * n + a]"
        )

    return place
