"""How the shipped strategies leave: stops that follow, patience that ends, hours that are over.

Each chart is one on which the strategy enters at its last bar, gone on with. Prices are near 100,
so a per cent is about one.
"""

import numpy as np
import pytest

from kernels import dtypes
from tests.kernel_runs import MINUTE, bars_of
from tests.strategy_charts import Chart, Reading, read, runner_for, shipped
from tests.unit.test_strategies_following import fallen
from tests.unit.test_strategies_reversal import sweep, turn

BOTH = pytest.mark.parametrize("side", [1, -1])


def calm(bars: int = 60, size: float = 0.1) -> Chart:
    return Chart().ripple(bars, size)


def entered(name: str) -> Chart:
    """A chart whose last bar is a signal to buy, at the open of the next."""
    charts = {
        "macd_momentum": calm().path(100.2, 100.4),
        "ema_trend": calm().line(101, 5),
        "supertrend_follow": fallen().path(97.5, 98.0),
        "donchian_breakout": calm(30).bar(100.5),
        "vwap_reversion": calm().bar(98.8),
        "bollinger_reversion": calm().bar(98.8),
        "rsi_extremes": calm().path(99.75, 99.5, 99.25),
        "market_maker": calm(120).bar(99.6),
        "htf_sweep": turn(sweep(), 99.35),
    }
    return charts[name]


def left(name: str, chart: Chart, side: int, **parameters: float) -> list[str]:
    """Why the trade that `entered` began was closed; nothing while it is open."""
    before = len(read(name, entered(name).seen_from(side), **parameters).exits)
    return read(name, chart.seen_from(side), **parameters).exits[before:]


# Stops that follow: 0.3 % from the entry, and from the best price


FOLLOWERS = ("macd_momentum", "ema_trend", "supertrend_follow", "donchian_breakout")
EACH = pytest.mark.parametrize("name", FOLLOWERS)


def ridden(name: str, low: float, best: float = 0.24) -> Chart:
    """After the entry a bar up by `best`, short of the first target, then one down to `low`."""
    chart = entered(name)
    begin = chart.price
    chart.bar(begin + best - 0.02, high=begin + best, low=begin)
    return chart.bar(begin + low + 0.01, high=begin + best - 0.02, low=begin + low)


@BOTH
@EACH
def test_follower_when_more_is_given_back_than_was_risked_then_leaves_by_its_trail(
    name: str, side: int
) -> None:
    assert left(name, ridden(name, low=-0.12), side) == ["trail"]


@BOTH
@EACH
def test_follower_when_less_is_given_back_then_stays(name: str, side: int) -> None:
    assert left(name, ridden(name, low=0.0), side) == []


@BOTH
@EACH
def test_follower_when_the_trail_is_wide_then_the_stop_is_where_it_was(
    name: str, side: int
) -> None:
    assert left(name, ridden(name, low=-0.12), side, give=0.02) == []
    assert left(name, ridden(name, low=-0.35), side, give=0.02) == ["stop"]


@BOTH
@EACH
def test_follower_when_nothing_was_won_then_the_stop_has_not_moved(name: str, side: int) -> None:
    """The bar of the entry goes against it at once, so the entry is the best price there was."""
    chart = entered(name)
    begin = chart.price
    chart.bar(begin - 0.1, high=begin, low=begin - 0.2)
    assert left(name, chart, side) == []
    assert left(name, chart.bar(begin - 0.1, low=begin - 0.35), side) == ["stop"]


@BOTH
@EACH
def test_follower_when_two_targets_are_taken_then_the_rest_cannot_lose(
    name: str, side: int
) -> None:
    chart = entered(name)
    begin = chart.price
    chart.bar(begin + 0.45, high=begin + 0.5, low=begin).bar(begin + 0.1, low=begin + 0.05)
    found = read(name, chart.seen_from(side))
    assert left(name, chart, side) == ["trail"]
    last = fills(found)[-3:]
    assert [dtypes.INTENTS[int(code)] for code in last[:, dtypes.B]] == [
        "target", "target_2", "trail",
    ]  # fmt: skip
    bought = 100 * (begin if side > 0 else 200 - begin)
    assert (side * (last[:, dtypes.D] - bought) > 0).all()


def fills(found: Reading) -> np.ndarray:
    rows = found.block.records[0]
    chosen: np.ndarray = rows[rows[:, dtypes.KIND] == dtypes.FILL]
    return chosen


# htf_sweep: twice the average hourly range behind the best price


def swung(to: float, back: float) -> Chart:
    """So many average hourly ranges up from the entry, and back."""
    chart = entered("htf_sweep")
    unit = read("htf_sweep", chart).at_end("unit")
    begin = chart.price
    return chart.line(begin + to * unit, 10).line(begin + back * unit, 6)


@BOTH
@pytest.mark.parametrize(
    ("to", "back", "give", "reasons"),
    [
        pytest.param(1.9, -0.4, 2.0, ["trail"], id="two ranges given back"),
        pytest.param(1.9, 0.4, 2.0, [], id="fewer"),
        pytest.param(1.9, -0.4, 6.0, [], id="a wide one"),
        pytest.param(0.4, -0.9, 2.0, [], id="not far enough to tighten the stop"),
        pytest.param(0.4, -2.5, 2.0, ["trail"], id="as far as that from a small gain"),
        pytest.param(0.4, -2.5, 6.0, ["stop"], id="beyond the wick"),
        pytest.param(2.7, 2.0, 2.0, ["target_2"], id="the second target comes first"),
    ],
)
def test_htf_sweep_when_ridden_and_given_back_then_the_trail_decides(
    to: float, back: float, give: float, reasons: list[str], side: int
) -> None:
    assert left("htf_sweep", swung(to, back), side, give=give) == reasons


# Patience: half of the time, and less than a tenth of a per cent moved


FADERS = {
    "vwap_reversion": (15, 90, 12),  # minutes of a bar, patience, bars at most
    "bollinger_reversion": (15, 120, 16),
    "rsi_extremes": (15, 120, 16),
    "market_maker": (5, 15, 6),
}
EVERY = pytest.mark.parametrize("name", FADERS)


def stuck(name: str, bars: int, away: float) -> Chart:
    """So many bars that close away from the entry by `away`, a tick up and down."""
    chart = entered(name)
    begin = chart.price
    chart.wick = 0.01
    return chart.path(*[begin + away + 0.01 * (n % 2) for n in range(bars)])


@BOTH
@EVERY
@pytest.mark.parametrize("away", [0.0, 0.07, -0.08])
def test_fader_when_the_price_stays_where_it_was_entered_then_is_left_at_half_time(
    name: str, away: float, side: int
) -> None:
    step, patience, _ = FADERS[name]
    bars = patience // step
    assert left(name, stuck(name, bars, away), side) == []  # decided; done at the next open
    assert left(name, stuck(name, bars + 1, away), side) == ["soft_time"]


@BOTH
@EVERY
@pytest.mark.parametrize("away", [0.13, -0.15])
def test_fader_when_the_price_has_moved_then_has_all_of_its_time(
    name: str, away: float, side: int
) -> None:
    _, _, hold = FADERS[name]
    assert left(name, stuck(name, hold, away), side) == []
    assert left(name, stuck(name, hold + 1, away), side) == ["time_limit"]


@BOTH
@EVERY
def test_fader_when_its_patience_is_longer_or_anything_counts_as_moved_then_stays(
    name: str, side: int
) -> None:
    step, patience, _ = FADERS[name]
    chart = stuck(name, patience // step + 1, 0.03)
    assert left(name, chart, side, patience=patience + step) == []
    assert left(name, chart, side, stirred=0.0) == []


# signal_follower: four hours, whatever the bars


def hours_of(step: int, gap: int = 0) -> list[tuple[int, str]]:
    """Minutes between the first entry and the exit, and its reason, on base bars of `step`.

    A majority at bar 63 is bought; from bar 70 on, `gap` strategy bars are missing.
    """
    chart = Chart().line(97, 60).line(97.8, 6).path(*[97.8, 97.82] * 12)
    bars = bars_of(chart.rows, step=15 * MINUTE)
    late = bars["timestamp"] >= bars["timestamp"][70]
    bars["timestamp"][late] += gap * 15 * MINUTE
    runner = runner_for(shipped("signal_follower"), step * MINUTE)
    parts = []
    for bar in bars:
        for n in range(15 // step):
            part = bar.copy()
            part["timestamp"] += n * step * MINUTE
            if n:
                part["open"] = part["close"]
            parts.append(part)
    whole = np.array(parts, bars.dtype)
    rows = runner.run(whole, [0]).records[0]
    kinds = rows[:, dtypes.KIND]
    opened = rows[(kinds == dtypes.OPENED) & (rows[:, dtypes.A] > 0)][-1]
    closed = rows[kinds == dtypes.CLOSED][-1]
    assert closed[dtypes.A] > 0
    begin, end = (int(whole["timestamp"][int(row[dtypes.BAR_INDEX])]) for row in (opened, closed))
    return [((end - begin) // MINUTE, dtypes.INTENTS[int(closed[dtypes.M])])]


@pytest.mark.parametrize("step", [15, 5])
def test_signal_follower_when_four_hours_are_over_then_leaves_at_the_next_open(step: int) -> None:
    assert hours_of(step) == [(240, "time_limit")]


@pytest.mark.parametrize("gap", [1, 8])
def test_signal_follower_when_bars_are_missing_then_still_leaves_after_four_hours(gap: int) -> None:
    assert hours_of(15, gap) == [(240, "time_limit")]
