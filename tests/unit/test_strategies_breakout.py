"""The strategies that follow a breakout: charts on which each must fire, and near-misses.

A near-miss is such a chart with one condition broken; where a parameter rules that condition, the
same chart fires once it is relaxed. Every chart is also read upside down.
"""

import pytest

from tests.strategy_charts import Chart, assert_crude, assert_lacks_only, at_last, heard, read

BOTH = pytest.mark.parametrize("side", [1, -1])


def calm(bars: int = 60, size: float = 0.1) -> Chart:
    return Chart().ripple(bars, size)


# donchian_breakout


@BOTH
def test_donchian_breakout_when_a_close_passes_the_channel_then_follows(side: int) -> None:
    assert_crude("donchian_breakout", calm(30).bar(100.5), side, ("new_high", "new_low"))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(calm(30).bar(100.3), {"deviation": 0.0}, id="not by the deviation"),
        pytest.param(calm(30).bar(100.1, high=101.0), {}, id="by a wick, not a close"),
        pytest.param(
            calm(20).bar(100.1, high=101.0).ripple(15).bar(100.5),
            {"lookback": 10},
            id="below an older high",
        ),
        pytest.param(calm(19).bar(100.5), {"lookback": 15}, id="before the channel is known"),
    ],
)
def test_donchian_breakout_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("donchian_breakout", chart, side, **relaxed)


# keltner_squeeze


def coiled(size: float = 1.0) -> Chart:
    """Wide swings, then a tenth of them."""
    return Chart(wick=0.05 * size).ripple(40, size).ripple(30, 0.1 * size)


@BOTH
def test_keltner_squeeze_when_the_bands_come_out_then_follows(side: int) -> None:
    chart = coiled().bar(101.6)
    assert_crude("keltner_squeeze", chart, side, ("released_up", "released_down"))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(coiled().bar(101.2), {"reach": 1.0}, id="the bands are still inside"),
        pytest.param(coiled(0.1).bar(100.16), {"deviation": 0.0005}, id="too near the middle"),
        pytest.param(Chart().path(*[100 + n % 3 for n in range(70)]).bar(104.0), {}, id="no coil"),
        pytest.param(calm(24, 0.1).bar(101.6), {"coil": 3}, id="the coil was short"),
    ],
)
def test_keltner_squeeze_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("keltner_squeeze", chart, side, **relaxed)


@BOTH
def test_keltner_squeeze_when_the_release_is_old_then_is_silent(side: int) -> None:
    late = coiled().path(102.0, 99.8, *[99.9, 100.1] * 4, 101.0)
    heard_at = [bar for bar, _, _ in heard(read("keltner_squeeze", late.seen_from(side)))]
    assert heard_at == [70]
    allowed = read("keltner_squeeze", late.seen_from(side), fresh=24)
    assert at_last(allowed) == (side, "released_up" if side > 0 else "released_down")


# volume_breakout


@BOTH
def test_volume_breakout_when_a_tight_range_breaks_on_volume_then_follows(side: int) -> None:
    chart = calm(96, 0.4).ripple(30, 0.05).bar(100.4, volume=30).seen_from(side)
    found = read("volume_breakout", chart)
    assert heard(found) == [(126, side, "upside_break" if side > 0 else "downside_break")]
    assert found.signals[0].target == pytest.approx(2 * found.signals[0].stop)
    assert found.signals[0].confidence == pytest.approx(30 / 10 / 4)


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(
            calm(96, 0.4).ripple(30, 0.35).bar(101.0, volume=30), {"quiet": 1.5}, id="not tight"
        ),
        pytest.param(calm(96, 0.4).ripple(30, 0.05).bar(100.4, volume=19), {}, id="too little"),
        pytest.param(
            calm(96, 0.4).ripple(30, 0.05).bar(100.05, high=100.6, volume=30), {}, id="by a wick"
        ),
    ],
)
def test_volume_breakout_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("volume_breakout", chart, side, **relaxed)


# session_breakout


def night(bars: int = 28) -> Chart:
    """A first UTC day, and of the second the bars (of 28) that make its range."""
    return calm(96).ripple(bars)


@BOTH
def test_session_breakout_when_a_close_leaves_the_range_of_the_day_then_follows(side: int) -> None:
    chart = night().ripple(8).bar(100.4)
    assert_crude("session_breakout", chart, side, ("above_range", "below_range"))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(night().bar(100.3), {"deviation": 0.0}, id="not by the deviation"),
        pytest.param(night(20).bar(100.4), {}, id="while the range is being made"),
        pytest.param(night().ripple(52).bar(100.4), {"closing": 90}, id="after the session"),
        pytest.param(calm(40).bar(100.4), {}, id="on a day whose beginning was not seen"),
    ],
)
def test_session_breakout_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("session_breakout", chart, side, **relaxed)


def test_session_breakout_when_a_new_day_begins_then_its_own_range_counts() -> None:
    chart = night().ripple(68).line(103, 10).ripple(86)  # three days, the third on a new level
    fourth = chart.ripple(28)
    inside = read("session_breakout", fourth.bar(103.2))
    assert at_last(inside) is None
    assert inside.at_end("age") == 29
    assert inside.at_end("base") == pytest.approx(102.95)
    assert at_last(read("session_breakout", fourth.bar(103.5))) == (1, "above_range")


def test_session_breakout_when_the_session_ends_then_closes_what_is_open() -> None:
    still = night().ripple(8).bar(100.4).path(*[100.4] * 43)
    assert read("session_breakout", still).exits == []
    found = read("session_breakout", still.bar(100.4).bar(100.4))
    assert found.exits == ["time_limit"]
