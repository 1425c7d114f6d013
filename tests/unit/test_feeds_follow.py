"""Following a venue: closed bars only, on time or never, whatever the venue does.

Time is played: the clock moves only while the follower waits or the venue takes its time.
"""

from collections.abc import Callable
from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports import BAR, Bars
from domain.instrument import Instrument
from infrastructure.feeds.follow import DEADLINE, Follower, Stopped
from infrastructure.feeds.synthetic import START
from infrastructure.feeds.venue import VenueBusy, VenueError
from infrastructure.instruments import instrument_for
from tests.feed_bars import MINUTE, made_bars

BARS = made_bars(3000)


class PlayedVenue:
    """A venue in played time: candles grow until their close and may come late or never."""

    name = "played"
    page = 100

    def __init__(self, now: int) -> None:
        self.now = now  # the venue's clock, ms
        self.skew = 0  # ours − theirs, ms
        self.late: dict[int, int] = {}  # open time -> ms after its close when it appears
        self.fails: Callable[[int], VenueError | None] = lambda now: None
        self.takes = 40  # ms a request takes
        self.asked = 0
        self.stop_at = 0

    def clock(self) -> int:
        return self.now + self.skew

    def wait(self, seconds: float) -> bool:
        self.now += max(int(seconds * 1000), 1)
        return self.now >= self.stop_at > 0

    def instrument(self, symbol: str) -> Instrument:
        return instrument_for("binance", symbol, 1.0)

    def time(self) -> int | None:
        self._answer()
        return self.now

    def candles(self, symbol: str, timeframe: str, since: int, limit: int, timeout: float) -> Bars:
        self._answer()
        begin = int(np.searchsorted(BARS["timestamp"], since))
        shown: list[np.void] = []
        for bar in BARS[begin:]:
            opened = int(bar["timestamp"])
            if opened > self.now or len(shown) == limit:
                break
            if self.now < opened + MINUTE + self.late.get(opened, -MINUTE):
                continue
            shown.append(bar if self.now >= opened + MINUTE else unfinished(bar))
        return np.array(shown, BAR)

    def close(self) -> None:
        """Nothing to close."""

    def _answer(self) -> None:
        self.asked += 1
        self.now += self.takes
        error = self.fails(self.now)
        if error is not None:
            raise error


def unfinished(bar: np.void) -> np.void:
    half = bar.copy()
    half["close"], half["volume"] = bar["open"], bar["volume"] / 2
    return half


def bar_at(index: int) -> int:
    return START + index * MINUTE


def follow(venue: PlayedVenue, since: int, blocks: int) -> Bars:
    follower = Follower(venue, "BTC-USDT", "1m", venue.clock, venue.wait)
    return np.concatenate(list(islice(follower.bars(since), blocks)))


def follow_until(venue: PlayedVenue, since: int, stop_at: int) -> tuple[Bars, list[int]]:
    """Everything accepted until the venue's clock says `stop_at`, and when it was."""
    venue.stop_at = stop_at
    follower = Follower(venue, "BTC-USDT", "1m", venue.clock, venue.wait)
    blocks, times = [], []
    try:
        for block in follower.bars(since):
            blocks.append(block)
            times += [venue.now] * len(block)
    except Stopped:
        pass
    return (np.concatenate(blocks) if blocks else np.zeros(0, BAR)), times


def test_follower_when_started_then_history_first_in_order_then_each_bar_soon_after_close() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    bars, times = follow_until(venue, bar_at(450), bar_at(1005) + 30_000)
    assert bars.tobytes() == BARS[450:1005].tobytes()
    delays = [time - int(bar["timestamp"]) - MINUTE for time, bar in zip(times, bars, strict=True)]
    assert all(0 < delay < 1000 for delay in delays[-5:])


def test_follower_when_bar_is_late_within_its_deadline_then_used_and_after_it_never() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    venue.late = {bar_at(1001): 3_000, bar_at(1003): DEADLINE + 1, bar_at(1005): 10**9}
    bars, _ = follow_until(venue, bar_at(990), bar_at(1010) + 30_000)
    expected = [i for i in range(990, 1010) if i not in (1003, 1005)]
    assert bars.tobytes() == BARS[expected].tobytes()


def test_follower_when_answers_come_after_the_deadline_then_not_used() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    venue.takes = 3_000  # the clock and then the candles: 6.2 s after the close
    bars, _ = follow_until(venue, bar_at(990), bar_at(1010))
    assert bars.tobytes() == BARS[990:1000].tobytes()


def test_follower_when_history_has_holes_then_open_candle_at_its_end_is_not_used() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    venue.late = {bar_at(995): 10**9, bar_at(997): 10**9}  # the page reaches beyond the past
    bars, times = follow_until(venue, bar_at(990), bar_at(1002) + 30_000)
    expected = [i for i in range(990, 1002) if i not in (995, 997)]
    assert bars.tobytes() == BARS[expected].tobytes()
    assert times[-2] >= bar_at(1001)


def test_follower_when_no_later_bar_shows_then_waits_until_the_bar_is_settled() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    venue.late = {bar_at(1001): 10**9}
    bars, times = follow_until(venue, bar_at(1000), bar_at(1001) + 30_000)
    assert bars.tobytes() == BARS[1000:1001].tobytes()
    assert times[0] >= bar_at(1001) + 2_000


def test_follower_when_our_clock_is_wrong_then_bars_are_still_closed_ones() -> None:
    for skew in (-90_000, -7_000, 7_000, 90_000, 86_400_000):
        venue = PlayedVenue(bar_at(1000) + 20_000)
        venue.skew = skew
        bars, times = follow_until(venue, bar_at(950), bar_at(1003) + 30_000)
        assert bars.tobytes() == BARS[950:1003].tobytes()
        assert times[-1] >= int(bars["timestamp"][-1]) + MINUTE


@settings(max_examples=60)
@given(
    jumps=st.lists(
        st.tuples(st.integers(0, 600_000), st.integers(-300_000, 300_000)), min_size=1, max_size=5
    )
)
def test_follower_when_our_clock_is_set_meanwhile_then_no_open_candle_is_ever_used(
    jumps: list[tuple[int, int]],
) -> None:
    venue = PlayedVenue(bar_at(1000) + 1_000)
    begin = venue.now

    def clock() -> int:
        return venue.now + sum(jump for at, jump in jumps if venue.now - begin >= at)

    venue.clock = clock  # type: ignore[method-assign]
    bars, times = follow_until(venue, bar_at(995), bar_at(1020))
    index = (bars["timestamp"] - START) // MINUTE
    assert bars.tobytes() == BARS[index].tobytes()
    assert 1018 in index  # it found its way back
    assert all(
        time >= int(bar["timestamp"]) + MINUTE for time, bar in zip(times, bars, strict=True)
    )


def test_follower_when_venue_fails_during_history_then_tries_until_it_answers() -> None:
    venue = PlayedVenue(bar_at(1000))
    down = bar_at(1000) + 120_000
    venue.fails = lambda now: VenueError("down") if now < down else None
    bars, times = follow_until(venue, bar_at(900), bar_at(1005) + 30_000)
    assert bars.tobytes() == BARS[900:1005].tobytes()
    assert times[0] >= down
    assert venue.asked < 40  # it backed off


def test_follower_when_venue_asks_for_fewer_requests_then_asks_less() -> None:
    asked = []
    for error in (VenueError("down"), VenueBusy("429")):
        venue = PlayedVenue(bar_at(1000))
        venue.fails = lambda now, error=error: error  # type: ignore[misc]
        follow_until(venue, bar_at(900), bar_at(1000) + 600_000)
        asked.append(venue.asked)
    assert asked[1] < asked[0]


def test_follower_when_venue_is_down_beyond_deadlines_then_those_bars_are_absent() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    begin, end = bar_at(1002) + 30_000, bar_at(1005) + 30_000
    venue.fails = lambda now: VenueError("down") if begin <= now < end else None
    bars, _ = follow_until(venue, bar_at(995), bar_at(1008) + 30_000)
    expected = [i for i in range(995, 1008) if i not in (1002, 1003, 1004)]
    assert bars.tobytes() == BARS[expected].tobytes()


def test_follower_when_machine_slept_then_missed_bars_are_absent_and_it_goes_on() -> None:
    venue = PlayedVenue(bar_at(1000) + 20_000)
    real_wait = venue.wait
    slept: list[bool] = []

    def wait(seconds: float) -> bool:
        if venue.now > bar_at(1002) and not slept:
            slept.append(True)
            venue.now = bar_at(1500) + 30_000
        return real_wait(seconds)

    venue.wait = wait  # type: ignore[method-assign]
    bars, _ = follow_until(venue, bar_at(995), bar_at(1503) + 30_000)
    times = (bars["timestamp"] - START) // MINUTE
    assert times.tolist() == [*range(995, 1002), 1501, 1502]
    assert bars.tobytes() == BARS[times].tobytes()


@settings(max_examples=60)
@given(
    late=st.dictionaries(st.integers(1000, 1019), st.integers(0, 12_000), max_size=12),
    outages=st.lists(st.tuples(st.integers(0, 1_200_000), st.integers(0, 60_000)), max_size=5),
    skew=st.integers(-(10**7), 10**7),
    takes=st.integers(1, 3_000),
)
def test_follower_when_anything_goes_wrong_then_every_bar_is_finished_in_order_and_in_time(
    late: dict[int, int], outages: list[tuple[int, int]], skew: int, takes: int
) -> None:
    venue = PlayedVenue(bar_at(1000) + 1_000)
    venue.late = {bar_at(index): delay for index, delay in late.items()}
    venue.skew, venue.takes = skew, takes
    begin = venue.now
    venue.fails = lambda now: (
        VenueError("down") if any(at <= now - begin < at + n for at, n in outages) else None
    )
    bars, times = follow_until(venue, bar_at(980), bar_at(1020))
    index = (bars["timestamp"] - START) // MINUTE
    assert (np.diff(index) > 0).all()
    assert bars.tobytes() == BARS[index].tobytes()  # none unfinished
    assert all(
        time >= int(bar["timestamp"]) + MINUTE for time, bar in zip(times, bars, strict=True)
    )
