"""The feeds of several symbols as one: whole moments, in order, each once."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports import BAR, Bars, FeedDescription, FeedError, FeedFinished, moments
from infrastructure.feeds.market import Market
from infrastructure.feeds.synthetic import START, open_synthetic
from infrastructure.instruments import instrument_for
from tests.feed_bars import MINUTE, made_bars, thinned

BARS = made_bars(40)
NAMES = ("BTC-USDT", "ETH-USDT", "SOL-USDT")


class Given:
    """A feed of given bars, of which `ready` have come; the rest comes when a test says so."""

    def __init__(
        self, name: str, bars: Bars, ready: int | None = None, *, ends: bool = True
    ) -> None:
        self.name, self.bars, self.ends = name, bars, ends
        self.ready = len(bars) if ready is None else ready
        self.known_before = 0
        self.asked: list[int] = []
        self.closed = False
        self.timeframe, self.note, self.digest = "1m", "", "same"

    def describe(self) -> FeedDescription:
        return FeedDescription(
            feed="recorded",
            venue="binance",
            timeframe=self.timeframe,
            data_digest=self.digest,
            instruments=(instrument_for("binance", self.name, 1.0),),
            total=len(self.bars),
            note=self.note,
        )

    def read(self, after: int, limit: int, timeout: float) -> Bars:
        self.asked.append(after)
        later = self.bars[: self.ready]
        later = later[later["timestamp"] > after][:limit]
        if len(later) == 0 and self.ends and self.ready == len(self.bars):
            raise FeedFinished
        return later.copy()

    def decided(self) -> int:
        return self.known_before

    def close(self) -> None:
        self.closed = True


def market(*parts: Bars) -> Market:
    return Market([Given(name, bars) for name, bars in zip(NAMES, parts, strict=False)])


def drained(feed: Market, limits: Sequence[int]) -> list[list[Bars]]:
    """By symbol, the blocks that came."""
    after, found = -1, []
    while True:
        try:
            stretch = feed.read(after, limits[len(found) % len(limits)], 0.0)
        except FeedFinished:
            break
        times = moments(stretch)
        assert 0 < len(times) <= limits[len(found) % len(limits)]
        assert times[0] > after
        after = int(times[-1])
        found.append(list(stretch))
    return [list(blocks) for blocks in zip(*found, strict=True)]


@given(
    missing=st.lists(st.sets(st.integers(0, 39), max_size=38), min_size=1, max_size=3),
    limits=st.lists(st.integers(1, 50), min_size=1, max_size=4),
)
def test_market_when_read_in_any_blocks_then_gives_every_bar_once_and_whole_moments(
    missing: list[set[int]], limits: list[int]
) -> None:
    parts = [thinned(BARS, gone) for gone in missing]
    came = drained(market(*parts), limits)
    for bars, blocks in zip(parts, came, strict=True):
        assert np.concatenate(blocks).tobytes() == bars.tobytes()
    for block in zip(*came, strict=True):  # no symbol is ahead of another
        times = moments(tuple(block))
        for bars, mine in zip(parts, block, strict=True):
            inside = (bars["timestamp"] >= times[0]) & (bars["timestamp"] <= times[-1])
            assert mine.tobytes() == bars[inside].tobytes()


def test_market_when_a_symbol_is_late_then_the_moment_waits_for_it() -> None:
    first, second = Given(NAMES[0], BARS), Given(NAMES[1], BARS, ready=3)
    feed = Market([first, second])
    assert moments(feed.read(-1, 10, 0.0)).tolist() == BARS["timestamp"][:3].tolist()
    after = int(BARS["timestamp"][2])
    assert not any(map(len, feed.read(after, 10, 0.0)))
    second.ready = 5
    assert [len(bars) for bars in feed.read(after, 10, 0.0)] == [2, 2]


def test_market_when_a_bar_is_given_up_then_the_moment_goes_on_without_it() -> None:
    late = thinned(BARS, [3, 4])  # they never come
    first, second = Given(NAMES[0], BARS, ready=5), Given(NAMES[1], late, ready=3, ends=False)
    feed = Market([first, second])
    after = int(BARS["timestamp"][2])
    assert not any(map(len, feed.read(after, 10, 0.0)))
    second.known_before = int(BARS["timestamp"][3]) + MINUTE
    given = feed.read(after, 10, 0.0)
    assert [bars["timestamp"].tolist() for bars in given] == [[BARS["timestamp"][3]], []]


def test_market_when_read_on_then_no_feed_is_asked_to_step_back() -> None:
    early, late = Given(NAMES[0], BARS[:30]), Given(NAMES[1], BARS[25:])
    drained(Market([early, late]), [7])
    for feed in (early, late):
        assert feed.asked == sorted(feed.asked)


def test_market_when_asked_again_for_what_it_gave_then_gives_it_again() -> None:
    feed = market(BARS, thinned(BARS, [1, 5]))
    whole = feed.read(-1, 40, 0.0)
    again = feed.read(int(BARS["timestamp"][9]), 40, 0.0)
    assert [bars.tobytes() for bars in again] == [
        bars[bars["timestamp"] > BARS["timestamp"][9]].tobytes() for bars in whole
    ]


def test_market_when_one_symbol_then_is_that_feed() -> None:
    feed = Market([open_synthetic(bars=50)])
    assert feed.describe() == open_synthetic(bars=50).describe()
    (bars,) = feed.read(START, 10, 0.0)
    assert bars.tobytes() == made_bars(50, seed=1)[1:11].tobytes()


def test_market_when_feeds_differ_then_says_in_what() -> None:
    one, other = Given(NAMES[0], BARS), Given(NAMES[1], BARS)
    other.timeframe = "5m"
    with pytest.raises(FeedError, match="timeframe was 1m, 5m, must be one for all symbols"):
        Market([one, other])
    with pytest.raises(FeedError, match="symbols were BTC-USDT, BTC-USDT, each must be named"):
        Market([one, Given(NAMES[0], BARS)])
    with pytest.raises(FeedError, match="feeds were none"):
        Market([])


def test_market_when_described_then_tells_all_symbols_and_one_digest() -> None:
    one, other = Given(NAMES[0], BARS), Given(NAMES[1], BARS[:7])
    together = Market([one, other]).describe()
    assert [i.symbol for i in together.instruments] == list(NAMES[:2])
    assert (together.data_digest, together.total) == ("same", 40)
    other.digest, other.note = "another", "made from 1m"
    mixed = Market([one, other]).describe()
    turned = Market([other, one]).describe()
    assert len({"same", "another", mixed.data_digest, turned.data_digest}) == 4
    assert mixed.note == "ETH-USDT: made from 1m"


def test_market_when_limit_is_none_then_says_so_and_close_closes_all() -> None:
    feeds = [Given(NAMES[0], BARS), Given(NAMES[1], np.zeros(0, BAR))]
    feed = Market(feeds)
    with pytest.raises(ValueError, match="limit was 0, must be at least 1"):
        feed.read(-1, 0, 0.0)
    feed.close()
    assert all(each.closed for each in feeds)
