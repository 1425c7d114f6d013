"""Warm-up is what the series need, and units are what they are measured in."""

import numpy as np
import pytest

from kernels import dtypes as d
from kernels import ir
from kernels.dimensions import CLASH, OPEN, settled, units
from kernels.program import Program, compile_strategy
from kernels.warmup import BARS, measure
from tests.kernel_runs import MINUTE, walk
from tests.strategy_charts import runner_for

TEXT = '''"""A test."""
from kernels.language import *

timeframe("15m")
length = param(20, 2, 500)  # bars
{series}

def entry():
    return FLAT

def exits():
    return plan(stop=100.0)
'''


def program(*series: str) -> Program:
    return compile_strategy(TEXT.format(series="\n".join(series)), "test")


@pytest.mark.parametrize(
    ("series", "bars"),
    [
        ("close", 1),
        ("close[1]", 2),
        ("close[7]", 8),
        ("sma(close, length)", 20),
        ("sma(sma(close, length), 5)", 24),
        ("ema(close, 10)", 10),
        ("rsi(14)", 15),
        ("stdev(close - sma(close, length), length)", 39),
        ("highest(high, 50) - lowest(low, 3)", 50),
        ("sma(close, 20)[5]", 25),
        ("close > sma(close, length)", 20),
        ("close > open and sma(close, 5) > sma(close, 30)", 30),
        ("not close > close[3]", 4),
    ],
)
def test_warm_up_when_measured_then_is_the_first_bar_with_a_value(series: str, bars: int) -> None:
    assert measure(program(f"x = {series}")).series == {"x": bars}


def test_warm_up_when_it_takes_longer_than_was_tried_then_is_none() -> None:
    found = measure(program("never = value_when(close > 1e12, close)", "now = close"))
    assert found.series == {"never": None, "now": 1}
    assert found.all is None
    assert BARS == 20_000


def test_warm_up_when_a_longer_timeframe_is_read_then_its_bars_are_waited_for() -> None:
    found = measure(program('h1 = higher("1h")', "x = sma(h1.close, 3)"))
    assert found.series == {"x": 12}


def test_warm_up_when_a_condition_is_warm_later_then_entries_wait_for_numbers_alone() -> None:
    found = measure(program("late = close > sma(close, 100)", "x = sma(close, 10)"))
    assert found.series == {"late": 100, "x": 10}
    assert found.all == 10


NAMED = "average = sma(close, 60)"
# series; what entry() asks for; what exits() plans; bars that entries wait for
WAITED = [
    (NAMED, "not close < average", "1", 60),
    ("", "not close < sma(close, 60)", "1", 60),
    ("", "close > 0", "1 if close > sma(close, 60) else 2", 60),
    ("", "close > 0", "atr(59)", 60),
    ('h1 = higher("1h")', "not h1.close < sma(h1.close, 15)", "1", 60),
    ("falling = close < sma(close, 60)", "not falling", "1", 1),  # a condition is not waited for
    (NAMED + "\nfalling = close < average", "not falling", "1", 60),
    ("", "not crossed_above(close, sma(close, 60))", "1", 1),
    ("side = 1 if close > sma(close, 60) else 2", "side > 1", "1", 1),
]


@pytest.mark.parametrize(("series", "test", "stop", "bars"), WAITED)
def test_warm_up_when_measured_then_no_entry_is_sooner_and_one_may_be_then(
    series: str, test: str, stop: str, bars: int
) -> None:
    asked = f"def entry():\n    if {test} or close > 0:\n        return LONG\n    return FLAT"
    text = TEXT.format(series=series).replace("def entry():\n    return FLAT", asked)
    found = compile_strategy(text.replace("stop=100.0", f"stop={stop}"), "waits")
    assert measure(found).all == bars
    step = 15 * MINUTE
    quarters = walk(200)
    quarters["timestamp"] = quarters["timestamp"][0] + step * np.arange(200)
    records = runner_for(found, step).run(quarters, [0]).records[0]
    signals = records[records[:, d.KIND] == d.SIGNAL]
    assert [int(n) + 1 for n in signals[:, d.D]] == [bars]


def test_warm_up_when_there_is_no_series_then_is_one_bar() -> None:
    found = measure(program(""))
    assert (found.series, found.all) == ({}, 1)


@pytest.mark.parametrize(
    ("series", "unit"),
    [
        ("close", "quote"),
        ("volume", "base"),
        ("close * volume", "quote × base"),
        ("close / sma(close, length)", "number"),
        ("sma(volume, 20)", "base"),
        ("volume / close", "quote^-1 × base"),
        ("rsi(14)", "number"),
        ("atr(14)", "quote"),
        ("vwap(length)", "quote"),
        ("stdev(close, length)", "quote"),
        ("sqrt(close)", "quote^1/2"),
        ("length / close", "quote^-1"),
        ("close + volume", "mixed units"),
        ("close > open", "condition"),
        ("value_when(close > open, volume)", "base"),
        ("bars_since(close > open)", "number"),
        ("max(close, 1.0) - 0.5 * length", "quote"),
    ],
)
def test_unit_when_inferred_then_follows_from_what_a_series_is_made_of(
    series: str, unit: str
) -> None:
    found = units(program("y = close", f"x = {series}").flat)
    assert found == {"y": "quote", "x": unit}


def test_unit_when_it_grows_with_every_bar_then_there_is_none() -> None:
    place, price = ir.State(0), ir.Field("candle", "close", ir.SERIES)
    sets: dict[ir.Target, list[ir.Expr]] = {place: [price, ir.Binary("*", place, price)]}
    assert settled(sets, {place: OPEN}) == {place: CLASH}
