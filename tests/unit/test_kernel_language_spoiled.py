"""Strategy files spoiled at random or written to be hard: refused in one line, or compiled."""

import random
import re
import time

import pytest

from kernels.backends.scalar import compiled
from kernels.errors import StrategyError
from kernels.program import compile_strategy
from tests.kernel_runs import STRATEGIES
from tests.unit.test_kernel_language import entry, series

SECONDS = 5.0
EVERYTHING = """timeframe("5m")
n = param(5, 2, 9)
share = param(0.5, 0.1, 0.8)
sizing("risk", share * 0.02)
h1 = higher("1h")
h4 = higher("4h")
trend = ema(h1.close, n)[1] - h4.atr(3)
mixed = sma(close - h1.close, 5) if h1.rsi(14) > 50 else bars_since(h4.close > h4.open)
always = share > 0.2
def entry():
    if regime == STRONG_BEAR or not always:
        return FLAT
    near = h1.high[2] - mixed
    if near > trend and crossed_above(close, h1.open):
        return long(tag="above", confidence=near / close)
    return SHORT
def exits():
    if position.return_ > 0.01 and position.side > 0:
        return plan(stop=h1.atr(5), targets=((trend, share / 2), (close / 90, 0.25), close / 40))
    return plan(stop=close / 100, target=position.entry_price / 50, max_bars=position.bars + 3)
"""
FILES = [*(path.read_text() for path in STRATEGIES), *[EVERYTHING] * 3]
PIECES = (
    *"()[]{}:,.=+-*/<>@\\'\"#\t\f\0 \n",
    *("\r\n", "\ufeff", "\ud800", "\u202e", "\u2028", "é", "²", "'" * 3, '"' * 3, "f'{", "\\x1b"),
    *("if", "return", "def entry():", "-", "not", "lambda:", "close", "nan", "position", "[1]"),
    *("higher(", '"1h"', "h1", "h1.", ".close", "sizing(", '"risk"', "regime", "STRONG_BEAR"),
    *(
        "targets=((",
        ", 0.5), ",
        "plan(stop=",
        ".rsi(14)",
        "[2]",
        "market_regime()",
        "entry",
        "True",
    ),
    *("1e999", "0x" + "f" * 5000, "9" * 400, " " * 200, "(" * 60, "abs(" * 30, "sma("),
)
HARD = {
    "many constants": series("\n".join(f"a{i} = n + {i}" for i in range(2400))),
    "many series": series("\n".join(f"a{i} = close + {i}" for i in range(1500))),
    "many returns": entry(
        *(f"if close > {i}:\n        return FLAT" for i in range(120)), "return FLAT"
    ),
    "the close by another name": series("x = close"),
    "deep choice": series("x = " + "(close if close > 1 else " * 50 + "open" + ")" * 50),
}


@pytest.mark.parametrize("name", HARD)
def test_language_when_a_file_is_hard_but_allowed_then_its_kernel_can_be_read(name: str) -> None:
    began = time.process_time()
    program = compile_strategy(HARD[name], "hard")
    assert compiled(program.run_step).step
    assert time.process_time() - began < SECONDS


def spoiled(chance: random.Random) -> str:
    lines = chance.choice(FILES).splitlines(keepends=True)
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        words = re.split(r"(\W)", lines[at])
        word = chance.randrange(len(words))
        match chance.randrange(6):
            case 0:
                words.append(lines[other])
            case 1:
                lines[other], words = lines[at], [lines[other]]
            case 2:
                words = ["\n"]
            case 3:
                words[word] = chance.choice(PIECES)
            case 4:
                words.insert(word, chance.choice(PIECES))
            case _:
                words[word] = chance.choice(re.split(r"(\W)", lines[other]))
        lines[at] = "".join(words)
    return "".join(lines)


def refuse_or_compile(text: str) -> None:
    began, refusal = time.process_time(), None
    try:
        compile_strategy(text, "spoiled").docstring.encode()
    except StrategyError as error:
        refusal = error
    assert time.process_time() - began < SECONDS
    if refusal is not None:
        assert min(refusal.line, refusal.column) >= 1
        assert len(str(refusal).splitlines()) == 1


@pytest.mark.parametrize(
    ("seed", "count"), [(7, 600), pytest.param(8, 30_000, marks=pytest.mark.long)]
)
def test_language_when_files_are_spoiled_at_random_then_each_is_refused_in_one_line(
    seed: int, count: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    for _ in range(count):
        refuse_or_compile(spoiled(chance))
