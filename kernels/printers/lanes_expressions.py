"""Spells expressions over eight lanes, and what lies in rings.

A lane outside the mask may compute anything, so nothing it computes may fault: indexes are kept
within their ring, and a ring is written for all lanes, each its own old value where it is masked.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from kernels import dtypes, ir
from kernels.printers.lanes_plan import Plan, key_of
from kernels.printers.lanes_values import LANES, Value, Writer, flag, number


class Ground(Protocol):
    """Where a function's fields and rings lie."""

    rings: Mapping[int, int]  # first slot -> length
    memory: set[str]  # fields that are not in registers

    def read(self, field: ir.Field) -> Value:
        """A constant, a row, or a figure of the bar."""

    def slot(self, key: str) -> str:
        """The address of a field that is kept in memory."""

    def ring(self, base: int) -> str:
        """The address of a ring's first cell."""

    def emit(self, record: ir.Emit, values: Sequence[Value], mask: Value) -> None:
        """Write a record for every lane of the mask."""


class Expressions:
    """Spells expressions into a writer, as of one place in a function."""

    def __init__(self, writer: Writer, ground: Ground, plan: Plan) -> None:
        self.writer = writer
        self.ground = ground
        self.rare = False  # whether this place is reached at few bars
        self.plan = plan  # of the list at hand
        self.now: dict[str, Value] = {}  # what every variable, slot and field holds here
        self.masks: list[Value] = []  # tests around this place that differ between lanes
        self.born: dict[str, int] = {}  # under how many of them a variable was first assigned

    def value(self, expr: ir.Expr) -> Value:
        match expr:
            case ir.Num(value=value):
                return number(value)
            case ir.Flag(value=truth):
                return flag(truth)
            case ir.Unary(op=op, operand=operand):
                return self.writer.unary(op, self.value(operand))
            case ir.Binary(op=op, left=left, right=right):
                return self.writer.binary(op, self.value(left), self.value(right))
            case ir.Select(test=test, then=then, other=other):
                return self.writer.select(*(self.value(e) for e in (test, then, other)))
            case ir.Cell(base=base, index=index):
                return self.cell(base, self.index(base, index))
            case ir.Field():
                return self.field(expr)
            case _:
                return self.now[key_of(expr)]

    def field(self, field: ir.Field) -> Value:
        key = key_of(field)
        if key not in self.now:
            if not self.in_memory(key):
                return self.ground.read(field)
            self.now[key] = self.writer.load(self.ground.slot(key), True)
        return self.now[key]

    # Rings

    def ring(self, base: int | ir.Field) -> str:
        """The address of a ring's first cell, in the series state or the account."""
        if isinstance(base, ir.Field):
            return self.ground.slot(key_of(base))
        return self.ground.ring(base)

    def length(self, base: int | ir.Field) -> int:
        return dtypes.RINGS[base.name] if isinstance(base, ir.Field) else self.ground.rings[base]

    def index(self, base: int | ir.Field, index: ir.Expr) -> Value:
        """Where in a ring, inside it whatever the index is."""
        last = number(float(self.length(base) - 1))
        value = self.value(index)
        for op, bound in ((">", number(0.0)), ("<", last)):
            value = self.writer.select(self.writer.binary(op, value, bound), value, bound)
        return value

    def cells(self, base: int | ir.Field, index: Value) -> list[str]:
        """The address of the cell, or of every lane's."""
        writer, ring = self.writer, self.ring(base)
        where = writer.whole(index)
        if not index.wide:
            return [writer.address(ring, where, LANES)]
        places = [writer.address(ring, writer.lane(where, "i64", n), LANES) for n in range(LANES)]
        return [writer.at(place, n) for n, place in enumerate(places)]

    def cell(self, base: int | ir.Field, index: Value) -> Value:
        addresses = self.cells(base, index)
        if index.wide:
            return self.writer.each(addresses)
        wide = isinstance(base, ir.Field) or f"ring {base}" in self.plan.spread.wide
        return self.writer.load(addresses[0], wide)

    def put(self, base: int | ir.Field, index: Value, value: Value) -> None:
        mask = self.mask_since(0)
        if mask is not None:
            value = self.writer.select(mask, value, self.cell(base, index))
        addresses = self.cells(base, index)
        if not index.wide:
            self.writer.store(addresses[0], value)
            return
        wide = self.writer.wide(value)
        for lane, address in enumerate(addresses):
            cell = self.writer.lane(wide.text, "double", lane)
            self.writer.effect(f"store double {cell}, ptr {address}, align 8")

    def mask_since(self, depth: int) -> Value | None:
        """All tests beyond the first `depth`; None: there are none."""
        found: Value | None = None
        for mask in self.masks[depth:]:
            found = mask if found is None else self.writer.binary("and", found, mask)
        return found

    def is_wide(self, key: str) -> bool:
        return key in self.plan.spread.wide or ("." in key and not key.startswith("row."))

    def in_memory(self, key: str) -> bool:
        return key in self.ground.memory
