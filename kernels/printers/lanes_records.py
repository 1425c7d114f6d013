"""How lanes write records: one row for every lane of a mask, in a function of its own.

Records are rare, so eight accounts take turns; the values wait in a vector each meanwhile.
"""

from collections.abc import Sequence

from kernels import dtypes, ir
from kernels.printers.lanes_values import LANES, Value, Writer, number

VALUES = dtypes.RECORD_WIDTH - dtypes.A
ARGUMENTS = ", ptr noalias %out, i64 %room, ptr noalias %counts, ptr noalias readonly %live"
LOCALS = (f"%values = alloca [{VALUES * LANES} x double], align 64",)
FUNCTION = f"""
define internal void @record(i8 %mask, ptr %values, i64 %n, double %kind, double %t,
                             double %close, ptr %out, i64 %room, ptr %counts) noinline {{
entry:
  br label %lanes
lanes:
  %lane = phi i64 [ 0, %entry ], [ %following, %next ]
  %left = phi i8 [ %mask, %entry ], [ %shifted, %next ]
  %odd = trunc i8 %left to i1
  br i1 %odd, label %write, label %next
write:
  %counter = getelementptr inbounds i64, ptr %counts, i64 %lane
  %count = load i64, ptr %counter
  %above = mul i64 %lane, %room
  %row = add i64 %above, %count
  %cell = mul i64 %row, {dtypes.RECORD_WIDTH}
  %place = getelementptr inbounds double, ptr %out, i64 %cell
  store double %kind, ptr %place
  %place1 = getelementptr inbounds double, ptr %place, i64 1
  store double %t, ptr %place1
  %place2 = getelementptr inbounds double, ptr %place, i64 2
  store double %close, ptr %place2
  %place3 = getelementptr inbounds double, ptr %place, i64 3
  %counted = add i64 %count, 1
  store i64 %counted, ptr %counter
  br label %values.loop
values.loop:
  %v = phi i64 [ 0, %write ], [ %v.next, %stored ]
  %given = icmp slt i64 %v, %n
  br i1 %given, label %take, label %stored
take:
  %v.cell = mul i64 %v, {LANES}
  %v.lane = add i64 %v.cell, %lane
  %from = getelementptr inbounds double, ptr %values, i64 %v.lane
  %taken = load double, ptr %from
  br label %stored
stored:
  %value = phi double [ 0.0, %values.loop ], [ %taken, %take ]
  %to = getelementptr inbounds double, ptr %place3, i64 %v
  store double %value, ptr %to
  %v.next = add i64 %v, 1
  %full = icmp eq i64 %v.next, {VALUES}
  br i1 %full, label %next, label %values.loop
next:
  %following = add i64 %lane, 1
  %shifted = lshr i8 %left, 1
  %done = icmp eq i64 %following, {LANES}
  br i1 %done, label %end, label %lanes
end:
  ret void
}}
"""


def prologue(writer: Writer) -> None:
    """Name the group's part of what records are written to."""
    first = writer.fresh(f"mul i64 %g, {LANES}")
    above = writer.fresh(f"mul i64 {first}, %room")
    cell = writer.fresh(f"mul i64 {above}, {dtypes.RECORD_WIDTH}")
    writer.effect(f"%o = getelementptr inbounds double, ptr %out, i64 {cell}")
    writer.effect(f"%n = getelementptr inbounds i64, ptr %counts, i64 {first}")
    writer.effect("%alive = getelementptr inbounds i8, ptr %live, i64 %g")
    writer.effect("%real = load i8, ptr %alive")


def call(
    writer: Writer,
    record: ir.Emit,
    values: Sequence[Value],
    mask: Value,
    symbol: Value | None = None,
) -> None:
    """Spell one record's writing, for every real lane of the mask."""
    if symbol is not None:
        missing = dtypes.SYMBOL - dtypes.A - len(values)
        values = [*values, *[number(0.0)] * missing, symbol]
    for n, value in enumerate(values):
        writer.store(writer.row("%values", n), value)
    wide = writer.wide(mask)
    bits = writer.pure(f"bitcast {wide.kind} {wide.text} to i{LANES}")
    wanted = writer.pure(f"and i{LANES} {bits}, %real")
    bar = writer.pure("sitofp i64 %tnow to double")
    at_close = 1 if record.at_close else 0
    writer.effect(
        f"call void @record(i8 {wanted}, ptr %values, i64 {len(values)}, double {record.kind}.0,"
        f" double {bar}, double {at_close}.0, ptr %o, i64 %room, ptr %n)"
    )
