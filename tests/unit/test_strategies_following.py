"""The strategies that follow a trend: hand-drawn charts on which each must fire, and near-misses.

A near-miss is such a chart with one condition broken; where a parameter rules that condition, the
same chart fires once it is relaxed. Every chart is also read upside down.
"""

import pytest

from tests.strategy_charts import Chart, assert_crude, assert_lacks_only, at_last, heard, read

BOTH = pytest.mark.parametrize("side", [1, -1])


def calm(bars: int = 60, size: float = 0.1) -> Chart:
    return Chart().ripple(bars, size)


# macd_momentum


@BOTH
def test_macd_momentum_when_both_lines_rise_away_from_the_average_then_follows(side: int) -> None:
    assert_crude("macd_momentum", calm().path(100.2, 100.4), side, ("rising", "falling"))


@BOTH
def test_macd_momentum_when_too_near_the_average_then_is_silent(side: int) -> None:
    assert_lacks_only("macd_momentum", calm().path(100.2), side, deviation=0.001)


@BOTH
@pytest.mark.parametrize(
    ("chart", "broken"),
    [
        pytest.param(
            Chart(103.0).ripple(60).line(100, 12).path(100.2, 101.0, 102.0, 102.4),
            "line",
            id="the line is still below zero",
        ),
        pytest.param(
            calm().line(103, 20).path(*[103.02 + n / 50 for n in range(8)]),
            "histogram",
            id="the line is below its signal line",
        ),
        pytest.param(
            calm().line(101.6, 8).path(*[101.6] * 5), "growth", id="the histogram shrinks"
        ),
    ],
)
def test_macd_momentum_when_a_condition_is_broken_then_takes_no_new_side(
    chart: Chart, broken: str, side: int
) -> None:
    found = read("macd_momentum", chart.seen_from(side))
    assert at_last(found) is None
    needed = {name: side * found.at_end(name) > 0 for name in ("line", "histogram", "gap")}
    needed["growth"] = side * found.at_end("growth") > 0 or broken == "histogram"
    assert [name for name, holds in needed.items() if not holds] == [broken]


# ema_trend


@BOTH
def test_ema_trend_when_averages_part_in_a_trend_then_follows(side: int) -> None:
    assert_crude("ema_trend", calm().line(101, 5), side, ("uptrend", "downtrend"))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(calm().path(100.8, 101.6), {"strong": 10.0}, id="no trend yet"),
        pytest.param(calm().line(100.3, 20), {"deviation": 0.0005}, id="averages too near"),
    ],
)
def test_ema_trend_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("ema_trend", chart, side, **relaxed)


@BOTH
def test_ema_trend_when_direction_turns_against_the_averages_then_waits_for_it(side: int) -> None:
    chart = calm().line(103, 15).path(102.2, 101.4, 100.6)
    found = read("ema_trend", chart.seen_from(side))
    assert side * found.at_end("gap") > 0.002
    assert found.at_end("strength") > 25
    assert side * found.at_end("lean") < 0
    assert [bar for bar, _, _ in heard(found)] == [64]  # told once, on the way up
    again = read("ema_trend", chart.line(103, 8).seen_from(side))
    assert [bar > 77 for bar, _, _ in heard(again)] == [False, True]


# supertrend_follow

TURNS = {1: "turned_up", -1: "turned_down"}


def fallen(to: float = 97.0, wick: float = 0.05) -> Chart:
    """Up and down again, so that the line has turned down and been above for long."""
    return Chart(wick=wick).line(200 - to, 30).line(to, 60)


@BOTH
def test_supertrend_follow_when_the_line_turns_then_follows(side: int) -> None:
    found = read("supertrend_follow", fallen().path(97.5, 98.0).seen_from(side))
    assert at_last(found) == (side, TURNS[side])
    assert found.signals[-1].stop == pytest.approx(0.003 * (100 - 2 * side))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(fallen().bar(97.5), {"factor": 2.0}, id="not turned yet"),
        pytest.param(fallen(99.7, 0.01).line(99.82, 6), {"deviation": 0.0}, id="too near the line"),
        pytest.param(
            fallen(99.7, 0.01).line(99.85, 6).line(99.87, 8).bar(100.4),
            {"fresh": 24},
            id="turned too long ago",
        ),
    ],
)
def test_supertrend_follow_when_a_condition_is_broken_then_takes_no_new_side(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    found = read("supertrend_follow", chart.seen_from(side))
    assert [bar for bar, heard_side, _ in heard(found) if bar >= 90 and heard_side == side] == []
    allowed = read("supertrend_follow", chart.seen_from(side), **relaxed)
    assert allowed.signals[-1].bar >= 90
    assert allowed.signals[-1].side == side


# rsi_macd_consensus


@BOTH
def test_rsi_macd_consensus_when_all_three_agree_then_follows(side: int) -> None:
    chart = Chart().line(97, 110).line(101, 30)
    found = read("rsi_macd_consensus", chart.seen_from(side))
    bar, last, tag = heard(found)[-1]
    assert (bar, last, tag) == (119, side, "all_bullish" if side > 0 else "all_bearish")


@BOTH
def test_rsi_macd_consensus_when_the_average_disagrees_then_waits(side: int) -> None:
    chart = Chart().line(97, 110).line(98.2, 9)
    found = read("rsi_macd_consensus", chart.seen_from(side))
    assert side not in {signal.side for signal in found.signals}
    assert side * (found.at_end("strength") - 50) > 0
    assert side * found.at_end("momentum") > 0
    assert side * (chart.seen_from(side).price - found.at_end("average")) < 0
