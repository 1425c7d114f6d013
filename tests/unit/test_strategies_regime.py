"""The rule table of `regime_rules`: as drawn by hand, as written in its docstring, both sides.

The docstring holds the table that traders read; the code must say the same. Five rules are drawn by
hand, and the five of the other side are the same charts upside down.
"""

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from kernels import dtypes
from kernels.program import compile_strategy
from tests.kernel_runs import CAPITAL, MINUTE, Array, runner_of, walk
from tests.strategy_charts import Chart, Reading, at_last, read, shipped

BOTH = pytest.mark.parametrize("side", [1, -1])
REGIMES = {2: "STRONG_BULL", 1: "WEAK_BULL", 0: "RANGING", -1: "WEAK_BEAR", -2: "STRONG_BEAR"}
Drawn = Callable[..., Chart]
MIRROR = {"STRONG_BULL": "STRONG_BEAR", "WEAK_BULL": "WEAK_BEAR", "RANGING": "RANGING"}


def calm(size: float = 0.1) -> Chart:
    return Chart().ripple(116, size)


def rising(volume: float = 10.0) -> Chart:
    """Strong bull, bought on the way: up by 0.4, back by 0.2."""
    return calm().stairs(0.4, 0.2, 3).bar(100.4, volume=volume)


def exhausted(volume: float = 25.0) -> Chart:
    """Strong bull that has run far and slows down, on much volume."""
    return calm().line(106, 30).line(106.6, 8).bar(106.65, volume=volume)


def recovering(volume: float = 10.0) -> Chart:
    """Weak bull: up in small steps after wide swings, so the market is quiet."""
    return calm(0.5).stairs(0.12, 0.06, 10).bar(100.42, volume=volume)


def rolling_over(volume: float = 25.0) -> Chart:
    """Weak bull that falls back through its average on much volume."""
    chart = calm(0.2).stairs(0.3, 0.2, 40).stairs(0.1, 0.2, 10)
    return chart.bar(round(chart.price - 0.2, 6), volume=volume)


def at_the_edge(volume: float = 10.0) -> Chart:
    """Ranging: three bars down to the lower band."""
    return Chart().ripple(120, 0.2).line(99.6, 2).bar(99.4, volume=volume)


DRAWN = [
    pytest.param(rising, "STRONG_BULL", 1, 7.0, id="strong_bull_long"),
    pytest.param(exhausted, "STRONG_BULL", -1, 11.0, id="strong_bull_short"),
    pytest.param(recovering, "WEAK_BULL", 1, 6.0, id="weak_bull_long"),
    pytest.param(rolling_over, "WEAK_BULL", -1, 11.0, id="weak_bull_short"),
    pytest.param(at_the_edge, "RANGING", 1, 4.0, id="ranging_long"),
]


# The table


ROW = re.compile(
    r"(long|short) +(\d+)-(\d+) +(above|below) +(above|below|any) +(above|below|any) +([\d.]+)"
    r" +([\d.]+)([+-]) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$"
)


class Rule:
    """One row of the docstring's table, read by other code than the strategy's."""

    def __init__(self, regime: str, row: "re.Match[str]") -> None:
        self.regime = regime
        self.side = 1 if row[1] == "long" else -1
        self.tag = f"{regime.lower()}_{row[1]}"
        self.band = (float(row[2]), float(row[3]))
        self.price, self.averages, self.macd = row[4], row[5], row[6]
        self.volume = float(row[7])
        self.place, self.above = float(row[8]), row[9] == "+"
        self.stop, self.target, self.size, self.confidence = (float(row[n]) for n in range(10, 14))

    def holds(self, figures: dict[str, Array]) -> dict[str, Array]:
        """Each column of the row, at each bar."""
        strength = figures["strength"]
        place = figures["place"]
        return {
            "RSI": (strength >= self.band[0]) & (strength <= self.band[1]),
            "price": beyond(figures["close"] - figures["quick"], self.price),
            "EMA20": beyond(figures["quick"] - figures["slow"], self.averages),
            "MACD": beyond(figures["swing"], self.macd),
            "volume": figures["ratio"] >= self.volume,
            "bands": place >= self.place if self.above else place <= self.place,
            "confidence": figures["confidence"] >= self.confidence,
        }


def beyond(gap: Array, which: str) -> Array:
    if which == "any":
        return np.ones(len(gap), bool)
    return gap > 0 if which == "above" else gap < 0


@cache
def table() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    regime = ""
    for line in shipped("regime_rules").docstring.splitlines():
        word = line.split(" ", 1)[0]
        regime = word if word in REGIMES.values() else regime
        if row := ROW.search(line.strip()):
            rules.append(Rule(regime, row))
    return tuple(rules)


def rule_of(regime: str, side: int) -> Rule:
    (found,) = (rule for rule in table() if (rule.regime, rule.side) == (regime, side))
    return found


def figures_of(bars: Chart | Array) -> dict[str, Array]:
    """What the strategy saw at each bar, and what it made of it."""
    found = read("regime_rules", bars)
    closes = np.array([row[3] for row in bars.rows]) if isinstance(bars, Chart) else bars["close"]
    return dict(zip(found.program.series_names, found.block.series, strict=True)) | {
        "close": closes
    }


def shares_of(found: Reading) -> list[tuple[str, float, float]]:
    """Each entry's tag, its lots, and those of a full trade: 5 % of equity, once."""
    settled, lots, entry = CAPITAL, 0.0, 0.0
    told = []
    for row in found.block.records[0].tolist():
        kind, side, figures = row[dtypes.KIND], row[dtypes.A], row[dtypes.A :]
        if kind == dtypes.OPENED:
            lots, entry = side * figures[1], figures[2]
        elif kind == dtypes.CLOSED:
            settled, lots = settled + figures[8], 0.0
        elif kind == dtypes.ORDER and figures[1] == dtypes.ENTRY:
            asked, close = figures[2:4]
            equity = settled + (close - entry) * lots * 10  # one lot moving one tick is 10
            full = 0.05 * equity / (close * 10)
            told.append((found.program.tags[int(figures[4])], asked, full))
    return told


def mirrored(regime: str, side: int) -> str:
    return regime if side > 0 else MIRROR[regime]


@BOTH
@pytest.mark.parametrize(("drawn", "regime", "rule_side", "_least"), DRAWN)
def test_rule_when_drawn_by_hand_then_fires(
    drawn: Drawn, regime: str, rule_side: int, _least: float, side: int
) -> None:
    chart = drawn().seen_from(side)
    rule = rule_of(mirrored(regime, side), rule_side * side)
    found = read("regime_rules", chart)
    assert at_last(found) == (rule.side, rule.tag)
    signal, unit = found.signals[-1], found.at_end("unit")
    assert (signal.stop, signal.target) == pytest.approx((rule.stop * unit, rule.target * unit))
    assert signal.confidence == pytest.approx(found.at_end("confidence"))
    assert all(column[-1] for column in rule.holds(figures_of(chart)).values())
    tag, lots, full = shares_of(found)[-1]
    assert tag == rule.tag
    assert lots == np.floor(rule.size * full)


@BOTH
@pytest.mark.parametrize(("drawn", "regime", "rule_side", "least"), DRAWN)
def test_rule_when_volume_lacks_then_is_silent(
    drawn: Drawn, regime: str, rule_side: int, least: float, side: int
) -> None:
    chart = drawn(least).seen_from(side)
    rule = rule_of(mirrored(regime, side), rule_side * side)
    assert at_last(read("regime_rules", chart)) is None
    assert lacking(rule, chart) == ["volume"]


NEARLY = {
    "RSI": calm().line(103.0, 8),
    "MACD": calm().line(106, 30).stairs(0.2, 0.1, 12),
}


@BOTH
@pytest.mark.parametrize("broken", NEARLY)
def test_strong_trend_when_one_column_lacks_then_is_silent(broken: str, side: int) -> None:
    chart = NEARLY[broken].seen_from(side)
    rule = rule_of(mirrored("STRONG_BULL", side), side)
    found = read("regime_rules", chart)
    assert lacking(rule, chart) == [broken]
    assert found.at_end(rule.tag) == 0
    assert at_last(found) is None


@BOTH
def test_strong_trend_when_confidence_lacks_then_is_silent(side: int) -> None:
    chart = rising().seen_from(side)
    least = rule_of(mirrored("STRONG_BULL", side), side).confidence
    surplus = read("regime_rules", chart).at_end("confidence") - least
    for caution, fires in ((surplus - 0.01, True), (surplus + 0.01, False)):
        found = read("regime_rules", chart, caution=caution)
        assert (at_last(found) is not None) is fires


def lacking(rule: Rule, chart: Chart) -> list[str]:
    return [name for name, held in rule.holds(figures_of(chart)).items() if not held[-1]]


def test_table_when_read_by_other_code_then_is_what_the_strategy_does() -> None:
    bars = walk(40_000, seed=21)
    bars["timestamp"] = bars["timestamp"][0] + 15 * MINUTE * np.arange(len(bars))
    figures = figures_of(bars)
    state = np.zeros(len(bars))
    tags = np.full(len(bars), "", dtype=object)
    with np.errstate(invalid="ignore"):
        for rule in table():
            held = np.all(list(rule.holds(figures).values()), axis=0)
            assert np.array_equal(held, figures[rule.tag] == 1), rule.tag
            now = held & (regimes(bars) == rule_code(rule)) & (state == 0)
            assert now.sum() > 10, rule.tag
            state[now], tags[now] = rule.side, rule.tag
    turned = np.flatnonzero((state != 0) & (state != np.r_[0, state[:-1]]))
    found = read("regime_rules", bars).signals
    assert [(s.bar, s.side, s.tag) for s in found] == [
        (int(n), int(state[n]), tags[n]) for n in turned
    ]


def test_entry_when_it_is_of_a_row_then_is_as_large_as_that_row_deserves() -> None:
    bars = walk(40_000, seed=21)
    bars["timestamp"] = bars["timestamp"][0] + 15 * MINUTE * np.arange(len(bars))
    deserved = {rule.tag: rule.size for rule in table()}
    assert sorted(set(deserved.values())) == [0.3, 0.4, 0.6, 0.8, 1.0]
    found = shares_of(read("regime_rules", bars))
    assert {tag for tag, _, _ in found} == set(deserved)
    for tag, lots, full in found:
        assert lots == np.floor(deserved[tag] * full + 1e-9), tag


def rule_code(rule: Rule) -> int:
    (code,) = (code for code, name in REGIMES.items() if name == rule.regime)
    return code


def regimes(bars: Array) -> Array:
    text = 'timeframe("1m")\nnow = regime * 1\ndef entry():\n    return FLAT\n'
    program = compile_strategy(f"{text}def exits():\n    return plan(stop=1)\n", "regimes")
    minutes = bars.copy()
    minutes["timestamp"] = bars["timestamp"][0] + MINUTE * np.arange(len(bars))
    found: Array = runner_of(program).run(minutes, [0]).series[0]
    return found


def test_table_when_counted_then_has_a_long_and_a_short_row_for_each_regime() -> None:
    assert [(rule.regime, rule.side) for rule in table()] == [
        (name, side) for name in REGIMES.values() for side in (1, -1)
    ]
    given = rule_of("STRONG_BULL", 1)
    assert (given.band, given.price, given.averages, given.macd) == (
        (50, 85), "above", "above", "above",
    )  # fmt: skip
    assert (given.volume, given.place, given.above) == (0.8, 0.5, True)
    assert (given.stop, given.target, given.size) == (2.5, 4.0, 1.0)
