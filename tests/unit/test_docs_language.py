"""The reference of the language holds: its examples trade, its errors are those that are given."""

import re

import numpy as np
import pytest

from kernels import dtypes as d
from kernels import language
from kernels.errors import StrategyError
from kernels.frontend import answers, bounds, calls, library, source, strategy
from kernels.program import compile_strategy
from tests.ir_machine import Machine
from tests.kernel_runs import STRATEGIES, limits, market, walk

DOCS = STRATEGIES[0].parent.parent / "docs"
PAGE = (DOCS / "language.md").read_text(encoding="utf-8")
EXAMPLES = {
    text.split('"""')[1]: text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
}
ERRORS = re.findall(
    r"^\| (?:(entry|exits): )?`(.+?)` \| (.+?) \| (.+?) \|$",
    PAGE.split("## Errors")[1].split("\n## ")[0],
    re.MULTILINE,
)


@pytest.mark.parametrize("title", EXAMPLES)
def test_example_when_run_over_bars_then_trades(title: str) -> None:
    program = compile_strategy(EXAMPLES[title], "example")
    machine = Machine(program, market(slippage=0.0005, taker=0.0005), limits(enforced=True), 8)
    machine.run(walk(4_000 if program.timeframe == "15m" else 3_000, seed=7))
    kinds = [int(record[d.KIND]) for record in machine.written]
    assert kinds.count(d.FILL) >= 2, "an example that never trades shows nothing"
    tags = {int(r[d.C]) for r in machine.written if r[d.KIND] == d.SIGNAL}
    assert tags <= set(range(len(program.tags)))
    assert np.isfinite(machine.records["account"]["equity"])


def test_examples_when_counted_then_every_section_of_the_language_has_one() -> None:
    sections = re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]
    without = {s.split("\n")[0] for s in sections if "```python" not in s}
    assert without == {
        "Bars",
        "When nothing is entered",
        "Limits of a file",
        "Errors",
        "How a signal becomes a trade",
    }
    assert len(EXAMPLES) == PAGE.count("```python")


def written(place: str, code: str) -> str:
    top, body, plan = "", "return FLAT", "return plan(stop=1)"
    if place == "entry":
        body = code
    elif place == "exits":
        plan = code
    else:
        top = code.replace("; ", "\n")
    return f'timeframe("1m")\n{top}\ndef entry():\n    {body}\ndef exits():\n    {plan}\n'


@pytest.mark.parametrize(("place", "code", "found", "allowed"), ERRORS)
def test_error_when_written_down_in_the_reference_then_is_the_one_given(
    place: str, code: str, found: str, allowed: str
) -> None:
    with pytest.raises(StrategyError) as caught:
        compile_strategy(written(place, code), "mistaken")
    assert (caught.value.found, caught.value.allowed) == (found, allowed)
    line = {"entry": 4, "exits": 6}.get(place, 2 + code.count("; "))
    assert caught.value.line in (line, line - 1)


def test_errors_when_counted_then_the_usual_mistakes_are_there() -> None:
    assert len(ERRORS) >= 20


def test_words_when_listed_for_editors_then_each_is_in_the_reference() -> None:
    indicators = (DOCS / "indicators.md").read_text(encoding="utf-8")
    for word in language.__all__:
        pages = PAGE + indicators if word in library.indicators() else PAGE
        assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", pages), word


def test_limits_when_told_in_the_reference_then_are_those_of_the_compiler() -> None:
    table = PAGE.split("## Limits of a file")[1].split("\n## ")[0]
    for figure in (
        f"{source.MAX_BYTES:,} bytes, {source.MAX_NODES:,} syntax nodes",
        f"{source.MAX_DEPTH}; {source.MAX_DEPTH}",
        f"{strategy.MAX_SIZE:,} flat statements",
        f"{calls.MAX_STATE:,} numbers",
        f"{bounds.MAX_LOOKBACK} bars",
        f"{strategy.MAX_HIGHER}; {answers.MAX_TARGETS}",
    ):
        assert figure in table, figure


def test_methods_when_told_in_the_reference_then_are_those_of_the_kernel() -> None:
    table = PAGE.split("## Sizing")[1].split("\n## ")[0]
    assert re.findall(r'^\| `"(\w+)"` \|', table, re.MULTILINE) == list(d.SIZING)
    (method, share) = re.findall(r'`sizing\("(\w+)", ([\d.]+)\)`', table)[0]
    assert (d.SIZING.index(method), float(share)) == (d.MARGIN_OF_EQUITY, d.MARGIN_SHARE)
