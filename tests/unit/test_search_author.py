"""The offline author: a pure function of its brief that keeps to its budget and finds better."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.improvement.admission import Known, admit
from application.improvement.authoring import Answer, PastVersion, Scores
from application.improvement.ranking import Figures, figures_of, towards_gate
from application.improvement.search.author import SearchAuthor
from application.improvement.search.draws import Draws
from application.improvement.search.look import HEIRS, SETS
from application.improvement.search.mutations import mutants
from kernels.program import Program
from tests.llm_samples import CHAMPION, analysis, brief, past, pattern
from tests.search_bench import DAYS, RuledBench, compiled, near
from tests.unit.test_kernel_hostile import REFUSED

PLAIN = """timeframe("15m")


def entry():
    if close > open:
        return LONG
    return FLAT


def exits():
    return plan(stop=close / 100)
"""
BEST = near(lookback=60, width=3.0)


def answered(bench: RuledBench | None = None, **changes: Any) -> Answer:
    return SearchAuthor().write(brief(**changes), bench or RuledBench(BEST))


def worths(bench: RuledBench, answer: Answer) -> list[float]:
    programs = [compiled(c.text) for c in answer.candidates]
    return [
        bench.worth(p, p.resolve(c.parameters))
        for p, c in zip(programs, answer.candidates, strict=True)
    ]


# What it gives


@pytest.mark.parametrize("candidates", [1, 2, 3, 4, 8])
def test_answer_when_asked_for_candidates_then_has_as_many_within_its_budget(
    candidates: int,
) -> None:
    bench = RuledBench(BEST)
    answer = answered(bench, candidates=candidates)
    assert (answer.author, answer.code, answer.calls) == ("search", "", ())
    assert len(answer.candidates) == candidates
    assert answer.scored == len(bench.sets) == SETS * candidates
    assert len(bench.asked) <= 5
    assert len(set(bench.sources) - {CHAMPION}) == 2
    assert bench.sets[0] == {"lookback": 20.0, "width": 2.0}


def test_candidates_when_written_then_all_would_be_admitted() -> None:
    told = brief(candidates=8)
    bench = RuledBench(BEST)
    answer = SearchAuthor().write(told, bench)
    known = [Known(told.version, compiled(told.text), told.parameters)]
    known += [Known(p.version, compiled(told.text), p.parameters) for p in told.past]
    found = admit(known, answer.candidates, bench.compile, 8)
    assert found.refused == ()
    assert len(found.admitted) == 8
    for each in answer.candidates:
        program = compiled(each.text)
        assert program.resolve(each.parameters) == each.parameters
        assert list(each.parameters) == [p.name for p in program.parameters]


def test_best_candidate_when_the_champion_is_poor_then_is_better_and_the_first() -> None:
    bench = RuledBench(BEST)
    found = worths(bench, answered(bench, candidates=4))
    own = bench.worth(compiled(CHAMPION), {"lookback": 20.0, "width": 2.0})
    assert found[0] == max(found)
    assert found[0] > own + 3
    assert found[:3] == sorted(found[:3], reverse=True)


def test_hypothesis_when_parameters_moved_then_says_from_what_to_what_and_what_it_did() -> None:
    answer = answered(candidates=8)
    moved = next(c for c in answer.candidates if c.text == CHAMPION)
    was = {"lookback": "20", "width": "2"}
    for name, value in moved.parameters.items():
        told = f"{name} from {was[name]} to {value:.10g}"
        assert (told in moved.hypothesis) == (f"{value:.10g}" != was[name])
    assert ": before the split " in moved.hypothesis
    assert " quote in 100 trades, 50% won, ratio " in moved.hypothesis
    assert ", the champion " in moved.hypothesis
    assert moved.hypothesis.endswith(" in the worse half.")


def test_rule_when_it_is_what_helps_then_is_a_candidate_that_names_it() -> None:
    def worth(program: Program, values: Mapping[str, float]) -> float:
        return 9.0 if "volume_least" in values else 1.0

    answer = answered(RuledBench(worth), analysis=analysis(pattern("THIN_VOLUME")))
    assert "volume_least = param(" in answer.candidates[0].text
    assert answer.candidates[0].hypothesis.startswith(
        "Nothing is entered in thin volume, since 12 losses show THIN_VOLUME (volume_floor)"
    )
    assert answer.candidates[0].parameters["lookback"] == 20.0


def test_rule_when_better_than_the_champion_but_not_the_best_then_has_the_last_place() -> None:
    def worth(program: Program, values: Mapping[str, float]) -> float:
        return 2.0 if program.text != CHAMPION else 1.0 if values["width"] == 2.0 else 9.0

    answer = answered(RuledBench(worth), candidates=3, number=1)
    assert [c.text == CHAMPION for c in answer.candidates] == [True, True, False]


def test_losses_when_they_call_for_it_then_the_parameters_they_name_are_moved_first() -> None:
    text = CHAMPION.replace("mid =", "loss = param(0.01, 0.001, 0.1)\nmid =").replace(
        "stop=1.5 * atr(14)", "stop=loss * close"
    )
    bench = RuledBench(BEST)
    told = analysis(pattern("STOP_TOO_TIGHT"))
    answered(bench, text=text, parameters={}, analysis=told, past=())
    plain = {"lookback": 20.0, "width": 2.0}
    assert bench.sets[1:3] == [plain | {"loss": 0.015}, plain | {"loss": 0.0225}]
    assert any("stop_scale = param(" in source for source in bench.sources)


# The same brief, the same answer


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 2**63 - 1),
    st.integers(1, 50),
    st.permutations(("lookback", "width")),
    st.integers(1, 3),
)
def test_answer_when_asked_twice_then_is_the_same_to_the_byte(
    seed: int, number: int, order: Sequence[str], candidates: int
) -> None:
    values = {"lookback": 20.0, "width": 2.0}
    given_order = {name: values[name] for name in order}
    told = {"seed": seed, "number": number, "candidates": candidates}
    one = answered(parameters=values, **told)
    other = answered(parameters=given_order, **told)
    assert msgspec.json.encode(one.candidates) == msgspec.json.encode(other.candidates)
    assert one.scored == other.scored
    for each in one.candidates:
        assert each.parameters["lookback"] == int(each.parameters["lookback"])
        compiled(each.text).resolve(each.parameters)


def test_looks_when_their_numbers_differ_then_try_other_sets_and_rules() -> None:
    benches = [RuledBench(BEST) for _ in range(3)]
    for number, bench in enumerate(benches, 1):
        answered(bench, number=number)
    assert len({tuple(bench.sources) for bench in benches}) == 3
    assert benches[0].sets[1:9] != benches[1].sets[1:9]


def test_seeds_when_they_differ_then_try_other_sets() -> None:
    benches = [RuledBench(BEST) for _ in range(2)]
    for seed, bench in enumerate(benches):
        answered(bench, seed=seed)
    assert benches[0].sets[1:9] != benches[1].sets[1:9]


# What ranks


class HalfBench(RuledBench):
    """Wide bands earn twice as much, all of it in the first half of the days."""

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        found = super().score(program, sets)
        wide = np.array([each["width"] > 2.0 for each in sets])
        found.pnl[wide, : DAYS // 2] += 40 * 10**8
        found.pnl[wide, DAYS // 2 :] -= 10 * 10**8
        return found


def test_set_when_it_earned_in_one_half_alone_then_stands_behind_one_that_earned_in_both() -> None:
    answer = answered(HalfBench(lambda program, values: 5.0), candidates=3)
    assert all(c.parameters["width"] <= 2.0 for c in answer.candidates)


def test_set_when_it_hardly_traded_then_stands_behind_those_that_did() -> None:
    bench = RuledBench(BEST, trades=lambda worth: 29 if worth > -6.0 else 30)
    answer = answered(bench, candidates=2)
    assert any(bench.worth(p, each) > -6.0 for p, sets in bench.asked for each in sets)
    said = [c.hypothesis.partition(", the champion")[0] for c in answer.candidates]
    assert all(" in 30 trades, " in each for each in said)


def test_profit_when_of_few_trades_then_counts_for_less() -> None:
    bench = RuledBench(lambda program, values: values["width"], trades=lambda worth: 30)
    few = figures_of(bench.score(compiled(CHAMPION), [{"width": 3.0}]), 1)[0]
    bench.closed = lambda worth: 300
    many = figures_of(bench.score(compiled(CHAMPION), [{"width": 2.9}]), 1)[0]
    assert few is not None
    assert many is not None
    assert few.worse > many.worse > 0
    assert few.worth < many.worth
    lost = Figures(30, 30, few.net, -1.0, -2.0)
    assert lost.worth == (True, -2.0)  # a loss is none the smaller for being of few trades


def test_sets_when_equally_good_then_those_tried_first_are_first() -> None:
    bench = RuledBench(lambda program, values: 1.0)
    answer = answered(bench, candidates=3, past=())
    assert [c.parameters for c in answer.candidates] == bench.sets[1:4]


def test_look_when_the_one_before_wrote_something_better_then_goes_on_from_it() -> None:
    told = msgspec.structs.replace(past(7), look=2)
    better = msgspec.structs.replace(told, parameters={"width": 3.4, "lookback": 80.0})
    bench = RuledBench(near(width=3.9, lookback=95.0))
    answer = answered(bench, candidates=8, past=(better,))
    assert bench.sets[:2] == [{"lookback": 20.0, "width": 2.0}, better.parameters]
    steps = [each for program, sets in bench.asked[1:2] for each in sets]
    assert any(each["lookback"] == 80.0 or each["width"] == 3.4 for each in steps)
    assert not any(each["lookback"] == 20.0 or each["width"] == 2.0 for each in steps)
    assert better.parameters not in [c.parameters for c in answer.candidates]
    found, began = worths(bench, answer)[0], bench.worth(compiled(CHAMPION), better.parameters)
    assert found > began


def test_look_when_the_one_before_wrote_other_rules_then_begins_at_the_champion() -> None:
    other = msgspec.structs.replace(past(7), same_source=False, look=2)
    bench = RuledBench(BEST)
    answered(bench, candidates=8, past=(other,))
    assert len(bench.asked[0][1]) == 1


def test_look_when_versions_are_older_or_an_operators_then_goes_on_from_the_last_looks_alone() -> (
    None
):
    tried = [
        msgspec.structs.replace(past(n), look=look, parameters={"width": 2.5, "lookback": 30.0 + n})
        for n, look in ((3, 0), (4, 1), (5, 2), (6, 2), (7, 0))
    ]
    bench = RuledBench(BEST)
    answered(bench, candidates=8, past=tuple(tried))
    assert [each["lookback"] for each in bench.asked[0][1]] == [20.0, 35.0, 36.0]


@pytest.mark.parametrize(("wins", "share"), [(100, 1.0), (71, 1.0), (50, 50 / 71), (0, 0.0)])
def test_profit_when_won_less_often_than_the_gate_asks_then_counts_for_less(
    wins: int, share: float
) -> None:
    assert towards_gate(2.0, wins, 100) == pytest.approx(2.0 * share)
    assert towards_gate(-2.0, wins, 100) == -2.0
    assert towards_gate(2.0, 0, 0) == 2.0


# What goes wrong


def test_champion_when_it_never_trades_then_is_looked_for_further_away() -> None:
    def closed(worth: float) -> int:
        return 50 if worth > 2.0 else 0

    bench = RuledBench(near(width=3.4), trades=closed)
    answer = answered(bench, candidates=4, past=())
    assert answer.candidates
    assert all(" in 50 trades, " in c.hypothesis for c in answer.candidates)
    assert "the champion 0.00 quote in 0 trades" in answer.candidates[0].hypothesis


def test_nothing_when_it_trades_then_is_an_answer_with_a_code() -> None:
    bench = RuledBench(BEST, trades=lambda worth: 0)
    answer = answered(bench)
    assert (answer.code, answer.candidates, answer.scored) == ("NOTHING_TRADED", (), 24)
    assert answer.reason == "of 24 sets none but the champion's closed a trade"


class BrokenBench(RuledBench):
    """Gives what it is told to, or raises it, for some sources."""

    def __init__(self, broken: Any, champion: bool, mutations: bool) -> None:
        super().__init__(BEST)
        self.broken, self.champion, self.mutations = broken, champion, mutations

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        found = super().score(program, sets)
        if not (self.champion if program.text == CHAMPION else self.mutations):
            return found
        if isinstance(self.broken, Exception):
            raise self.broken
        return Scores(*self.broken(found))


def no_numbers(scores: Scores) -> tuple[Any, ...]:
    return np.full(scores.pnl.shape, np.nan), scores.trades, scores.wins


FAULTS = {
    "an error": ValueError("no bars\x1b[2J"),
    "another": RuntimeError("x" * 10_000),
    "too few sets": lambda s: (s.pnl[:-1], s.trades, s.wins),
    "too few wins": lambda s: (s.pnl, s.trades, s.wins[:-1]),
    "no days at all": lambda s: (s.pnl[0], s.trades, s.wins),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bench_when_it_fails_for_a_mutation_then_that_one_is_dropped(fault: str) -> None:
    answer = answered(BrokenBench(FAULTS[fault], champion=False, mutations=True))
    assert len(answer.candidates) == 4
    assert {c.text for c in answer.candidates} == {CHAMPION}
    assert len(answer.refused) == 2
    for said in answer.refused:
        assert said.startswith("NOT_SCORED: ")
        assert said.isprintable()
        assert len(said) < 400
    assert answer.scored == 24


@pytest.mark.parametrize("fault", FAULTS)
def test_bench_when_it_fails_for_all_then_the_answer_says_so(fault: str) -> None:
    answer = answered(BrokenBench(FAULTS[fault], champion=True, mutations=True))
    assert (answer.code, answer.candidates, answer.scored) == ("NOT_SCORED", (), 0)
    assert answer.reason.startswith("NOT_SCORED: the champion's rules: ")


def test_scores_when_none_is_a_number_then_the_answer_says_so() -> None:
    answer = answered(BrokenBench(no_numbers, champion=True, mutations=True))
    assert (answer.code, answer.candidates) == ("NO_FIGURES", ())


def test_scores_when_the_champion_has_none_then_others_still_rank() -> None:
    answer = answered(BrokenBench(no_numbers, champion=True, mutations=False))
    assert answer.candidates
    assert all(c.text != CHAMPION for c in answer.candidates)
    assert "the champion" not in answer.candidates[0].hypothesis


def test_champion_when_it_has_one_parameter_then_that_one_is_moved() -> None:
    text = CHAMPION.replace("lookback = param(20, 5, 100)\n", "").replace("lookback", "20")
    answer = answered(RuledBench(near(width=3.0)), text=text, parameters={"width": 2.0})
    assert len(answer.candidates) == 4
    assert answer.scored > 12


def test_champion_when_its_parameters_have_hardly_room_then_there_are_fewer_sets() -> None:
    text = CHAMPION.replace("param(20, 5, 100)", "param(20, 20, 21)").replace(
        "param(2.0, 0.5, 4.0)", "param(2.0, 2.0, 2.0)"
    )
    bench = RuledBench(lambda program, values: values["lookback"])
    answer = answered(bench, text=text, parameters={}, past=())
    assert answer.candidates[0].parameters["lookback"] == 21.0
    assert answer.scored <= 24


def test_champion_when_it_has_no_parameters_then_rules_alone_are_tried() -> None:
    bench = RuledBench(lambda program, values: 1.0 + len(values))
    answer = answered(bench, text=PLAIN, parameters={}, past=())
    assert answer.candidates
    assert all(c.text != PLAIN for c in answer.candidates)
    assert [given for program, given in bench.asked if program.text == PLAIN] == [[{}]]


def test_champion_when_all_rules_were_applied_then_parameters_alone_are_moved() -> None:
    keys = [m.key for m in mutants(CHAMPION, (), (), Draws(0, "all"), 1)]
    lines = "\n".join(f"Changed ({key}): it." for key in keys)
    text = CHAMPION.replace('bands."""', f'bands.\n\n{lines}\n"""')
    bench = RuledBench(BEST)
    answer = answered(bench, text=text)
    assert bench.sources == [text]
    assert len(answer.candidates) == 4


@pytest.mark.parametrize("name", list(REFUSED)[::12])
def test_champion_when_it_does_not_compile_then_the_answer_says_where(name: str) -> None:
    answer = answered(text=REFUSED[name][0])
    assert (answer.code, answer.candidates, answer.scored) == ("CHAMPION_INVALID", (), 0)
    assert answer.reason.startswith("DOES_NOT_COMPILE: ")


@pytest.mark.parametrize(
    "parameters", [{"width": float("nan")}, {"width": 9.0}, {"other": 1.0}, {"lookback": 20.5}]
)
def test_champion_when_its_parameters_are_not_its_own_then_the_answer_says_which(
    parameters: dict[str, float],
) -> None:
    answer = answered(parameters=parameters)
    assert answer.code == "CHAMPION_INVALID"
    assert answer.reason.startswith("PARAMETER: ")


def test_candidates_when_none_is_wanted_then_nothing_is_scored() -> None:
    bench = RuledBench(BEST)
    assert answered(bench, candidates=0).code == "NOTHING_WANTED"
    assert bench.asked == []


# What was tried before


def test_past_when_it_tried_a_set_then_that_set_is_not_scored_again() -> None:
    first = RuledBench(BEST)
    answered(first, past=())
    tried = tuple(
        PastVersion(
            version=f"v{n}",
            parent="v2",
            hypothesis="moved",
            parameters=values,
            same_source=True,
            outcome="DEFLATED",
            look=1,
        )
        for n, (program, sets) in enumerate(first.asked)
        for values in sets[1:]
        if program.text == CHAMPION
    )
    second = RuledBench(BEST)
    answered(second, past=tried)
    again = [each for program, sets in second.asked if program.text == CHAMPION for each in sets]
    assert tried
    once_more = [each for each in again[1:] if each in [p.parameters for p in tried]]
    assert once_more == again[1 : 1 + len(once_more)]  # where it begins, and nothing else
    assert len(once_more) <= HEIRS


def test_past_when_it_tried_rules_then_others_are_tried() -> None:
    first = RuledBench(BEST)
    answer = answered(first, past=(), candidates=8)
    rules = [c.hypothesis for c in answer.candidates if c.text != CHAMPION]
    second = RuledBench(BEST)
    answered(second, past=tuple(past(n, said) for n, said in enumerate(rules)), candidates=8)
    used = {c.text for c in answer.candidates if c.text != CHAMPION}
    assert used
    assert not used & set(second.sources)


def test_past_when_its_parameters_are_not_the_champions_then_is_passed_over() -> None:
    odd = [{"gone": 1.0}, {"width": 99.0}, {"width": float("nan")}, {}]
    told = tuple(
        msgspec.structs.replace(past(n), parameters=values) for n, values in enumerate(odd)
    )
    assert len(answered(past=told).candidates) == 4
