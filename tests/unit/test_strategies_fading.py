"""The strategies that fade: hand-drawn charts on which each must fire, and near-misses.

A near-miss is such a chart with one condition broken; where a parameter rules that condition, the
same chart fires once it is relaxed. Every chart is also read upside down.
"""

import pytest

from tests.strategy_charts import Chart, assert_crude, assert_lacks_only, heard, read

BOTH = pytest.mark.parametrize("side", [1, -1])
BAND = ("below_band", "above_band")


def calm(bars: int = 60, size: float = 0.1) -> Chart:
    return Chart().ripple(bars, size)


def wild() -> Chart:
    """From 101 to 99 and back, bar by bar."""
    return Chart(101.0).ripple(60, -2.0)


# vwap_reversion


@BOTH
def test_vwap_reversion_when_a_close_leaves_the_band_then_fades_it(side: int) -> None:
    assert_crude("vwap_reversion", calm().bar(98.8), side, BAND)


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(calm().bar(99.75), {"deviation": 0.0}, id="not by the deviation"),
        pytest.param(wild().bar(98.8), {"width": 0.5}, id="inside wide bands"),
        pytest.param(calm().bar(98.8, volume=2.0), {}, id="in a thin market"),
        pytest.param(calm().bar(100.0, low=98.8), {}, id="by a wick, not a close"),
        pytest.param(calm(36).bar(98.8), {"lookback": 15}, id="before the band is known"),
    ],
)
def test_vwap_reversion_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("vwap_reversion", chart, side, **relaxed)


# bollinger_reversion


@BOTH
def test_bollinger_reversion_when_a_close_leaves_the_band_in_a_range_then_fades_it(
    side: int,
) -> None:
    assert_crude("bollinger_reversion", calm().bar(98.8), side, BAND)


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(calm().bar(99.75), {"deviation": 0.0}, id="not by the deviation"),
        pytest.param(calm().line(99.5, 6).bar(98.0), {"calm": 60.0}, id="in a trend"),
        pytest.param(wild().bar(98.6), {"width": 1.0}, id="inside wide bands"),
    ],
)
def test_bollinger_reversion_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("bollinger_reversion", chart, side, **relaxed)


# rsi_extremes


@BOTH
def test_rsi_extremes_when_stretched_and_away_from_the_average_then_fades(side: int) -> None:
    assert_crude("rsi_extremes", calm().path(99.75, 99.5, 99.25), side, ("oversold", "overbought"))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(calm().path(99.75, 99.5), {"oversold": 40.0}, id="not yet stretched"),
        pytest.param(
            calm(60, 0.5).path(99.75, 99.5, 99.25), {"oversold": 45.0}, id="among moves as large"
        ),
        pytest.param(calm(60, 0.02).line(99.8, 11), {"deviation": 0.0}, id="too near the average"),
    ],
)
def test_rsi_extremes_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("rsi_extremes", chart, side, **relaxed)


# market_maker


@BOTH
def test_market_maker_when_the_price_makes_a_short_excursion_then_fades_it(side: int) -> None:
    assert_crude("market_maker", calm(120).bar(99.6), side, ("bid_hit", "offer_lifted"))


@BOTH
@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(calm(120).bar(99.85), {"deviation": 0.001}, id="too near"),
        pytest.param(calm(120).bar(99.6, low=98.9), {"widest": 8.0}, id="into a rush"),
        pytest.param(calm(113).bar(99.6), {}, id="before the regime is known"),
    ],
)
def test_market_maker_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float], side: int
) -> None:
    assert_lacks_only("market_maker", chart, side, **relaxed)


@BOTH
def test_market_maker_when_against_a_strong_trend_then_only_the_regime_forbids_it(
    side: int,
) -> None:
    found = read("market_maker", calm(120).line(98.5, 50).bar(98.25).seen_from(side))
    assert heard(found) == []
    assert found.at_end("excursion") * side < -0.002
    assert found.at_end("rushed") == 0


def test_market_maker_when_the_price_comes_back_or_does_not_then_takes_its_target_or_leaves() -> (
    None
):
    assert read("market_maker", calm(120).bar(99.6).line(100.2, 3)).exits == ["target"]
    moved = calm(120).bar(99.6).path(*[99.45] * 7)  # more than half the deviation
    assert read("market_maker", moved).exits == ["time_limit"]
    assert read("market_maker", moved, hold=7).exits == []
