"""Spells units and steps as LLVM IR: eight accounts, or eight instances, side by side.

Only IEEE basic operations are spelled, without any fast-math flag: the bits are those of the scalar
printer.

Arrays: consts [g, columns, 8], state [g, slots, 8], desk [g, slots, 8], a unit's rows
[g, bars, rows, 8], candles [m, columns], tape [t, columns], out [g, 8, room, RECORD_WIDTH].
"""

from dataclasses import replace

from kernels import ir
from kernels.printers import lanes_records
from kernels.printers.lanes_frames import (
    SLOT,
    TAIL,
    Alike,
    Ground,
    Groups,
    Reach,
    Reached,
    filled,
    load_slots,
    same_constants,
    store_slots,
)
from kernels.printers.lanes_plan import Plan, key_of
from kernels.printers.lanes_statements import Statements
from kernels.printers.lanes_values import LANES, Value, number
from kernels.stages import TAPE, Step, Unit

MASKS = 4  # of a shared unit's [g, 8]: where pieces begin, and from here on their lanes as bits
IDLE = (
    ir.Field("held", "position", ir.ACCOUNT),
    ir.Field("intents", "entry_lots", ir.ACCOUNT),
)
SHARED_BY_ALL = (
    "ptr noalias readonly %tape, ptr noalias readonly %candles, ptr noalias readonly %consts,"
    " ptr noalias %state, ptr noalias %desk"
)


def print_unit(unit: Unit, columns: tuple[str, ...], candles: tuple[str, ...], alike: Alike) -> str:
    """Spell a unit: every instance over the strategy bars b0 … b1 − 1; `stride` doubles a group."""
    groups = Groups(
        "series",
        "i64 %b0, i64 %b1, ptr noalias readonly %candles, ptr noalias readonly %consts,"
        " ptr noalias %state, ptr noalias %rows, i64 %stride",
    )
    writer = groups.writer
    groups.pointer("c", "consts", max(1, len(columns)) * LANES)
    groups.pointer("s", "state", max(1, len(unit.initial)) * LANES)
    groups.pointer("r", "rows", "%stride")
    ground = Ground(writer, columns, candles, unit, alike)
    statements = (*unit.statements, *filled(unit))
    plan = Plan(statements, {*same_constants(columns, alike), *own_rows(unit)})
    spelled = Statements(writer, ground, plan)
    load_slots(spelled, unit, plan)
    before = writer.block
    writer.jump("bars")
    writer.begin("bars")
    writer.effect(f"%j = phi i64 [ %b0, %{before} ], [ %jnext, %barred ]")
    phis = spelled.carried(tuple(ir.targets(unit.statements)))
    held = dict(spelled.now)
    writer.branch(writer.fresh("icmp slt i64 %j, %b1"), "bar", "over")
    writer.begin("bar")
    with writer.inside():
        ground.candle = writer.address("%candles", "%j", len(candles))
        spelled.spell(plan)
        past = writer.fresh("sub i64 %j, %b0")
        place = writer.address("%r", past, len(unit.rows) * LANES)
        for row, name in enumerate(unit.rows):
            writer.store(writer.row(place, row), spelled.now[f"row.{name}"])
        writer.jump("barred")
        writer.begin("barred")
        spelled.carry(phis, before)
    writer.effect("%jnext = add i64 %j, 1")
    writer.jump("bars")
    writer.begin("over")
    spelled.now = held
    store_slots(spelled, unit)
    return groups.text() + TAIL


def own_rows(unit: Unit | None) -> set[tuple[str, str]]:
    """Rows computed beside the statements: whether they differ follows from these."""
    return {("row", name) for name in unit.rows} if unit is not None else set()


def rows_of(unit: Unit | None) -> list[str]:
    return [key_of(ir.Field(record, name, ir.SERIES)) for record, name in own_rows(unit)]


def print_step(step: Step, alike: Alike) -> str:
    """Spell a step over accounts of groups g0 … g1 − 1 and bars t0 … t1 − 1.

    Rows of shared units begin at strategy bar b0. Where records are written they are those of one
    version, and `rows` is [rows, m]; elsewhere every account reads its own instance of each unit.
    """
    return Steps(step, alike).text()


class Steps:
    """One step's function while it is being spelled."""

    def __init__(self, step: Step, alike: Alike) -> None:
        self.step = step
        self.alike = alike
        arguments = f"i64 %t0, i64 %t1, i64 %b0, {SHARED_BY_ALL}"
        if step.emits:
            arguments += ", ptr noalias readonly %rows, i64 %length" + lanes_records.ARGUMENTS
        else:
            for n in range(len(step.shared)):
                arguments += f", ptr noalias readonly %rows{n}, ptr noalias readonly %at{n}"
        self.groups = Groups("step", arguments, lanes_records.LOCALS if step.emits else ())
        self.writer = self.groups.writer
        self.ground = Ground(self.writer, step.columns, step.candles, step.flying, alike)
        same = {*same_constants(step.columns, alike), *own_rows(step.flying), *self.alike_rows()}
        flying = () if step.flying is None else (*step.flying.statements, *filled(step.flying))
        self.simulate = Plan(step.simulate, same)
        self.flying = Plan(flying, same)
        self.decide = Plan(step.decide, same, self.flying.spread.wide & set(rows_of(step.flying)))
        self.spelled = Statements(self.writer, self.ground, self.simulate)
        registers = self.simulate.often_set() | self.decide.often_set()
        self.ground.memory = {k for k, n in SLOT.items() if n < step.slots} - registers
        self.registers = [key for key in SLOT if key in registers]
        self.targets = [
            target
            for statements in (step.simulate, self.flying.statements, step.decide)
            for target in ir.targets(statements)
            if not isinstance(target, ir.Var)
        ]
        self.origins: list[Reached] = []  # of every shared unit, at the first bar

    def alike_rows(self) -> set[tuple[str, str]]:
        units = enumerate(self.step.shared)
        alike = [u for n, u in units if self.step.emits or self.alike.reaches[n].alike]
        return {("row", name) for unit in alike for name in unit.rows}

    def text(self) -> str:
        self.prologue()
        self.bars()
        for key in self.registers:
            self.writer.store(self.writer.row("%d", SLOT[key]), self.spelled.now[key])
        if self.step.flying is not None:
            store_slots(self.spelled, self.step.flying)
        helper = lanes_records.FUNCTION if self.step.emits else ""
        return self.groups.text() + helper + TAIL

    def prologue(self) -> None:
        writer, groups, step = self.writer, self.groups, self.step
        groups.pointer("c", "consts", max(1, len(step.columns)) * LANES)
        groups.pointer("d", "desk", step.slots * LANES)
        if step.flying is not None:
            groups.pointer("s", "state", max(1, len(step.flying.initial)) * LANES)
        if step.emits:
            lanes_records.prologue(writer)
        for n in range(0 if step.emits else len(step.shared)):
            self.origins.append(self.reach(n, self.alike.reaches[n]))
        for key in self.registers:
            self.spelled.now[key] = writer.load(writer.row("%d", SLOT[key]), True)
        if step.flying is not None:
            load_slots(self.spelled, step.flying, self.flying)

    def reach(self, unit: int, reach: Reach) -> Reached:
        """Where each piece of a shared unit's rows begins, and which lanes it has."""
        writer = self.writer
        at = writer.address(f"%at{unit}", writer.fresh(f"mul i64 %g, {LANES}"))
        found = [writer.fresh(f"load i64, ptr {writer.at(at, k)}") for k in range(reach.pieces)]
        places = [writer.address(f"%rows{unit}", place) for place in found]
        masks: list[Value] = []
        for piece in range(1, 1 if reach.kind == "each" else reach.pieces):
            bits = writer.fresh(f"load i{LANES}, ptr {writer.at(at, MASKS + piece)}, align 8")
            mask = writer.fresh(f"bitcast i{LANES} {bits} to <{LANES} x i1>")
            masks.append(Value(mask, True, True))
        return Reached(reach.kind, places, masks)

    def bars(self) -> None:
        writer, spelled = self.writer, self.spelled
        before = writer.block
        writer.jump("bars")
        writer.begin("bars")
        writer.effect(f"%t = phi i64 [ %t0, %{before} ], [ %tnext, %barred ]")
        phis = spelled.carried(self.targets)
        held = dict(spelled.now)
        with writer.inside():
            self.skip()
            writer.branch(writer.fresh("icmp slt i64 %tnow, %t1"), "bar", "over", True)
            writer.begin("bar")
            self.ground.tape = writer.address("%tape", "%tnow", len(TAPE))
            spelled.spell(self.simulate)
            self.close()
            writer.jump("barred")
            writer.begin("barred")
            spelled.carry(phis, before)
        writer.effect("%tnext = add i64 %tnow, 1")
        writer.jump("bars")
        writer.begin("over")
        spelled.now = held

    def skip(self) -> None:
        """Where no lane holds or awaits anything, go on to the next bar that may change one."""
        writer = self.writer
        if self.alike.awake or not self.step.skips:
            writer.effect("%tnow = add i64 %t, 0")
            return
        busy = [writer.binary("!=", self.spelled.field(place), number(0.0)) for place in IDLE]
        some = writer.any(writer.binary("or", *busy))
        past = writer.fresh("icmp sge i64 %t, %t1")
        stay = writer.fresh(f"or i1 {some}, {past}")
        start = writer.block
        writer.branch(stay, "awake", "asleep", True)
        writer.begin("asleep")
        tape = writer.address("%tape", "%t", len(TAPE))
        wake = writer.fresh(f"load double, ptr {writer.at(tape, TAPE['wake'])}, align 8")
        until = writer.fresh(f"fptosi double {wake} to i64")
        later = writer.fresh(f"call i64 @llvm.smin.i64(i64 {until}, i64 %t1)")
        slept = writer.fresh(f"call i64 @llvm.smax.i64(i64 {later}, i64 %t)")
        writer.jump("awake")
        writer.begin("awake")
        writer.effect(f"%tnow = phi i64 [ %t, %{start} ], [ {slept}, %asleep ]")

    def close(self) -> None:
        """Where a strategy bar closed: the series, then what the account decides."""
        writer, spelled = self.writer, self.spelled
        closed = self.ground.scalar(self.ground.tape, TAPE["closed"])
        test = writer.binary(">", closed, number(0.0))
        start, before = writer.block, dict(spelled.now)
        writer.branch(test.text, "closing", "closed")
        writer.begin("closing")
        with writer.inside():
            index = writer.whole(self.ground.scalar(self.ground.tape, TAPE["index"]))
            if self.step.flying is not None and not self.alike.prompt:
                self.fly(index, writer.whole(closed))
            self.ground.candle = writer.address("%candles", index, len(self.step.candles))
            self.move(index)
            if self.step.flying is not None and self.alike.prompt:
                spelled.spell(self.flying)
            spelled.spell(self.decide)
        end = writer.block
        found = {key: v for key, v in spelled.now.items() if not key.startswith("row.")}
        writer.jump("closed")
        writer.begin("closed")
        spelled.merge((), (before, start), (found, end), before)

    def fly(self, last: str, closed: str) -> None:
        """Take the flying unit through every strategy bar that closed here."""
        writer, spelled = self.writer, self.spelled
        first = writer.fresh(f"sub i64 {last}, {closed}")
        before = writer.block
        writer.jump("flying")
        writer.begin("flying")
        writer.effect(f"%jbefore = phi i64 [ {first}, %{before} ], [ %j, %flown ]")
        targets = ir.targets(self.flying.statements)
        phis = spelled.carried([t for t in targets if isinstance(t, ir.State)])
        writer.effect("%j = add i64 %jbefore, 1")
        self.ground.candle = writer.address("%candles", "%j", len(self.step.candles))
        self.move("%j")
        spelled.spell(self.flying)
        writer.jump("flown")
        writer.begin("flown")
        spelled.carry(phis, before)
        more = writer.fresh(f"icmp slt i64 %j, {last}")
        writer.branch(more, "flying", "decide", False)
        writer.begin("decide")

    def move(self, bar: str) -> None:
        """Put the addresses of shared rows at a strategy bar."""
        writer, step = self.writer, self.step
        if step.emits:
            self.ground.run = (step.shared[0], bar)
            return
        past = writer.pure(f"sub i64 {bar}, %b0")
        self.ground.units = [
            (unit, replace(o, places=[self.later(unit, p, past) for p in o.places]))
            for unit, o in zip(step.shared, self.origins, strict=True)
        ]

    def later(self, unit: Unit, place: str, bars: str) -> str:
        return self.writer.address(place, bars, len(unit.rows) * LANES)
