"""Spells the step of trials as LLVM IR: eight accounts of eight parameter sets, side by side.

Every lane has constants and series of its own, nothing is recorded, and time comes in parts, after
each of which the accounts' equity is told. Which symbols anything can happen to is a number, one
bit a symbol: those that have a bar, those at whose bar a strategy bar closed, and `%busy`, those
that any lane holds or awaits something of. Loops go from bit to bit.

Arrays of one group: consts [columns, 8], desk [size, 8], rows [symbols, length, stride], told
[parts, 8]. Of all: parts [parts, 2], moments from … to − 1; clock [t, columns + 1], the last what
the smallest order takes; here [t] and closed [t], bits; tape [t, symbols, width], what is looked at
of every symbol's bar; bars [symbols, 2], of which the first is the strategy bar that rows begin at.
"""

from collections.abc import Callable, Sequence

from kernels import ir
from kernels.joint import FIRST, OWN, SHARED, STRIDE
from kernels.printers.lanes_frames import TAIL, Alike, Ground, Groups, same_constants
from kernels.printers.lanes_own import Rows
from kernels.printers.lanes_plan import Plan, key_of
from kernels.printers.lanes_statements import Statements
from kernels.printers.lanes_values import LANES, Phi, Value, Writer, number
from kernels.stages import TAPE
from kernels.trial_step import TrialStep

ARGUMENTS = (
    "i64 %p0, i64 %p1, i64 %symbols, ptr noalias readonly %parts, ptr noalias readonly %clock,"
    " ptr noalias readonly %here, ptr noalias readonly %closed, ptr noalias readonly %tape,"
    " ptr noalias readonly %bars, ptr noalias readonly %consts, ptr noalias %desk,"
    " ptr noalias readonly %rows, i64 %length, ptr noalias %told"
)
LOCALS = ("%busy = alloca i64, align 8",)
BITS = "\ndeclare i64 @llvm.cttz.i64(i64, i1)\n"
WIDTH = len(TAPE)
CLOCK = WIDTH + 1
EQUITY = SHARED["account", "equity"]
HOLDS = ("held.position", "intents.entry_lots")
Now = dict[str, Value]
SUMS = tuple(f"account.{name}" for name in ("unrealised", "notional", "taken", "open"))


class TrialGround(Ground):
    """Where the fields of a moment lie, of the symbol at hand where they are one's."""

    def __init__(self, writer: Writer, step: TrialStep, rows: Rows) -> None:
        super().__init__(writer, step.columns, (), None, Alike(()))
        self.rows = rows
        self.slots = {f"{record}.{name}": n for (record, name), n in SHARED.items()}
        self.own = {f"{record}.{name}": n for (record, name), n in OWN.items()}
        self.memory = {*self.slots, *self.own}
        self.looked_at = step.looked_at
        self.moment = ""  # the moment's calendar; `tape` is the symbol's bar, if one is at hand
        self.held = self.series = ""  # of the symbol: doubles, rows at the bar

    def read(self, field: ir.Field) -> Value:
        """A constant, a row, or a figure of the bar or of the moment."""
        if field.record != "bar":
            return super().read(field)
        if self.tape and field.name in self.looked_at:
            return self.of_bar(field.name)
        return self.scalar(self.moment, WIDTH if field.name == "smallest" else TAPE[field.name])

    def of_bar(self, name: str) -> Value:
        """A figure of the bar of the symbol at hand."""
        return self.scalar(self.tape, self.looked_at.index(name))

    def shared(self, name: str) -> Value:
        """A row of the symbol at hand, at the strategy bar that closed."""
        place = self.writer.at(self.series, self.rows.place(name))
        return self.writer.load(place, name in self.rows.wide, fixed=True)

    def slot(self, key: str) -> str:
        """The address of a field."""
        if key in self.slots:
            return self.writer.row("%d", self.slots[key])
        return self.writer.row(self.held, self.own[key])

    def emit(self, record: ir.Emit, values: Sequence[Value], mask: Value) -> None:
        """Refuse: trials write no records."""
        raise TypeError(f"record {record.kind} was to be written, must be left out of trials")


def print_trials(step: TrialStep, rows: Rows) -> str:
    """Spell the step over the accounts of a group and the parts p0 … p1 − 1."""
    return Moments(step, rows).text()


class Moments:
    """The step's function while it is being spelled."""

    def __init__(self, step: TrialStep, rows: Rows) -> None:
        self.step = step
        self.groups = Groups("trials", ARGUMENTS, LOCALS)
        self.writer = self.groups.writer
        self.ground = TrialGround(self.writer, step, rows)
        narrow = {("row", name) for name in rows.narrow}
        self.same = {*same_constants(step.columns, Alike(())), *narrow}

    def text(self) -> str:
        writer = self.writer
        writer.effect("%c = getelementptr inbounds double, ptr %consts, i64 0")
        writer.effect("%d = getelementptr inbounds double, ptr %desk, i64 0")
        above = writer.fresh("shl i64 1, %symbols")
        every = writer.fresh(f"sub i64 {above}, 1")
        writer.effect(f"store i64 {every}, ptr %busy, align 8")
        if self.step.rests:
            self.over(every, self.look)
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
            writer.effect(f"%tnow = phi i64 [ {first}, %{before} ], [ %tnext, %gone ]")
            writer.branch(writer.fresh(f"icmp slt i64 %tnow, {last}"), "moment", "past")
            writer.begin("moment")
            with writer.inside():
                self.moment()
                writer.jump("gone")
            writer.begin("gone")
            writer.effect("%tnext = add i64 %tnow, 1")
            writer.jump("moments")
            writer.begin("past")
            equity = writer.load(writer.row("%d", EQUITY), True)
            writer.store(writer.address("%told", "%p", LANES), equity)
            writer.effect("%pnext = add i64 %p, 1")
            writer.jump("rounds")
        writer.begin("through")
        return self.groups.text() + BITS + TAIL

    def moment(self) -> None:
        """All phases of a moment, in their order."""
        writer, step = self.writer, self.step
        self.ground.moment = writer.address("%clock", "%tnow", CLOCK)
        here = writer.fresh(f"load i64, ptr {writer.address('%here', '%tnow')}, align 8")
        closed = writer.fresh(f"load i64, ptr {writer.address('%closed', '%tnow')}, align 8")
        held = writer.fresh("load i64, ptr %busy, align 8")
        live = writer.fresh(f"and i64 {held}, {here}")
        self.each(live, step.funding)
        self.once(step.begin)
        self.each(live, step.opening)
        self.each(live, step.inside)
        self.each(live, step.worth)
        self.marked(held)
        self.each(live, step.follow)
        self.over(closed, self.decided)

    def once(self, statements: Sequence[ir.Stmt], now: Now | None = None) -> Now:
        """What is done once, with what registers hold; gives what they hold then."""
        self.ground.tape = ""
        plan = Plan(statements, self.same)
        spelled = Statements(self.writer, self.ground, plan)
        spelled.now.update(now or {})
        spelled.spell(plan)
        return registers(spelled.now)

    def each(self, bits: str, statements: Sequence[ir.Stmt]) -> None:
        """What is done to every symbol of some that have a bar."""
        if not statements:
            return
        plan = Plan(statements, self.same)

        def body(symbol: str) -> None:
            self.at_bar(symbol)
            Statements(self.writer, self.ground, plan).spell(plan)

        self.over(bits, body)

    def decided(self, symbol: str) -> None:
        """The decision at a symbol's strategy bar."""
        self.at_bar(symbol)
        self.ground.series = self.rows_at(symbol)
        plan = Plan(self.step.decide, self.same)
        Statements(self.writer, self.ground, plan).spell(plan)
        if self.step.rests:
            self.look(symbol)

    def marked(self, held: str) -> None:
        """What symbols are worth together, in registers, and the mark that is made of it."""
        ground, step = self.ground, self.step
        ground.memory -= set(SUMS)
        plan = Plan(step.total, self.same)
        spelled = Statements(self.writer, ground, plan)
        spelled.now.update(self.once(step.clear))

        def body(symbol: str) -> None:
            self.at(symbol)
            spelled.spell(plan)
            if step.rests:
                self.look(symbol)

        self.over(held, body, spelled)
        sums = self.once(step.mark, registers(spelled.now))
        ground.memory |= set(SUMS)
        fields = (ir.leaves(expr, ir.Field) for expr in ir.expressions(step.decide))
        read = {key_of(field) for found in fields for field in found}
        for key in SUMS:
            if key in sums and key in read:
                self.writer.store(ground.slot(key), sums[key])

    # Symbols

    def over(
        self, bits: str, body: Callable[[str], None], spelled: Statements | None = None
    ) -> None:
        """A loop over the symbols whose bits are set; registers of `spelled` go round with it."""
        writer = self.writer
        before, head, inside = writer.block, writer.label("symbols"), writer.label("symbol")
        latch, after = writer.label("next"), writer.label("done")
        left, rest = writer.label("%s"), writer.label("%s")
        writer.jump(head)
        writer.begin(head)
        writer.effect(f"{left} = phi i64 [ {bits}, %{before} ], [ {rest}, %{latch} ]")
        phis = [] if spelled is None else self.carried(spelled)
        held = {} if spelled is None else dict(spelled.now)
        writer.branch(writer.fresh(f"icmp ne i64 {left}, 0"), inside, after)
        writer.begin(inside)
        with writer.inside():
            body(writer.fresh(f"call i64 @llvm.cttz.i64(i64 {left}, i1 true)"))
            writer.jump(latch)
            writer.begin(latch)
            if spelled is not None:
                spelled.carry(phis, before)
                spelled.now = held
        lower = writer.fresh(f"sub i64 {left}, 1")
        writer.effect(f"{rest} = and i64 {left}, {lower}")
        writer.jump(head)
        writer.begin(after)

    def carried(self, spelled: Statements) -> list[tuple[str, Phi]]:
        found = [t for t in ir.targets(self.step.total) if isinstance(t, ir.Field)]
        return spelled.carried(found)

    def at(self, symbol: str) -> None:
        """Have the fields of a symbol at hand."""
        writer = self.writer
        whose = writer.pure(f"mul i64 {symbol}, {STRIDE * LANES}")
        past = writer.pure(f"add i64 {whose}, {FIRST * LANES}")
        self.ground.held = writer.address("%d", past)

    def at_bar(self, symbol: str) -> None:
        """Have the fields of a symbol at hand, and its bar."""
        self.at(symbol)
        writer = self.writer
        cell = writer.pure("mul i64 %tnow, %symbols")
        mine = writer.pure(f"add i64 {cell}, {symbol}")
        self.ground.tape = writer.address("%tape", mine, width(self.step))

    def rows_at(self, symbol: str) -> str:
        """The address of the symbol's rows at the strategy bar that closed."""
        writer = self.writer
        index = writer.whole(self.ground.of_bar("index"))
        bounds = writer.address("%bars", symbol, 2)
        first = writer.pure(f"load i64, ptr {bounds}, align 8")
        past = writer.pure(f"sub i64 {index}, {first}")
        mine = writer.pure(f"mul i64 {symbol}, %length")
        bar = writer.pure(f"add i64 {mine}, {past}")
        return writer.address("%rows", bar, self.ground.rows.stride)

    def look(self, symbol: str) -> None:
        """Set or clear a symbol's busy bit."""
        self.at(symbol)
        writer = self.writer
        held = [writer.load(self.ground.slot(key), True) for key in HOLDS]
        some = writer.any(writer.binary("or", *(writer.binary("!=", v, number(0.0)) for v in held)))
        bit = writer.pure(f"shl i64 1, {symbol}")
        others = writer.pure(f"xor i64 {bit}, -1")
        old = writer.fresh("load i64, ptr %busy, align 8")
        without = writer.fresh(f"and i64 {old}, {others}")
        with_it = writer.fresh(f"or i64 {old}, {bit}")
        new = writer.fresh(f"select i1 {some}, i64 {with_it}, i64 {without}")
        writer.effect(f"store i64 {new}, ptr %busy, align 8")


def width(step: TrialStep) -> int:
    """Doubles of one symbol's bar: whole cache lines."""
    return -(-len(step.looked_at) // LANES) * LANES


def registers(now: Now) -> Now:
    return {key: value for key, value in now.items() if key in SUMS}
