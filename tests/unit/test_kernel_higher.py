"""Longer timeframes against a plain resampling: what is seen, when, and what never is."""

from itertools import pairwise

import numpy as np
import pytest

from kernels.frontend.flat import TIMEFRAMES
from kernels.program import compile_strategy
from kernels.runner import Block
from tests.kernel_runs import MINUTE, START, Array, bars_of, runner_of, walk

WORDS = ("open", "high", "low", "close", "volume")
TAIL = "\ndef entry():\n    return FLAT\ndef exits():\n    return plan(stop=1)\n"


def resampled(bars: Array, minutes: int) -> list[tuple[int, int, list[float]]]:
    """Bars of a longer timeframe: (the base bar at which it is known to be over, span, figures)."""
    span = minutes * MINUTE
    spans = bars["timestamp"] // span
    first = np.flatnonzero(np.r_[True, spans[1:] != spans[:-1]])
    found: list[tuple[int, int, list[float]]] = []
    for begin, end in pairwise([*first, len(bars)]):
        part = bars[begin:end]
        complete = part["timestamp"][-1] + MINUTE == (spans[begin] + 1) * span
        if not complete and end == len(bars):
            continue  # still open
        figures = [
            part["open"][0],
            part["high"].max(),
            part["low"].min(),
            part["close"][-1],
            sum(part["volume"]),
        ]
        found.append((end - 1 if complete else end, int(spans[begin]), figures))
    return found


def seen(bars: Array, own: int, above: int) -> list[list[float]]:
    """At each close of the strategy's bars, the longer bars known by then: one more at most.

    A bar that is over only because a later one came is over before that one is looked at.
    """
    longer = resampled(bars, above)
    rows: list[list[float]] = []
    known = 0
    for at, span, _ in resampled(bars, own):
        late = (bars["timestamp"][min(at, len(bars) - 1)] // (own * MINUTE)) != span
        over = [
            n
            for n, (end, longer_span, _) in enumerate(longer)
            if end < at or (end == at and (not late or is_late(bars, end, longer_span, above)))
        ]
        known += min(len(over) - known, 1)
        rows.append(longer[known - 1][2] if known else [np.nan] * 5)
    return rows


def is_late(bars: Array, end: int, span: int, minutes: int) -> bool:
    return bool(bars["timestamp"][end] // (minutes * MINUTE) != span)


def run(own: str, names: tuple[str, ...], series: str, bars: Array, cuts: int = 1) -> Block:
    frames = "\n".join(f'h{n} = higher("{name}")' for n, name in enumerate(names))
    runner = runner_of(compile_strategy(f'timeframe("{own}")\n{frames}\n{series}{TAIL}', "above"))
    blocks = [runner.run(part, [0]) for part in np.array_split(bars, cuts)]
    return Block(
        [np.concatenate([b.records[0] for b in blocks])],
        np.concatenate([b.closes for b in blocks]),
        np.concatenate([b.series for b in blocks], axis=1),
    )


def with_holes(bars: Array, seed: int) -> Array:
    """Some bars missing, an outage of hours, one of minutes across an hour, a late first bar."""
    rng = np.random.default_rng(seed)
    kept = rng.random(len(bars)) < 0.85
    for begin, length in ((0, 7), (300, 400), (1_190, 20), (2_000, 59), (2_159, 2)):
        kept[begin : begin + length] = False
    return bars[kept]


@pytest.mark.parametrize("cuts", [1, 7])
@pytest.mark.parametrize(
    ("own", "names"), [("1m", ("5m", "15m", "1h", "4h")), ("5m", ("15m", "1h")), ("15m", ("1h",))]
)
def test_longer_bars_when_resampled_plainly_then_are_those_seen(
    own: str, names: tuple[str, ...], cuts: int
) -> None:
    series = "\n".join(f"s{n}{w} = h{n}.{w} * 1" for n in range(len(names)) for w in WORDS)
    for bars in (walk(2_000, seed=3), with_holes(walk(3_500, seed=4), 5)):
        block = run(own, names, series, bars, cuts)
        for n, name in enumerate(names):
            wanted = np.array(seen(bars, TIMEFRAMES[own], TIMEFRAMES[name])).T
            found = block.series[5 * n : 5 * n + 5]
            assert np.array_equal(found[:4], wanted[:4], equal_nan=True), name
            assert np.allclose(found[4], wanted[4], rtol=1e-12, equal_nan=True), name
            assert np.isfinite(found).any()


def test_longer_series_when_called_on_it_then_are_those_of_its_own_bars() -> None:
    """Averages, history and primitives count bars of the timeframe, and hold between closes."""
    bars = with_holes(walk(3_500, seed=8), 6)
    series = """mean = sma(h0.close, 3)
again = h0.sma(h0.close, 3)
before = h0.close[2]
top = highest(h0.high, 4)
since = bars_since(h0.close > h0.open)
change = (h0.close - h0.open)[1]
up = 1 if crossed_above(h0.close, h0.open[1]) else 0
mixed = sma(close - h0.close, 3)
choice = h0.high if close > h0.close else h0.low"""
    found = dict(
        zip(
            ["mean", "again", "before", "top", "since", "change", "up", "mixed", "choice"],
            run("5m", ("1h",), series, bars).series,
            strict=True,
        )
    )
    own = np.array([figures for _, _, figures in resampled(bars, 5)]).T
    shown = np.array(seen(bars, 5, 60)).T
    order = held(shown)
    opened, high, low, close, _ = (w[order >= 0] for w in shown)
    first = np.flatnonzero(np.diff(order[order >= 0], prepend=-1))  # where each was first seen
    h_open, h_high, h_close = opened[first], high[first], close[first]
    at = order[order >= 0]

    def spread(values: Array) -> Array:
        """One value per longer bar, as the strategy's bars see it."""
        return np.concatenate([np.full((order < 0).sum(), np.nan), values[at]])

    def windows(values: Array, n: int) -> Array:
        return np.lib.stride_tricks.sliding_window_view(np.r_[[np.nan] * (n - 1), values], n)

    def same(name: str, wanted: Array) -> None:
        assert np.allclose(found[name], wanted, rtol=1e-12, atol=1e-9, equal_nan=True), name

    same("mean", spread(windows(h_close, 3).mean(axis=1)))
    assert np.array_equal(found["again"], found["mean"], equal_nan=True)
    same("before", spread(np.r_[[np.nan] * 2, h_close[:-2]]))
    same("top", spread(windows(h_high, 4).max(axis=1)))
    rose, count, counts = h_close > h_open, np.nan, []
    for up in rose:
        count = 0.0 if up else count + 1
        counts.append(count)
    same("since", spread(np.array(counts)))
    same("change", spread(np.r_[np.nan, (h_close - h_open)[:-1]]))
    gap = h_close - np.r_[np.nan, h_open[:-1]]
    crossed = np.r_[False, (gap[1:] > 0) & (gap[:-1] <= 0)]
    same("up", np.where(order < 0, 0.0, crossed[np.maximum(order, 0)]))
    assert crossed.any()
    distance = own[3] - shown[3]
    mixed = windows(distance[order >= 0], 3).mean(axis=1)
    same("mixed", np.concatenate([np.full((order < 0).sum(), np.nan), mixed]))
    same("choice", np.where(own[3] > shown[3], shown[1], shown[2]))
    assert len(low) > 100


def held(shown: Array) -> Array:
    """Number of the longer bar seen at each close, −1 before the first; each has its own close."""
    closes = shown[3]
    fresh = np.r_[True, closes[1:] != closes[:-1]] & np.isfinite(closes)
    return np.cumsum(fresh) - 1


def test_longer_bar_when_still_open_then_is_not_seen_until_its_last_minute_is_over() -> None:
    rows = [(p, p + 2, p - 2, p + 1, 1) for p in range(100, 220)]
    block = run("1m", ("1h",), "c = h0.close\nh = h0.high\nv = h0.volume * 1", bars_of(rows))
    close = block.series[0]
    assert np.isnan(close[:59]).all()
    assert (close[59:119] == 160).all()
    assert (block.series[1][59:119] == 161).all()
    assert (block.series[2][59:119] == 60).all()
    assert close[119] == 220


def test_longer_bar_when_its_last_minute_is_missing_then_is_seen_with_the_next_bar() -> None:
    bars = bars_of([(p, p, p, p, 1) for p in range(100, 230)])
    block = run("1m", ("1h",), "c = h0.close", np.delete(bars, [58, 59]))
    # Minutes 58 and 59 never came: the hour is over when minute 60 opens, and 60 is not in it.
    assert np.isnan(block.series[0][:58]).all()
    assert block.series[0][58] == 157


def test_longer_bar_when_the_first_begins_in_the_middle_then_it_is_what_there_was() -> None:
    bars = bars_of([(p, p, p, p, 1) for p in range(100, 200)], start=START + 45 * MINUTE)
    block = run("1m", ("1h",), "o = h0.open\nv = h0.volume * 1", bars)
    assert np.isnan(block.series[0][:14]).all()
    assert (block.series[0][14], block.series[1][14]) == (100, 15)


def test_longer_bars_when_two_ended_in_a_gap_then_are_seen_one_after_the_other() -> None:
    bars = bars_of([(p, p, p, p, 1) for p in range(100, 140)])
    # Minutes 5 to 28 never came: when minute 29 is over, two quarters of an hour are.
    block = run("5m", ("15m",), "c = h0.close\nown = close * 1", bars[np.r_[0:5, 29:40]])
    assert list(block.series[1]) == [104, 129, 134, 139]
    assert list(block.series[0][1:]) == [104, 129, 129]
    assert np.isnan(block.series[0][0])


@pytest.mark.parametrize("cut", [1_237, 1_501])
def test_longer_series_when_the_future_is_noise_then_are_unchanged(cut: int) -> None:
    series = "a = h0.close\nb = ema(h1.close, 3)\nc = h1.atr(2)\nd = sma(close - h0.high, 5)"
    bars = walk(2_400, seed=12)
    noisy = bars.copy()
    noisy[cut:] = walk(len(bars) - cut, seed=99, price=15_000.0)
    noisy["timestamp"] = bars["timestamp"]
    true, made_up = (run("5m", ("15m", "1h"), series, b).series for b in (bars, noisy))
    closed = cut // 5
    assert true[:, :closed].tobytes() == made_up[:, :closed].tobytes()
    assert (true[:, closed + 12 :] != made_up[:, closed + 12 :]).all(axis=1).any()
    assert np.isfinite(true[:, closed - 1]).all()
