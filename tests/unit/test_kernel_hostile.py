"""Files meant to do harm: each is refused at its line and column, at once, or runs safely.

A strategy file may come from a language model or a stranger. Whatever it holds, reading it takes
bounded time and memory, nothing in it is executed, and what compiles trades broken bars without
an exception and with figures that are numbers.
"""

import re
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from api.strategy_files import StrategyRefused, text_of
from application.improvement.admission import check
from kernels.errors import StrategyError
from kernels.frontend.source import refuse_unreadable
from kernels.program import compile_strategy
from tests.ir_machine import Machine
from tests.kernel_programs import torn
from tests.kernel_runs import limits, market

SECONDS = 3.0  # of the processor, in a worker whose heap the collector walks meanwhile
MEGABYTES = 64  # of memory besides the text itself


def strategy(
    top: str = "", body: str = "return FLAT", plan: str = "return plan(stop=close / 100)"
) -> str:
    """A whole file; the series begin at line 2, column 1."""
    inside = ["\n".join(f"    {line}" for line in part.split("\n")) for part in (body, plan)]
    return f'timeframe("1m")\n{top}\ndef entry():\n{inside[0]}\ndef exits():\n{inside[1]}\n'


def rings(series: str) -> str:
    return "\n".join(f"x{i} = {series}[{5000 - i}]" for i in range(250))


def lines(count: int, line: str) -> str:
    return "\n".join(line.replace("@", str(i)) for i in range(count))


ANYWHERE = (0, 0)  # Python's own parser stops it, each version where it likes
FRAMES = "\n".join(f'h{t} = higher("{t}")' for t in ("5m", "15m", "1h", "4h"))
NESTED = (
    "\n".join("    " * i + f"if close > {i}:" for i in range(70)) + "\n" + "    " * 70 + "x = 1"
)

# What is refused: the text, where, and words of the message ("|" between those of one Python
# version and those of another).
REFUSED: dict[str, tuple[str, tuple[int, int], str]] = {
    # Reaching out
    "import": (strategy("import os"), (2, 1), "an import (import os)"),
    "import from": (strategy("from os import system"), (2, 1), "an import"),
    "import of all of a module of ours": (
        strategy("from kernels.build import *"),
        (2, 1),
        "import",
    ),
    "import in entry": (strategy(body="import os\nreturn FLAT"), (4, 5), "an import"),
    "language under another name": (strategy("import kernels.language as k"), (2, 1), "an import"),
    "word of the language alone": (
        strategy("from kernels.language import close as system"),
        (2, 1),
        "an import",
    ),
    "__import__": (strategy("x = __import__('os')"), (2, 5), "a call of '__import__'"),
    "eval": (strategy("x = eval('1 + 1')"), (2, 5), "a call of 'eval'"),
    "exec in entry": (strategy(body="exec('import os')\nreturn FLAT"), (4, 5), "exec"),
    "open of a file": (strategy("x = open('/etc/passwd')"), (2, 5), "a call of 'open'"),
    "getattr": (strategy("x = getattr(close, 'real')"), (2, 5), "a call of 'getattr'"),
    "dunder": (strategy("x = close.__class__"), (2, 5), "close.__class__"),
    "dunder chain": (
        strategy("x = ().__class__.__base__.__subclasses__()"),
        (2, 5),
        "__subclasses__",
    ),
    "dunder name": (strategy("x = __builtins__"), (2, 5), "'__builtins__'"),
    "dunder of a timeframe": (strategy(f"{FRAMES}\nx = h1h.__dict__"), (6, 5), "h1h.__dict__"),
    "dunder call of a timeframe": (strategy(f"{FRAMES}\nx = h1h.__init__(5)"), (6, 5), "__init__"),
    "dunder of the position": (
        strategy(plan="return plan(stop=position.__class__)"),
        (6, 22),
        "position.__class__",
    ),
    "chain of attributes": (strategy("x = close" + ".a" * 50), (2, 5), "the attribute"),
    "called result": (strategy("x = sma(close, 5)(1)"), (2, 5), "the call"),
    "called subscript": (strategy("x = close[1](1)"), (2, 5), "the call"),
    "item of a function": (strategy("x = sma['__globals__']"), (2, 5), "'sma'"),
    "kernel's own function": (strategy("x = simulate(close)"), (2, 5), "'simulate'"),
    "kernel's own words": (strategy("x = ring(5)"), (2, 5), "'ring'"),
    "kernel's limits": (strategy("x = limits.daily_loss"), (2, 5), "limits.daily_loss"),
    "account": (strategy(body="account.cash = 1\nreturn FLAT"), (4, 5), "account.cash"),
    "control": (strategy("x = control"), (2, 5), "'control'"),
    # Statements
    "lambda": (strategy("f = lambda: close"), (2, 5), "lambda"),
    "list": (strategy("x = [close, open]"), (2, 5), "list"),
    "comprehension": (strategy("x = [c for c in close]"), (2, 5), "comprehension"),
    "generator": (strategy("x = sma((c for c in close), 5)"), (2, 9), "comprehension"),
    "f-string": (strategy("x = f'{close.__class__}'"), (2, 5), "f-string"),
    "walrus": (strategy("x = (y := close)"), (2, 6), ":="),
    "decorator": ('timeframe("1m")\n@eval\ndef entry():\n    return FLAT\n', (3, 1), "decorators"),
    "default argument": ("def entry(x=eval('1')):\n    return FLAT\n", (1, 1), "arguments"),
    "return type": ("def entry() -> eval('1'):\n    return FLAT\n", (1, 1), "types"),
    "annotation": (strategy("x: eval('1') = close"), (2, 1), "annotation"),
    "global": (strategy(body="global close\nreturn FLAT"), (4, 5), "global"),
    "delete": (strategy("del close"), (2, 1), "delete"),
    "try": (strategy("try:\n    x = 1\nfinally:\n    x = 2"), (2, 1), "try"),
    "with": (strategy("with open('x') as f:\n    pass"), (2, 1), "with"),
    "async function": (strategy("async def f():\n    pass"), (2, 1), "async function"),
    "await": (strategy(body="x = await close\nreturn FLAT"), (4, 9), "await"),
    "yield": (strategy(body="yield 1\nreturn FLAT"), (4, 5), "yield"),
    "class": (strategy("class A(metaclass=eval):\n    pass"), (2, 1), "a class"),
    "while": (strategy(body="while True:\n    x = 1\nreturn FLAT"), (4, 5), "while"),
    "for": (strategy(body="for i in range(9):\n    x = 1\nreturn FLAT"), (4, 5), "for"),
    "match": (
        strategy(body="match close:\n    case _:\n        x = 1\nreturn FLAT"),
        (4, 5),
        "match",
    ),
    "assert": (strategy(body="assert close > 1\nreturn FLAT"), (4, 5), "assert"),
    "raise": (strategy(body="raise SystemExit\nreturn FLAT"), (4, 5), "raise"),
    "recursion": (strategy(body="return entry()"), (4, 12), "entry()"),
    "recursion of exits": (strategy(plan="return exits()"), (6, 12), "exits()"),
    "entry from exits": (strategy(plan="x = entry()\nreturn plan(stop=1)"), (6, 9), "'entry'"),
    "function in a function": (
        strategy(body="def f():\n    pass\nreturn FLAT"),
        (4, 5),
        "function",
    ),
    "star arguments": (strategy("x = sma(*close)"), (2, 5), "*"),
    "star keywords": (strategy("x = sma(**close)"), (2, 5), "*"),
    "star in plan": (strategy(plan="return plan(**{'stop': 1})"), (6, 19), "argument"),
    "star in targets": (
        strategy(plan="return plan(stop=1, targets=(*close, 2))"),
        (6, 34),
        "*close",
    ),
    "star target": (strategy("*a, b = close, open"), (2, 1), "*a"),
    "tag twice": (strategy(body="return long(tag='a', tag='b')"), (4, 21), "second time"),
    # Names
    "word shadowed": (strategy("close = open"), (2, 1), "word of the language"),
    "function shadowed": (strategy("ema = close"), (2, 1), "word of the language"),
    "regime shadowed": (strategy("STRONG_BEAR = 5"), (2, 1), "word of the language"),
    "word shadowed in entry": (strategy(body="long = 1\nreturn FLAT"), (4, 5), "word"),
    "timeframe shadowed in entry": (
        strategy(FRAMES, body="h1h = 1\nreturn FLAT"),
        (7, 5),
        "'h1h' a second time",
    ),
    "conflicting timeframes": (
        strategy('h = higher("1h")\nh = higher("4h")'),
        (3, 1),
        "'h' a second time",
    ),
    "one timeframe too many": (
        strategy(f'{FRAMES}\nd = higher("1d")'),
        (6, 5),
        "one timeframe more",
    ),
    "timeframe that does not divide": (
        'timeframe("1d")\nh = higher("1h")\n',
        (2, 5),
        "higher('1h')",
    ),
    "unbound name": (strategy("x = y"), (2, 5), "'y'"),
    "name of later": (strategy("x = y\ny = close"), (2, 5), "'y'"),
    "name of itself": (strategy("x = x + 1"), (2, 5), "'x'"),
    "unassigned on a path": (
        strategy(body="if close > 1:\n    x = 1\nreturn long(confidence=x)"),
        (6, 28),
        "may be unassigned",
    ),
    "Cyrillic letter": (strategy("x = \u0441lose"), (2, 5), "U+0441"),
    "wide letters that Python takes for plain ones": (strategy("x = ｃlose"), (2, 5), "U+FF43"),
    "italic letters": (strategy("𝑥 = close"), (2, 1), "U+1D465"),
    "non-ASCII name": (strategy("größe = close"), (2, 1), "U+00F6"),
    "non-ASCII attribute": (strategy(plan="return plan(stop=position.ｂars)"), (6, 31), "U+FF42"),
    "hidden direction mark": (strategy("x = close\u202e"), (2, 10), "U+202E"),
    "long name": (strategy("x" * 50_000 + " = close"), (2, 1), "the name 'xxx"),
    # Text
    "null byte": (strategy("x = close\0"), ANYWHERE, "null"),
    "byte order mark": ("\ufeff" + strategy(), ANYWHERE, "U+FEFF"),
    "lone surrogate": ("x = '\ud800'\n", ANYWHERE, "utf-8|surrogate|parsed"),
    "form feed and tabs": (
        strategy(body="\fif close > 1:\n\t\treturn FLAT\nreturn FLAT"),
        (4, 6),
        "inden|tab",
    ),
    "tabs against blanks": (strategy(body="x = 1\n\treturn FLAT"), ANYWHERE, "inden|tab"),
    "no indent": ('timeframe("1m")\ndef entry():\nreturn FLAT\n', (3, 1), "indented block"),
    "open string": (strategy("x = 'abc"), (2, 5), "string literal"),
    "open bracket": (strategy("x = sma(close, 5"), (2, 8), "never closed"),
    "open docstring": ('"""' + strategy(), ANYWHERE, "triple-quoted"),
    "escape in a docstring": ('"""\\x1b[2J"""\n' + strategy(), (1, 1), "control"),
    "bad escape": (strategy("x = '\\N{no such}'"), ANYWHERE, "unicode"),
    "bytes": (strategy("x = b'abc'"), (2, 5), "constant"),
    "string as a number": (strategy("x = close + '1'"), (2, 13), "'1'"),
    "repeated string": (strategy("x = 'a' * 10_000_000_000"), (2, 5), "'a'"),
    "formatted string": (strategy("x = '%9999999999d' % 1"), (2, 5), "operator"),
    "tag of code": (strategy(body="return long(tag='{0.__class__}')"), (4, 21), "__class__"),
    "tag of 64 KB": (strategy(body=f"return long(tag='{'a' * 60_000}')"), (4, 21), "aaa"),
    "timeframe of code": ("timeframe('1m'.__class__)\n", (1, 1), "__class__"),
    "joined timeframe": ("timeframe('1' 'x')\n", (1, 1), "1x"),
    "ellipsis": (strategy("x = ..."), (2, 5), "..."),
    # Size
    "ten megabytes": ("x = 1\n" * 1_700_000, (1, 1), "10,200,000"),
    "ten megabytes on a line": ("#" * 10_000_000, (1, 1), "10,000,000"),
    "million brackets": ("x = " + "(" * 1_000_000, (1, 1), "1,000,004"),
    "sixty thousand brackets": ("x = " + "(" * 60_000, ANYWHERE, "nested"),
    "deep brackets with commas": (
        strategy("x = " + "(" * 150 + "close" + ",)" * 150),
        (2, 63),
        "long",
    ),
    "deep minus": (strategy("x = " + "-" * 30_000 + "1"), ANYWHERE, "parsed|long"),
    "deep not": (strategy("x = " + "not " * 10_000 + "True"), ANYWHERE, "parsed|long"),
    "deep history": (strategy("x = close" + "[1]" * 20_000), ANYWHERE, "parsed|long"),
    "deep calls": (strategy("x = " + "abs(" * 90 + "close" + ")" * 90), (2, 233), "too long"),
    "deep ifs": (strategy(body=NESTED + "\nreturn FLAT"), (60, 232), "too long"),
    "long sum": (strategy("x = " + " + ".join(["close"] * 400)), (2, 5), "too long"),
    "long and": (strategy("x = " + " and ".join(["close > 1"] * 1500)), (2, 5), "1,500 conditions"),
    "many nodes": (strategy("x = " + "sma(close, 5), " * 4000), ANYWHERE, "too large"),
    "thousands of parameters": (
        strategy(lines(2600, "p@ = param(1, 0, 2)")),
        ANYWHERE,
        "too large",
    ),
    "thousands of series": (strategy(lines(2000, "x@ = close * @ + 1")), ANYWHERE, "too large"),
    "hundreds of averages": (strategy(lines(400, "x@ = ema(close, @ + 1)")), (155, 1), "computes"),
    "thousands of tags": (
        strategy(body=lines(900, "if close > @:\n    return long(tag='t@')") + "\nreturn FLAT"),
        (1806, 1),
        "computes",
    ),
    "thousands of ifs": (
        strategy(
            body="x = 0\n" + lines(1300, "if close > @:\n    x = @") + "\nreturn long(confidence=x)"
        ),
        ANYWHERE,
        "too large|computes",
    ),
    "memory of many rings": (strategy(rings("close")), (206, 8), "memory"),
    "memory of one line": (
        strategy("x, " * 249 + "x = " + ", ".join(f"close[{5000 - i}]" for i in range(250))),
        (2, 3404),
        "memory",
    ),
    "memory of longer timeframes": (
        strategy(FRAMES + "\n" + rings("h4h.close")),
        (210, 8),
        "memory",
    ),
    # Numbers
    "power tower": (strategy("x = 9 ** 9 ** 9 ** 9"), (2, 5), "operator"),
    "shift": (strategy("x = 1 << 9_999_999_999"), (2, 5), "operator"),
    "digits": (strategy("x = " + "9" * 5000), ANYWHERE, "4300 digits|number"),
    "hexadecimal digits": (strategy("x = 0x" + "f" * 50_000), (2, 5), "the number"),
    "beyond a double": (strategy("x = close * 1e999"), (2, 13), "the number"),
    "complex": (strategy("x = 1j"), (2, 5), "constant"),
    "negative history": (strategy("x = close[-1]"), (2, 11), "-1"),
    "half a bar ago": (strategy("x = close[0.5]"), (2, 11), "0.5"),
    "history by a series": (strategy("x = close[close]"), (2, 11), "close"),
    "history by True": (strategy("x = close[True]"), (2, 11), "True"),
    "history beyond memory": (strategy("x = close[10 ** 9]"), (2, 11), "10 ** 9"),
    "slice": (strategy("x = close[1:]"), (2, 11), "1:"),
    "open bar of a longer timeframe": (strategy(f"{FRAMES}\nx = h1h.close[-1]"), (6, 15), "-1"),
    "bars of a longer timeframe": (strategy(f"{FRAMES}\nx = h1h[-1].close"), (6, 5), "h1h[-1]"),
    "negative lookback": (strategy("x = sma(close, -5)"), (2, 16), "-5"),
    "no lookback": (strategy("x = sma(close, 0)"), (2, 16), "from 0 to 0"),
    "lookback of a series": (strategy("x = sma(close, close)"), (2, 16), "a series as n"),
    "lookback of every number": (
        strategy("p = param(5, 1, 1_000_000_000)\nx = sma(close, p)"),
        (3, 16),
        "from 1 to 1e+09",
    ),
    "lookback of no number": (
        strategy(f"a = {'*'.join(['1e15'] * 25)}\nx = sma(close, a - a + 5)"),
        (3, 16),
        "as n of sma",
    ),
    "range upside down": (strategy("p = param(5, 9, 1)"), (2, 5), "param(5, 9, 1)"),
    "range of code": (strategy("p = param(5, eval('1'), 9)"), (2, 14), "eval"),
    "bool as a range": (strategy("p = param(True, False, True)"), (2, 11), "True"),
    # What is new
    "frames mixed in a call": (
        strategy(f"{FRAMES}\nx = h1h.highest(high, 5)"),
        (6, 5),
        "other bars",
    ),
    "frames of frames": (strategy(f"{FRAMES}\nx = h1h.h4h.close"), (6, 5), "h1h.h4h"),
    "timeframe as a number": (strategy(f"{FRAMES}\nx = h1h + 1"), (6, 5), "h1h, a timeframe"),
    "timeframe returned": (strategy(FRAMES, body="return h1h"), (7, 12), "h1h"),
    "timeframe in a function": (strategy(body='h = higher("1h")\nreturn FLAT'), (4, 9), "'higher'"),
    "sizing in a function": (strategy(body='sizing("risk", 1)\nreturn FLAT'), (4, 5), "sizing"),
    "sizing in a branch": (strategy("if close > 1:\n    sizing('risk', 1)"), (2, 1), "if"),
    "sizing without end": (strategy("sizing('notional', 1e999)"), (2, 20), "1e"),
    "sizing below nothing": (strategy("p = param(1, -1, 2)\nsizing('risk', p)"), (3, 16), "p"),
    "sizing twice": (strategy("sizing('risk', 1)\nsizing('risk', 2)"), (3, 1), "sizing"),
    "four targets": (
        strategy(plan="return plan(stop=1, targets=((1, 0.1), (2, 0.1), (3, 0.1), 4))"),
        (6, 33),
        "(1, 0.1)",
    ),
    "thousands of targets": (
        strategy(plan=f"return plan(stop=1, targets=({'(1, 0.1), ' * 3000} 4))"),
        (6, 33),
        "(1, 0.1)",
    ),
    "shares of more than the whole": (
        strategy(plan="return plan(stop=1, targets=((1, 0.6), (2, 0.6), 3))"),
        (6, 33),
        "add up to 1.2",
    ),
    "negative share": (
        strategy(plan="return plan(stop=1, targets=((1, -0.5), 2))"),
        (6, 38),
        "-0.5",
    ),
    "share of a series": (
        strategy(plan="return plan(stop=1, targets=((1, position.return_), 2))"),
        (6, 38),
        "position.return_",
    ),
    "no targets": (strategy(plan="return plan(stop=1, targets=())"), (6, 33), "()"),
}

EDGES = (
    "y = close / (close - close)\nz = 0 / (open - open)\nw = sqrt(-close)\nv = y * 0 + z\n"
    "u = floor(y)\nt = -0.0 * close"
)
DOUBLED = "\n".join(["a0 = close", *(f"a{i} = a{i - 1} * a{i - 1}" for i in range(1, 40))])
# What compiles: whatever its figures are, an account stays one of numbers.
RUNS: dict[str, str] = {
    "division by zero": strategy(
        EDGES, body="if y > 0 or z > 0 or v == v:\n    return long(confidence=y)\nreturn short()"
    ),
    "no number as a stop": strategy(
        EDGES, body="return long()", plan="return plan(stop=z, target=y)"
    ),
    "stop below nothing": strategy(body="return long()", plan="return plan(stop=-close)"),
    "stop of everything": strategy(
        body="return short()", plan="return plan(stop=close * 1e15, target=close * 1e15)"
    ),
    "stop of a denormal": strategy(
        "sizing('risk', 1)", body="return long()", plan="return plan(stop=close * 5e-324)"
    ),
    "squares to infinity": strategy(
        DOUBLED,
        body="if a39 > 1:\n    return long()\nreturn short()",
        plan="return plan(stop=close / 50, target=a39, max_bars=a39)",
    ),
    "conditions doubled by name": strategy(
        "p = param(1, 0, 2)\nc0 = p > 0.5\n"
        + "\n".join(f"c{i} = c{i - 1} and not c{i - 1}" for i in range(1, 60)),
        body="if c59:\n    return long()\nreturn short()",
    ),
    "history of history": strategy(
        "x = close" + "[5000]" * 40 + "\ny = (close" + "[1]" * 10 + ")",
        body="if y > close:\n    return long()\nreturn short()",
    ),
    "every timeframe in every branch": strategy(
        FRAMES,
        body="if h5m.close > h15m.open[2]:\n    if h1h.atr(3) > h4h.rsi(2):\n"
        "        return long()\nif sma(h5m.close - h1h.close, 5) > 0:\n    return short()\n"
        "return FLAT",
        plan="if h4h.close > close:\n    return plan(stop=h5m.atr(2), max_bars=3)\n"
        "return plan(stop=close / 80, targets=((h1h.atr(2), 0.3), (z, 0.3), close / 40))".replace(
            "z", "close - close"
        ),
    ),
    "shares of no number": strategy(
        "k = param(0.5, 0.0, 2.0)",
        body="return long()",
        plan="return plan(stop=close / 50, targets=((close / 300, k / 0 * 0), (1, 0 - k / 9), 2))",
    ),
    "regime of everything": strategy(
        "x = bars_since(regime == RANGING)\ny = value_when(regime > WEAK_BEAR, regime)",
        body="if regime == STRONG_BULL or x > 5:\n    return long(tag='bull')\nreturn short()",
    ),
    "name of a builtin": strategy(
        "eval = close\nprint = eval * 2\nid = print", body="exec = id\nreturn long(confidence=exec)"
    ),
    "windows line ends, form feeds and a docstring of escapes": (
        '"""A \\"docstring\\"."""\f\r\n' + strategy("x = close  # größe → ｃ").replace("\n", "\r\n")
    ),
}


def refusal(text: str) -> StrategyError | None:
    try:
        compile_strategy(text, "hostile")
    except StrategyError as error:
        return error
    return None


UNREADABLE = {
    "null byte": (strategy("x = close\0"), (2, 10), "U+0000"),
    "escape in a comment": (strategy("x = close  # \x1b[2J"), (2, 14), "U+001B"),
    "bidi in a comment": (strategy("x = close  # \u2067then\u2069"), (2, 14), "U+2067"),
    "raw escape in a docstring": ('"""\x9b2J"""\n' + strategy(), (1, 4), "U+009B"),
    "line separator": (strategy("x = close  # \u2028y = open"), (2, 14), "U+2028"),
    "lone carriage return": (strategy("x = close\r# then"), (2, 10), "U+000D"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_file_when_people_cannot_read_it_then_is_refused_where_it_comes_in(
    name: str, tmp_path: Path
) -> None:
    text, (line, column), words = UNREADABLE[name]
    with pytest.raises(StrategyError, match=re.escape(words)) as caught:
        refuse_unreadable(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    said = check(text, {}, lambda given: compile_strategy(given, "hostile"))
    assert isinstance(said, str)
    assert said.startswith(f"DOES_NOT_COMPILE: {line}:{column} found the control character {words}")
    file = tmp_path / "hostile.py"
    file.write_bytes(text.encode())
    if words != "U+000D":  # a file's line ends are all the same to Python
        with pytest.raises(StrategyRefused, match=re.escape(words)):
            text_of(file)


@pytest.mark.parametrize("text", [strategy(), strategy().replace("\n", "\r\n"), strategy("\f")])
def test_file_when_its_lines_end_in_any_usual_way_then_is_read(text: str) -> None:
    refuse_unreadable(text)
    assert not isinstance(check(text, {}, lambda given: compile_strategy(given, "plain")), str)


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_file_when_read_then_is_refused_where_it_is_hostile(name: str) -> None:
    text, where, words = REFUSED[name]
    began = time.process_time()
    error = refusal(text)
    assert time.process_time() - began < SECONDS
    assert error is not None, "it compiled"
    assert any(w in error.found for w in words.split("|")), str(error)
    if where != ANYWHERE:
        assert (error.line, error.column) == where, str(error)
    assert len(str(error)) < 1200
    assert str(error).isprintable()
    assert error.allowed


def test_hostile_files_when_counted_then_are_many() -> None:
    assert len(REFUSED) + len(RUNS) >= 60


def test_hostile_files_when_read_then_take_little_memory() -> None:
    for text in {text for text, _, _ in REFUSED.values() if len(text) > 40_000}:
        tracemalloc.start()
        refusal(text)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MEGABYTES * 2**20 + 4 * len(text)


@pytest.mark.parametrize("name", RUNS)
def test_hostile_file_when_it_compiles_then_trades_broken_bars_safely(name: str) -> None:
    began = time.process_time()
    program = compile_strategy(RUNS[name], "hostile")
    assert time.process_time() - began < SECONDS
    machine = Machine(program, market(slippage=0.001, taker=0.0005), limits(enforced=True), 8)
    machine.run(torn(2_250, seed=3))
    assert machine.bar > 1_990
    account = machine.records["account"] | machine.records["held"]
    money = [account[name] for name in ("cash", "equity", "peak", "drawdown", "position")]
    assert np.isfinite(money).all()
    assert all(value == np.floor(value) and abs(value) < 2**53 for value in money)
