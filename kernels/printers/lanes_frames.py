"""The frame of a function over groups of eight accounts or instances: where everything lies.

Everything of eight lies in groups [group][slot][8], so one slot is one vector. What all lanes share
(the tape, candles, loop counts) stays scalar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kernels import ir
from kernels.printers import lanes_records
from kernels.printers.lanes_plan import Plan
from kernels.printers.lanes_statements import Statements
from kernels.printers.lanes_values import Value, Writer
from kernels.stages import DESK, TAPE, Unit

SLOT = {f"{record}.{name}": slot for (record, name), slot in DESK.items()}
TAIL = """
declare <8 x double> @llvm.sqrt.v8f64(<8 x double>)
declare <8 x double> @llvm.fabs.v8f64(<8 x double>)
declare <8 x double> @llvm.floor.v8f64(<8 x double>)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare double @llvm.sqrt.f64(double)
declare double @llvm.fabs.f64(double)
declare double @llvm.floor.f64(double)

!0 = !{!"branch_weights", i32 1, i32 40}
!1 = !{!"branch_weights", i32 40, i32 1}
"""


MOST_PIECES = 3


@dataclass(frozen=True)
class Reach:
    """How the eight accounts of every group reach their instances of a shared unit.

    By `pieces`: "row": all lanes of a piece read one instance; "run": neighbouring lanes read
    neighbouring instances; "each": every lane has an address of its own.
    """

    kind: Literal["row", "run", "each"]
    pieces: int

    @property
    def alike(self) -> bool:
        """Whether the eight accounts read one instance."""
        return self.kind == "row" and self.pieces == 1


@dataclass(frozen=True)
class Alike:
    """What all lanes of every group have in common, as accounts and bars happen to be.

    `columns`: constants; `reaches`: of the shared units; `prompt`: at no bar do two strategy bars
    close; `awake`: no bar may be skipped.
    """

    columns: tuple[int, ...]
    reaches: tuple[Reach, ...] = ()
    prompt: bool = False
    awake: bool = False


@dataclass(frozen=True)
class Reached:
    """Where a shared unit's rows lie for a group: a place for each piece, and its lanes.

    The first piece has no mask: it is what no other has.
    """

    kind: Literal["row", "run", "each"]
    places: list[str]
    masks: list[Value]


class Ground:
    """Where the fields and rings of a function lie; `rows` are read by `place`."""

    def __init__(
        self,
        writer: Writer,
        columns: Sequence[str],
        candles: Sequence[str],
        unit: Unit | None,
        alike: Alike,
    ) -> None:
        self.writer = writer
        self.columns = columns
        self.candles = candles
        self.rings = unit.rings if unit is not None else {}
        self.alike = alike
        self.memory: set[str] = set()  # fields of the account that are not in registers
        self.candle = self.tape = ""  # addresses of the bar at hand
        self.units: list[tuple[Unit, Reached]] = []  # shared ones, at the bar at hand
        self.run: tuple[Unit, str] | None = None  # where records are written: its rows, the bar

    def read(self, field: ir.Field) -> Value:
        """A constant, a row, or a figure of the bar."""
        match field.record:
            case "param" | "const":
                column = self.columns.index(field.name)
                address = self.writer.row("%c", column)
                return self.writer.load(address, column not in self.alike.columns, fixed=True)
            case "candle":
                return self.scalar(self.candle, self.candles.index(field.name))
            case "bar":
                return self.scalar(self.tape, TAPE[field.name])
        return self.shared(field.name)

    def scalar(self, base: str, column: int) -> Value:
        return self.writer.load(self.writer.at(base, column), False, fixed=True)

    def shared(self, name: str) -> Value:
        """A row of a shared unit at the bar at hand."""
        if self.run is not None and name in self.run[0].rows:
            column = self.writer.address("%rows", "%length", list(self.run[0].rows).index(name))
            return self.writer.load(self.writer.address(column, self.run[1]), False, fixed=True)
        for unit, reached in self.units:
            if name in unit.rows:
                return self.reached(reached, list(unit.rows).index(name))
        raise TypeError(f"row {name!r} is filled by no unit")

    def reached(self, reached: Reached, row: int) -> Value:
        writer = self.writer
        addresses = [writer.row(place, row) for place in reached.places]
        if reached.kind == "each":
            return self.gathered(addresses)
        run = reached.kind == "run"
        pieces = [writer.load(a, run, fixed=True, aligned=False) for a in addresses]
        found = pieces[0]
        for mask, piece in zip(reached.masks, pieces[1:], strict=True):
            found = writer.select(mask, piece, found)
        return found

    def gathered(self, addresses: list[str]) -> Value:
        known = f"each {addresses[0]}"
        found = self.writer.known.get(known)
        if found is None:
            found = self.writer.known[known] = self.writer.each(addresses).text
            self.writer.learnt.append(known)
        return Value(found, True, False)

    def slot(self, key: str) -> str:
        """The address of a field that is kept in memory."""
        return self.writer.row("%d", SLOT[key])

    def ring(self, base: int) -> str:
        """The address of a ring's first cell."""
        return self.writer.row("%s", base)

    def emit(self, record: ir.Emit, values: Sequence[Value], mask: Value) -> None:
        """Write a record for every lane of the mask."""
        lanes_records.call(self.writer, record, values, mask)


class Groups:
    """A function over groups g0 … g1 − 1: what stands before and after what is done to each."""

    def __init__(self, name: str, arguments: str, locals_: Sequence[str] = ()) -> None:
        self.writer = Writer()
        self.head = f"define void @{name}(i64 %g0, i64 %g1, {arguments}) alignstack(64) {{"
        writer = self.writer
        writer.begin("entry")
        for line in locals_:
            writer.effect(line)
        writer.jump("groups")
        writer.begin("groups")
        writer.effect("%g = phi i64 [ %g0, %entry ], [ %gnext, %ended ]")
        writer.branch(writer.fresh("icmp slt i64 %g, %g1"), "group", "done")
        writer.begin("group")

    def pointer(self, name: str, base: str, scale: int | str) -> None:
        """Name the group's part of an array."""
        offset = self.writer.fresh(f"mul i64 %g, {scale}")
        self.writer.effect(f"%{name} = getelementptr inbounds double, ptr %{base}, i64 {offset}")

    def text(self) -> str:
        writer = self.writer
        writer.jump("ended")
        writer.begin("ended")
        writer.effect("%gnext = add i64 %g, 1")
        writer.jump("groups")
        writer.begin("done")
        writer.effect("ret void")
        return "\n".join([self.head, *writer.lines, "}", ""])


def same_constants(columns: Sequence[str], alike: Alike) -> set[tuple[str, str]]:
    return {(record, columns[n]) for n in alike.columns for record in ("param", "const")}


def slots(unit: Unit) -> list[int]:
    """State slots that are no ring's: they live in registers."""
    cells = {n for base, length in unit.rings.items() for n in range(base, base + length)}
    return [n for n in range(len(unit.initial)) if n not in cells]


def load_slots(spelled: Statements, unit: Unit, plan: Plan) -> None:
    for slot in slots(unit):
        wide = f"s {slot}" in plan.spread.wide
        spelled.now[f"s {slot}"] = spelled.writer.load(spelled.writer.row("%s", slot), wide)


def store_slots(spelled: Statements, unit: Unit) -> None:
    for slot in slots(unit):
        spelled.writer.store(spelled.writer.row("%s", slot), spelled.now[f"s {slot}"])


def filled(unit: Unit) -> tuple[ir.Stmt, ...]:
    """The rows of a unit as assignments, to stand after its statements."""
    return tuple(
        ir.Set(ir.Field("row", name, ir.SERIES), as_number(value))
        for name, value in unit.rows.items()
    )


def as_number(value: ir.Expr) -> ir.Expr:
    if ir.type_of(value) == "num":
        return value
    return ir.Select(value, ir.Num(1.0), ir.Num(0.0))
