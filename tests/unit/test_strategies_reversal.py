"""The two A-plus strategies that wait for a turn: where they must fire, and near-misses.

Both need a story of some days. It is drawn hour by hour; the last bars decide.
"""

import pytest

from tests.strategy_charts import Chart, assert_lacks_only, at_last, heard, read

BOTH = pytest.mark.parametrize("side", [1, -1])
SWEPT = {1: "swept_low", -1: "swept_high"}


# htf_sweep, in bars of five minutes


def hour(chart: Chart, close: float, extreme: float | None = None) -> Chart:
    """Twelve bars of five minutes to `close`, the sixth with a wick to `extreme`."""
    begin = chart.price
    for n in range(1, 13):
        to = round(begin + (close - begin) * n / 12, 6)
        reach = extreme if n == 6 else None
        if reach is None:
            chart.bar(to)
        elif reach < to:
            chart.bar(to, low=reach)
        else:
            chart.bar(to, high=reach)
    return chart


def swing(extreme: float = 98.8) -> Chart:
    """Two days about 100, a swing low at `extreme` with hours above it, and back down to it."""
    chart = Chart(wick=0.02)
    for n in range(48):
        hour(chart, 100.5 if n % 2 == 0 else 100.0)
    for close in (99.8, 99.5):
        hour(chart, close)
    hour(chart, 99.0, extreme)
    for close in (99.5, 99.9, 100.1, 99.6, 99.2):
        hour(chart, close)
    return chart


def sweep(wick: float = 98.5, close: float = 99.1) -> Chart:
    """The swing, and the hour that takes its low: wick below, close above."""
    return hour(swing(), close, wick)


def turn(chart: Chart, *after: float) -> Chart:
    """A minor swing high at 99.25, left to the downside, then the closes given."""
    return chart.path(99.2, 99.25, 99.15, 99.1, 99.05, 99.1, 99.2, *after)


@BOTH
def test_htf_sweep_when_swept_and_turned_then_trades_against_the_sweep(side: int) -> None:
    chart = turn(sweep(), 99.35)
    found = read("htf_sweep", chart.seen_from(side))
    assert heard(found) == [(len(chart.rows) - 1, side, SWEPT[side])]
    (signal,) = found.signals
    hourly = found.at_end("unit")
    assert signal.stop == pytest.approx(99.35 - 98.5 + 0.25 * hourly)  # beyond the wick
    assert signal.target == pytest.approx(hourly)


@BOTH
@pytest.mark.parametrize(
    "chart",
    [
        pytest.param(turn(sweep(wick=98.9), 99.35), id="the wick did not reach the swing"),
        pytest.param(turn(sweep(close=98.7), 99.35), id="the hour closed outside"),
        pytest.param(turn(sweep(), 99.25), id="the minor swing is not broken"),
        pytest.param(turn(swing(), 99.35), id="nothing was swept"),
        pytest.param(
            turn(swing().bar(99.1, low=98.5), 99.35), id="the hour is not over as it turns"
        ),
    ],
)
def test_htf_sweep_when_a_condition_is_broken_then_is_silent(chart: Chart, side: int) -> None:
    assert heard(read("htf_sweep", chart.seen_from(side))) == []


@BOTH
def test_htf_sweep_when_the_wick_is_taken_out_then_the_turn_counts_no_more(side: int) -> None:
    chart = turn(sweep().bar(99.1, low=98.4), 99.35)
    found = read("htf_sweep", chart.seen_from(side))
    assert heard(found) == []
    lately, holds, broke = ("low", "low", "up") if side > 0 else ("high", "high", "down")
    assert found.at_end(f"lately_{lately}") == found.at_end(f"broke_{broke}") == 1
    assert found.at_end(f"holds_{holds}") == 0


@BOTH
def test_htf_sweep_when_the_turn_comes_too_late_then_is_silent(side: int) -> None:
    late = sweep()
    for close in (99.3, 99.1, 99.2):
        hour(late, close)
    chart = turn(late, 99.35)
    assert at_last(read("htf_sweep", chart.seen_from(side))) is None
    allowed = read("htf_sweep", chart.seen_from(side), patience=6)
    assert {signal.side for signal in allowed.signals} == {side}


# divergence_capitulation, in hours


def panic(low: float = 85.1, volume: float = 35.0) -> Chart:
    """A long fall, a swing low at 85.2 made in a rush, a slow way back to it, then the climax."""
    chart = Chart().ripple(60, 0.2).line(90, 140).ripple(10, 0.2)
    chart.line(86, 4).bar(85.6, low=85.2).line(87.5, 8).line(86.0, 12)
    return chart.bar(low, volume=volume)


def plunge() -> Chart:
    """A long fall, a swing low at 89.5 made gently, and a climax made in a rush."""
    chart = Chart().ripple(60, 0.2).line(90, 140).ripple(40, 0.2)
    chart.bar(89.7, low=89.5).line(90.2, 6).ripple(10, 0.2).line(89.2, 4)
    return chart.bar(88.5, volume=35)


def test_divergence_capitulation_when_the_first_bullish_hour_follows_then_buys() -> None:
    chart = panic().path(84.9, 85.3)
    found = read("divergence_capitulation", chart)
    assert heard(found) == [(len(chart.rows) - 1, 1, "capitulation")]
    (signal,) = found.signals
    unit = found.at_end("unit")
    assert signal.stop == pytest.approx(85.3 - 84.85 + 0.5 * unit)  # below the lowest low
    assert signal.target == pytest.approx(2 * unit)
    assert 0.5 < signal.confidence < 1


@pytest.mark.parametrize(
    ("chart", "relaxed"),
    [
        pytest.param(panic(volume=29).path(84.9, 85.3), {"surge": 2.5}, id="volume too small"),
        pytest.param(panic(low=85.4).path(85.3, 85.5), {}, id="no lower low"),
        pytest.param(panic().path(84.9), {}, id="no bullish hour yet"),
        pytest.param(
            panic().path(84.9, 84.8, 84.7, 84.6, 84.5, 84.9), {"patience": 6}, id="too late"
        ),
        pytest.param(
            plunge().path(88.3, 88.6), {}, id="the index made a lower low as well as the price"
        ),
    ],
)
def test_divergence_capitulation_when_a_condition_is_broken_then_is_silent(
    chart: Chart, relaxed: dict[str, float]
) -> None:
    assert_lacks_only("divergence_capitulation", chart, 1, **relaxed)


def test_divergence_capitulation_when_one_bullish_hour_was_then_the_second_is_no_signal() -> None:
    chart = panic().path(84.9, 85.3, 85.1, 85.4)
    found = read("divergence_capitulation", chart)
    assert [bar for bar, _, _ in heard(found)] == [len(chart.rows) - 3]


def test_divergence_capitulation_when_the_market_was_rising_then_is_silent() -> None:
    chart = Chart(60.0).line(100, 220).ripple(40, 0.2)
    chart.line(96, 4).bar(95.6, low=95.2).line(97.5, 8).line(96, 12)
    found = read("divergence_capitulation", chart.bar(95.1, volume=35).path(94.9, 95.3))
    assert heard(found) == []
    assert found.at_end("falling") == 0
    assert found.at_end("diverged") == 1
    assert found.at_end("bullish") == 1
