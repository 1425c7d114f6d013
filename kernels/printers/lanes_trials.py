"""Spells the step of trials as LLVM IR: eight accounts of eight parameter sets, side by side.

It is the step of accounts on several symbols, but every lane has constants and series of its own,
nothing is recorded, and time comes in parts: moments from … to − 1 of each, after which the
accounts' equity is told.

Arrays of one group: consts [columns, 8], desk [size, 8], rows [symbols, length, rows, 8],
told [parts, 8]. Of all: clock [t, columns], tape [t, symbols, columns], here [t, symbols],
parts [parts, 2].
"""

from collections.abc import Sequence

from kernels import ir
from kernels.joint import SHARED, JointStep
from kernels.printers.lanes_frames import TAIL, Alike, Groups, filled, same_constants
from kernels.printers.lanes_joint import JointGround, print_phase
from kernels.printers.lanes_plan import Plan
from kernels.printers.lanes_values import LANES, Value, Writer
from kernels.stages import TAPE

ARGUMENTS = (
    "i64 %p0, i64 %p1, i64 %symbols, ptr noalias readonly %parts, ptr noalias readonly %clock,"
    " ptr noalias readonly %tape, ptr noalias readonly %here, ptr noalias readonly %consts,"
    " ptr noalias %desk, ptr noalias readonly %rows, i64 %length, ptr noalias %told"
)
TOLD = SHARED["account", "equity"]


class TrialGround(JointGround):
    """Where the fields of a moment lie: a row holds a figure for every lane."""

    def __init__(self, writer: Writer, step: JointStep, alike: Alike, wide: frozenset[str]) -> None:
        super().__init__(writer, step, alike)
        self.wide = wide

    def shared(self, name: str) -> Value:
        """A row of the symbol at hand, at the strategy bar that closed."""
        place = self.writer.row(self.series, self.names.index(name))
        return self.writer.load(place, name in self.wide, fixed=True)

    def rows_at(self, symbol: str) -> str:
        """The address of the symbol's rows at the strategy bar that closed."""
        writer = self.writer
        index = writer.whole(self.scalar(self.tape, TAPE["index"]))
        mine = writer.pure(f"mul i64 {symbol}, %length")
        bar = writer.pure(f"add i64 {mine}, {index}")
        return writer.address("%rows", bar, max(1, len(self.names)) * LANES)

    def emit(self, record: ir.Emit, values: Sequence[Value], mask: Value) -> None:
        """Refuse: trials write no records."""
        raise TypeError(f"record {record.kind} was to be written, must be left out of trials")


def wide_rows(step: JointStep, alike: Alike) -> frozenset[str]:
    """The rows that differ between lanes."""
    unit = step.unit
    names = {("row", name) for name in unit.rows}
    plan = Plan((*unit.statements, *filled(unit)), {*same_constants(step.columns, alike), *names})
    return frozenset(name for name in unit.rows if f"row.{name}" in plan.spread.wide)


def print_trials(step: JointStep, alike: Alike) -> str:
    """Spell the step over the accounts of groups g0 … g1 − 1 and the parts p0 … p1 − 1."""
    groups = Groups("trials", ARGUMENTS)
    writer = groups.writer
    groups.pointer("c", "consts", max(1, len(step.columns)) * LANES)
    groups.pointer("d", "desk", 0)
    wide = wide_rows(step, alike)
    ground = TrialGround(writer, step, alike, wide)
    alike_rows = {("row", name) for name in step.unit.rows if name not in wide}
    same = {*same_constants(step.columns, alike), *alike_rows}
    outside = writer.block
    writer.jump("rounds")
    writer.begin("rounds")
    writer.effect(f"%p = phi i64 [ %p0, %{outside} ], [ %pnext, %past ]")
    writer.branch(writer.fresh("icmp slt i64 %p, %p1"), "round", "through")
    writer.begin("round")
    with writer.inside():
        bounds = writer.address("%parts", "%p", 2)
        first = writer.fresh(f"load i64, ptr {bounds}, align 8")
        last = writer.fresh(f"load i64, ptr {writer.at(bounds, 1)}, align 8")
        before = writer.block
        writer.jump("moments")
        writer.begin("moments")
        writer.effect(f"%tnow = phi i64 [ {first}, %{before} ], [ %tnext, %over ]")
        writer.branch(writer.fresh(f"icmp slt i64 %tnow, {last}"), "moment", "past")
        writer.begin("moment")
        with writer.inside():
            for phase in step.phases:
                print_phase(phase, ground, same)
            writer.jump("over")
        writer.begin("over")
        writer.effect("%tnext = add i64 %tnow, 1")
        writer.jump("moments")
        writer.begin("past")
        equity = writer.load(writer.row("%d", TOLD), True)
        writer.store(writer.address("%told", "%p", LANES), equity)
        writer.effect("%pnext = add i64 %p, 1")
        writer.jump("rounds")
    writer.begin("through")
    return groups.text() + TAIL
