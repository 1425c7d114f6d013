"""Spells statements over eight lanes: what differs between lanes runs under a mask.

A small block is computed for every lane and selected; a larger one stands behind a branch on
whether any lane wants it, which is what makes rare things (fills, entries, exits) cost nothing.
Conditions that are the same for all lanes are real branches.
"""

from collections.abc import Collection, Sequence

from kernels import dtypes, ir
from kernels.printers.lanes_expressions import Expressions
from kernels.printers.lanes_plan import INLINE, RARE_INLINE, Plan, key_of, reads, weight
from kernels.printers.lanes_values import Phi, Value, flag, number, zero


class Statements(Expressions):
    """Spells a function's lists of statements into a writer, one after another."""

    def spell(self, plan: Plan) -> None:
        """Spell a list; its variables are gone after it."""
        self.plan = plan
        self.block(plan.statements)
        self.born.clear()
        self.now = {k: v for k, v in self.now.items() if not k.startswith(("v_", "m_"))}

    def block(self, statements: Sequence[ir.Stmt]) -> None:
        for statement in statements:
            match statement:
                case ir.Set(target=ir.Cell(base=base, index=index), value=value):
                    self.put(base, self.index(base, index), self.value(value))
                case ir.Set(target=ir.Var() | ir.State() | ir.Field() as target, value=value):
                    self.assign(target, self.value(value))
                case ir.If():
                    self.choose(statement)
                case ir.Loop():
                    self.repeat(statement)
                case ir.Emit(values=values):
                    mask = self.mask_since(0) or flag(True)
                    self.ground.emit(statement, [self.value(v) for v in values], mask)

    def assign(self, target: ir.Var | ir.State | ir.Field, value: Value) -> None:
        key = key_of(target)
        if isinstance(target, ir.Var) and key not in self.now:
            self.born[key] = len(self.masks)
        mask = self.mask_since(self.born.get(key, 0))
        if mask is not None:
            old = self.field(target) if isinstance(target, ir.Field) else self.now[key]
            value = self.writer.select(mask, value, old)
        self.hold(target, self.widened(key, value))

    def hold(self, target: ir.Var | ir.State | ir.Field, value: Value) -> None:
        key = key_of(target)
        if self.in_memory(key):
            self.writer.store(self.ground.slot(key), value)
        self.now[key] = value

    def widened(self, key: str, value: Value) -> Value:
        return self.writer.wide(value) if self.is_wide(key) else value

    def choose(self, statement: ir.If) -> None:
        test = self.value(statement.test)
        if not test.wide:
            self.choose_alike(statement, test)
            return
        likely = self.plan.odds.likely(statement.test)
        self.masked(statement.body, test, likely)
        if statement.orelse:
            other = not likely or self.plan.odds.is_open(statement.test)
            self.masked(statement.orelse, self.writer.unary("not", test), other)

    def masked(self, statements: Sequence[ir.Stmt], test: Value, likely: bool) -> None:
        self.masks.append(test)
        limit = RARE_INLINE if self.rare else INLINE
        if weight(statements, self.ground.memory, limit) <= limit:
            self.block(statements)
        else:
            mask = self.mask_since(0)
            assert mask is not None  # noqa: S101  (one was just put there)
            rare, self.rare = self.rare, self.rare or not likely
            self.apart(statements, self.writer.any(mask), likely)
            self.rare = rare
        self.leave()

    def leave(self) -> None:
        """Out of a mask: what was first assigned under it is one with what is around it."""
        self.masks.pop()
        for key, depth in self.born.items():
            if depth > len(self.masks):
                self.born[key] = len(self.masks)

    def apart(self, statements: Sequence[ir.Stmt], test: str, likely: bool | None) -> None:
        """Behind a branch."""
        inside, after = self.writer.label("in"), self.writer.label("on")
        start = self.writer.block
        before = dict(self.now)
        self.writer.branch(test, inside, after, likely)
        self.writer.begin(inside)
        with self.writer.inside():
            self.block(statements)
        end, found = self.writer.block, self.now
        self.writer.jump(after)
        self.writer.begin(after)
        self.merge(statements, (before, start), (found, end), before)

    def choose_alike(self, statement: ir.If, test: Value) -> None:
        """A real branch: all lanes go the same way."""
        if not statement.orelse:
            self.apart(statement.body, test.text, None)
            return
        inside, other = self.writer.label("in"), self.writer.label("or")
        after = self.writer.label("on")
        before = dict(self.now)
        self.writer.branch(test.text, inside, other)
        found = []
        for label, side in zip((inside, other), (statement.body, statement.orelse), strict=True):
            self.now = dict(before)
            self.writer.begin(label)
            with self.writer.inside():
                self.block(side)
            found.append((self.now, self.writer.block))
            self.writer.jump(after)
        self.writer.begin(after)
        self.merge((*statement.body, *statement.orelse), found[0], found[1], before)

    def merge(
        self,
        statements: Sequence[ir.Stmt],
        one: tuple[dict[str, Value], str],
        two: tuple[dict[str, Value], str],
        before: dict[str, Value],
    ) -> None:
        """Where two ways meet: what they left different has a value from either."""
        self.now = dict(before)
        within = reads(statements)
        for key in {**one[0], **two[0]}:
            values = [side[0].get(key) for side in (one, two)]
            if values[0] is not None and values[0] == values[1]:
                self.now[key] = values[0]  # known before, or a literal that both ways set
                continue
            if self.in_memory(key):
                self.now.pop(key, None)
                continue
            local = key.startswith(("v_", "m_")) and within[key] == self.plan.reads[key]
            if local and key not in before:
                continue
            sample = values[0] or values[1]
            assert sample is not None  # noqa: S101  (they differ)
            first, last = (v or zero(sample.wide, sample.truth) for v in values)
            text = self.writer.phi(sample.kind, (first.text, one[1]), (last.text, two[1]))
            self.now[key] = Value(text, sample.wide, sample.truth)

    # Loops

    def carried(self, targets: Collection[ir.Target]) -> list[tuple[str, Phi]]:
        """Begin, in a loop's first block, what its rounds hand on."""
        found = []
        for key in dict.fromkeys(key_of(t) for t in targets if not isinstance(t, ir.Cell)):
            if self.in_memory(key):
                self.now.pop(key, None)
            elif key in self.now:
                phi = self.writer.carried(self.now[key])
                found.append((key, phi))
                self.now[key] = phi.value
        return found

    def carry(self, phis: Sequence[tuple[str, Phi]], before: str) -> None:
        """End a loop's round: what it hands on is what is held here."""
        for key, phi in phis:
            self.writer.carry(phi, before, self.now[key].text, self.writer.block)

    def repeat(self, loop: ir.Loop) -> None:
        count = self.value(loop.count)
        some = self.writer.binary("<", count, number(dtypes.EXACT))  # not so for what is no number
        count = self.writer.unary("floor", self.writer.select(some, count, number(0.0)))
        targets = list(ir.targets(loop.body))
        self.prepare(loop, targets)
        before, head = self.writer.block, self.writer.label("head")
        body, after = self.writer.label("body"), self.writer.label("on")
        self.writer.jump(head)
        self.writer.begin(head)
        at = self.writer.carried(number(0.0))
        phis = self.carried(targets)
        with self.writer.inside():
            more = self.writer.binary("<", at.value, count)
            if more.wide:
                self.masks.append(more)
            mask = self.mask_since(0) if more.wide else None
            self.writer.branch(more.text if mask is None else self.writer.any(mask), body, after)
            held = dict(self.now)
            self.writer.begin(body)
            self.now[key_of(loop.var)] = at.value
            self.block(loop.body)
            step = self.writer.binary("+", at.value, number(1.0))
            self.carry(phis, before)
            self.writer.carry(at, before, step.text, self.writer.block)
            if more.wide:
                self.leave()
        self.writer.jump(head)
        self.writer.begin(after)
        self.now = held

    def prepare(self, loop: ir.Loop, targets: Sequence[ir.Target]) -> None:
        """Give a value to what the loop assigns first and others read after it."""
        within = reads(loop.body)
        for target in (*targets, loop.var):
            key = key_of(target)
            if isinstance(target, ir.Var) and within[key] != self.plan.reads[key]:
                if target == loop.var:
                    raise TypeError(f"{key} is read after the loop that counts it")
                if key not in self.now:
                    self.now[key] = zero(self.is_wide(key), target.type == "bool")
                    self.born[key] = len(self.masks)
