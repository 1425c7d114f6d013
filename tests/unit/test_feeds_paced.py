"""Pacing decides when bars come, never which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.feeds.market import Market
from infrastructure.feeds.paced import BadSpeed, Paced, paced, parse_speed
from infrastructure.feeds.synthetic import START, open_synthetic
from tests.feed_bars import made_bars


class PlayedClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def test_paced_feed_when_real_time_then_one_bar_a_minute() -> None:
    clock = PlayedClock()
    feed = Paced(Market([open_synthetic(bars=10)]), 1.0, clock, clock.sleep)
    after, came = -1, []
    for _ in range(5):
        (bars,) = feed.read(after, 1000, 100.0)
        assert len(bars) == 1
        came.append(clock.now)
        after = int(bars["timestamp"][-1])
    assert came == [1000.0, 1060.0, 1120.0, 1180.0, 1240.0]


def test_paced_feed_when_nothing_is_due_within_timeout_then_empty_at_its_end() -> None:
    clock = PlayedClock()
    feed = Paced(Market([open_synthetic(bars=10)]), 2.0, clock, clock.sleep)
    assert len(feed.read(-1, 5, 1.0)[0]) == 1
    assert len(feed.read(START, 5, 12.0)[0]) == 0
    assert clock.now == 1012.0
    assert len(feed.read(START, 5, 30.0)[0]) == 1
    assert clock.now == pytest.approx(1030.0)


def test_paced_feed_when_reader_was_slow_then_catches_up_at_once() -> None:
    clock = PlayedClock()
    feed = Paced(Market([open_synthetic(bars=100)]), 60.0, clock, clock.sleep)
    feed.read(-1, 1, 1.0)
    clock.sleep(20.0)
    (bars,) = feed.read(START, 1000, 1.0)
    assert len(bars) == 20  # a minute a second, the last due this very moment
    assert clock.now == 1020.0


@given(
    speed=st.floats(0.5, 1e6),
    steps=st.lists(st.tuples(st.integers(1, 50), st.floats(0, 90)), min_size=1, max_size=20),
)
def test_paced_feed_when_read_anyhow_then_bars_are_those_of_the_feed_and_never_early(
    speed: float, steps: list[tuple[int, float]]
) -> None:
    clock = PlayedClock()
    feed = Paced(Market([open_synthetic(seed=5, bars=200)]), speed, clock, clock.sleep)
    whole = made_bars(200)
    after, read = -1, 0
    for limit, timeout in steps:
        if read == len(whole):
            break
        (bars,) = feed.read(after, limit, timeout)
        assert bars.tobytes() == whole[read : read + len(bars)].tobytes()
        if len(bars):
            read, after = read + len(bars), int(bars["timestamp"][-1])
            assert clock.now - 1000.0 >= (after - START) / 1000 / speed - 1e-6


def test_paced_when_speed_is_max_then_feed_is_left_as_it_is() -> None:
    clock = PlayedClock()
    feed = Market([open_synthetic(bars=5000)])
    assert paced(feed, parse_speed("max"), clock, clock.sleep) is feed
    wrapped = paced(feed, parse_speed("60x"), clock, clock.sleep)
    assert wrapped is not feed
    assert wrapped.describe() == feed.describe()
    wrapped.close()


@pytest.mark.parametrize(
    ("text", "speed"), [("max", None), ("1", 1.0), ("60x", 60.0), ("0.5", 0.5)]
)
def test_parse_speed_when_sound_then_read(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "-3", "nan", "inf", "fast"])
def test_parse_speed_when_wrong_then_says_what_is_allowed(text: str) -> None:
    with pytest.raises(BadSpeed, match=r"must be max or a number above 0"):
        parse_speed(text)
