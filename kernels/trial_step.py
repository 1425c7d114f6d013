"""The step of trials: that of an account on several symbols, without what nobody asks for.

Three things make it cheap, and none changes a bit:

1.  What no wanted figure follows from is left out (`kernels.lean`).
2.  What the smallest order takes follows from prices alone: it comes with the moment.
3.  A symbol is idle while the account holds nothing of it and no entry waits. What the phases
    would do to it then is looked at, with both put in as 0, and must be nothing but this. What it
    is worth is 0 throughout (a product with one of them, and what was realised of an open
    position), and so it already was: its worth was taken at the bar at which it was last held.
    Adding that to the account's sums changes nothing, since these begin at +0. Where more is found,
    `rests` is False.

Series that few choices of whole parameters decide are computed once for each and shared; which ones
follows from the strategy alone, so one strategy is compiled once whatever sets are tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from kernels import fold, ir, stages
from kernels.constants import constants
from kernels.frontend.flat import Flat, Phase
from kernels.lean import lean
from kernels.slices import Slicer
from kernels.stages import TAPE, Group, Unit
from kernels.sweep.plan import work

COUNTED = ("trades", "wins", "profit", "loss", "ruined")
WANTED = (*(("account", name) for name in ("equity", *COUNTED)), ("held", "side"))
PHASES = ("each", "once", "each", "each", "each", "once", "every", "once", "each", "closed")
IDLE: fold.Known = {("held", "position"): 0.0, ("intents", "entry_lots"): 0.0}
WORTH = frozenset({("held", name) for name in ("unrealised", "notional", "waiting")})
SUMS = frozenset({("account", name) for name in ("unrealised", "notional")})
SMALLEST = ir.Field("bar", "smallest", ir.SERIES)
GIVEN = frozenset({("held", "smallest"), ("account", "smallest")})

# Of a bar's tape: what fills its first cache line, and what only dynamic slippage asks for.
FIRST_LINE = tuple(TAPE)[:8]
SELDOM = ("turnover", "range")

MOST_CHOICES = 256  # of its parameters, that a shared series may have
REPEATED = 1.5  # times its own work beside the account, what a shared series may cost

Statements = tuple[ir.Stmt, ...]


@dataclass(frozen=True)
class TrialStep:
    """What happens at a moment, as `kernels.library.joint` has it, and the series looked at."""

    funding: Statements
    begin: Statements
    opening: Statements
    inside: Statements
    worth: Statements
    clear: Statements
    total: Statements
    mark: Statements
    follow: Statements
    decide: Statements
    rests: bool  # whether idle symbols may be passed over until a strategy bar of theirs closes
    shared: tuple[Unit, ...]
    unit: Unit  # of the account's own series, which read the rows of the shared ones
    columns: tuple[str, ...]  # of the constants
    candles: tuple[str, ...]  # columns of a strategy bar

    @property
    def lists(self) -> tuple[Statements, ...]:
        """All phases, in their order."""
        before = (self.funding, self.begin, self.opening, self.inside, self.worth)
        return (*before, self.clear, self.total, self.mark, self.follow, self.decide)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Columns of a symbol's tape; the calendar is that of the moment."""
        found = {
            field.name
            for statements in self.lists
            for expr in ir.expressions(statements)
            for field in ir.leaves(expr, ir.Field)
            if field.record == "bar"
        }
        return (*FIRST_LINE, *(name for name in SELDOM if name in found))


def trial_step(flat: Flat, known: fold.Known) -> TrialStep:
    """The step of a strategy that was read for several symbols, with what is `known` put in."""
    if tuple(phase.over for phase in flat.phases) != PHASES:
        found = ", ".join(phase.over for phase in flat.phases)
        raise ValueError(f"phases of {flat.name} were {found or 'none'}, must be {PHASES}")
    lists = lean([given_smallest(phase) for phase in flat.phases], known, WANTED)
    funding, begin, opening, inside, worth, clear, total, mark, follow, decide = map(tuple, lists)
    rests = (
        all(not idle(each) for each in (funding, opening, inside, follow))
        and fields(idle(worth)) <= WORTH
        and fields(idle(total)) <= SUMS
    )
    step = stages.step_over(flat, shared_groups(flat), {}, skips=False)
    if step.flying is None:
        raise TypeError(f"{flat.name} has no series of its own, not even whether it is warm")
    return TrialStep(
        *(funding, begin, opening, inside, worth, clear, total, mark, follow, decide),
        rests=rests,
        shared=tuple(unit for unit in step.shared if unit.rows),
        unit=step.flying,
        columns=step.columns,
        candles=step.candles,
    )


def given_smallest(phase: Phase) -> Phase:
    """The phase with what the smallest order takes read from the moment."""
    kept = ir.picked(phase.statements, lambda s: not (isinstance(s, ir.Set) and is_given(s.target)))
    return Phase(phase.over, ir.changed(kept, lambda e: SMALLEST if is_given(e) else None))


def is_given(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Field) and (expr.record, expr.name) in GIVEN


def idle(statements: Sequence[ir.Stmt]) -> list[ir.Stmt]:
    """What is left to do for an idle symbol."""
    return fold.specialise(statements, IDLE)


def fields(statements: Sequence[ir.Stmt]) -> set[tuple[str, str]]:
    """The fields that statements set; a ring by its first."""
    found = set()
    for target in ir.targets(statements):
        place = target.base if isinstance(target, ir.Cell) else target
        if isinstance(place, ir.Field):
            found.add((place.record, place.name))
    return found


def shared_groups(flat: Flat) -> list[Group]:
    """The series to compute once per choice of their parameters, in the order of the file."""
    defaults = {name: np.array([p.default]) for name, p in flat.parameters.items()}
    row = constants(flat, defaults)[0]
    typical = dict(zip(stages.columns(flat), row, strict=False))
    sliced = Slicer(flat).sliced
    chosen: list[Group] = []
    for group in stages.groups(flat):
        wanted = list(group.anchors.values())
        given = [var.name for g in chosen for var in g.anchors.values()]
        once = work(sliced(wanted), flat, typical)
        beside = work(sliced(wanted, given), flat, typical)
        if choices(flat, group) <= MOST_CHOICES and once <= REPEATED * beside:
            chosen.append(group)
    return chosen


def choices(flat: Flat, group: Group) -> float:
    """How many choices of its parameters there are; of a number that is not whole, no end."""
    declared = [flat.parameters[name] for name in group.parameters]
    return prod(p.high - p.low + 1.0 if p.integer else np.inf for p in declared)
