"""What becomes a candidate: whatever an author writes, a verdict and never an exception."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.admission import Admission, Known, admit, check
from application.improvement.authoring import Candidate
from kernels.errors import ParameterError
from kernels.program import Program, compile_strategy
from tests.unit.test_change import TEXT, edited
from tests.unit.test_kernel_hostile import REFUSED

SECONDS = 3.0  # of the processor, for any one candidate


def compiler(text: str) -> Program:
    return compile_strategy(text, "fade")


CHAMPION = Known("v1", compiler(TEXT), {})


def written(text: Any = TEXT, hypothesis: Any = "Wider bands.", **parameters: Any) -> Candidate:
    return Candidate(text=text, parameters=parameters, hypothesis=hypothesis)


def verdicts(*candidates: Any, known: tuple[Known, ...] = (CHAMPION,), most: int = 4) -> Admission:
    return admit(known, candidates, compiler, most)


def refusal(candidate: Any) -> str:
    (said,) = verdicts(candidate).refused
    assert len(said) < 1_200
    assert said.isprintable()
    said.encode()
    return said


def test_candidate_when_it_differs_then_is_admitted_with_all_its_parameters() -> None:
    (found,) = verdicts(written(width=3.0)).admitted
    assert found.parameters == {"lookback": 20.0, "far": 500.0, "width": 3.0}
    assert list(found.parameters) == ["lookback", "far", "width"]
    assert found.program.text == TEXT


def test_candidates_when_one_is_the_champion_or_another_again_then_is_refused() -> None:
    renamed = edited(("mid", "centre"))
    found = verdicts(
        written(width=2.01), written(width=3.0), written(renamed, width=3.02), written(width=1.5)
    )
    assert [isinstance(v, str) for v in found.verdicts] == [True, False, True, False]
    assert found.refused[0].startswith("NO_CHANGE: against v1, the compiled rules are the same, ")
    assert found.refused[1].startswith("NO_CHANGE: against candidate 2, ")


def test_candidate_when_it_was_tried_before_then_is_refused_by_that_name() -> None:
    tried = Known("v7", compiler(edited(("adx(14)", "adx(20)"))), {"width": 3.0})
    again = written(edited(("adx(14)", "adx(20)")), width=3.01)
    (said,) = verdicts(again, known=(CHAMPION, tried)).refused
    assert said.startswith("NO_CHANGE: against v7, ")
    assert verdicts(again).admitted


def test_candidates_when_there_are_too_many_then_the_rest_is_not_read() -> None:
    many = [written(width=1.0 + n / 10) for n in range(30) if n != 10]
    found = verdicts(*many, most=3)
    assert len(found.admitted) == 3
    assert found.refused == ("TOO_MANY: 26 of 29 were not read",)
    bad = verdicts(*[written("x = 1")] * 100, most=3)
    assert len(bad.verdicts) == 13
    assert bad.refused[-1] == "TOO_MANY: 88 of 100 were not read"


def test_error_when_a_text_is_wrong_then_has_its_line_and_column() -> None:
    said = refusal(written(edited(("sma(close", "sma(closee"))))
    assert said.startswith("DOES_NOT_COMPILE: 8:11 found the unknown name 'closee'; allowed: ")


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_text_when_offered_then_is_refused_at_once(name: str) -> None:
    began = time.process_time()
    assert refusal(written(REFUSED[name][0])).startswith("DOES_NOT_COMPILE: ")
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "text", [None, 5, b"timeframe", "", "\0", "x" * 1_000_000, "é" * 40_000, ["timeframe"]]
)
def test_text_when_it_is_none_then_does_not_compile(text: Any) -> None:
    assert refusal(written(text)).startswith("DOES_NOT_COMPILE: 1:1 ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", float("nan")),
        ("width", float("inf")),
        ("width", float("-inf")),
        ("width", 1e308),
        ("width", 10**400),
        ("width", True),
        ("width", None),
        ("width", "2"),
        ("width", "\x1b[2J" * 100_000),
        ("width", [2.0]),
        ("width", 2j),
        ("width", 4.0000001),
        ("lookback", 20.5),
        ("lookback", -20),
        ("lookbac", 20),
        ("__class__", 1),
        ("x" * 1_000_000, 1),
        ("\ud800\x1b[2J", 1),
        ("", 1),
    ],
    ids=range(19),
)
def test_parameter_when_it_cannot_be_then_is_refused_by_its_name(name: str, value: Any) -> None:
    assert refusal(written(**{name: value})).startswith("PARAMETER: ")


@pytest.mark.parametrize(
    "parameters", [None, [], 5, "width", {5: 1.0}, {None: 1.0}, {f"p{n}": 1.0 for n in range(5000)}]
)
def test_parameters_when_they_are_no_numbers_by_name_then_are_refused(parameters: Any) -> None:
    candidate = Candidate(text=TEXT, parameters=parameters, hypothesis="Why not.")
    assert refusal(candidate).startswith("PARAMETER: ")


@pytest.mark.parametrize(
    "said", ["", " \n", None, 5, "x" * 1_001, "x\x1b[2J", "\ud800", "a\0b"], ids=range(8)
)
def test_hypothesis_when_nobody_could_read_it_then_is_refused(said: Any) -> None:
    assert refusal(written(hypothesis=said, width=3.0)).startswith("HYPOTHESIS: ")


@pytest.mark.parametrize("other", [None, "text", 5, {"text": TEXT}, object()])
def test_candidate_when_it_is_none_then_is_refused(other: Any) -> None:
    assert refusal(other).startswith("CANDIDATE: ")


@pytest.mark.parametrize("fault", [RecursionError(), MemoryError("\x1b"), TypeError("x" * 10_000)])
def test_compiler_when_it_gives_up_then_the_candidate_is_refused(fault: Exception) -> None:
    def broken(text: str) -> Program:
        raise fault

    said = admit((CHAMPION,), (written(width=3.0),), broken, 4).refused[0]
    assert said.startswith("DOES_NOT_COMPILE: 1:1 the compiler gave up (")
    assert len(said) < 500
    assert said.isprintable()


def test_champion_when_its_parameters_are_not_its_own_then_the_caller_is_told() -> None:
    with pytest.raises(ParameterError, match="width was 9"):
        verdicts(written(), known=(Known("v1", CHAMPION.program, {"width": 9.0}),))


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=8), st.floats()))
def test_anything_when_offered_then_has_a_verdict(text: str, parameters: dict[str, float]) -> None:
    found = check(text, parameters, compiler)
    assert isinstance(found, str)
    assert found.startswith("DOES_NOT_COMPILE: ")


@given(st.dictionaries(st.sampled_from(("width", "far", "else")), st.floats(0, 1000)))
def test_any_numbers_when_offered_then_are_in_range_or_refused(
    parameters: dict[str, float],
) -> None:
    found = check(TEXT, parameters, lambda text: CHAMPION.program)
    allowed = 1 <= parameters.get("width", 2) <= 4 and "else" not in parameters
    far = parameters.get("far", 500)
    assert isinstance(found, tuple) == (allowed and 100 <= far <= 900 and far == int(far))
