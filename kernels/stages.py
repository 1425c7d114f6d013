"""A strategy in two stages: series, then the step over them.

Series that depend on the same parameters form a unit: over many parameter sets a unit is computed
once per distinct choice of its own parameters and shared, or computed inside the step where hardly
anything is shared. Whichever way a unit is computed, it is the same statements over the same bars,
so the bits are the same. Printers spell units and steps; they never look at a strategy.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kernels import dtypes, fold, ir
from kernels.frontend.flat import WARM, Flat
from kernels.frontend.scope import Value
from kernels.slices import Slicer, keys, parameters_of

# Where the fields of an account stand among its doubles. The first KEPT are its state; what follows
# is only read, and only by steps that emit (elsewhere it is known when the step is printed).
DESK: dict[tuple[str, str], int] = {
    (record, name): slot
    for slot, (record, name) in enumerate(
        (record, name)
        for record, layout in (
            ("account", dtypes.ACCOUNT),
            ("held", dtypes.HELD),
            ("intents", dtypes.PENDING),
            ("market", dtypes.MARKET),
            ("limits", dtypes.LIMITS),
            ("control", dtypes.CONTROL),
        )
        for name in layout.names or ()
    )
}
KEPT = sum(len(layout.names or ()) for layout in (dtypes.ACCOUNT, dtypes.HELD, dtypes.PENDING))
TAPE: dict[str, int] = {name: column for column, name in enumerate(dtypes.TAPE.names or ())}


@dataclass(frozen=True)
class Unit:
    """Series computed together, bar by bar of the strategy.

    State slots are numbered from 0; `initial` holds what they start as. `rows` are what the step
    reads: an expression each, evaluated after the statements (a condition is stored as 1 or 0).
    """

    parameters: frozenset[str]  # all that its figures depend on
    statements: tuple[ir.Stmt, ...]
    initial: tuple[float, ...]
    rings: Mapping[int, int]  # first slot of each ring buffer -> its length
    rows: Mapping[str, Value]


@dataclass(frozen=True)
class Step:
    """What happens to one account: `simulate` at every base bar, `decide` where a bar closed.

    `shared` units are read as rows from memory; the statements of the `flying` one run in the step,
    just before `decide`, once for each strategy bar that closed. `emits`: records are written.
    """

    simulate: tuple[ir.Stmt, ...]
    decide: tuple[ir.Stmt, ...]
    shared: tuple[Unit, ...]
    flying: Unit | None
    columns: tuple[str, ...]  # of an instance's constants: parameters, then what follows from them
    candles: tuple[str, ...]  # columns of a strategy bar
    emits: bool
    skips: bool  # whether an idle account may jump to the tape's next `wake`

    @property
    def slots(self) -> int:
        """Doubles of one account."""
        return len(DESK) if self.emits else KEPT


def whole(flat: Flat) -> Step:
    """One unit of all series, and a step that writes records: a run of one version."""
    rows = {**flat.rows, WARM: warmth(flat.rows.values())}
    unit = unit_of(flat, rows)
    return Step(
        simulate=tuple(flat.simulate.statements),
        decide=tuple(flat.decide.statements),
        shared=(unit,),
        flying=None,
        columns=columns(flat),
        candles=flat.candles,
        emits=True,
        skips=False,
    )


@dataclass(frozen=True)
class Group:
    """Series that depend on the same parameters, and so could be computed once for many accounts.

    `anchors` are the last values that depend on no other parameter: what lies between them and what
    `decide` reads (a band of one's own width, a comparison) is cheap and keeps no state.
    """

    parameters: frozenset[str]
    anchors: Mapping[str, ir.Var]  # row name -> variable


def groups(flat: Flat) -> list[Group]:
    """Split the series by the parameters they depend on, in the order of the file."""
    found: dict[frozenset[str], dict[str, ir.Var]] = {}
    slicer = Slicer(flat)
    for var in anchors(slicer):
        found.setdefault(slicer.dependence(var), {})[f"~{var.name}"] = var
    return [Group(parameters, rows) for parameters, rows in found.items()]


def step_over(flat: Flat, shared: Sequence[Group], known: fold.Known, skips: bool) -> Step:
    """A step for many accounts at once: nothing is written but the accounts themselves.

    The series of `shared` groups are read from memory, all others are computed in the step; `known`
    fields (a market, limits that are off) are put in as numbers.
    """
    given = {var.name: name for g in shared for name, var in g.anchors.items()}
    rows = read_rows(flat)
    anchored = {var for g in shared for var in g.anchors.values()}
    watched = [v for v in flat.rows.values() if ir.type_of(v) == "num"]
    cut = [v for v in watched if v in anchored]
    rest = [v for v in watched if v not in anchored]
    used = row_names(unit_of(flat, {**rows, WARM: warmth(rest)}, given))
    units: list[Unit] = []
    tests: list[Value] = []
    for number, group in enumerate(shared):
        kept: dict[str, Value] = {n: var for n, var in group.anchors.items() if n in used}
        unread = [v for v in cut if v in group.anchors.values() and v not in kept.values()]
        rest += [v for v in cut if v in kept.values()]
        if unread:  # one row for all that is only watched
            name = f"{WARM}{number}"
            kept[name] = warmth(unread)
            tests.append(ir.Binary("!=", ir.Field("row", name, ir.SERIES), ir.Num(0.0)))
        units.append(unit_of(flat, kept))
    rows[WARM] = joined([*tests, *([warmth(rest)] if rest else [])])
    simulate, decide = unwritten(
        fold.specialise(silent(flat.simulate.statements), known),
        fold.specialise(silent(flat.decide.statements), known),
    )
    return Step(
        simulate=tuple(simulate),
        decide=tuple(decide),
        shared=tuple(units),
        flying=unit_of(flat, rows, given),
        columns=columns(flat),
        candles=flat.candles,
        emits=False,
        skips=skips,
    )


def read_rows(flat: Flat) -> dict[str, Value]:
    """The rows that `decide` reads."""
    found = {f.name for e in ir.expressions(flat.decide.statements) for f in fields_of(e, "row")}
    return {name: value for name, value in flat.rows.items() if name in found}


def row_names(unit: Unit) -> set[str]:
    """The rows of other units that a unit reads."""
    used = [*ir.expressions(unit.statements), *unit.rows.values()]
    return {field.name for expr in used for field in fields_of(expr, "row")}


def fields_of(expr: ir.Expr, record: str) -> list[ir.Field]:
    return [field for field in ir.leaves(expr, ir.Field) if field.record == record]


def columns(flat: Flat) -> tuple[str, ...]:
    """Names of an instance's constants, in the order that every backend lays them out."""
    return (*flat.parameters, *flat.series.constants)


def warmth(values: Collection[Value]) -> Value:
    """Whether every number has a figure (is not NaN)."""
    return joined([ir.Binary("==", v, v) for v in values if ir.type_of(v) == "num"])


def joined(tests: Sequence[Value]) -> Value:
    left: list[Value] = list(tests) or [ir.Flag(True)]
    while len(left) > 1:  # in pairs of pairs: a long chain would nest too deep for a printer
        pairs = zip(left[::2], left[1::2], strict=False)
        odd = left[len(left) // 2 * 2 :]
        left = [*(ir.Binary("and", *pair) for pair in pairs), *odd]
    return left[0]


def silent(statements: Sequence[ir.Stmt]) -> list[ir.Stmt]:
    """The same statements without what they record."""
    return ir.picked(statements, lambda statement: not isinstance(statement, ir.Emit))


def unwritten(*lists: list[ir.Stmt]) -> list[list[ir.Stmt]]:
    """The lists without what only records would tell of an account."""
    told = dtypes.TOLD
    while True:
        rest = [fold.live(ir.picked(each, partial(is_kept, told))) for each in lists]
        fields = (ir.leaves(e, ir.Field) for each in rest for e in ir.expressions(each))
        read = {(field.record, field.name) for found in fields for field in found}
        if not told & read:
            return rest
        told -= read


def is_kept(told: Collection[tuple[str, str]], statement: ir.Stmt) -> bool:
    match statement:
        case ir.Set(target=ir.Field(record=record, name=name)):
            return (record, name) not in told
        case _:
            return True


# Anchors


def anchors(slicer: Slicer) -> list[ir.Var]:
    """The variables to cut at, in the order in which they are computed."""
    flat = slicer.flat
    defined = {
        s.target.name: s.value
        for s in flat.series.statements
        if isinstance(s, ir.Set) and isinstance(s.target, ir.Var) and s.target.name.startswith("v_")
    }
    found: dict[str, ir.Var] = {}

    def visit(value: Value) -> None:
        for var in ir.leaves(value, ir.Var):
            inner = defined.get(var.name)
            if inner is None or var.name in found:
                continue
            if keeps_state(inner) or adds_nothing(var, inner):
                found[var.name] = var
            else:
                visit(inner)

    def keeps_state(inner: Value) -> bool:
        kept = any(True for kind in (ir.State, ir.Cell) for _ in ir.leaves(inner, kind))
        return kept or any(var.name not in defined for var in ir.leaves(inner, ir.Var))

    def adds_nothing(var: ir.Var, inner: Value) -> bool:
        own = slicer.dependence(var)
        return any(slicer.dependence(v) == own for v in ir.leaves(inner, ir.Var))

    read = read_rows(flat)
    for name, value in flat.rows.items():
        if name in read or ir.type_of(value) == "num":  # an unread condition decides nothing
            visit(value)
    order = list(defined)
    return sorted(found.values(), key=lambda var: order.index(var.name))


def unit_of(flat: Flat, rows: Mapping[str, Value], given: Mapping[str, str] | None = None) -> Unit:
    """Cut out the series that fill `rows`, with state of their own, numbered from 0.

    `given` variables (name -> row) are read from the rows of other units.
    """
    given = given or {}
    statements = Slicer(flat).sliced(list(rows.values()), given)
    used = [*ir.expressions(statements), *ir.targets(statements), *rows.values()]
    slots: dict[int, int] = {}
    initial: list[float] = []
    rings: dict[int, int] = {}
    lengths = flat.series.rings
    for base in sorted({k[1] for e in used for k in keys(e) if k[0] in ("state", "ring")}):
        assert isinstance(base, int)  # noqa: S101  (of a state or ring, never of a variable)
        slots[base] = len(initial)
        length = lengths.get(base, 1)
        if base in lengths:
            rings[len(initial)] = length
        initial += flat.series.initial[base : base + length]

    def move(expr: ir.Expr) -> ir.Expr | None:
        match expr:
            case ir.State(slot=slot):
                return ir.State(slots[slot])
            case ir.Cell(base=int() as base, index=index):
                return ir.Cell(slots[base], ir.rewritten(index, move))
            case ir.Var(name=name) if name in given:
                row = ir.Field("row", given[name], ir.SERIES)
                return ir.Binary("!=", row, ir.Num(0.0)) if expr.type == "bool" else row
            case _:
                return None

    return Unit(
        parameters=parameters_of(flat, used),
        statements=ir.changed(statements, move),
        initial=tuple(initial),
        rings=rings,
        rows={name: ir.rewritten(value, move) for name, value in rows.items()},
    )
