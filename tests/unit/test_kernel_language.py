"""What the language refuses, and where it says the fault is."""

import time
from pathlib import Path

import numpy as np
import pytest

from domain.timeframe import TIMEFRAMES as DOMAIN_TIMEFRAMES
from kernels import dtypes as d
from kernels import language
from kernels.errors import ParameterError, StrategyError
from kernels.frontend.flat import CANDLE, TIMEFRAMES
from kernels.frontend.library import functions
from kernels.frontend.strategy import REGIMES, SIDES, WORDS
from kernels.program import compile_strategy
from tests.kernel_runs import SHIPPED, Array, bars_of, of_kind, program_of, runner_of

HEAD = 'timeframe("1m")\nn = param(20, 5, 100)\nk = param(0.5, 0.1, 2.0)\n'
TAIL = "\ndef entry():\n    return FLAT\n\ndef exits():\n    return plan(stop=1)\n"


def series(line: str) -> str:
    return HEAD + line + TAIL


def entry(*lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return HEAD + f"def entry():\n{body}\n\ndef exits():\n    return plan(stop=1)\n"


def exits(*lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return HEAD + f"def entry():\n    return FLAT\n\ndef exits():\n{body}\n"


PARSER = "cannot be parsed|too long an expression"  # who stops depends on Python's own parser
REFUSED = {
    "import": (series("import os"), 4, "import os"),
    "from import": (series("from os import system"), 4, "from os"),
    "dunder": (series("x = close.__class__"), 4, "attribute"),
    "attribute chain": (series("x = close.a.b"), 4, "attribute"),
    "call of anything": (series("x = eval('1')"), 4, "'eval'"),
    "method call": (series("x = close.mean()"), 4, "call"),
    "lambda": (series("x = lambda: 1"), 4, "lambda"),
    "list": (series("x = [1, 2]"), 4, "list"),
    "comprehension": (series("x = [c for c in close]"), 4, "comprehension"),
    "dictionary": (series("x = {}"), 4, "dict"),
    "string": (series("x = 'text'"), 4, "'text'"),
    "f-string": (series("x = f'{close}'"), 4, "f-string"),
    "power": (series("x = close ** 2"), 4, "operator"),
    "modulo": (series("x = close % 2"), 4, "operator"),
    "bit operator": (series("x = close & 2"), 4, "operator"),
    "chained comparison": (series("x = 1 < close < 2"), 4, "chained"),
    "is": (series("x = close is open"), 4, "comparison"),
    "walrus": (series("x = (y := close)"), 4, ":="),
    "while": (series("while True:\n    pass"), 4, "while"),
    "for at top level": (series("for i in range(3):\n    pass"), 4, "for"),
    "for in entry": (entry("for i in range(3):", "    x = 1", "return FLAT"), 5, "for"),
    "class": (series("class A:\n    pass"), 4, "class"),
    "other function": (series("def other():\n    return 1"), 4, "function"),
    "decorator": (HEAD + "@x\n" + TAIL.lstrip(), 5, "decorators"),
    "async": (series("async def entry():\n    return FLAT"), 4, "async"),
    "try": (series("try:\n    x = 1\nexcept:\n    x = 2"), 4, "try"),
    "with": (series("with close:\n    pass"), 4, "with"),
    "delete": (series("del n"), 4, "delete"),
    "global": (entry("global n", "return FLAT"), 5, "global"),
    "augmented assignment": (series("n += 1"), 4, "update in place"),
    "starred call": (series("x = sma(*close)"), 4, "*"),
    "unknown name": (series("x = clsoe"), 4, "'clsoe'"),
    "name used before": (series("x = y\ny = close"), 4, "'y'"),
    "name twice": (series("x = close\nx = open"), 5, "second time"),
    "word of the language": (series("close = open"), 4, "word of the language"),
    "function's name": (series("sma = close"), 4, "word of the language"),
    "non-ASCII name": (series("größe = close"), 4, "größe"),
    "underscore name": (series("_x = close"), 4, "_x"),
    "long name": (series("x" * 41 + " = close"), 4, "name"),
    "too few arguments": (series("x = sma(close)"), 4, "1 argument to sma"),
    "too many arguments": (series("x = sma(close, 1, 2)"), 4, "arguments"),
    "unknown argument": (series("x = sma(close, length=2)"), 4, "'length'"),
    "series as lookback": (series("x = sma(close, close)"), 4, "a series as n"),
    "fraction as lookback": (series("x = sma(close, k)"), 4, "whole"),
    "zero lookback": (series("x = sma(close, 0)"), 4, "0"),
    "negative lookback": (series("x = sma(close, -5)"), 4, "-5"),
    "huge lookback": (series("x = sma(close, 5001)"), 4, "5001"),
    "lookback below one for some parameter": (series("x = sma(close, n - 10)"), 4, "-5"),
    "division as lookback": (series("x = sma(close, n / 2)"), 4, "whole"),
    "series as width": (series("x = bollinger_upper(close, 20, close)"), 4, "a series as width"),
    "negative history": (series("x = close[-1]"), 4, "history"),
    "series as history": (series("x = close[n]"), 4, "history"),
    "slice": (series("x = close[1:2]"), 4, "history"),
    "condition as number": (series("x = (close > open) + 1"), 4, "condition"),
    "number as condition": (series("x = not close"), 4, "number"),
    "mixed choice": (series("x = 1 if close > open else close > 2"), 4, "number on one side"),
    "huge number": (series("x = close * 1e300"), 4, "1e+300"),
    "huge integer": (series("x = close * " + "9" * 400), 4, "999"),
    "complex number": (series("x = close * 2j"), 4, "constant"),
    "not a number": (series("x = close * None"), 4, "constant"),
    "unpacking": (series("a, b = close"), 4, "close"),
    "parameter out of order": (series("p = param(1, 2, 3)"), 4, "param(1, 2, 3)"),
    "parameter with two numbers": (series("p = param(1, 2)"), 4, "2 arguments"),
    "parameter of a series": (series("p = param(close, 1, 2)"), 4, "close"),
    "second timeframe": (series('timeframe("5m")'), 4, "5m"),
    "unknown timeframe": ('timeframe("7m")' + TAIL, 1, "7m"),
    "position in entry": (
        entry("if position.bars > 1:", "    return FLAT", "return FLAT"),
        5,
        "position.bars",
    ),
    "position at top level": (series("x = position.bars"), 4, "position.bars"),
    "unknown fact": (exits("return plan(stop=position.size)"), 8, "position.size"),
    "series of a local": (entry("x = close", "y = sma(x, 5)", "return FLAT"), 6, "'x' inside"),
    "entry without return": (entry("x = close"), 4, "returns nothing"),
    "path without return": (entry("if close > open:", "    return FLAT"), 4, "returns nothing"),
    "bare return": (entry("return"), 5, "nothing returned"),
    "entry returns a number": (entry("return 1"), 5, "1"),
    "long with a price": (entry("return long(close)"), 5, "long(close)"),
    "tag from a name": (entry("return long(tag=n)"), 5, "n"),
    "tag with blanks": (entry("return long(tag='a b')"), 5, "a b"),
    "long tag": (entry(f"return long(tag='{'a' * 33}')"), 5, "aaa"),
    "unknown argument of long": (entry("return long(amount=5)"), 5, "'amount'"),
    "size that is no share": (entry("return long(size=5)"), 5, "5 as size, from 5 to 5"),
    "size of no lots": (entry("return short(size=0)"), 5, "0 as size, from 0 to 0"),
    "size below zero": (entry("return long(size=k - 1)"), 5, "from -0.9 to 1"),
    "size above one for some parameter": (entry("return long(size=k)"), 5, "from 0.1 to 2"),
    "size of a condition": (entry("return long(size=close > open)"), 5, "a condition"),
    "size as text": (entry("return long(size='half')"), 5, "'half'"),
    "maybe unassigned": (
        entry("if close > open:", "    x = 1", "if x > 0:", "    return FLAT", "return FLAT"),
        7,
        "'x'",
    ),
    "number and condition": (
        entry("if close > open:", "    x = 1", "else:", "    x = close > 2", "return FLAT"),
        8,
        "'x'",
    ),
    "nested unpacking": (entry("a, (b, c) = 1, 2", "return FLAT"), 5, "(b, c)"),
    "unpacking to an attribute": (entry("a, close.x = 1, 2", "return FLAT"), 5, "close.x"),
    "unpacking several times": (entry("a = b = 1", "return FLAT"), 5, "a = b = 1"),
    "assignment to an item": (entry("close[1] = 1", "return FLAT"), 5, "close[1]"),
    "yield": (entry("x = (yield 1)", "return FLAT"), 5, "yield"),
    "await": (entry("x = await close", "return FLAT"), 5, "await"),
    "match": (
        entry("match close:", "    case 1:", "        return FLAT", "return FLAT"),
        5,
        "match",
    ),
    "assert": (entry("assert close > 1", "return FLAT"), 5, "assert"),
    "raise": (entry("raise close", "return FLAT"), 5, "raise"),
    "nested function": (entry("def inner():", "    return 1", "return FLAT"), 5, "function"),
    "recursion": (entry("x = entry()", "return FLAT"), 5, "'entry'"),
    "plan without stop": (exits("return plan(target=1)"), 8, "plan(target=1)"),
    "plan with more": (exits("return plan(stop=1, slack=2)"), 8, "'slack'"),
    "plan half soft": (exits("return plan(stop=1, soft_minutes=2)"), 8, "plan(stop=1"),
    "exits returns a number": (exits("return 5"), 8, "5"),
    "limits in source": (series("x = DAY_LOSS"), 4, "'DAY_LOSS'"),
    "kernel constants": (series("x = MARGIN_SHARE"), 4, "'MARGIN_SHARE'"),
    "kernel functions": (series("x = whole(close)"), 4, "'whole'"),
    "account functions": (series("x = mark(close)"), 4, "'mark'"),
    "emit": (entry("emit(1, 1)", "return FLAT"), 5, "not used"),
    "syntax error": (HEAD + "x = = 1" + TAIL, 4, "syntax"),
    "deep brackets": (series("x = " + "(" * 300 + "1" + ")" * 300), 4, "nested"),
    "deep unary": (series("x = " + "-" * 5000 + "1"), 1, PARSER),
    "null byte": ("x = 1\0", 1, "null"),
    "no timeframe": (TAIL, 6, "no timeframe"),
    "no entry": ('timeframe("1m")\ndef exits():\n    return plan(stop=1)\n', 3, "no entry()"),
    "no exits": ('timeframe("1m")\ndef entry():\n    return FLAT\n', 3, "no exits()"),
    "entry with arguments": ('timeframe("1m")\ndef entry(x):\n    return FLAT\n', 2, "arguments"),
    "empty file": ("", 1, "no timeframe"),
    "ten megabytes": ("x" * 10_000_000, 1, "10,000,000"),
    "many nodes": (series("x = " + " + ".join(["close"] * 6_000)), 1, ""),
    "long sum": (series("x = " + " + ".join(["close"] * 400)), 1, "too long"),
    "lookback beyond every number": (
        series(f"a = {'*'.join(['1e15'] * 25)}\nx = sma(close, a - a + 5)"),
        5,
        "as n of sma",
    ),
    "history beyond memory": (series("x = close[" + "9" * 30 + "]"), 4, "history"),
    "history beyond a lookback": (series("x = close[5001]"), 4, "5001"),
    "number without a decimal form": (series("x = 0x" + "f" * 20_000), 4, "number"),
    "such a number in a list": (series("x = [0x" + "f" * 20_000 + "]"), 4, "list"),
    "such a number as argument": (
        f'timeframe("1m")\ndef entry(x=0x{"f" * 20_000}):\n    return FLAT\n',
        2,
        "arguments",
    ),
    "deep calls": (series("x = " + "abs(" * 140 + "close" + ")" * 140), 1, "too long"),
    "deep calls in entry": (
        entry("x = " + "min(" * 140 + "close" + ", open)" * 140, "return FLAT"),
        1,
        "too long",
    ),
    "long elif": (
        entry("if close > 1:", "    x = 1", *["elif close > 2:", "    x = 2"] * 120, "return FLAT"),
        1,
        "too long",
    ),
    "too much work": (
        series("\n".join(f"y{i} = rsi({i + 5})" for i in range(900))),
        0,
        "computes too much",
    ),
    "docstring that is no text": ('"""\\ud800"""\n' + series("x = close"), 1, "docstring"),
    "docstring that moves the cursor": ('"""\\x1b[2J"""\n' + series("x = close"), 1, "docstring"),
    "timeframe with more": ('timeframe("1m", x=2)' + TAIL, 1, "x=2"),
    "statement after return": (entry("return FLAT", "import os"), 6, "after return"),
    "too much state": (
        series("\n".join(f"y{i} = close[{5000 - i}]" for i in range(250))),
        1,
        "memory",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_language_when_it_meets_what_it_lacks_then_says_where_and_what(name: str) -> None:
    text, line, found = REFUSED[name]
    began = time.process_time()
    with pytest.raises(StrategyError) as caught:
        compile_strategy(text, "hostile")
    assert time.process_time() - began < 5.0
    assert any(words in str(caught.value) for words in found.split("|"))
    assert min(caught.value.line, caught.value.column) >= 1
    if line > 1:
        assert caught.value.line == line, str(caught.value)
    assert caught.value.allowed
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_strategy_when_shipped_then_compiles_and_says_what_it_does(path: Path) -> None:
    program = program_of(path)
    assert all((program.docstring, program.parameters, program.series_names))
    assert len(program.tags) >= 2


def test_words_when_listed_for_editors_then_are_those_the_compiler_knows() -> None:
    words = set(language.__all__) - set(functions()) - set(CANDLE) - set(SIDES) - set(REGIMES)
    assert words == set(WORDS)
    assert {getattr(language, name) for name in REGIMES} == set(REGIMES.values())
    assert {n: 60_000 * m for n, m in TIMEFRAMES.items()} == dict(DOMAIN_TIMEFRAMES)


def test_series_when_written_twice_then_share_one_computation() -> None:
    once = compile_strategy(series("x = sma(close, 20)"), "once")
    twice = compile_strategy(series("x = sma(close, 20)\ny = sma(close, 20) * 2"), "twice")
    assert len(once.flat.series.initial) == len(twice.flat.series.initial)


def test_parameter_when_out_of_range_then_is_refused_by_name() -> None:
    program = compile_strategy(series("x = sma(close, n)"), "bounded")
    for given, words in (
        ({"n": 101}, "from 5 to 100"),
        ({"n": 5.5}, "whole"),
        ({"m": 1}, "unknown"),
    ):
        with pytest.raises(ParameterError, match=words):
            program.resolve(given)
    assert program.resolve({"n": 7}) == {"n": 7.0, "k": 0.5}


DEEP_BRACKETS = series("x = " + "(" * 100 + "close" + ")" * 100)


def test_brackets_when_only_many_then_mean_nothing() -> None:
    assert compile_strategy(DEEP_BRACKETS, "brackets").series_names == ("x",)


BRANCHES = """timeframe("1m")
def entry():
    side = 0
    if close > open:
        side = 1
        if volume > 5:
            return long(tag="strong", confidence=0.9)
    elif close < open:
        if not volume > 5:
            return FLAT
        else:
            side = -1
    if side > 0:
        return long(tag="weak", confidence=abs(close - open) / 10)
    if side < 0:
        return short(tag="down")
    return FLAT
def exits():
    return plan(stop=1)
"""


def test_entry_when_it_branches_then_every_path_returns_what_it_says() -> None:
    runner = runner_of(compile_strategy(BRANCHES, "branches"))
    strong, none, weak = (10, 12, 9, 11, 9), (10, 12, 9, 10, 9), (10, 12, 9, 12, 1)
    down, thin = (12, 12, 9, 10, 9), (12, 12, 9, 10, 1)
    block = runner.run(bars_of([strong, none, weak, down, thin]), [0])
    tags = runner.program.tags
    found = of_kind(block, d.SIGNAL)
    signals = [(r[d.BAR_INDEX], r[d.A], r[d.B], tags[int(r[d.C])]) for r in found]
    assert signals == [(0, 1, 0.9, "strong"), (2, 1, 0.2, "weak"), (3, -1, 1.0, "down")]


FACTS = """timeframe("1m")
def entry():
    return long(tag="now")
def exits():
    gained = position.return_ > 0.05 and position.side > 0
    if position.bars >= 2 and gained and position.entry_price == 100:
        return plan(stop=50, max_bars=0)
    return plan(stop=50)
"""


def test_exits_when_it_reads_the_position_then_sees_what_is_held() -> None:
    runner = runner_of(compile_strategy(FACTS, "facts"))
    prices = [100, 100, 101, 106, 106, 106]
    block = runner.run(bars_of([(p, p, p, p, 1) for p in prices]), [0])
    (closed,) = of_kind(block, d.CLOSED)
    # Decided at the close of bar 3, filled at the next open.
    assert (closed[d.BAR_INDEX], closed[d.M]) == (4, d.TIME_LIMIT)


FIXED = """timeframe("1m")
n = param(3, 1, 10)
k = param(0.5, 0.1, 2.0)
double = n * 2
limit = double * 10
always = k > 0.2
slow = sma(close, double)
since = bars_since(n > 1)
held = value_when(always, close)
def entry():
    if always and close > limit and since == 0 and held == close:
        return long(tag="over", confidence=k / 2)
    return FLAT
def exits():
    return plan(stop=max(n * 7, double), target=limit / n)
"""


def test_parameters_when_combined_by_name_then_mean_the_same_in_series_and_in_decisions() -> None:
    program = compile_strategy(FIXED, "fixed")
    rows = [(p, p, p, p, 1) for p in (50, 50, 50, 50, 50, 50, 59, 61, 59)]
    (signal,) = of_kind(runner_of(program).run(bars_of(rows), [0]), d.SIGNAL)
    assert (signal[d.BAR_INDEX], signal[d.B]) == (7, 0.25)
    assert (signal[d.E], signal[d.F]) == (21, 20)
    quiet = runner_of(program, k=0.1).run(bars_of(rows), [0])
    assert len(of_kind(quiet, d.SIGNAL)) == 0


CALLED = """timeframe("1m")
r = regime
again = market_regime()
h = higher("5m")
above = h.market_regime()
def entry():
    if regime == STRONG_BULL:
        return long(tag="bull")
    if regime == STRONG_BEAR:
        return short(tag="bear")
    return FLAT
def exits():
    return plan(stop=10 if regime >= RANGING else 20)
"""


def leg(start: float, slope: float, count: int) -> Array:
    """Closes that go one way, a little faster all the time, with a rhythm of three bars."""
    at = np.arange(count)
    found: Array = start + slope * at * (1 + at / count) + 0.3 * np.abs(slope) * (at % 3)
    return found


def test_regime_when_the_market_runs_then_is_named_by_side_and_strength() -> None:
    rise, dead = leg(1000.0, 1.0, 400), np.full(300, 1800.0)
    before = np.full(600, 1000.0)  # until all is warm
    close = np.concatenate([before, rise, dead, leg(1800.0, -1.0, 400)])
    rows = [(c, c + 1 + i % 7, c - 1 - i % 5, c, 1.0) for i, c in enumerate(close)]
    runner = runner_of(compile_strategy(CALLED, "regime"))
    block = runner.run(bars_of(rows), [0])
    named, again, above = block.series
    assert np.array_equal(named, again, equal_nan=True)
    assert np.isnan(named[:100]).all()
    assert np.isnan(above[:500]).all()
    assert {REGIMES["STRONG_BULL"]} <= set(named[800:1000]) <= {0.0, 1.0, 2.0}
    assert {REGIMES["RANGING"]} <= set(named[1200:1300]) <= {0.0, 1.0}
    assert {REGIMES["STRONG_BEAR"]} <= set(named[1500:]) <= {0.0, -1.0, -2.0}
    sides = [(s[d.A], runner.program.tags[int(s[d.C])], s[d.E]) for s in of_kind(block, d.SIGNAL)]
    assert {(1, "bull", 10), (-1, "bear", 20)} == set(sides)
