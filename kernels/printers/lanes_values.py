"""Writes LLVM IR line by line: values, blocks, and what is already computed.

A value is one double (or truth) for all lanes, or eight, one a lane; it is widened only where it
meets eight. An operation that was written before in an enclosing block is not written again, so the
text is small before LLVM ever sees it. No fast-math flag and no fused operation is ever spelled.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

LANES = 8
COMPARE = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
ARITHMETIC = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
INTRINSIC = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor"}


class Value(NamedTuple):
    """A name or literal; `wide`: eight of them, `truth`: conditions, `fixed`: a literal."""

    text: str
    wide: bool
    truth: bool
    fixed: bool = False

    @property
    def kind(self) -> str:
        single = "i1" if self.truth else "double"
        return f"<{LANES} x {single}>" if self.wide else single


def number(value: float) -> Value:
    """A literal double, by its bits."""
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    return Value(f"0x{bits:016X}", False, False, True)


def flag(value: bool) -> Value:
    return Value("true" if value else "false", False, True, True)


class Phi(NamedTuple):
    """A value that a loop carries: where its line is, and what it is before the first round."""

    line: int
    value: Value
    first: str


class Writer:
    """The lines of one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names = 0
        self.block = "entry"
        self.known: dict[str, str] = {}  # operation -> the name that holds it
        self.learnt: list[str] = []

    # Blocks

    def label(self, hint: str) -> str:
        self.names += 1
        return f"{hint}{self.names}"

    def begin(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def jump(self, label: str) -> None:
        self.lines.append(f"  br label %{label}")

    def branch(self, test: str, yes: str, no: str, likely: bool | None = None) -> None:
        weight = {None: "", True: ", !prof !1", False: ", !prof !0"}[likely]
        self.lines.append(f"  br i1 {test}, label %{yes}, label %{no}{weight}")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is computed within is not known after."""
        mark = len(self.learnt)
        yield
        for operation in self.learnt[mark:]:
            del self.known[operation]
        del self.learnt[mark:]

    def phi(self, kind: str, *sides: tuple[str, str]) -> str:
        came = ", ".join(f"[ {value}, %{block} ]" for value, block in sides)
        return self.fresh(f"phi {kind} {came}")

    def carried(self, first: Value) -> Phi:
        """Begin a value that a loop carries; its line is completed by `carry`."""
        name = self.label("%x")
        self.lines.append("")
        return Phi(len(self.lines) - 1, first._replace(text=name, fixed=False), first.text)

    def carry(self, phi: Phi, before: str, last: str, latch: str) -> None:
        value = phi.value
        self.lines[phi.line] = (
            f"  {value.text} = phi {value.kind} [ {phi.first}, %{before} ], [ {last}, %{latch} ]"
        )

    # Operations

    def fresh(self, operation: str) -> str:
        name = self.label("%x")
        self.lines.append(f"  {name} = {operation}")
        return name

    def pure(self, operation: str) -> str:
        """The result of an operation that depends on its operands alone."""
        found = self.known.get(operation)
        if found is None:
            found = self.known[operation] = self.fresh(operation)
            self.learnt.append(operation)
        return found

    def effect(self, line: str) -> None:
        self.lines.append(f"  {line}")

    def wide(self, value: Value) -> Value:
        """The same for every lane."""
        if value.wide:
            return value
        kind = f"<{LANES} x {value.kind}>"
        if value.fixed:
            return Value(f"splat ({value.kind} {value.text})", True, value.truth, True)
        first = self.pure(f"insertelement {kind} poison, {value.kind} {value.text}, i64 0")
        splat = f"shufflevector {kind} {first}, {kind} poison, <{LANES} x i32> zeroinitializer"
        return Value(self.pure(splat), True, value.truth)

    def alike(self, *values: Value) -> list[Value]:
        """All wide, or none."""
        return [self.wide(v) for v in values] if any(v.wide for v in values) else list(values)

    def binary(self, op: str, left: Value, right: Value) -> Value:
        left, right = self.alike(left, right)
        operands = f"{left.kind} {left.text}, {right.text}"
        if op in ARITHMETIC:
            return Value(self.pure(f"{ARITHMETIC[op]} {operands}"), left.wide, False)
        if op in COMPARE:
            return Value(self.pure(f"fcmp {COMPARE[op]} {operands}"), left.wide, True)
        for one, other in ((left, right), (right, left)):
            if one.fixed:
                return other if ("true" in one.text) == (op == "and") else one
        return Value(self.pure(f"{op} {operands}"), left.wide, True)

    def unary(self, op: str, value: Value) -> Value:
        if op == "not":
            ones = self.alike(flag(True), value)[0].text
            text = self.pure(f"xor {value.kind} {value.text}, {ones}")
            return value._replace(text=text, fixed=False)
        if op == "-":
            return value._replace(text=self.pure(f"fneg {value.kind} {value.text}"), fixed=False)
        suffix = f"v{LANES}f64" if value.wide else "f64"
        call = f"call {value.kind} @llvm.{INTRINSIC[op]}.{suffix}({value.kind} {value.text})"
        return value._replace(text=self.pure(call), fixed=False)

    def select(self, test: Value, then: Value, other: Value) -> Value:
        if then == other:
            return then
        if test.wide:
            then, other = self.wide(then), self.wide(other)
        then, other = self.alike(then, other)
        text = f"select {test.kind} {test.text}, {then.kind} {then.text}, {then.kind} {other.text}"
        return Value(self.pure(text), then.wide, then.truth)

    def any(self, mask: Value) -> str:
        """Whether any lane of a mask is set."""
        if not mask.wide:
            return mask.text
        lanes = self.pure(f"bitcast {mask.kind} {mask.text} to i{LANES}")
        return self.pure(f"icmp ne i{LANES} {lanes}, 0")

    # Memory: rows of eight doubles, one a lane

    def address(self, base: str, index: str | int, scale: int = 1) -> str:
        """The address of the double `index` · `scale` on from `base`."""
        if scale != 1:
            index = self.pure(f"mul i64 {index}, {scale}")
        return self.pure(f"getelementptr inbounds double, ptr {base}, i64 {index}")

    def at(self, base: str, offset: int) -> str:
        return self.address(base, offset) if offset else base

    def row(self, base: str, slot: int) -> str:
        return self.at(base, slot * LANES)

    def load(self, address: str, wide: bool, fixed: bool = False, aligned: bool = True) -> Value:
        """Read; `fixed`: nothing ever writes there; `aligned`: eight begin on a cache line."""
        kind = f"<{LANES} x double>" if wide else "double"
        text = f"load {kind}, ptr {address}, align {64 if wide and aligned else 8}"
        return Value(self.pure(text) if fixed else self.fresh(text), wide, False)

    def store(self, address: str, value: Value) -> None:
        value = self.wide(value)
        self.effect(f"store {value.kind} {value.text}, ptr {address}, align 64")

    def each(self, addresses: list[str]) -> Value:
        """Eight doubles, each from an address of its own."""
        kind = f"<{LANES} x double>"
        text = "poison"
        for lane, address in enumerate(addresses):
            cell = self.fresh(f"load double, ptr {address}, align 8")
            text = self.fresh(f"insertelement {kind} {text}, double {cell}, i64 {lane}")
        return Value(text, True, False)

    def whole(self, value: Value) -> str:
        """A double that is a whole number, as i64 (one or eight)."""
        kind = f"<{LANES} x i64>" if value.wide else "i64"
        return self.pure(f"fptosi {value.kind} {value.text} to {kind}")

    def lane(self, vector: str, kind: str, lane: int) -> str:
        return self.pure(f"extractelement <{LANES} x {kind}> {vector}, i64 {lane}")


def zero(wide: bool, truth: bool) -> Value:
    """What stands for a value where nothing reads it."""
    if wide:
        return Value("zeroinitializer", True, truth, True)
    return flag(False) if truth else number(0.0)
