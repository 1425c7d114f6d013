"""The test of a candidate: each code fires where it must and nowhere else, and nothing moves it."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from application.improvement.proving import (
    CHAMPION,
    DECAY,
    DEFLATED,
    FRAGILE,
    LEAST_TRADES,
    LUCK,
    NEVER,
    OVERFITTED,
    SLIPPAGE,
    TRADES,
    Course,
    Ground,
    Judged,
    Subject,
    judge,
    neighbours,
    run,
)
from application.improvement.study import Cut, cut
from application.kernel_rows import limits_row, market_row
from domain.improvement import Policy
from domain.limits import effective
from domain.timeframe import DAY
from kernels.program import compile_strategy
from kernels.sweep.trials import TrialSettings
from tests.improvement_fakes import CHEAP, FADE, FOLLOW, HOUR, LOOK, SWING, swings
from tests.trading_fakes import START

UNIT = 10**8
PROGRAM = compile_strategy(SWING, "swing")


def subject(**parameters: float) -> Subject:
    return Subject(PROGRAM, PROGRAM.resolve(parameters))


def days(mean: float, spread: float, count: int = 60, seed: int = 1) -> np.ndarray[Any, Any]:
    """Daily money whose mean and spread are exactly what they are said to be, nearly."""
    noise = np.random.default_rng(seed).normal(0, 1, count)
    noise = (noise - noise.mean()) / noise.std()
    return np.array(np.rint((mean + spread * noise) * UNIT), np.int64)


def course(**more: Any) -> Course:
    """A good one: some 60 quote a day, before the split and after."""
    fit, test = days(60, 40, seed=2), days(60, 40, seed=3)
    good = Course(fit, test, 200, 100, 70, int(fit.sum()), int(test.sum()))
    return replace(good, **more)


def champion(mean: float = 5.0) -> Course:
    return course(test=days(mean, 40, seed=4))


def judged(
    own: Course, against: Course | None = None, tries: int = 10, chosen_badly: float | None = 0.1
) -> list[str]:
    each = Judged(subject(), own, against or champion(), tries, chosen_badly)
    each.judge_cheaply("s/1")
    return each.failures


def test_candidate_when_all_is_well_then_nothing_is_held_against_it() -> None:
    assert judged(course()) == []


@pytest.mark.parametrize(
    ("own", "codes"),
    [
        ({"trades": LEAST_TRADES}, []),
        ({"trades": LEAST_TRADES - 1}, [TRADES]),
        ({"test": days(29, 40, seed=3)}, [DECAY]),  # of a ratio of 1.5 a day before
        ({"test": days(31, 40, seed=3)}, []),
        ({"fit": days(-60, 40)}, []),  # that it lost before is no decay; what it shows counts
        ({"test": days(-1, 40, seed=3)}, [DECAY, CHAMPION]),
        ({"test": np.zeros(60, np.int64)}, [DECAY, CHAMPION]),
        ({"fit": np.zeros(60, np.int64)}, [DECAY]),
        ({"fit": np.zeros(0, np.int64)}, [DECAY]),
    ],
)
def test_candidate_when_one_thing_is_wrong_then_that_is_said(
    own: dict[str, Any], codes: list[str]
) -> None:
    found = judged(course(**own), champion(0.5))
    assert [code for code in found if code != DEFLATED] == codes


def test_candidate_when_the_champion_is_as_good_then_is_refused() -> None:
    assert judged(course(), course()) == [CHAMPION]
    assert judged(course(), course(test=days(59.9, 40, seed=3))) != [CHAMPION]
    still = Course(np.zeros(60, np.int64), np.zeros(60, np.int64), 0, 0, 0, 0, 0)
    assert judged(course(), still) == []  # one that never moved stands at nothing


def test_candidate_when_it_may_be_luck_then_is_refused() -> None:
    close = course(test=days(58, 40, seed=9))
    assert judged(course(), close) == [LUCK]


def test_candidate_when_very_many_were_tried_then_the_best_of_them_is_not_believed() -> None:
    thin = course(fit=days(5, 40, seed=2), test=days(9, 40, seed=3))
    against = champion(-10)
    few = Judged(subject(), thin, against, 1, 0.1)
    few.judge_cheaply("s/1")
    many = Judged(subject(), thin, against, 100_000, 0.1)
    many.judge_cheaply("s/1")
    assert few.skill is not None
    assert many.skill is not None
    assert many.skill < few.skill
    assert DEFLATED in many.failures
    assert DEFLATED not in few.failures


@pytest.mark.parametrize(
    ("chosen_badly", "codes"), [(0.5, []), (0.5000001, [OVERFITTED]), (None, [OVERFITTED])]
)
def test_candidates_when_the_choice_among_them_is_no_better_than_chance_then_none_is_taken(
    chosen_badly: float | None, codes: list[str]
) -> None:
    assert judged(course(), chosen_badly=chosen_badly) == codes


@pytest.mark.parametrize(("net", "codes"), [(1, []), (0, [SLIPPAGE]), (-1, [SLIPPAGE])])
def test_candidate_when_slippage_eats_it_then_is_refused(net: int, codes: list[str]) -> None:
    each = Judged(subject(), course(), champion(), 10, 0.1)
    each.judge_slipped(course(net=net))
    assert each.failures == codes


@pytest.mark.parametrize(
    ("earning", "count", "codes"),
    [(0, 0, []), (3, 4, []), (2, 4, [FRAGILE]), (6, 8, []), (5, 8, [FRAGILE]), (5, 7, [FRAGILE])],
)
def test_candidate_when_its_neighbours_lose_then_is_refused(
    earning: int, count: int, codes: list[str]
) -> None:
    each = Judged(subject(), course(), champion(), 10, 0.1)
    nets = [1] * earning + [0] * (count - earning)
    each.judge_neighbours([course(net=net) for net in nets])
    assert each.failures == codes
    report = each.verdict().report
    assert (report.neighbours, report.neighbours_lost) == (count, count - earning)


def test_neighbours_when_a_tenth_away_then_one_parameter_each_and_in_range() -> None:
    around = neighbours(subject(lean=FADE, hold=1))
    moves = [
        {
            name: value
            for name, value in each.items()
            if value != subject(lean=FADE).parameters[name]
        }
        for each in around
    ]
    assert [sorted(move) for move in moves] == [
        ["lean"], ["lean"], ["least"], ["least"], ["reach"], ["reach"], ["hold"],
    ]  # fmt: skip
    assert moves[-1] == {"hold": 2.0}  # a whole one moves by one at least, and 0 is out of range
    assert {round(m["lean"], 9) for m in moves[:2]} == {-0.45, -0.55}


def test_neighbours_when_rules_do_not_read_a_parameter_then_it_is_not_moved() -> None:
    idle = "idle = param(1.0, 0.1, 9.0)\nlean = param"
    program = compile_strategy(SWING.replace("lean = param", idle), "swing")
    around = neighbours(Subject(program, program.resolve({})))
    assert {each["idle"] for each in around} == {1.0}
    assert len(around) == len(neighbours(subject()))


def test_neighbours_when_a_value_is_zero_then_lie_a_tenth_of_the_range_away() -> None:
    around = neighbours(subject(lean=0.0))
    assert [each["lean"] for each in around[:2]] == [-0.2, 0.2]


# The whole test, on the planted edge


def ground(threads: int = 1, known: Cut | None = None) -> Ground:
    settings = TrialSettings(
        markets=(market_row(CHEAP),),
        limits=limits_row(effective()),
        leverage=8,
        capital=17_000.0 * UNIT,
        base_ms=HOUR,
    )
    found = known or cut(Policy(), START, START + LOOK * DAY, HOUR)
    return Ground(found, (swings(LOOK),), settings, threads)


CANDIDATES = (
    subject(lean=FADE, least=0.002),
    subject(lean=FOLLOW, least=0.002),
    subject(lean=FADE, least=0.003, hold=2),
    subject(lean=FADE, least=0.05),  # never trades
)


def test_candidates_when_judged_then_the_one_that_fades_has_won() -> None:
    verdicts, won = judge(ground(), subject(), CANDIDATES, 5, "swing/1")
    assert won == 0
    assert [bool(v.failures) for v in verdicts] == [False, True, True, True]
    assert verdicts[3].failures == (TRADES, DECAY, CHAMPION)
    report = verdicts[0].report
    assert report.days == 6
    assert report.slipped_net is not None
    assert 0 < report.slipped_net < report.net
    assert (report.neighbours, report.neighbours_lost, report.tries) == (7, 0, 5)
    assert len({v.digest for v in verdicts}) == 4


def test_candidates_when_judged_again_on_other_threads_or_in_another_order_then_all_the_same() -> (
    None
):
    verdicts, won = judge(ground(), subject(), CANDIDATES, 5, "swing/1")
    assert judge(ground(threads=3), subject(), CANDIDATES, 5, "swing/1") == (verdicts, won)
    for order in ([3, 2, 1, 0], [1, 0, 3, 2]):
        again, at = judge(ground(), subject(), [CANDIDATES[n] for n in order], 5, "swing/1")
        assert again == tuple(verdicts[n] for n in order)
        assert at == order.index(0)


def test_candidates_when_luck_is_told_apart_then_their_order_does_not_matter() -> None:
    champion = subject(lean=FADE, least=0.0047)
    close = [subject(lean=FADE, least=least) for least in (0.00465, 0.0046, 0.00455)]
    verdicts, _ = judge(ground(), champion, close, 5, "swing/1")
    told = [v.report.p_value for v in verdicts if v.report.p_value is not None]
    assert any(Decimal("0.01") < p < Decimal("0.99") for p in told)
    again, _ = judge(ground(), champion, close[::-1], 5, "swing/1")
    assert again == verdicts[::-1]
    other, _ = judge(ground(), champion, close, 5, "swing/2")
    assert [v.report.p_value for v in other] != [v.report.p_value for v in verdicts]


def test_candidates_when_equally_good_then_the_authors_first_has_won() -> None:
    twice = (CANDIDATES[1], CANDIDATES[0], CANDIDATES[0])
    verdicts, won = judge(ground(), subject(), twice, 5, "swing/1")
    assert verdicts[1] == verdicts[2]
    assert won == 1


@pytest.mark.parametrize("hours", [42, 43, 45, 51])
def test_candidates_when_the_price_leaps_twentyfold_then_are_judged(hours: int) -> None:
    """A day that makes more than there is tells nothing, and stops nothing."""
    bars = swings(LOOK)
    for name in ("open", "high", "low", "close"):
        bars[name][-hours:] = np.round(bars[name][-hours:] * 20, 2)
    leapt = replace(ground(), stretch=(bars,))
    subjects = [*CANDIDATES[:3], subject(lean=FOLLOW, least=0.001, hold=4)]
    verdicts, _ = judge(leapt, subject(), subjects, 5, "swing/1")
    champion, *courses = run(leapt, [subject(), *subjects])
    assert not all(course.believable for course in courses)
    for verdict, own in zip(verdicts, courses, strict=True):
        assert verdict.failures or (own.believable and champion.believable)


def test_candidate_when_a_day_of_the_champion_cannot_be_then_luck_is_not_ruled_out() -> None:
    beyond = course(test=np.full(60, 2**43, np.int64))
    assert not beyond.believable
    assert judged(course(), beyond) == [LUCK, DEFLATED]
    assert judged(beyond, champion()) == [DECAY, CHAMPION]


def test_candidates_when_there_is_nothing_to_test_them_on_then_all_fail() -> None:
    nothing = Cut(START, START + 10 * DAY, START + LOOK * DAY, START + LOOK * DAY)
    verdicts, won = judge(ground(known=nothing), subject(), CANDIDATES[:2], 5, "swing/1")
    assert won is None
    assert {v.failures for v in verdicts} == {(TRADES, DECAY, CHAMPION)}
    assert {v.report.days for v in verdicts} == {0}
    assert judge(ground(), subject(), (), 5, "swing/1") == ((), None)
    assert NEVER.sharpe is None
