"""A market whose end is sealed gives all before the seal, and the rest only by asking for it."""

import numpy as np
import pytest

from application.ports import BAR, FeedDescription, FeedFinished, Stretch, moments, until
from infrastructure.feeds.sealed import SealedMarket
from tests.trading_fakes import DAY, DESCRIPTION, MINUTE, START, flat_bars

BARS = 5_000


class Whole:
    """A market of one symbol in memory."""

    def __init__(self, count: int = BARS) -> None:
        self.bars = flat_bars(count)
        self.closed = False

    def describe(self) -> FeedDescription:
        return DESCRIPTION

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        left = self.bars[self.bars["timestamp"] > after]
        if len(left) == 0:
            raise FeedFinished("there are no more bars")
        return (left[:limit],)

    def close(self) -> None:
        self.closed = True


class Waiting(Whole):
    """The same, none of it due yet."""

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        return (np.zeros(0, BAR),)


def all_of(market: SealedMarket, limit: int) -> np.ndarray:  # type: ignore[type-arg]
    parts, after = [], -1
    while True:
        try:
            stretch = market.read(after, limit, 0.0)
        except FeedFinished:
            return np.concatenate(parts) if parts else np.zeros(0, BAR)
        parts.append(stretch[0])
        after = int(stretch[0]["timestamp"][-1])


@pytest.mark.parametrize("limit", [1, 7, 1000, 100_000])
def test_sealed_market_when_read_to_its_end_then_gives_every_bar_before_the_seal(
    limit: int,
) -> None:
    whole, seal = Whole(600), START + 300 * MINUTE
    found = all_of(SealedMarket(whole, seal, whole), limit)
    assert found.tobytes() == until((whole.bars,), seal)[0].tobytes()


def test_sealed_market_when_asked_for_the_end_then_gives_what_reading_did_not() -> None:
    whole, seal = Whole(), START + DAY
    market = SealedMarket(whole, seal, whole)
    open_part, rest = all_of(market, 1000), list(market.sealed())
    assert (
        np.concatenate([open_part, *(part for (part,) in rest)]).tobytes() == whole.bars.tobytes()
    )
    assert int(moments(rest[0])[0]) == seal


def test_sealed_market_when_bars_are_let_out_slowly_then_the_end_does_not_wait() -> None:
    market = SealedMarket(Waiting(), START + DAY, Whole())
    assert len(market.read(-1, 10, 0.0)[0]) == 0
    assert sum(len(part) for (part,) in market.sealed()) == BARS - 1440


def test_sealed_market_when_the_seal_is_past_the_end_then_nothing_is_sealed() -> None:
    whole = Whole(100)
    market = SealedMarket(whole, START + DAY, whole)
    assert len(all_of(market, 1000)) == 100
    assert list(market.sealed()) == []


def test_sealed_market_when_closed_then_so_is_the_market() -> None:
    whole = Whole(1)
    SealedMarket(whole, START, whole).close()
    assert whole.closed
