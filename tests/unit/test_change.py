"""What counts as a change: other rules or values, never other words for the same ones."""

import itertools
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.change import Move, Version, changed, shape_of, unchanged
from kernels.frontend.flat import Parameter
from kernels.program import Program, compile_strategy
from tests.kernel_runs import SHIPPED, program_of
from tests.unit.test_kernel_hostile import RUNS

EVERY = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
TEXT = '''"""Fade a stretch."""

timeframe("15m")
lookback = param(20, 10, 100)  # bars
far = param(500, 100, 900)
width = param(2.0, 1.0, 4.0)

mid = sma(close, lookback)
spread = stdev(close, far)
calm = adx(14)


def entry():
    if calm > 25:
        return FLAT
    if close < mid - width * spread:
        return long(tag="below", confidence=0.6)
    if close > mid + width * spread:
        return short(tag="above", confidence=0.6)
    return FLAT


def exits():
    return plan(stop=2 * atr(14), target=3 * atr(14), max_bars=16)
'''


@cache
def compiled(text: str) -> Program:
    return compile_strategy(text, "fade")


PROGRAM = compiled(TEXT)


def verdict(new: str, **parameters: float) -> str:
    return changed(PROGRAM, {}, compiled(new), parameters)


def edited(*edits: tuple[str, str]) -> str:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


SAME = {
    "nothing": [],
    "the docstring": [("Fade a stretch.", "Fade it, for luck.")],
    "a comment": [("# bars", "# of fifteen minutes")],
    "layout": [("timeframe", "\n\ntimeframe"), ("return plan(", "return plan(\n        ")],
    "a tag": [('tag="below"', 'tag="under"')],
    "no tags": [('tag="below", ', ""), ('tag="above", ', "")],
    "a confidence": [("confidence=0.6", "confidence=0.9")],
    "a series' name": [("mid", "centre"), ("spread", "reach")],
    "a parameter's name": [("lookback", "bars")],
    "two parameters' names": [("width", "w1"), ("lookback", "width"), ("w1", "lookback")],
    "a default that is spelled out": [("param(2.0, 1.0, 4.0)", "param(2.00, 1e0, 4.0)")],
    "a range": [("param(20, 10, 100)", "param(20, 5, 300)")],
    "a range of a real": [("param(2.0, 1.0, 4.0)", "param(2.0, 0.0, 400.0)")],
    "a second name": [("calm = adx(14)", "calm = adx(14)\nforce = calm")],
    "a condition nobody reads": [("calm = adx(14)", "calm = adx(14)\nup = close > mid")],
    "a parameter nobody reads": [("calm = adx", "idle = param(1, 0, 9)\ncalm = adx")],
    "a longer timeframe nobody reads": [("calm = adx", 'h = higher("4h")\ncalm = adx')],
    "a name for a number": [("calm > 25", "calm > 25.0")],
    "a local name": [("    if calm > 25:", "    force = calm\n    if force > 25:")],
}
OTHER = {
    "a literal": [("calm > 25", "calm > 24.99")],
    "a sign": [("calm > 25", "calm < 25")],
    "the timeframe": [('timeframe("15m")', 'timeframe("5m")')],
    "sides swapped": [("long", "lung"), ("short", "long"), ("lung", "short")],
    "a guard gone": [("    if calm > 25:\n        return FLAT\n", "")],
    "an indicator's bars": [("adx(14)", "adx(15)")],
    "an indicator": [("sma(close", "ema(close")],
    "another series of the bar": [("stdev(close", "stdev(high")],
    "a trail": [("max_bars=16", "max_bars=16, trail=atr(14)")],
    "a size": [("confidence=0.6", "confidence=0.6, size=0.5")],
    "sizing": [("calm = adx(14)", 'calm = adx(14)\nsizing("risk", 0.01)')],
    "a figure that is waited for": [("calm = adx(14)", "calm = adx(14)\nslow = sma(close, 99)")],
    "a parameter for a number": [("calm = adx(14)", "n = param(14, 5, 50)\ncalm = adx(n)")],
}


@pytest.mark.parametrize("what", SAME)
def test_recode_when_other_words_say_the_same_then_is_no_change(what: str) -> None:
    said = verdict(edited(*SAME[what]))
    assert said.startswith("NO_CHANGE: ")
    assert said.isprintable()


@pytest.mark.parametrize("what", OTHER)
def test_recode_when_the_rules_are_others_then_is_a_change(what: str) -> None:
    assert verdict(edited(*OTHER[what])) == ""


@pytest.mark.parametrize(
    ("name", "value", "counts"),
    [
        ("width", 2.03, True),  # 1 % of 1 to 4, which doubles cannot say
        ("width", 1.97, True),
        ("width", 2.0299999999, False),
        ("lookback", 21.0, True),  # 1 % is 0.9, and whole numbers move by 1
        ("far", 508.0, True),  # 1 % is 8
        ("far", 507.0, False),
        ("far", 492.0, True),
        ("far", 493.0, False),
    ],
)
def test_parameter_when_moved_by_a_hundredth_of_its_range_then_counts(
    name: str, value: float, counts: bool
) -> None:
    said = verdict(TEXT, **{name: value})
    assert (said == "") == counts
    if not counts:
        assert f" {name} from " in said
        assert f" to {value:.10g}, " in said


def test_parameters_when_several_move_a_little_then_the_largest_is_named() -> None:
    said = verdict(TEXT, far=503.0, width=2.02)
    assert "that of width from 2 to 2.02, 0.67 % of its range (1 to 4)" in said


def test_default_when_moved_in_the_text_then_counts_as_a_move_of_the_parameter() -> None:
    assert verdict(edited(("param(2.0, 1.0", "param(2.5, 1.0"))) == ""
    assert verdict(edited(("param(2.0, 1.0", "param(2.5, 1.0")), width=2.0) != ""


def test_renamed_parameter_when_moved_then_is_held_against_the_one_in_its_place() -> None:
    new = edited(("lookback", "bars"))
    assert verdict(new, bars=60.0) == ""
    assert "of lookback from 20 to 20" not in verdict(new, bars=20.0)


def test_unread_parameter_when_moved_then_is_no_change() -> None:
    new = edited(("calm = adx", "idle = param(1, 0, 9)\ncalm = adx"))
    assert verdict(new, idle=9.0).startswith("NO_CHANGE: ")


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"width": float("nan")}, "width"),
        ({"width": float("inf")}, "width"),
        ({"width": 4.1}, "width"),
        ({"lookback": 20.5}, "lookback"),
        ({"other": 1.0}, "other"),
    ],
)
def test_parameters_when_out_of_range_then_the_answer_says_which(
    parameters: dict[str, float], word: str
) -> None:
    said = verdict(TEXT, **parameters)
    assert said.startswith("PARAMETER: ")
    assert word in said


def test_range_when_it_is_a_point_then_any_move_counts() -> None:
    fixed = compiled(edited(("param(2.0, 1.0, 4.0)", "param(2.0, 2.0, 2.0)")))
    assert changed(fixed, {}, PROGRAM, {"width": 2.0}).startswith("NO_CHANGE: ")
    assert changed(fixed, {}, PROGRAM, {"width": 2.0001}) == ""


@given(
    low=st.decimals(-1000, 1000, places=3),
    steps=st.integers(1, 10**6),
    was=st.integers(0, 10**6),
    now=st.integers(0, 10**6),
)
def test_move_when_told_in_decimals_then_is_exact(
    low: Decimal, steps: int, was: int, now: int
) -> None:
    unit = Fraction(1, 1000)
    high = Fraction(low) + steps * unit
    parameter = Parameter("p", float(low), float(low), float(high), integer=False)
    values = [float(Fraction(low) + (n % (steps + 1)) * unit) for n in (was, now)]
    away = abs(was % (steps + 1) - now % (steps + 1))
    assert Move(parameter, *values).of_range == Fraction(away, steps)
    assert (Move(parameter, *values).of_least >= 1) == (100 * away >= steps)


@EVERY
def test_shipped_strategy_when_held_against_itself_then_is_no_change(path: Path) -> None:
    shape, again = shape_of(program_of(path)), shape_of(program_of(path))
    values = tuple(p.default for p in shape.parameters)
    assert unchanged(Version(shape, values), Version(again, values)).startswith("NO_CHANGE: ")
    assert {p.name for p in shape.parameters} == {p.name for p in program_of(path).parameters}
    for index, parameter in enumerate(shape.parameters):
        far = parameter.low if parameter.default > parameter.low else parameter.high
        moved = (*values[:index], far, *values[index + 1 :])
        assert unchanged(Version(shape, values), Version(shape, moved)) == ""


@pytest.mark.parametrize("name", RUNS)
def test_hostile_text_when_it_compiles_then_is_compared_like_any_other(name: str) -> None:
    program = compile_strategy(RUNS[name], "hostile")
    assert changed(program, {}, program, {}).startswith("NO_CHANGE: ")
    assert changed(PROGRAM, {}, program, {}) == ""


def test_parameters_when_named_in_any_order_then_give_the_same_verdict() -> None:
    values = {"lookback": 20.0, "far": 503.0, "width": 2.02}
    verdicts = {
        verdict(TEXT, **{name: values[name] for name in order})
        for order in itertools.permutations(values)
    }
    assert len(verdicts) == 1
