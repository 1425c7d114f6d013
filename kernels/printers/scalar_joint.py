"""Spells the step of an account on several symbols as Python for numba.

Arrays: consts [1, columns], desk [accounts, size], clock [t, columns], tape [t, symbols, columns],
here [t, symbols], rows [symbols, rows, m], out [accounts, room, RECORD_WIDTH]. How many symbols
there are is an array's to say, not the text's: one function serves any number.
"""

from collections.abc import Sequence

from kernels import ir
from kernels.frontend.flat import Over
from kernels.joint import FIRST, OWN, SHARED, STRIDE, JointStep
from kernels.printers.scalar import in_locals, print_bars
from kernels.printers.scalar_cuts import SeriesCutter
from kernels.printers.scalar_pieces import Pieces
from kernels.printers.scalar_spelling import HEADER, Place, Speller, function
from kernels.stages import TAPE

ARGUMENTS = "t, clock, tape, here, rows, c, d, out, k"
TEST: dict[Over, str] = {
    "each": "if here[t, s] > 0.0:",
    "every": "if True:",
    "closed": f"if here[t, s] > 0.0 and tape[t, s, {TAPE['closed']}] > 0.0:",
}


def print_broker(step: JointStep, record_module: str) -> str:
    """Spell all phases but the last: they are the same for strategies that use the same."""
    imports = f"from {record_module} import record\n"
    phases = step.phases[:-1]
    text = "".join(
        phase_function(f"phase_{n}", phase.over, phase.statements, step)
        for n, phase in enumerate(phases)
    )
    calls = [f"    k = phase_{n}({ARGUMENTS})" for n in range(len(phases))]
    return HEADER.format(imports=imports) + text + function("simulate", ARGUMENTS, calls, "k")


def print_joint(step: JointStep, record_module: str, broker_module: str, pieces: Pieces) -> str:
    """Spell the series of one symbol, what is decided, and the step."""
    computing = SeriesCutter(in_locals(step.columns, step.candles), pieces)
    series = print_bars(step.columns, step.candles, computing.unit(step.unit, 3))
    last = step.phases[-1]
    imports = f"from {record_module} import record\nfrom {broker_module} import simulate\n"
    return (
        HEADER.format(imports=imports + computing.imports())
        + series
        + phase_function("decide", last.over, last.statements, step)
        + STEP
    )


def phase_function(name: str, over: Over, statements: Sequence[ir.Stmt], step: JointStep) -> str:
    """A phase over the symbols that it is for."""
    speller = Speller(place_of(over, step))
    if over == "once":
        return function(name, ARGUMENTS, speller.block(statements, 1), "k")
    speller.symbol = "np.float64(s)"
    body = ["    for s in range(tape.shape[1]):", f"        {TEST[over]}"]
    body += [f"            o = {FIRST} + s * {STRIDE}"]
    if over == "closed":
        body.append(f"            j = int(tape[t, s, {TAPE['index']}])")
    return function(name, ARGUMENTS, [*body, *speller.block(statements, 3)], "k")


def place_of(over: Over, step: JointStep) -> Place:
    rows = list(step.unit.rows)

    def place(field: ir.Field) -> str:
        match field.record:
            case "param" | "const":
                return f"c[{step.columns.index(field.name)}]"
            case "row":
                return f"rows[s, {rows.index(field.name)}, j]"
            case "bar":
                column = TAPE[field.name]
                return f"clock[t, {column}]" if over == "once" else f"tape[t, s, {column}]"
        key = field.record, field.name
        return f"d[{SHARED[key]}]" if key in SHARED else f"d[o + {OWN[key]}]"

    return place


STEP = '''@njit(**COMPILE)
def step(clock, tape, here, rows, consts, desk, out, counts):
    """Take every moment through the phases of all symbols."""
    c = consts[0]
    for n in range(desk.shape[0]):
        d = desk[n]
        k = 0
        for t in range(tape.shape[0]):
            k = simulate(t, clock, tape, here, rows, c, d, out[n], k)
            k = decide(t, clock, tape, here, rows, c, d, out[n], k)
        counts[n] = k
'''
