"""Reads a model's answer: anything may be in it, and only data comes out.

What is asked for is one JSON object; models put fences and words around it. Nothing is repaired or
guessed: what is not there is refused by whoever admits candidates, in words that say so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from application.improvement.authoring import Candidate

NOT_JSON = "LLM_NOT_JSON"  # no JSON object in the answer
NOT_ASKED_FOR = "LLM_SCHEMA"  # JSON, but not what was asked for
MOST_CHARACTERS = 262_144  # read
MOST_BEGINNINGS = 20  # places at which JSON is looked for
FENCED = re.compile(r"```[a-zA-Z]*\n(.*?)```", re.DOTALL)

NUMBER_BY_NAME = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "value": {"type": "number"}},
    "required": ["name", "value"],
    "additionalProperties": False,
}
CANDIDATE = {
    "type": "object",
    "properties": {
        "hypothesis": {"type": "string"},
        "source": {"type": ["string", "null"]},
        "parameters": {"type": "array", "items": NUMBER_BY_NAME},
    },
    "required": ["hypothesis", "source", "parameters"],
    "additionalProperties": False,
}
CANDIDATES = {
    "title": "candidates",
    "type": "object",
    "properties": {"candidates": {"type": "array", "items": CANDIDATE}},
    "required": ["candidates"],
    "additionalProperties": False,
}


class AnswerInvalid(ValueError):
    """An answer is not what was asked for; `code` is stable."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def read_object(text: str, wanted: str) -> dict[str, Any]:
    """Find the JSON object that has the key `wanted`. Raises `AnswerInvalid`."""
    found = False
    for value in values(text[:MOST_CHARACTERS]):
        if isinstance(value, dict):
            found = True
            if wanted in value:
                return value
    if found:
        raise AnswerInvalid(NOT_ASKED_FOR, f"the answer has no {wanted!r}")
    raise AnswerInvalid(NOT_JSON, "the answer is no JSON object")


def values(text: str) -> Iterator[Any]:
    """Every JSON value that may be meant, the likeliest first."""
    for part in (text, *FENCED.findall(text)):
        yield from decoded(part.strip())
    decoder = json.JSONDecoder()
    place = -1
    for _ in range(MOST_BEGINNINGS):
        place = text.find("{", place + 1)
        if place < 0:
            return
        try:
            yield decoder.raw_decode(text, place)[0]
        except (ValueError, RecursionError):
            continue


def decoded(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except (ValueError, RecursionError):
        return


def read_candidates(
    text: str, champion: str, parameters: Mapping[str, float]
) -> tuple[object, ...]:
    """Read the candidates of an answer, unchecked: their fields may be of any type.

    One without a source is the `champion`'s, whose `parameters` hold where it names no other.
    Raises `AnswerInvalid`.
    """
    listed = read_object(text, "candidates")["candidates"]
    if not isinstance(listed, list):
        kind = type(listed).__name__
        raise AnswerInvalid(NOT_ASKED_FOR, f"candidates was {kind}, must be a list")
    return tuple(candidate_of(each, champion, parameters) for each in listed)


def candidate_of(value: Any, champion: str, parameters: Mapping[str, float]) -> object:
    if not isinstance(value, dict):
        return value
    source, given = value.get("source"), by_name(value.get("parameters"))
    if source is None and isinstance(given, dict):
        given = {**parameters, **given}
    hypothesis = value.get("hypothesis")
    return Candidate(
        text=champion if source is None else plain(source),
        parameters=given,
        hypothesis=hypothesis.strip() if isinstance(hypothesis, str) else hypothesis,  # type: ignore[arg-type]
    )


def plain(source: Any) -> Any:
    """Take the fence off a source, which models put around it even in JSON."""
    if not isinstance(source, str):
        return source
    fenced = FENCED.fullmatch(source.strip())
    return fenced.group(1) if fenced else source


def by_name(value: Any) -> Any:
    """Give parameters by name, from a list of name and value or as they are; none: an empty one."""
    if value is None:
        return {}
    if not isinstance(value, list):
        return value
    if not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in value):
        return value
    return {each["name"]: each.get("value") for each in value}
