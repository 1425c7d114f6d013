"""Reading an answer never raises but for AnswerInvalid, and guesses nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.admission import admit
from application.improvement.authoring import Candidate
from application.improvement.model.answers import (
    CANDIDATES,
    AnswerInvalid,
    read_candidates,
    read_object,
)
from tests.llm_samples import BETTER, CHAMPION, SampleBench, answer, candidate

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
)
PARAMETERS = {"lookback": 20.0, "width": 2.0}


@given(st.text(max_size=200) | ANYTHING.map(json.dumps))
def test_read_when_the_text_is_anything_then_it_is_candidates_or_invalid(text: str) -> None:
    assert outcome(text) in ("read", "LLM_NOT_JSON", "LLM_SCHEMA")


def outcome(text: str) -> str:
    try:
        read_candidates(text, CHAMPION, PARAMETERS)
    except AnswerInvalid as error:
        return error.code
    return "read"


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={"hypothesis": ANYTHING, "source": ANYTHING, "parameters": ANYTHING}
        )
        | ANYTHING,
        max_size=4,
    )
)
def test_candidates_when_their_fields_are_anything_then_admission_judges_every_one(
    listed: list[Any],
) -> None:
    read = read_candidates(json.dumps({"candidates": listed}), CHAMPION, PARAMETERS)

    admission = admit([], read, SampleBench().compile, 4)

    assert len(read) == len(listed)
    assert len(admission.verdicts) == len(listed)
    for each in admission.admitted:
        assert each.program.resolve(each.candidate.parameters) == each.parameters


def test_candidate_when_it_has_no_source_then_it_is_the_champions_with_its_parameters() -> None:
    (read,) = read_candidates(answer(candidate("h", None, width=3.0)), CHAMPION, PARAMETERS)

    assert read == Candidate(
        text=CHAMPION, parameters={"lookback": 20.0, "width": 3.0}, hypothesis="h"
    )


def test_candidate_when_it_has_a_source_then_parameters_not_named_keep_its_defaults() -> None:
    (read,) = read_candidates(answer(candidate("h", BETTER, width=3.0)), CHAMPION, PARAMETERS)

    assert isinstance(read, Candidate)
    assert read.parameters == {"width": 3.0}


def test_parameters_when_given_by_name_or_as_a_list_then_they_are_the_same() -> None:
    listed = answer(candidate("h", None, width=3.0))
    named = listed.replace('[{"name": "width", "value": 3.0}]', '{"width": 3.0}')
    assert named != listed

    assert read_candidates(named, CHAMPION, {}) == read_candidates(listed, CHAMPION, {})


def test_object_when_several_are_there_then_the_first_that_was_asked_for_counts() -> None:
    text = 'I tried {"a": 1}. Now: {"candidates": [1]} or {"candidates": [2]}'

    assert read_object(text, "candidates") == {"candidates": [1]}


def test_object_when_it_lacks_what_was_asked_for_then_it_says_so() -> None:
    with pytest.raises(AnswerInvalid, match="the answer has no 'candidates'") as caught:
        read_object('{"limits": {}}', "candidates")
    assert caught.value.code == "LLM_SCHEMA"


def test_schema_when_servers_are_strict_then_every_object_is_closed_and_complete() -> None:
    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                assert schema["additionalProperties"] is False
                assert sorted(schema["required"]) == sorted(schema["properties"])
            for each in schema.values():
                walk(each)

    walk(CANDIDATES)
