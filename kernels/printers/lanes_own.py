"""Spells the series of eight instances on several symbols, beside those that many accounts share.

An account reads an instance of each shared unit: every lane from an address of its own, or all from
one where the unit has a single instance.

Arrays of one group: consts [columns, 8], state [symbols, slots, 8], rows [symbols, length, stride].
Of all: bars [symbols, 2], from which strategy bar and up to which; candles: the address of every
symbol's [m, columns]; of shared unit n, inputs<n> [groups, symbols, bars, stride], of which at<n>
[2, 8] says where each lane's group begins, and where its own figures in it do; each<n> is what a
symbol's take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kernels import ir
from kernels.printers.lanes_frames import (
    TAIL,
    Alike,
    Ground,
    Groups,
    filled,
    load_slots,
    same_constants,
    store_slots,
)
from kernels.printers.lanes_loops import Windows
from kernels.printers.lanes_plan import Plan
from kernels.printers.lanes_statements import Statements
from kernels.printers.lanes_values import LANES, Value, Writer
from kernels.stages import Unit

Name = tuple[str, str]


def arguments(inputs: int) -> str:
    each = (
        f", ptr noalias readonly %inputs{n}, ptr noalias readonly %at{n}, i64 %each{n}"
        for n in range(inputs)
    )
    return (
        "i64 %symbols, ptr noalias readonly %bars, ptr noalias readonly %candles, ptr noalias"
        " readonly %consts, ptr noalias %state, ptr noalias %rows, i64 %length" + "".join(each)
    )


@dataclass(frozen=True)
class Rows:
    """How the rows of a strategy bar lie: first what differs between lanes, then what does not."""

    wide: tuple[str, ...]
    narrow: tuple[str, ...]

    @property
    def stride(self) -> int:
        """Doubles of one bar."""
        return LANES * (len(self.wide) + -(-len(self.narrow) // LANES))

    def place(self, name: str) -> int:
        """Where a row's figure lies, or the first of eight."""
        if name in self.wide:
            return LANES * self.wide.index(name)
        return LANES * len(self.wide) + self.narrow.index(name)


def same_rows(inputs: Sequence[Unit]) -> set[Name]:
    """Rows of units that have a single instance."""
    return {("row", name) for unit in inputs if not unit.parameters for name in unit.rows}


def plan_of(unit: Unit, inputs: Sequence[Unit], columns: Sequence[str]) -> Plan:
    own = {("row", name) for name in unit.rows}
    same = {*same_constants(columns, Alike(())), *same_rows(inputs), *own}
    return Plan((*unit.statements, *filled(unit)), same)


def rows_of(unit: Unit, inputs: Sequence[Unit], columns: Sequence[str]) -> Rows:
    """How the rows of a unit lie that reads those of `inputs`."""
    spread = plan_of(unit, inputs, columns).spread.wide
    wide = tuple(name for name in unit.rows if f"row.{name}" in spread)
    return Rows(wide, tuple(name for name in unit.rows if name not in wide))


class OwnGround(Ground):
    """Where the fields of a strategy bar lie, those of shared units included."""

    def __init__(
        self,
        writer: Writer,
        columns: Sequence[str],
        candles: Sequence[str],
        unit: Unit,
        inputs: Sequence[Unit],
    ) -> None:
        super().__init__(writer, columns, candles, unit, Alike(()))
        self.inputs = inputs
        self.layouts = [rows_of(each, (), columns) for each in inputs]
        self.places: list[tuple[list[str], list[str]]] = []  # of each shared unit, at the bar

    def shared(self, name: str) -> Value:
        """A row of a shared unit."""
        writer = self.writer
        for unit, rows, places in zip(self.inputs, self.layouts, self.places, strict=True):
            if name not in unit.rows:
                continue
            chosen = places[name in rows.wide and bool(unit.parameters)]
            addresses = [writer.at(place, rows.place(name)) for place in chosen]
            if unit.parameters:
                return self.gathered(addresses)
            return writer.load(addresses[0], False, fixed=True)
        raise TypeError(f"row {name!r} is filled by no unit")


def print_own(
    unit: Unit,
    inputs: Sequence[Unit],
    rows: Rows,
    columns: Sequence[str],
    candles: Sequence[str],
) -> str:
    """Spell a unit over the bars of every symbol; `rows` says how its rows are to lie."""
    groups = Groups("own", arguments(len(inputs)))
    writer = groups.writer
    writer.effect("%c = getelementptr inbounds double, ptr %consts, i64 0")
    ground = OwnGround(writer, columns, candles, unit, inputs)
    lanes = [offsets(writer, n, u) for n, u in enumerate(inputs)]
    plan = plan_of(unit, inputs, columns)
    outside = writer.block
    writer.jump("each")
    writer.begin("each")
    writer.effect(f"%symbol = phi i64 [ 0, %{outside} ], [ %following, %over ]")
    writer.branch(writer.fresh("icmp slt i64 %symbol, %symbols"), "series", "through")
    writer.begin("series")
    with writer.inside():
        spelled = Windows(writer, ground, plan)
        start, stop = symbol(writer, unit, rows, inputs)
        load_slots(spelled, unit, plan)
        before = writer.block
        writer.jump("bars.next")
        writer.begin("bars.next")
        writer.effect(f"%j = phi i64 [ {start}, %{before} ], [ %jnext, %barred ]")
        phis = spelled.carried(tuple(ir.targets(unit.statements)))
        held = dict(spelled.now)
        writer.branch(writer.fresh(f"icmp slt i64 %j, {stop}"), "bar", "over")
        writer.begin("bar")
        with writer.inside():
            ground.candle = writer.address("%mine", "%j", len(candles))
            ground.places = [places(writer, ground, n, lanes[n]) for n in range(len(inputs))]
            spelled.spell(plan)
            past = writer.fresh(f"sub i64 %j, {start}")
            put(spelled, rows, writer.address("%r", past, rows.stride))
            writer.jump("barred")
            writer.begin("barred")
            spelled.carry(phis, before)
        writer.effect("%jnext = add i64 %j, 1")
        writer.jump("bars.next")
        writer.begin("over")
        spelled.now = held
        store_slots(spelled, unit)
        writer.effect("%following = add i64 %symbol, 1")
        writer.jump("each")
    writer.begin("through")
    return groups.text() + TAIL


def offsets(writer: Writer, n: int, unit: Unit) -> tuple[list[str], list[str]]:
    """Where each lane's group begins in a shared unit's rows, and where its own figures do."""
    if not unit.parameters:
        return ["0"], []
    cells = [writer.at(f"%at{n}", k) for k in range(2 * LANES)]
    found = [writer.fresh(f"load i64, ptr {cell}, align 8") for cell in cells]
    return found[:LANES], found[LANES:]


def symbol(writer: Writer, unit: Unit, rows: Rows, inputs: Sequence[Unit]) -> tuple[str, str]:
    """Name what is the symbol's: %s state, %r rows, %mine candles, %in<n> of shared units."""
    bounds = writer.address("%bars", "%symbol", 2)
    start = writer.fresh(f"load i64, ptr {bounds}, align 8")
    stop = writer.fresh(f"load i64, ptr {writer.at(bounds, 1)}, align 8")
    slots = writer.fresh(f"mul i64 %symbol, {max(1, len(unit.initial)) * LANES}")
    writer.effect(f"%s = getelementptr inbounds double, ptr %state, i64 {slots}")
    mine = writer.fresh("mul i64 %symbol, %length")
    first = writer.fresh(f"mul i64 {mine}, {rows.stride}")
    writer.effect(f"%r = getelementptr inbounds double, ptr %rows, i64 {first}")
    writer.effect(f"%mine = load ptr, ptr {writer.address('%candles', '%symbol')}, align 8")
    for n in range(len(inputs)):
        past = writer.fresh(f"mul i64 %symbol, %each{n}")
        writer.effect(f"%in{n} = getelementptr inbounds double, ptr %inputs{n}, i64 {past}")
    return start, stop


def places(
    writer: Writer, ground: OwnGround, n: int, lanes: tuple[list[str], list[str]]
) -> tuple[list[str], list[str]]:
    """The addresses of `offsets` at the bar."""
    bar = writer.address(f"%in{n}", "%j", ground.layouts[n].stride)
    groups, own = ([writer.address(bar, offset) for offset in each] for each in lanes)
    return groups, own


def put(spelled: Statements, rows: Rows, place: str) -> None:
    """Write a bar's rows."""
    writer = spelled.writer
    for name in rows.wide:
        writer.store(writer.at(place, rows.place(name)), spelled.now[f"row.{name}"])
    for name in rows.narrow:
        value = spelled.now[f"row.{name}"]
        address = writer.at(place, rows.place(name))
        writer.effect(f"store double {value.text}, ptr {address}, align 8")
