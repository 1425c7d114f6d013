"""The normal form of a stretch of a flat list: what strategies share is compiled once.

numba takes some 5 ms a statement, and most of what a strategy says has been said before: the same
smoothing, the same window, the same judgement of an entry. In normal form names, literals, fields
and places in the state are arguments, and the text is a module named by its content, so that numba
finds its machine code in the cache, whichever strategy asks. The statements stay those of the flat
list, in an order that keeps every dependence, so the bits are the same.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kernels import ir
from kernels.build import module_name
from kernels.printers.scalar_flow import Reading
from kernels.slices import keys

PLAIN = ("0.0", "1.0", "nan")  # literals that stay: they are the same wherever a form is used
ON_DESK = frozenset(("account", "held", "intents", "market", "limits", "control"))


@dataclass
class Pieces:
    """Modules that a text imports, by name, each after those that it imports itself."""

    texts: dict[str, str] = field(default_factory=dict)

    def name(self, text: str) -> str:
        """Name the module of a text, and keep it."""
        found = module_name("piece", text)
        self.texts.setdefault(found, text)
        return found


@dataclass(frozen=True)
class Form:
    """Statements in normal form, and what stands for its names where it is used.

    State slots are variables inside: read before the first statement, written after the last.
    """

    statements: tuple[ir.Stmt, ...]
    inputs: Mapping[str, ir.Expr]  # name inside -> what the caller gives
    outputs: Mapping[str, ir.Var]  # name inside -> the caller's variable
    slots: Mapping[str, str]  # name inside -> its place, counted from a base
    bases: tuple[int, ...]  # first slots of what lies together in the state, b0, b1 …
    on_desk: bool  # whether an account's fields are read or written
    emits: bool

    @property
    def arrays(self) -> list[str]:
        """Arguments that are called the same inside and outside."""
        names = ["s"] if self.bases else []
        names += ["d"] if self.on_desk else []
        return [*names, "t", "out", "k"] if self.emits else names

    @property
    def arguments(self) -> list[str]:
        """All arguments, as they are called inside."""
        return [*self.arrays, *(f"b{n}" for n in range(len(self.bases))), *self.inputs]


def normal(
    statements: Sequence[ir.Stmt],
    rings: Collection[int],
    before: frozenset[str],
    wanted: Callable[[str], bool],
) -> Form:
    """Put statements in normal form.

    `before`: variables that are certainly assigned before them; `wanted` says which are read
    elsewhere; `rings`: first slots of ring buffers.
    """
    reading = Reading()
    certain = reading.block(statements, frozenset())
    inside = {t.name: t for t in ir.targets(statements) if isinstance(t, ir.Var)}
    if loose := [v for name, v in inside.items() if name in reading.exposed.keys() - before]:
        # assigned in one branch, read in another of the same test: nobody outside can give it
        begun = [ir.Set(var, blank(var)) for var in loose]
        return normal([*begun, *statements], rings, before, wanted)
    outside = {name: var for name, var in inside.items() if wanted(name)}
    given = {name: var for name, var in outside.items() if name in certain | before}
    read = reading.exposed | {name: var for name, var in given.items() if name not in certain}
    naming = Naming(statements, rings)
    kept = naming.block(statements)
    inputs = {name: expr for name, expr in naming.values.items() if not is_local(expr, read)}
    return Form(
        statements=kept,
        inputs=inputs,
        outputs={naming.names[name]: var for name, var in given.items()},
        slots=naming.slots,
        bases=tuple(naming.bases),
        on_desk=naming.on_desk,
        emits=naming.emits,
    )


def blank(var: ir.Var) -> ir.Expr:
    return ir.Flag(False) if var.type == "bool" else ir.Num(0.0)


def is_local(expr: ir.Expr, read: Collection[str]) -> bool:
    return isinstance(expr, ir.Var) and expr.name not in read


class Naming:
    """Names everything in the order in which a list speaks of it, whatever kind of thing it is."""

    def __init__(self, statements: Sequence[ir.Stmt], rings: Collection[int]) -> None:
        self.rings = rings
        self.names: dict[str, str] = {}  # of variables, fields and literals, by their text
        self.values: dict[str, ir.Expr] = {}  # what each of these names stands for
        self.slots: dict[str, str] = {}
        self.bases: list[int] = []
        self.on_desk = self.emits = False
        self.lay_out(statements)

    def lay_out(self, statements: Sequence[ir.Stmt]) -> None:
        used = [*ir.expressions(statements), *ir.targets(statements)]
        found = sorted({int(k[1]) for e in used for k in keys(e) if k[0] in ("state", "ring")})
        self.places: dict[int, str] = {}
        previous: int | None = None
        for slot in found:
            if slot in self.rings or previous is None or slot != previous + 1:
                self.bases.append(slot)
            previous = None if slot in self.rings else slot
            self.places[slot] = f"b{len(self.bases) - 1} + {slot - self.bases[-1]}"

    def block(self, statements: Iterable[ir.Stmt]) -> tuple[ir.Stmt, ...]:
        return tuple(self.statement(statement) for statement in statements)

    def statement(self, statement: ir.Stmt) -> ir.Stmt:
        match statement:
            case ir.If(test=test, body=body, orelse=orelse):
                found = ir.rewritten(test, self.change)
                return ir.If(found, self.block(body), self.block(orelse))
            case ir.Loop(var=var, count=count, body=body):
                found = ir.rewritten(count, self.change)
                return ir.Loop(self.variable(var), found, self.block(body))
            case ir.Emit():
                self.emits = True
        return ir.changed([statement], self.change)[0]

    def change(self, expr: ir.Expr) -> ir.Expr | None:
        match expr:
            case ir.Var():
                return self.variable(expr)
            case ir.Field(record=record):
                if record not in ON_DESK:
                    return self.argument(f"{record}.{expr.name}", expr)
                self.on_desk = True
            case ir.Num(value=value) if repr(value) not in PLAIN:
                return self.argument(repr(value), expr)
            case ir.State(slot=slot):
                name = f"s{list(self.places).index(slot)}"
                self.slots[name] = self.places[slot]
                return ir.Var(name, "num", ir.SERIES)
            case ir.Cell(base=int() as base, index=index):
                return ir.Cell(self.bases.index(base), ir.rewritten(index, self.change))
            case ir.Cell():
                self.on_desk = True
        return None

    def variable(self, var: ir.Var) -> ir.Var:
        return ir.Var(self.name(var.name, var), var.type, var.level)

    def argument(self, key: str, expr: ir.Expr) -> ir.Var:
        return ir.Var(self.name(key, expr), "num", ir.level_of(expr))

    def name(self, key: str, expr: ir.Expr) -> str:
        found = self.names.setdefault(key, f"v{len(self.names)}")
        self.values.setdefault(found, expr)
        return found
