"""Whether a candidate is better than its champion, on bars that its author did not know.

A pure function of sources, parameters and bars, so that replay judges again instead of believing.
What is cheap is asked first, and only of what held is the rest asked: doubled slippage, and
parameters a tenth away. Among those that hold the one with the highest Sharpe ratio in the test
wins (as the search ranks: less where it won fewer trades than the gate asks for), of equals the one
that its author put first. Failing closed: a figure that cannot be computed fails its candidate.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256
from typing import Any

import numpy as np
from msgspec import Struct

from application.improvement.change import shape_of
from application.improvement.ranking import towards_gate
from application.improvement.study import Cut, fit_windows, unseen_windows
from application.ports import Stretch
from domain.money import from_units
from domain.strategy.improvement import TestReport
from kernels.metrics.bootstrap import paired_p
from kernels.metrics.daily_money import MOST_MONEY, annual, sharpe_of
from kernels.metrics.deflated import deflated_sharpe
from kernels.metrics.overfitting import overfitting
from kernels.program import Parameter, Program
from kernels.sweep.trials import Span, TrialSettings, trials
from kernels.told import Told

Array = np.ndarray[Any, Any]

LEAST_TRADES = 30  # closed in the test
KEPT_SHARE = 0.5  # of the Sharpe ratio before the split that must be left in the test
SIGNIFICANCE = 0.05  # of being no better than the champion
SKILL = 0.95  # probability, after all tries
MOST_OVERFITTING = 0.5
NEARBY = 0.1  # how far neighbours are: a share of each parameter's value
LEAST_PROFITABLE = 0.75  # share of the neighbours that must earn money
SLIPPED = 2.0  # times the slippage
PLACES = Decimal("0.00000001")

# Codes, in the order they are judged.
TRADES = "TEST_TRADES"
DECAY = "TEST_DECAY"  # the Sharpe ratio fell below half of what it was before the split
CHAMPION = "TEST_CHAMPION"  # not above the champion's
LUCK = "TEST_LUCK"
DEFLATED = "TEST_DEFLATED"
OVERFITTED = "TEST_OVERFITTED"
SLIPPAGE = "TEST_SLIPPAGE"
FRAGILE = "TEST_FRAGILE"


class Subject(Struct, frozen=True):
    """A version to be tested, or the champion."""

    program: Program
    parameters: Mapping[str, float]  # all of them


class Verdict(Struct, frozen=True):
    """What became of one candidate."""

    failures: tuple[str, ...]
    report: TestReport
    digest: str


class Course(Struct, frozen=True):
    """How one subject did: daily money before the split and in the test."""

    fit: Array  # int64 [days], 1e-8 quote
    test: Array
    fit_trades: int
    trades: int
    wins: int
    fit_net: int
    net: int

    @property
    def days(self) -> Array:
        """Daily money of all windows."""
        return np.concatenate([self.fit, self.test])

    @property
    def believable(self) -> bool:
        """Whether no day made or lost more than there is: a price that leapt tells nothing."""
        return believable(self.days)

    @property
    def sharpe(self) -> float | None:
        """Annualised, in the test."""
        return annually(self.test)

    @property
    def worth(self) -> float:
        """The ratio in the test, less where too few trades were won to pass the gate."""
        return towards_gate(self.sharpe or 0.0, self.wins, self.trades)

    @property
    def fit_sharpe(self) -> float | None:
        """Annualised, before the split."""
        return annually(self.fit)


NEVER = Course(np.zeros(0, np.int64), np.zeros(0, np.int64), 0, 0, 0, 0, 0)


class Ground(Struct, frozen=True):
    """What all subjects of a look are run on."""

    cut: Cut
    stretch: Stretch  # of the cut's whole range
    settings: TrialSettings
    threads: int = 1
    told: tuple[Told, ...] = ()  # of each symbol's regime


def judge(
    ground: Ground, champion: Subject, candidates: Sequence[Subject], tries: int, seed: str
) -> tuple[tuple[Verdict, ...], int | None]:
    """Judge candidates, in their order; also give the place of the one that won, if any held.

    `tries`: parameter sets ever scored for the strategy, those here included; `seed` of resampling,
    the same for all of them, so that no verdict depends on a candidate's place.
    """
    if not candidates:
        return (), None
    courses = run(ground, [champion, *candidates])
    best, others = courses[0], courses[1:]
    told = [course.days for course in courses if course.believable]
    chosen_badly = overfitting(np.array(told)) if told else None
    judged = [
        Judged(subject, course, best, tries, chosen_badly)
        for subject, course in zip(candidates, others, strict=True)
    ]
    for each in judged:
        each.judge_cheaply(seed)
    slip(ground, [each for each in judged if not each.failures])
    for each in judged:
        if not each.failures:
            each.judge_neighbours(unseen(ground, each.subject, neighbours(each.subject)))
    held = [place for place, each in enumerate(judged) if not each.failures]
    won = max(held, key=lambda place: judged[place].course.worth, default=None)
    return tuple(each.verdict() for each in judged), won  # of equals the first


class Judged:
    """A candidate while it is judged."""

    def __init__(
        self,
        subject: Subject,
        course: Course,
        champion: Course,
        tries: int,
        chosen_badly: float | None,
    ) -> None:
        self.subject, self.course, self.champion, self.tries = subject, course, champion, tries
        self.chosen_badly = chosen_badly
        self.failures: list[str] = []
        self.p: float | None = None
        self.skill: float | None = None
        self.slipped: int | None = None
        self.around: Sequence[Course] = ()

    def judge_cheaply(self, seed: str) -> None:
        """Judge by what the candidate's own course tells."""
        own, champion = self.course, self.champion
        sharpe, before = own.sharpe, own.fit_sharpe
        self.hold(own.trades >= LEAST_TRADES, TRADES)
        kept = sharpe is not None and before is not None
        self.hold(kept and (sharpe or 0.0) > max(0.0, KEPT_SHARE * (before or 0.0)), DECAY)
        # A champion that never moved has no ratio: it stands at 0.
        self.hold(sharpe is not None and sharpe > (champion.sharpe or 0.0), CHAMPION)
        if self.failures:
            return
        if own.believable and champion.believable:
            self.p = paired_p(own.test, champion.test, seed)
            self.skill = deflated_sharpe(own.days, max(self.tries, 1))
        self.hold(self.p is not None and self.p < SIGNIFICANCE, LUCK)
        self.hold(self.skill is not None and self.skill >= SKILL, DEFLATED)
        chosen = self.chosen_badly
        self.hold(chosen is not None and chosen <= MOST_OVERFITTING, OVERFITTED)

    def judge_slipped(self, course: Course) -> None:
        """Judge by what is left at twice the slippage."""
        self.slipped = course.net
        self.hold(course.net > 0, SLIPPAGE)

    def judge_neighbours(self, around: Sequence[Course]) -> None:
        """Judge by parameters a tenth away; a strategy without any has no neighbours to fear."""
        self.around = around
        if not around:
            return
        earning = sum(each.net > 0 for each in around)
        self.hold(earning >= LEAST_PROFITABLE * len(around), FRAGILE)

    def hold(self, held: bool, code: str) -> None:
        if not held:
            self.failures.append(code)

    def verdict(self) -> Verdict:
        """Give the verdict with every figure it was made from."""
        own, champion = self.course, self.champion
        nets = sorted(each.net for each in self.around)
        report = TestReport(
            days=len(own.test),
            trades=own.trades,
            wins=own.wins,
            net=from_units(own.net),
            sharpe=rounded(own.sharpe),
            fit_trades=own.fit_trades,
            fit_net=from_units(own.fit_net),
            fit_sharpe=rounded(own.fit_sharpe),
            champion_trades=champion.trades,
            champion_net=from_units(champion.net),
            champion_sharpe=rounded(champion.sharpe),
            slipped_net=None if self.slipped is None else from_units(self.slipped),
            neighbours=len(nets),
            neighbours_lost=sum(net <= 0 for net in nets),
            neighbours_net=from_units(nets[len(nets) // 2]) if nets else None,
            p_value=rounded(self.p),
            deflated=rounded(self.skill),
            tries=self.tries,
            overfitting=rounded(self.chosen_badly),
        )
        money = np.concatenate([own.fit, own.test]).astype("<i8").tobytes()
        digest = sha256(money).hexdigest()
        return Verdict(tuple(self.failures), report, digest)


def run(ground: Ground, subjects: Sequence[Subject]) -> list[Course]:
    """Run subjects over all windows, those of one source together."""
    found: dict[int, Course] = {}
    for source in dict.fromkeys(subject.program.source_sha for subject in subjects):
        places = [n for n, s in enumerate(subjects) if s.program.source_sha == source]
        sets = [subjects[n].parameters for n in places]
        courses = run_one(ground, subjects[places[0]], sets)
        found |= dict(zip(places, courses, strict=True))
    return [found[n] for n in range(len(subjects))]


def slip(ground: Ground, held: Sequence[Judged]) -> None:
    for each in held:
        (course,) = unseen(ground, each.subject, [each.subject.parameters], SLIPPED)
        each.judge_slipped(course)


def run_one(ground: Ground, subject: Subject, sets: Sequence[Mapping[str, float]]) -> list[Course]:
    """Run parameter sets of a subject's source over all windows."""
    return over(ground, subject, sets, fit_windows(ground.cut), unseen_windows(ground.cut), 1.0)


def unseen(
    ground: Ground, subject: Subject, sets: Sequence[Mapping[str, float]], slippage: float = 1.0
) -> list[Course]:
    """Run parameter sets of a subject's source over the windows of the test alone."""
    return over(ground, subject, sets, (), unseen_windows(ground.cut), slippage)


def over(
    ground: Ground,
    subject: Subject,
    sets: Sequence[Mapping[str, float]],
    fits: Sequence[Span],
    tests: Sequence[Span],
    slippage: float,
) -> list[Course]:
    if not sets or not tests:
        return [NEVER for _ in sets]
    names = [parameter.name for parameter in subject.program.parameters]
    table = {name: np.array([each[name] for each in sets], np.float64) for name in names}
    told = trials(
        subject.program,
        ground.stretch,
        table,
        ground.settings,
        (*fits, *tests),
        slippage=np.full(len(sets), slippage),
        told=ground.told,
        threads=ground.threads,
    )
    before = len(fits)
    fit, test = told.span < before, told.span >= before
    pnl = told.pnl.astype(np.int64)
    return [
        Course(
            fit=pnl[n, fit],
            test=pnl[n, test],
            fit_trades=int(told.trades[n, :before].sum()),
            trades=int(told.trades[n, before:].sum()),
            wins=int(told.wins[n, before:].sum()),
            fit_net=int(pnl[n, fit].sum()),
            net=int(pnl[n, test].sum()),
        )
        for n in range(len(sets))
    ]


def neighbours(subject: Subject) -> list[dict[str, float]]:
    """Give the parameter sets with one parameter a tenth lower or higher, within its range.

    Only parameters that the rules read: another's neighbours would be the subject once more.
    """
    read = {parameter.name for parameter in shape_of(subject.program).parameters}
    found: list[dict[str, float]] = []
    for parameter in (p for p in subject.program.parameters if p.name in read):
        value = subject.parameters[parameter.name]
        for way in (-1, 1):
            moved = near(parameter, value, way)
            if moved != value:
                found.append({**subject.parameters, parameter.name: moved})
    return found


def near(parameter: Parameter, value: float, way: int) -> float:
    """A tenth lower or higher; where a tenth is nothing, a tenth of the range."""
    step = NEARBY * (abs(value) or parameter.high - parameter.low)
    moved = value + way * step
    if parameter.integer:
        moved = float(np.floor(moved + 0.5))
        if moved == value:
            moved = value + way
    return min(max(moved, parameter.low), parameter.high)


def believable(days: Array) -> bool:
    """Tell whether daily money is such as accounts can make, so that figures are made of it."""
    return bool(np.all((days < MOST_MONEY) & (days > -MOST_MONEY)))


def annually(days: Array) -> float | None:
    ratio = sharpe_of(days) if believable(days) else None
    return None if ratio is None else annual(ratio)


def rounded(value: float | None) -> Decimal | None:
    if value is None:
        return None
    return Decimal(repr(value)).quantize(PLACES, rounding=ROUND_HALF_EVEN)
