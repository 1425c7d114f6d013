"""How a strategy, or research, says how large a trade is; what is refused, and where it stands."""

import math
import re

import pytest

from application.research import ResearchInvalid, parse_sizing
from application.strategy_sheet import sheet_of
from kernels import dtypes as d
from kernels import ir
from kernels.errors import StrategyError
from kernels.frontend import library
from kernels.program import compile_strategy
from kernels.sizing_methods import METHODS
from tests.kernel_runs import STRATEGIES, bars_of, of_kind, runner_of
from tests.sizing_desks import LOT, program, text_of

DOCS = STRATEGIES[0].parent.parent / "docs"
FUNCTIONS = """def entry():
    return FLAT
def exits():
    return plan(stop=1)
"""


def test_sizing_when_imposed_from_outside_then_takes_the_place_of_the_file() -> None:
    text = text_of("margin")
    rows = [(*(100.0,) * 4, 2.0), (*(100.0,) * 4, 1.0)]
    block = runner_of(compile_strategy(text, "imposed", ("risk", 0.02)), (8,)).run(
        bars_of(rows), [0]
    )
    assert of_kind(block, d.ORDER)[0][d.C] == round(34.0 / LOT)
    for method, value, wanted in (
        ("luck", 0.5, "with one of margin, fraction, notional, risk, kelly, .*, optimal_f$"),
        ("atr", 0.01, "without a figure: atr needs a distance such as 2 . atr"),
        ("risk", 0.0, r"a number above 0, at most 1 \(share of equity to lose\)"),
        ("volatility_target", 0.2, "without a figure"),
        ("margin", 1.5, "at most 1 "),
        ("kelly", 16.5, "at most 16 "),
        ("risk", math.nan, "a number above 0"),
    ):
        with pytest.raises(ValueError, match=f"sizing was {method}={value}, must be .*{wanted}"):
            compile_strategy(text, "imposed", (method, value))


@pytest.mark.parametrize("name", METHODS)
def test_research_when_it_asks_for_a_method_then_has_it_unless_it_needs_a_figure(name: str) -> None:
    if METHODS[name].figure:
        with pytest.raises(ResearchInvalid, match=f"'{name}=0.01', must be without a figure"):
            parse_sizing(f"{name}=0.01")
    else:
        assert parse_sizing(f"{name}=0.01") == (name, 0.01)


def test_sizing_when_imposed_in_place_of_one_with_a_figure_then_waits_for_no_figure() -> None:
    text = text_of("atr", "sma(close, 50)")
    rows = [(*(100.0,) * 4, 2.0), (*(100.0,) * 4, 1.0)]
    own = runner_of(compile_strategy(text, "own")).run(bars_of(rows), [0])
    assert len(of_kind(own, d.SIGNAL)) == 0  # the mean needs fifty bars
    other = runner_of(compile_strategy(text, "other", ("notional", 900.0)))
    assert of_kind(other.run(bars_of(rows), [0]), d.ORDER)[0][d.C] == round(9.0 / LOT)


def test_methods_when_listed_then_each_has_a_function_that_tells_its_bounds() -> None:
    assert tuple(METHODS) == d.SIZING
    for method in METHODS.values():
        told = " ".join(library.functions()[f"by_{method.name}"].documentation.split())
        most = "1e15" if method.most == 1e15 else f"{method.most:g}"
        assert "Example: " in told, method.name
        assert f"(0, {most}]" in told, method.name
        assert ("figure: " in told) == bool(method.figure), method.name


def test_methods_when_told_in_the_trading_rules_then_their_bounds_are_those_of_the_table() -> None:
    rules = (DOCS / "trading.md").read_text(encoding="utf-8").split("## Sizing")[1]
    rows = [row.split(" | ") for row in re.findall(r"^\| `.*$", rules, re.MULTILINE)]
    told = {name: row for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert list(told) == list(METHODS)
    for name, (_, _, value, figure) in told.items():
        method = METHODS[name]
        bound = "quote" if method.most == 1e15 else f"at most {method.most:g}"
        assert bound in value, name
        assert bool(figure.strip("| ")) == bool(method.figure), name


# Said wrongly: the words of sizing(…), where the error stands, what it found and what it allows
WRONG = [
    ('"luck", 1', (3, 8), "'luck'", "'margin', 'fraction', .*'optimal_f'"),
    ("", (3, 1), "sizing", r"sizing\(method, value\)"),
    ('"atr", 0.01', (3, 1), "atr", r"sizing\(\"atr\", value, figure\), the figure a distance"),
    ('"percent_volatility", 0.01', (3, 1), "percent", r"value, figure\)"),
    ('"volatility_target", 0.2', (3, 1), "target", r"stdev\(close"),
    ('"fixed_ratio", 100', (3, 1), "ratio", "a delta in quote"),
    ('"risk", 0.01, atr(14)', (3, 1), "risk", r"sizing\(\"risk\", value\)"),
    ('"kelly", 0.1, 5', (3, 1), "kelly", r"sizing\(\"kelly\", value\)"),
    ('"risk", value=0.01', (3, 1), "risk", r"sizing\(method, value\)"),
    ('"risk", 1.01', (3, 16), "1.01 to 1.01", "at most 1 .share of equity to lose"),
    ('"risk", p', (3, 16), "from 0.5 to 20", "at most 1 "),
    ('"fraction", p', (3, 20), "from 0.5 to 20", "at most 16 "),
    ('"margin", p / 20 - 1', (3, 18), "p / 20 - 1", "a number or parameter above 0"),
    ('"volatility_target", 5.5, atr(9)', (3, 29), "5.5", "at most 5 .yearly volatility"),
    ('"notional", close', (3, 20), "close", "a number or parameter above 0"),
    ('"fixed_ratio", 100, 0', (3, 28), "0", "a delta in quote such as 500; a fixed one above 0"),
    ('"fixed_ratio", 100, p - 1', (3, 28), "p - 1", "a fixed one above 0"),
    ('"atr", 0.01, close > open', (3, 21), "a condition", "a number"),
    ('"atr", 0.01, position.bars', (3, 21), "position.bars", "exits"),
]


@pytest.mark.parametrize(("words", "at", "found", "allowed"), WRONG)
def test_sizing_when_said_wrongly_then_is_refused_with_what_is_allowed(
    words: str, at: tuple[int, int], found: str, allowed: str
) -> None:
    text = 'timeframe("1m")\np = param(1.0, 0.5, 20.0)\n' + f"sizing({words})\n" + FUNCTIONS
    with pytest.raises(StrategyError) as refusal:
        compile_strategy(text, "wrong")
    assert (refusal.value.line, refusal.value.column) == at
    assert found in refusal.value.found
    assert re.search(allowed, refusal.value.allowed)


# sizing(…) in a file with a parameter p of 1 → what a sheet tells of it
TOLD = [
    ('"risk", 0.01', "risk=0.01"),
    ('"fraction", p', "fraction=1"),
    ('"fraction", p * 2', "fraction=2"),
    ('"atr", 0.01, 2 * atr(14)', "atr=0.01, 2 * atr(14)"),
    ('"atr", 0.01, unit', "atr=0.01, unit"),
    ('"percent_volatility", 0.01, unit[1] + p', "percent_volatility=0.01, unit[1] + p"),
    ('"fixed_ratio", 100, 500', "fixed_ratio=100, 500"),
    ('"fixed_ratio", 100, p * 250', "fixed_ratio=100, 250"),
    ('"atr", 0.01, ' + " + ".join(["unit"] * 30), "atr=0.01, " + " + ".join(["unit"] * 9)[:60]),
]


@pytest.mark.parametrize(("words", "told"), TOLD)
def test_sheet_when_a_trade_is_sized_then_tells_method_value_and_figure(
    words: str, told: str
) -> None:
    head = 'timeframe("1m")\np = param(1.0, 0.5, 8.0)\nunit = atr(9)\n'
    text = f"{head}sizing({words})\n{FUNCTIONS}"
    assert sheet_of(compile_strategy(text, "sized"), text).sizing == told
    other = compile_strategy(text, "imposed", ("risk", 0.02))
    assert sheet_of(other, text).sizing == "risk=0.02"


def test_sizing_when_said_twice_then_the_second_is_refused() -> None:
    text = text_of("risk").replace("def entry", 'sizing("kelly", 0.01)\ndef entry')
    with pytest.raises(StrategyError, match=r"line 6, column 1: .* a second one; allowed: .* once"):
        compile_strategy(text, "twice")


def test_step_when_sizing_looks_at_no_record_then_keeps_none() -> None:
    kept = {"wins_in_row", "worst_lot", *d.RINGS}
    for method in METHODS.values():
        simulate = program(method.name).flat.simulate.statements
        places = [t.base if isinstance(t, ir.Cell) else t for t in ir.targets(simulate)]
        written = {place.name for place in places if isinstance(place, ir.Field)} & kept
        assert written == (kept if method.record else set()), method.name
