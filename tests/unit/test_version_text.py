"""Exported versions trade the same, whatever their parameters; diffs rebuild what they compare."""

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.strategy_files import SHIPPED
from api.version_text import (
    NotExported,
    ParameterChange,
    exported,
    parameter_changes,
    source_diff,
)
from kernels.errors import ParameterError
from kernels.frontend.source import MAX_BYTES
from kernels.program import compile_strategy
from tests.improvement_story import V1, V4

FILES = sorted(SHIPPED.glob("*.py"))


@settings(max_examples=max(8, settings.default.max_examples // 10))  # each compiles three times
@given(file=st.sampled_from(FILES), data=st.data())
def test_export_when_parameters_are_any_then_they_are_its_defaults_and_nothing_else_changed(
    file: Path, data: st.DataObject
) -> None:
    text = file.read_text()
    declared = compile_strategy(text, file.stem).parameters
    values = {
        p.name: float(data.draw(st.integers(int(p.low), int(p.high))))
        if p.integer
        else data.draw(st.floats(p.low, p.high))
        for p in declared
    }
    made = exported(text, f"{file.stem}_v7", values, ["head"])
    found = compile_strategy(made, f"{file.stem}_v7").parameters
    assert {p.name: p.default for p in found} == values
    assert [(p.name, p.low, p.high, p.integer) for p in found] == [
        (p.name, p.low, p.high, p.integer) for p in declared
    ]
    head, *lines = made.split("\n")
    assert head == "# head"
    before = text.split("\n")
    different = [one for one, other in zip(before, lines, strict=True) if one != other]
    assert all("param(" in line for line in different)


def test_export_when_the_source_is_awkward_then_only_the_defaults_move() -> None:
    text = V1.replace("param(20, 5, 100)", "param(\n    20,  # “bars”\n    5,\n    100,\n)")
    text = text.replace("depth = param(0.001,", "depth  =  param( 1e-3 ,").replace("\n", "\r\n")
    made = exported(text, "fade_v4", {"length": 33.0, "depth": -0.25}, [])
    assert made == text.replace("20,  #", "33,  #").replace("1e-3 ,", "-0.25 ,")


def test_export_when_told_strange_things_then_they_stay_comments() -> None:
    strange = "it\nimport os\r\x1b[31m\u2028\x00 # coding: x " + "long " * 400
    made = exported(V1, "fade_v1", {}, ["fade v1", strange])
    head = made[: made.index('"""')].splitlines()
    assert all(line.startswith("#") and line.isprintable() for line in head)
    assert max(map(len, head)) <= 100
    assert made.endswith(V1)


def test_export_when_it_cannot_be_the_same_then_refused() -> None:
    with pytest.raises(ParameterError, match="parameter length was 500"):
        exported(V1, "fade_v1", {"length": 500.0}, [])
    with pytest.raises(NotExported, match="fade_v1 does not compile: "):
        exported("import os\n", "fade_v1", {}, [])
    full = V1 + "#" * (MAX_BYTES - len(V1.encode()))
    with pytest.raises(NotExported, match="at most 65,536 bytes"):
        exported(full, "fade_v1", {}, ["one line too many"])


LINES = st.lists(st.sampled_from(["a = 1", "b = 2", "", "c = “3”", "\x0c"]), max_size=12)


@given(before=LINES, after=LINES)
def test_diff_when_read_as_edits_then_it_takes_one_source_to_the_other(
    before: list[str], after: list[str]
) -> None:
    one, other = "\n".join(before), "\n".join(after)
    told = source_diff(one, other, ("a", "b"))
    assert (told == "") == (one == other)
    lines = told.split("\n")[2:-1]
    removed = [line[1:] for line in lines if line.startswith("-")]
    added = [line[1:] for line in lines if line.startswith("+")]
    edits = list(difflib.ndiff(one.split("\n"), other.split("\n")))
    assert len(added) - len(removed) == sum(e[0] == "+" for e in edits) - sum(
        e[0] == "-" for e in edits
    )
    assert set(removed) <= set(one.split("\n"))
    assert set(added) <= set(other.split("\n"))


def test_diff_when_one_line_differs_then_it_alone_is_marked() -> None:
    lines = source_diff(V1, V4, ("fade/v1", "fade/v4")).split("\n")
    assert lines[:2] == ["--- fade/v1", "+++ fade/v4"]
    assert [line for line in lines[2:] if line[:1] in ("-", "+")] == [
        "-    return plan(stop=2 * atr(14), target=2 * atr(14), max_bars=8)",
        "+    return plan(stop=2 * atr(14), target=2 * atr(14), max_bars=16)",
    ]


def test_parameters_when_compared_then_those_that_differ_by_name() -> None:
    assert parameter_changes(
        {"b": 1.0, "a": 2.0, "same": 3.0}, {"a": 4.0, "c": 0.0, "same": 3.0}
    ) == [
        ParameterChange("a", 2.0, 4.0),
        ParameterChange("b", 1.0, None),
        ParameterChange("c", None, 0.0),
    ]
