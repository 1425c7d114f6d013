"""Prints lists with stretches of them as calls of pieces: where to cut, and how to spell a piece.

Series are cut along the state that they keep, a smoothing or a window at a time. `decide` is cut
where the strategy's own words begin and end: what speaks of no series and no parameter is the same
for every strategy. What is left calls the pieces in turn and has hardly a branch, and branches are
what numba takes longest over.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

from kernels import ir
from kernels.printers.scalar_flow import after, groups, reads
from kernels.printers.scalar_pieces import Form, Pieces, normal
from kernels.printers.scalar_spelling import HEADER, Place, Speller, function, in_memory
from kernels.stages import Unit

STRATEGY = frozenset(("row", "param", "const", "candle"))  # records that differ by strategy
LEAST_GROUP = 4  # statements of a series piece; a call costs about as much to compile as two
LEAST_RUN = 8
AT_ONCE = 8  # rows, or figures, to a call


class PieceSpeller(Speller):
    """Spells what is inside a piece: state by a base that the caller gives."""

    def __init__(self) -> None:
        super().__init__(in_memory((), ()))

    def leaf(self, expr: ir.Num | ir.Flag | ir.Var | ir.Field | ir.State | ir.Cell) -> str:
        if isinstance(expr, ir.Cell) and isinstance(expr.base, int):
            return f"s[b{expr.base} + int({self.expression(expr.index)})]"
        return super().leaf(expr)


def print_piece(form: Form, record_module: str) -> str:
    """Spell a piece as a module of its own."""
    imports = f"from {record_module} import record\n" if form.emits else ""
    written = {t.name for t in ir.targets(form.statements) if isinstance(t, ir.Var)}
    body = [f"    {name} = s[{place}]" for name, place in form.slots.items()]
    body += PieceSpeller().block(form.statements, 1)
    body += [f"    s[{place}] = {name}" for name, place in form.slots.items() if name in written]
    results = ["k"] * form.emits + list(form.outputs)
    text = function("piece", ", ".join(form.arguments), body, ", ".join(results))
    return HEADER.format(imports=imports) + text


class Cutter(Speller):
    """Spells a list with calls of pieces in it; knows what is assigned where it has got to."""

    def __init__(self, place: Place, pieces: Pieces, record_module: str = "") -> None:
        super().__init__(place)
        self.pieces = pieces
        self.record_module = record_module
        self.rings: Collection[int] = ()
        self.assigned: frozenset[str] = frozenset()
        self.total: Counter[str] = Counter()  # reads of each variable in the whole list
        self.called: dict[str, None] = {}

    def over(self, statements: Sequence[ir.Stmt], also: Sequence[ir.Expr] = ()) -> None:
        """Begin a list; `also` reads its variables too."""
        self.total = reads([*ir.expressions(statements), *also])
        self.assigned = frozenset()

    def named(self, text: str) -> str:
        name = self.pieces.name(text)
        self.called[name] = None
        return name

    def imports(self) -> str:
        """Spell the imports of the pieces that were called."""
        return "".join(f"from {name} import piece as {name}\n" for name in self.called)

    def form(self, run: Sequence[ir.Stmt]) -> Form:
        inside = reads(ir.expressions(run))
        return normal(run, self.rings, self.assigned, lambda n: self.total[n] > inside[n])

    def call(self, run: Sequence[ir.Stmt], indent: int) -> list[str]:
        form = self.form(run)
        name = self.named(print_piece(form, self.record_module))
        given = [*form.arrays, *map(str, form.bases)]
        given += [self.expression(e) for e in form.inputs.values()]
        results = ["k"] * form.emits + [var.name for var in form.outputs.values()]
        self.assigned = after(run, self.assigned)
        results_spelled = f"{', '.join(results)} = " if results else ""
        return [f"{'    ' * indent}{results_spelled}{name}({', '.join(given)})"]

    def block(self, statements: Sequence[ir.Stmt], indent: int) -> list[str]:
        lines: list[str] = []
        for statement in statements:
            lines += self.single(statement, indent)
        return lines

    def single(self, statement: ir.Stmt, indent: int) -> list[str]:
        before = self.assigned
        match statement:
            case ir.If(test=test, body=body, orelse=orelse):
                pad = "    " * indent
                lines = [f"{pad}if {self.expression(test)}:"]
                lines += self.block(body, indent + 1) or [f"{pad}    pass"]
                then, self.assigned = self.assigned, before
                if orelse:
                    lines += [f"{pad}else:", *self.block(orelse, indent + 1)]
                self.assigned &= then
            case ir.Loop(var=var):
                self.assigned |= {var.name}
                lines = super().block([statement], indent)
                self.assigned = before
            case _:
                lines = super().block([statement], indent)
                self.assigned = after([statement], before)
        return lines


class DecisionCutter(Cutter):
    """Cuts out what is the same for every strategy."""

    def whole(self, statements: Sequence[ir.Stmt], indent: int) -> list[str]:
        """Spell a list."""
        self.over(statements)
        return self.block(statements, indent)

    def block(self, statements: Sequence[ir.Stmt], indent: int) -> list[str]:
        lines: list[str] = []
        for shared, found in groupby(statements, is_shared):
            run = list(found)
            if shared and ir.size(run) >= LEAST_RUN:
                lines += self.call(run, indent)
            else:
                lines += super().block(run, indent)
        return lines


def is_shared(statement: ir.Stmt) -> bool:
    return all(
        field.record not in STRATEGY
        for expr in ir.expressions([statement])
        for field in ir.leaves(expr, ir.Field)
    )


class SeriesCutter(Cutter):
    """Cuts series along the state that they keep."""

    def unit(self, unit: Unit, indent: int) -> list[str]:
        """Spell what a unit does at a bar."""
        rows = list(unit.rows.values())
        self.rings = unit.rings
        tests = conditions(unit.statements)
        found = groups(unit.statements)
        found = [
            with_tests(group, tests, n) if worth_a_call(group) else group
            for n, group in enumerate(found)
        ]
        flat = [s for group in found for s in group]
        self.over(flat, rows)
        lines: list[str] = []
        for group in found:
            if worth_a_call(group):
                lines += self.call(group, indent)
            elif not all(name_of(s) in tests and not self.total[name_of(s)] for s in group):
                lines += self.block(group, indent)
        return lines + self.stores(rows, indent)

    def stores(self, rows: Sequence[ir.Expr], indent: int) -> list[str]:
        """Spell how the rows are filled, several with one call."""
        pad = "    " * indent
        lines: list[str] = []
        for first in range(0, len(rows), AT_ONCE):
            spelled = [self.stored(value) for value in rows[first : first + AT_ONCE]]
            name = self.named(print_store(len(spelled)))
            lines.append(f"{pad}{name}(rows, u, j, {first}, {', '.join(spelled)})")
        return lines

    def expression(self, expr: ir.Expr) -> str:
        """Spell an expression; several figures are looked at with one call."""
        tests = conjuncts(expr)
        looked = [t.left for t in tests if isinstance(t, ir.Binary) and is_figure(t)]
        if len(looked) < AT_ONCE:
            return super().expression(expr)
        parts = [self.expression(t) for t in tests if not is_figure(t)]
        for first in range(0, len(looked), AT_ONCE):
            values = [self.expression(v) for v in looked[first : first + AT_ONCE]]
            name = self.named(print_figures(len(values)))
            parts.append(f"{name}({', '.join(values)})")
        return f"({' & '.join(parts)})"


def worth_a_call(group: Sequence[ir.Stmt]) -> bool:
    """Whether a call is cheaper to compile: it has no branches, which cost most."""
    branches = any(isinstance(s, ir.If | ir.Loop) for s in group)
    chosen = any(True for e in ir.expressions(group) for _ in ir.leaves(e, ir.Select))
    return branches or chosen or ir.size(group) >= LEAST_GROUP


def conjuncts(expr: ir.Expr) -> list[ir.Expr]:
    match expr:
        case ir.Binary(op="and", left=left, right=right):
            return [*conjuncts(left), *conjuncts(right)]
    return [expr]


def is_figure(test: ir.Expr) -> bool:
    match test:
        case ir.Binary(op="==", left=ir.Var() as left, right=right):
            return left == right
    return False


def print_store(count: int) -> str:
    """Spell a piece that fills `count` rows of a bar."""
    names = [f"x{n}" for n in range(count)]
    body = [f"    rows[u, first + {n}, j] = {name}" for n, name in enumerate(names)]
    text = function("piece", f"rows, u, j, first, {', '.join(names)}", body)
    return HEADER.format(imports="") + text


def print_figures(count: int) -> str:
    """Spell a piece that says whether none of `count` numbers is NaN."""
    names = [f"x{n}" for n in range(count)]
    result = " & ".join(f"({name} == {name})" for name in names)
    return HEADER.format(imports="") + function("piece", ", ".join(names), [], result)


def conditions(statements: Sequence[ir.Stmt]) -> dict[str, ir.Expr]:
    """Conditions that are pure, by the variable that holds each."""
    return {
        s.target.name: s.value
        for s in statements
        if isinstance(s, ir.Set)
        and isinstance(s.target, ir.Var)
        and s.target.type == "bool"
        and s.target.name.startswith("v_")
        and not any(True for kind in (ir.State, ir.Cell) for _ in ir.leaves(s.value, kind))
    }


def name_of(statement: ir.Stmt) -> str:
    match statement:
        case ir.Set(target=ir.Var(name=name)):
            return name
    return ""


def with_tests(
    group: Sequence[ir.Stmt], tests: Mapping[str, ir.Expr], number: int
) -> list[ir.Stmt]:
    """The group, computing for itself the conditions that need only what it reads anyway.

    Whether a condition was shared with another indicator would else show in its normal form.
    """
    kept = list(group)
    assigned = {t.name for t in ir.targets(group) if isinstance(t, ir.Var)}
    read = [*ir.expressions(group)]
    known = {leaf for e in read for kind in (ir.Var, ir.Field) for leaf in ir.leaves(e, kind)}
    for name in [n for n in reads(read) if n in tests and n not in assigned]:
        parts = [leaf for kind in (ir.Var, ir.Field) for leaf in ir.leaves(tests[name], kind)]
        if known.issuperset(parts):
            own = ir.Var(f"{name}@{number}", "bool", ir.level_of(tests[name]))
            first = next(n for n, s in enumerate(kept) if name in reads(ir.expressions([s])))
            replaced = ir.changed(kept, lambda e: own if is_var(e, name) else None)  # noqa: B023
            kept = [*replaced[:first], ir.Set(own, tests[name]), *replaced[first:]]
    return kept


def is_var(expr: ir.Expr, name: str) -> bool:
    return isinstance(expr, ir.Var) and expr.name == name
