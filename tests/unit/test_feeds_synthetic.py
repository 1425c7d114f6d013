"""Made-up bars: one market for each seed, on every machine, however it is asked for."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports import FeedError, FeedFinished
from infrastructure.candles.rows import first_fault
from infrastructure.feeds.scenery import CHUNK
from infrastructure.feeds.synthetic import START, open_synthetic
from tests.feed_bars import MINUTE, columns_of, drain, made_bars, plain_aggregate

# sha256 of the first 20,000 bars of seed 7: a change here is another market for every home that
# has this seed, so it needs a new generator VERSION
GOLDEN = "76dbb4731142b907a9f1de813bc49d8a2c20afb9c80f3fd5334a9281d32e0bda"


def test_synthetic_feed_when_seed_given_then_bytes_are_those_of_every_machine() -> None:
    assert sha256(made_bars(20_000, seed=7).tobytes()).hexdigest() == GOLDEN


@settings(max_examples=25)
@given(
    limits=st.lists(st.integers(1, 9000), min_size=1, max_size=5),
    seed=st.integers(0, 2**64 - 1),
    begin=st.integers(0, 3 * CHUNK),
)
def test_synthetic_feed_when_asked_in_any_blocks_from_anywhere_then_bars_are_the_same(
    limits: list[int], seed: int, begin: int
) -> None:
    count = 3 * CHUNK + 100
    whole = made_bars(count, seed=seed)
    assert drain(open_synthetic(seed=seed, bars=count), limits).tobytes() == whole.tobytes()
    after = START + (begin - 1) * MINUTE
    later = drain(open_synthetic(seed=seed, bars=count), limits, after)
    assert later.tobytes() == whole[begin:].tobytes()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**64 - 1), symbol=st.sampled_from(["BTC/USDT", "ETH/USDT", "X/Y"]))
def test_synthetic_feed_when_any_seed_then_bars_are_sound_and_on_the_grid(
    seed: int, symbol: str
) -> None:
    feed = open_synthetic(symbol, seed, bars=20_000)
    bars = drain(feed, [10_000])
    assert first_fault(columns_of(bars), MINUTE, None) is None
    assert (np.diff(bars["timestamp"]) == MINUTE).all()
    assert int(bars["timestamp"][0]) == START
    tick = float(feed.describe().instruments[0].tick)
    for name in ("open", "high", "low", "close"):
        ticks = np.rint(bars[name] / tick)
        assert np.abs(ticks * tick - bars[name]).max() < tick * 1e-6
    assert (bars["open"][1:] == bars["close"][:-1]).all()


def test_synthetic_feed_when_run_for_months_then_market_stays_lively_and_within_reach() -> None:
    bars = made_bars(300_000, seed=3)
    close, volume = bars["close"], bars["volume"]
    assert 42_000 / 6 < close.min() < close.max() < 42_000 * 6
    days = close[1440::1440] / close[:-1440:1440] - 1
    assert 0.01 < days.std() < 0.15
    bursts = volume[20:] > 2 * np.convolve(volume, np.ones(20) / 20, "valid")[:-1]
    assert bursts.mean() > 0.01  # breakouts come on volume
    travel = (bars["high"] - bars["low"]) / close
    assert np.corrcoef(travel, volume)[0, 1] > 0.3


def test_synthetic_feed_when_seed_or_symbol_differs_then_market_differs() -> None:
    first, other = made_bars(500, seed=1), made_bars(500, seed=2)
    assert first.tobytes() != other.tobytes()
    ether = drain(open_synthetic("ETH/USDT", 1, bars=500), [500])
    assert np.corrcoef(np.diff(first["close"]), np.diff(ether["close"]))[0, 1] < 0.5


def test_synthetic_feed_when_larger_timeframe_then_made_of_the_minutes() -> None:
    minutes = made_bars(15 * 700, seed=4)
    quarters = open_synthetic(seed=4, bars=700, timeframe="15m")
    served = [tuple(bar)[:6] for bar in drain(quarters, [123]).tolist()]
    assert served == plain_aggregate(minutes, 15 * MINUTE, MINUTE)
    assert len(served) == 700


def test_synthetic_feed_when_perpetual_then_base_rate_settles_every_eight_hours() -> None:
    bars = drain(open_synthetic("BTC/USDT:USDT", 1, bars=3000), [500])
    paid = bars["timestamp"][bars["funding"] != 0]
    assert (paid % (480 * MINUTE) == 0).all()
    assert len(paid) == 3000 // 480  # the first bar of all has none before it
    assert set(bars["funding"][bars["funding"] != 0].tolist()) == {0.0001}


def test_synthetic_feed_when_described_then_labelled_as_made_up() -> None:
    description = open_synthetic(seed=9).describe()
    assert description.feed == description.venue == "synthetic"
    assert description.data_digest == "synthetic:1:seed=9:start=2024-01-01"
    assert description.total is None


def test_synthetic_feed_when_endless_then_goes_on_and_when_over_then_finished() -> None:
    endless = open_synthetic(seed=1)
    far = START + 1_000_000 * MINUTE
    assert int(endless.read(far, 1, 0.0)["timestamp"][0]) == far + MINUTE
    with pytest.raises(FeedFinished):
        open_synthetic(seed=1, bars=10).read(START + 9 * MINUTE, 1, 0.0)
    with pytest.raises(FeedFinished):
        open_synthetic(seed=1, bars=10).read(far, 1, 0.0)


def test_synthetic_feed_when_option_is_wrong_then_refused() -> None:
    with pytest.raises(FeedError, match="seed was -1"):
        open_synthetic(seed=-1)
    with pytest.raises(FeedError, match="bars was 0"):
        open_synthetic(bars=0)
