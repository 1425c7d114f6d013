"""What a printer of lanes must know before it writes: what differs between lanes, what is rare.

Whatever is the same in all lanes stays one double, and a condition on it is a real branch. What
differs is computed for eight lanes under a mask. Nothing here decides a result, only its cost.
"""

from collections import Counter
from collections.abc import Collection, Sequence

from kernels import ir

SLOW = {"/": 10, "sqrt": 14}  # times what an addition costs
GATHER = 14  # eight cells, each from a place of its own
APART = 4  # a block behind a branch, as what is around it sees it
KEPT = 9  # to set a field that is kept in memory: read, selected, written
INLINE = 8  # a block of at most this cost is computed for all lanes, wanted or not
RARE_INLINE = 40  # likewise where few bars come: there a branch is seldom foretold


def key_of(target: ir.Expr) -> str:
    """The name under which a variable, a slot of the state or a ring is known."""
    match target:
        case ir.Var(name=name):
            return name
        case ir.State(slot=slot):
            return f"s {slot}"
        case ir.Cell(base=base):
            return f"ring {base}"
        case ir.Field(record=record, name=name):
            return f"{record}.{name}"
    raise TypeError(f"{target!r} cannot be assigned to")


class Spread:
    """Which variables, slots and rings differ between lanes; all else is one for all of them.

    `same`: the fields of constants and rows that do not differ.
    """

    def __init__(self, same: Collection[tuple[str, str]], wide: Collection[str] = ()) -> None:
        self.same = same
        self.wide = set(wide)

    def settle(self, statements: Sequence[ir.Stmt]) -> None:
        """Find all that differs: what is carried from bar to bar may be known only at the end."""
        before = -1
        while len(self.wide) != before:
            before = len(self.wide)
            self.block(statements, False)

    def block(self, statements: Sequence[ir.Stmt], masked: bool) -> None:
        for statement in statements:
            match statement:
                case ir.Set(target=target, value=value):
                    self.assign(target, value, masked)
                case ir.If(test=test, body=body, orelse=orelse):
                    inner = masked or self.differs(test)
                    self.block(body, inner)
                    self.block(orelse, inner)
                case ir.Loop(count=count, body=body):
                    self.block(body, masked or self.differs(count))
                case ir.Emit():
                    continue

    def assign(self, target: ir.Target, value: ir.Expr, masked: bool) -> None:
        once = isinstance(target, ir.Var) and target.name.startswith("v_")
        where = isinstance(target, ir.Cell) and self.differs(target.index)
        if self.differs(value) or where or (masked and not once):
            self.wide.add(key_of(target))

    def differs(self, expr: ir.Expr) -> bool:
        """Whether lanes may see different values."""
        return any(self.is_wide(leaf) for leaf in leaves(expr))

    def is_wide(self, leaf: ir.Expr) -> bool:
        match leaf:
            case ir.Num() | ir.Flag():
                return False
            case ir.Cell(base=ir.Field()):
                return True
            case ir.Var() | ir.State() | ir.Cell():
                return key_of(leaf) in self.wide
            case ir.Field(record="bar" | "candle"):
                return False
            case ir.Field(record="param" | "const" | "row" as record, name=name):
                return (record, name) not in self.same or key_of(leaf) in self.wide
            case _:
                return True


def leaves(expr: ir.Expr) -> list[ir.Expr]:
    match expr:
        case ir.Unary(operand=operand):
            return leaves(operand)
        case ir.Binary(left=left, right=right):
            return [*leaves(left), *leaves(right)]
        case ir.Select(test=test, then=then, other=other):
            return [*leaves(test), *leaves(then), *leaves(other)]
        case ir.Cell(index=index):
            return [expr, *leaves(index)]
        case _:
            return [expr]


def cost(expr: ir.Expr) -> int:
    """What an expression costs, in additions."""
    match expr:
        case ir.Unary(op=op, operand=operand):
            return SLOW.get(op, 1) + cost(operand)
        case ir.Binary(op=op, left=left, right=right):
            return SLOW.get(op, 1) + cost(left) + cost(right)
        case ir.Select(test=test, then=then, other=other):
            return 1 + cost(test) + cost(then) + cost(other)
        case ir.Cell(index=index):
            return GATHER + cost(index)
        case _:
            return 0


def weight(statements: Sequence[ir.Stmt], memory: Collection[str] = (), limit: int = INLINE) -> int:
    """What a block costs where it is computed for all lanes; larger blocks in it stand apart.

    `memory`: fields that are not in registers.
    """
    total = 0
    for statement in statements:
        match statement:
            case ir.Set(target=target, value=value):
                total += cost(value) + price(target, memory)
            case ir.If(test=test, body=body, orelse=orelse):
                sides = (weight(side, memory, limit) for side in (body, orelse) if side)
                total += cost(test) + sum(s if s <= limit else APART for s in sides)
            case ir.Loop() | ir.Emit():
                total += limit + 1
    return total


def price(target: ir.Target, memory: Collection[str]) -> int:
    match target:
        case ir.Var(name=name):
            return 0 if name.startswith("v_") else 1
        case ir.Cell():
            return cost(target)
        case _:
            return KEPT if key_of(target) in memory else 1


class Odds:
    """Guesses which tests hold often: that a position is held, that a figure is there."""

    def __init__(self, statements: Sequence[ir.Stmt]) -> None:
        self.stands_for = {
            statement.target.name: statement.value
            for statement in flattened(statements)
            if isinstance(statement, ir.Set)
            and isinstance(statement.target, ir.Var)
            and statement.target.type == "bool"
            and statement.target.name.startswith("v_")
        }

    def likely(self, test: ir.Expr) -> bool:
        """Whether a test is expected to hold at most bars, for some lane."""
        match test:
            case ir.Var(name=name) if name in self.stands_for:
                return self.likely(self.stands_for[name])
            case ir.Unary(op="not", operand=operand):
                return self.is_open(operand) or not self.likely(operand)
            case ir.Binary(op="or", left=left, right=right):
                return self.likely(left) or self.likely(right)
            case ir.Binary(op="and", left=left, right=right):
                return self.likely(left) and self.likely(right)
            case ir.Binary(op="==" | "!=", left=left, right=right):
                return left == right or self.is_open(test)
            case _:
                return False

    def is_open(self, test: ir.Expr) -> bool:
        """Whether a test asks if a position is held."""
        match test:
            case ir.Var(name=name) if name in self.stands_for:
                return self.is_open(self.stands_for[name])
            case ir.Binary(op="==" | "!=", left=ir.Field(record="held", name="position")):
                return True
            case _:
                return False


def flattened(statements: Sequence[ir.Stmt]) -> list[ir.Stmt]:
    """All statements, those inside others included."""
    found: list[ir.Stmt] = []
    for statement in statements:
        found.append(statement)
        if isinstance(statement, ir.If):
            found += flattened(statement.body) + flattened(statement.orelse)
        elif isinstance(statement, ir.Loop):
            found += flattened(statement.body)
    return found


class Plan:
    """All of it for one list; a name of a variable means something in its own list alone.

    `same`: as for `Spread`; `wide`: what is known to differ before.
    """

    def __init__(
        self,
        statements: Sequence[ir.Stmt],
        same: Collection[tuple[str, str]],
        wide: Collection[str] = (),
    ) -> None:
        self.statements = statements
        self.spread = Spread(same, wide)
        self.spread.settle(statements)
        self.odds = Odds(statements)
        self.reads = reads(statements)

    def often_set(self) -> set[str]:
        """Fields of the account that are assigned at most bars, so best kept in registers."""
        return often_set(self.statements, self.odds, self.spread)


def often_set(statements: Sequence[ir.Stmt], odds: Odds, spread: Spread) -> set[str]:
    found: set[str] = set()
    for statement in statements:
        match statement:
            case ir.Set(target=ir.Field() as field):
                found.add(key_of(field))
            case ir.If(test=test, body=body, orelse=orelse):
                hold, masked = odds.likely(test), spread.differs(test)
                for side, often in ((body, hold), (orelse, not hold or odds.is_open(test))):
                    if often or (masked and weight(side) <= INLINE):
                        found |= often_set(side, odds, spread)
            case ir.Loop(body=body):
                found |= often_set(body, odds, spread)
            case _:
                continue
    return found


def reads(statements: Sequence[ir.Stmt]) -> Counter[str]:
    """How often each variable is read."""
    return Counter(v.name for e in ir.expressions(statements) for v in ir.leaves(e, ir.Var))
