"""Loops over windows, as series of eight instances want them.

Instances that stand side by side walk windows of nearly the same length. As far as the shortest
goes no lane is masked; only what is beyond it is. The counter is an integer, so that a cell's
address costs nothing. Every lane does the same operations in the same order as in any other loop.
"""

from collections.abc import Sequence

from kernels import dtypes, ir
from kernels.printers.lanes_expressions import Ground
from kernels.printers.lanes_plan import Plan, key_of
from kernels.printers.lanes_statements import Statements
from kernels.printers.lanes_values import LANES, Value, Writer, number


class Windows(Statements):
    """Statements whose loops go as far as they can without a mask."""

    def __init__(self, writer: Writer, ground: Ground, plan: Plan) -> None:
        super().__init__(writer, ground, plan)
        self.counters: dict[str, str] = {}  # of the loops around: as a double -> as a whole number

    def repeat(self, loop: ir.Loop) -> None:
        writer = self.writer
        count = self.value(loop.count)
        some = writer.binary("<", count, number(dtypes.EXACT))  # not so for what is no number
        count = writer.unary("floor", writer.select(some, count, number(0.0)))
        targets = list(ir.targets(loop.body))
        self.prepare(loop, targets)
        least = self.least(count) if count.wide else count
        bound = writer.whole(least)
        reached = self.turns(loop, targets, "0", bound, None)
        if count.wide:
            self.turns(loop, targets, reached, "", count)

    def turns(
        self,
        loop: ir.Loop,
        targets: Sequence[ir.Target],
        first: str,
        bound: str,
        count: Value | None,
    ) -> str:
        """Rounds from the counter `first`: up to `bound`, or while any lane's `count` is above it.

        Gives the counter after the last.
        """
        writer = self.writer
        before, head = writer.block, writer.label("head")
        body, after = writer.label("body"), writer.label("on")
        at, following = writer.label("%i"), writer.label("%i")
        writer.jump(head)
        writer.begin(head)
        line = len(writer.lines)
        writer.lines.append("")
        phis = self.carried(targets)
        with writer.inside():
            here = self.doubled(at)
            if count is None:
                test = writer.fresh(f"icmp slt i64 {at}, {bound}")
            else:
                self.masks.append(writer.binary("<", here, count))
                mask = self.mask_since(0)
                assert mask is not None  # noqa: S101  (one was just put there)
                test = writer.any(mask)
            writer.branch(test, body, after)
            held = dict(self.now)
            writer.begin(body)
            self.now[key_of(loop.var)] = here
            self.counters[here.text] = at
            self.block(loop.body)
            self.carry(phis, before)
            writer.effect(f"{following} = add i64 {at}, 1")
            writer.lines[line] = (
                f"  {at} = phi i64 [ {first}, %{before} ], [ {following}, %{writer.block} ]"
            )
            if count is not None:
                self.leave()
        writer.jump(head)
        writer.begin(after)
        self.now = held
        return at

    def least(self, count: Value) -> Value:
        """The smallest of eight doubles."""
        writer = self.writer
        text, kind = count.text, f"<{LANES} x double>"
        for step in (4, 2, 1):
            order = ", ".join(f"i32 {(n + step) % LANES}" for n in range(LANES))
            other = writer.pure(
                f"shufflevector {kind} {text}, {kind} poison, <{LANES} x i32> <{order}>"
            )
            less = writer.binary("<", Value(text, True, False), Value(other, True, False))
            text = writer.select(less, Value(text, True, False), Value(other, True, False)).text
        return Value(writer.lane(text, "double", 0), False, False)

    def index(self, base: int | ir.Field, index: ir.Expr) -> Value:
        """Where in a ring, inside it whatever the index is."""
        counter = self.now[key_of(index)].text if isinstance(index, ir.Var) else ""
        if counter not in self.counters:
            return super().index(base, index)
        last = self.length(base) - 1
        return self.doubled(
            self.writer.pure(f"call i64 @llvm.smin.i64(i64 {self.counters[counter]}, i64 {last})")
        )

    def doubled(self, whole: str) -> Value:
        """A whole number as a double, of which it is remembered."""
        text = self.writer.pure(f"sitofp i64 {whole} to double")
        known = f"fptosi double {text} to i64"
        if known not in self.writer.known:
            self.writer.known[known] = whole
            self.writer.learnt.append(known)
        return Value(text, False, False)
