"""Spells the step of accounts on several symbols as LLVM IR: eight accounts side by side.

Arrays: consts [g, columns, 8], desk [g, size, 8], clock [t, columns], tape [t, symbols, columns],
here [t, symbols], rows [symbols, rows, length], out [g, 8, room, RECORD_WIDTH]. All that an account
holds stays in memory: which symbol's it is follows from a loop count, so one function serves any
number of symbols.
"""

from collections.abc import Sequence

from kernels import ir
from kernels.frontend.flat import Phase
from kernels.joint import FIRST, OWN, SHARED, STRIDE, JointStep
from kernels.printers import lanes_records
from kernels.printers.lanes_frames import TAIL, Alike, Ground, Groups, same_constants
from kernels.printers.lanes_plan import Plan
from kernels.printers.lanes_statements import Statements
from kernels.printers.lanes_values import LANES, Value, Writer, number
from kernels.stages import TAPE

ARGUMENTS = (
    "i64 %t1, i64 %symbols, ptr noalias readonly %clock, ptr noalias readonly %tape,"
    " ptr noalias readonly %here, ptr noalias readonly %consts, ptr noalias %desk, i64 %wide,"
    " ptr noalias readonly %rows, i64 %length"
)
WIDTH = len(TAPE)


class JointGround(Ground):
    """Where the fields of a moment lie, of the symbol at hand where they are one's."""

    def __init__(self, writer: Writer, step: JointStep, alike: Alike) -> None:
        super().__init__(writer, step.columns, (), None, alike)
        self.names = list(step.unit.rows)
        self.slots = {f"{record}.{name}": n for (record, name), n in SHARED.items()}
        self.own = {f"{record}.{name}": n for (record, name), n in OWN.items()}
        self.memory = {*self.slots, *self.own}
        self.symbol = self.held = self.series = (
            ""  # of the symbol: number, doubles, rows at the bar
        )

    def shared(self, name: str) -> Value:
        """A row of the symbol at hand, at the strategy bar that closed."""
        column = self.writer.pure(f"mul i64 %length, {self.names.index(name)}")
        place = self.writer.address(self.series, column)
        return self.writer.load(place, False, fixed=True)

    def slot(self, key: str) -> str:
        """The address of a field."""
        if key in self.slots:
            return self.writer.row("%d", self.slots[key])
        return self.writer.row(self.held, self.own[key])

    def emit(self, record: ir.Emit, values: Sequence[Value], mask: Value) -> None:
        """Write a record for every lane of the mask."""
        symbol = number(0.0)
        if self.symbol:
            name = self.writer.pure(f"sitofp i64 {self.symbol} to double")
            symbol = Value(name, False, False)
        lanes_records.call(self.writer, record, values, mask, symbol)


def print_joint(step: JointStep, alike: Alike) -> str:
    """Spell the step over accounts of groups g0 … g1 − 1 and moments 0 … t1 − 1."""
    groups = Groups("joint", ARGUMENTS + lanes_records.ARGUMENTS, lanes_records.LOCALS)
    writer = groups.writer
    groups.pointer("c", "consts", max(1, len(step.columns)) * LANES)
    groups.pointer("d", "desk", "%wide")
    lanes_records.prologue(writer)
    ground = JointGround(writer, step, alike)
    before = writer.block
    writer.jump("moments")
    writer.begin("moments")
    writer.effect(f"%tnow = phi i64 [ 0, %{before} ], [ %tnext, %over ]")
    writer.branch(writer.fresh("icmp slt i64 %tnow, %t1"), "moment", "past")
    writer.begin("moment")
    same = {*same_constants(step.columns, alike), *(("row", name) for name in step.unit.rows)}
    with writer.inside():
        for phase in step.phases:
            print_phase(phase, ground, same)
        writer.jump("over")
    writer.begin("over")
    writer.effect("%tnext = add i64 %tnow, 1")
    writer.jump("moments")
    writer.begin("past")
    return groups.text() + lanes_records.FUNCTION + TAIL


def print_phase(phase: Phase, ground: JointGround, same: set[tuple[str, str]]) -> None:
    """One phase: once, or for the symbols that it is for."""
    if not phase.statements:
        return
    writer = ground.writer
    plan = Plan(phase.statements, same)
    if phase.over == "once":
        ground.symbol = ""
        ground.tape = writer.address("%clock", "%tnow", WIDTH)
        Statements(writer, ground, plan).spell(plan)
        return
    before, head = writer.block, writer.label("symbols")
    body, latch, after = writer.label("symbol"), writer.label("next"), writer.label("done")
    writer.jump(head)
    writer.begin(head)
    symbol, following = writer.label("%s"), writer.label("%s")
    writer.effect(f"{symbol} = phi i64 [ 0, %{before} ], [ {following}, %{latch} ]")
    writer.branch(writer.fresh(f"icmp slt i64 {symbol}, %symbols"), body, after)
    writer.begin(body)
    with writer.inside():
        first = writer.pure("mul i64 %tnow, %symbols")
        cell = writer.pure(f"add i64 {first}, {symbol}")
        ground.symbol = symbol
        ground.tape = writer.address("%tape", cell, WIDTH)
        whose = writer.pure(f"mul i64 {symbol}, {STRIDE * LANES}")
        start = writer.address("%d", writer.pure(f"add i64 {whose}, {FIRST * LANES}"))
        ground.held = start
        inside = writer.label("in")
        writer.branch(wanted(phase, ground, cell), inside, latch)
        writer.begin(inside)
        if phase.over == "closed":
            ground.series = rows_at(ground, symbol)
        Statements(writer, ground, plan).spell(plan)
        writer.jump(latch)
    writer.begin(latch)
    writer.effect(f"{following} = add i64 {symbol}, 1")
    writer.jump(head)
    writer.begin(after)


def wanted(phase: Phase, ground: JointGround, cell: str) -> str:
    """Whether the phase is for the symbol at hand."""
    if phase.over == "every":
        return "true"
    writer = ground.writer
    here = writer.load(writer.address("%here", cell), False, fixed=True)
    found = writer.binary(">", here, number(0.0))
    if phase.over == "closed":
        closed = ground.scalar(ground.tape, TAPE["closed"])
        found = writer.binary("and", found, writer.binary(">", closed, number(0.0)))
    return found.text


def rows_at(ground: JointGround, symbol: str) -> str:
    """The address of the symbol's first row at the strategy bar that closed."""
    writer = ground.writer
    index = writer.whole(ground.scalar(ground.tape, TAPE["index"]))
    each = writer.pure(f"mul i64 %length, {max(1, len(ground.names))}")
    mine = writer.pure(f"mul i64 {symbol}, {each}")
    return writer.address("%rows", writer.pure(f"add i64 {mine}, {index}"))
