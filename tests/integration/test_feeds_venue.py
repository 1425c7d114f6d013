"""A venue over real HTTP and real ccxt: paging, closing, faults, choice, fetching."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from application.ports import Bars, FeedError, Stretch, moments
from infrastructure.candles.parquet import CandleFile
from infrastructure.feeds import live
from infrastructure.feeds.fetch import Fetched, Wanted, fetch
from infrastructure.feeds.live import LiveFeed
from infrastructure.feeds.market import Market
from infrastructure.feeds.probe import probe
from infrastructure.feeds.synthetic import START
from infrastructure.feeds.venue import PublicVenue, VenueBusy, VenueError, clean
from infrastructure.symbols import UnknownSymbol
from tests.feed_bars import MINUTE, made_bars, thinned
from tests.venue_server import Fault, VenueServer

BARS = made_bars(4000)
FASTER = 30  # market seconds a second, where time runs
FAST = {"rateLimit": 1}  # ccxt's own pause between requests, ms


def bar_at(index: int) -> int:
    return START + index * MINUTE


@pytest.fixture
def server() -> Iterator[VenueServer]:
    with VenueServer(BARS, lambda: bar_at(3000) + 20_000) as venue:
        yield venue


def connected(server: VenueServer, timeout: float = 5.0, symbol: str = "BTC/USDT") -> PublicVenue:
    venue = PublicVenue("binance", base_url=server.url, timeout=timeout, options=FAST)
    venue.connect(symbol)
    return venue


def test_venue_when_connected_then_grid_and_costs_are_those_of_its_market(
    server: VenueServer,
) -> None:
    venue = connected(server)
    found = venue.instrument("BTC-USDT")
    assert [str(v.normalize()) for v in (found.tick, found.lot)] == ["0.01", "0.00001"]
    assert found.min_notional == 5
    assert found.symbol == "BTC-USDT"
    assert venue.time() == server.clock()
    assert all("symbol=BTCUSDT" in p for p in server.requests if "exchangeInfo" in p)
    venue.close()


def test_venue_when_it_counts_significant_digits_then_its_last_price_sets_the_grid() -> None:
    venue = PublicVenue("bitfinex")
    client = venue._client
    told = {"precision": {"price": 5, "amount": 8}, "limits": {}, "spot": True}
    client.markets = {"BTC/USD": told}
    client.fetch_ticker = lambda symbol: {"symbol": symbol, "last": 97_908.0}
    found = venue.instrument("BTC-USD")
    assert [str(v.normalize()) for v in (found.tick, found.lot)] == ["0.1", "1E-7"]
    client.fetch_ticker = lambda symbol: {}["last"]
    with pytest.raises(VenueError, match="bitfinex: KeyError"):
        venue.instrument("BTC-USD")
    venue.close()


def test_venue_when_symbol_unknown_then_lists_what_it_has(server: VenueServer) -> None:
    venue = PublicVenue("binance", base_url=server.url, options=FAST)
    with pytest.raises(UnknownSymbol, match=r"ETH/USDT.*binance has BTC/USDT"):
        venue.connect("ETH/USDT")


def test_venue_when_name_or_url_is_wrong_then_refused() -> None:
    with pytest.raises(FeedError, match="venue was 'nasdaq'"):
        PublicVenue("nasdaq")
    with pytest.raises(FeedError, match=r"must be like http://host:port"):
        PublicVenue("binance", base_url="localhost:1")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=500, body=b"{}"), VenueError),
        (Fault(status=502, body=b"<html>bad gateway</html>"), VenueError),
        (Fault(status=429, body=b'{"code":-1003,"msg":"Too many requests."}'), VenueBusy),
        (Fault(status=418, body=b'{"code":-1003,"msg":"banned"}'), VenueBusy),
        (Fault(body=b"not json at all"), VenueError),
        (Fault(body=b'{"unexpected":1}'), VenueError),
        (Fault(body=b"null"), VenueError),
        (Fault(body=b"[]"), None),
        (Fault(body=b"[[1,2],[3]]"), VenueError),
        (Fault(body=b'[[1704067200000,"x","y",null,"1","1"]]'), None),
        (Fault(body=b'["a","b"]'), VenueError),
        (Fault(delay=1.0), VenueError),
    ],
)
def test_venue_when_answer_is_wrong_then_an_error_or_no_candles(
    server: VenueServer, fault: Fault, kind: type[Exception] | None
) -> None:
    venue = connected(server)
    server.faults.append(fault)
    if kind is None:
        assert len(venue.candles("BTC-USDT", "1m", bar_at(0), 10, 0.5)) == 0
    else:
        with pytest.raises(kind) as raised:
            venue.candles("BTC-USDT", "1m", bar_at(0), 10, 0.5)
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 300
    assert len(venue.candles("BTC-USDT", "1m", bar_at(0), 10, 5.0)) == 10
    venue.close()


def test_clean_when_rows_are_not_candles_then_left_out() -> None:
    good = [START, 2.0, 3.0, 1.0, 2.5, 7.0]
    bad = [
        [START + 1, 2, 3, 1, 2, 7],  # not aligned
        [START, 2, 3, 1, 2, 7],  # again
        [START + MINUTE, 2, 1, 3, 2, 7],  # high below low
        [START + MINUTE, 2, 3, 1, 2, float("nan")],
        [START + MINUTE, 2, 3, 1, 2, None],
        [float("inf"), 2, 3, 1, 2, 7],
        [START + MINUTE, 2, 3],
        None,
    ]
    bars = clean([[START - MINUTE, 1, 1, 1, 1, 1], good, *bad], MINUTE, START, "v")
    assert [tuple(bar) for bar in bars.tolist()] == [(*good, 0.0)]
    with pytest.raises(VenueError, match="must be a list"):
        clean({"rows": []}, MINUTE, START, "v")


def test_live_feed_when_time_runs_then_history_and_then_each_closed_bar() -> None:
    begun = time.monotonic()

    def clock() -> int:
        return bar_at(3000) + 50_000 + int((time.monotonic() - begun) * 1000 * FASTER)

    def wait(stop: Event, seconds: float) -> bool:
        return stop.wait(seconds / FASTER)

    with VenueServer(BARS, clock) as server:
        server.late = {bar_at(3001): 10**9}
        server.faults.extend([Fault(status=500, body=b"{}"), Fault(body=b"garbage")])
        feed = LiveFeed(connected(server), "BTC/USDT", history_days=2, clock=clock, wait=wait)
        blocks: list[Bars] = []
        after = -1
        deadline = time.monotonic() + 30
        while after < bar_at(3003) and time.monotonic() < deadline:
            bars = feed.read(after, 700, 0.2)
            if len(bars):
                closed = int(bars["timestamp"][-1]) + MINUTE
                assert clock() >= closed
                blocks.append(bars)
                after = closed - MINUTE
        got = np.concatenate(blocks)
        first = (int(got["timestamp"][0]) - START) // MINUTE
        assert 120 <= first <= 123  # two days before it was asked
        index = (got["timestamp"] - START) // MINUTE
        assert got.tobytes() == BARS[index].tobytes()  # none unfinished
        # every bar of the past; of the live ones a busy machine may miss a deadline
        assert index.tolist()[: 3000 - first] == list(range(first, 3000))
        assert (np.diff(index) > 0).all()
        assert 3001 not in index
        again = feed.read(bar_at(2000), 5, 0.0)
        assert again.tobytes() == BARS[2001:2006].tobytes()
        assert feed.describe().feed == "live"
        assert feed.describe().venue == "binance"
        started = time.monotonic()
        assert len(feed.read(2**60, 5, 0.1)) == 0
        assert time.monotonic() - started < 1
        feed.close()
        feed.close()
        with pytest.raises(FeedError, match="stopped"):
            feed.read(2**60, 5, 5.0)


def test_live_market_when_one_symbol_lacks_a_bar_then_the_moment_goes_on_without_it() -> None:
    begun = time.monotonic()

    def clock() -> int:
        return bar_at(3000) + 50_000 + int((time.monotonic() - begun) * 1000 * FASTER)

    def wait(stop: Event, seconds: float) -> bool:
        return stop.wait(seconds / FASTER)

    with VenueServer(BARS, clock) as server:
        server.markets["ETH"], server.missing["ETH"] = BARS, {bar_at(3001)}
        feeds = [
            LiveFeed(connected(server, symbol=s), s, history_days=2, clock=clock, wait=wait)
            for s in ("BTC/USDT", "ETH/USDT")
        ]
        market = Market(feeds)
        came: list[Stretch] = []
        after, deadline = -1, time.monotonic() + 30
        while after < bar_at(3003) and time.monotonic() < deadline:
            stretch = market.read(after, 700, 0.05)
            if len(times := moments(stretch)):
                assert times[0] > after
                after = int(times[-1])
                assert clock() >= after + MINUTE
                came.append(stretch)
        market.close()
    first, second = (np.concatenate(parts) for parts in zip(*came, strict=True))
    for got in (first, second):
        index = (got["timestamp"] - START) // MINUTE
        assert got.tobytes() == BARS[index].tobytes()
        assert (np.diff(index) > 0).all()
    # of the past none is missing, and both begin together but for the minute they were asked in
    past = [got[got["timestamp"] < bar_at(3000)] for got in (first, second)]
    assert abs(len(past[0]) - len(past[1])) <= 1
    assert bar_at(3001) not in second["timestamp"]
    assert after >= bar_at(3003)


def test_live_feed_when_reader_is_slow_then_venue_waits_and_nothing_is_lost(
    server: VenueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNREAD", 500)
    monkeypatch.setattr(live, "KEPT", 1600)
    feed = LiveFeed(connected(server), "BTC/USDT", clock=server.clock)
    after, got = bar_at(10), []
    asked: list[int] = []
    while after < bar_at(2999):
        bars = feed.read(after, 100, 5.0)
        got.append(bars)
        after = int(bars["timestamp"][-1])
        asked.append(len([p for p in server.requests if "klines" in p]))
    assert np.concatenate(got).tobytes() == BARS[11:3000].tobytes()
    assert asked[0] <= 2
    with pytest.raises(FeedError, match="no longer kept"):
        feed.read(bar_at(10), 100, 0.0)
    feed.close()


def test_live_feed_when_restarted_then_goes_on_after_the_last_bar(server: VenueServer) -> None:
    feed = LiveFeed(connected(server), "BTC/USDT", clock=server.clock)
    bars = feed.read(bar_at(2500), 10_000, 10.0)
    assert bars.tobytes() == BARS[2501 : 2501 + len(bars)].tobytes()
    assert len(bars) > 0
    feed.close()


def test_probe_when_several_answer_then_first_in_preference_else_reasons() -> None:
    now = time.time_ns() // 1_000_000 // MINUTE * MINUTE
    recent = BARS.copy()
    recent["timestamp"] += now - int(recent["timestamp"][3990])
    with VenueServer(recent) as server:
        answer = probe(("nowhere", "binance"), base_url=server.url, timeout=5.0)
        assert answer.venue is not None
        assert answer.venue.name == "binance"
        assert [refusal.venue for refusal in answer.refusals] == ["nowhere"]
        assert "must be one that ccxt" in answer.refusals[0].reason
        answer.venue.close()
        server.broken = Fault(status=451, body=b'{"code":0,"msg":"restricted location"}')
        refused = probe(("binance",), base_url=server.url, timeout=5.0)
        assert refused.venue is None
        assert "451" in refused.refusals[0].reason
        assert "\n" not in refused.refusals[0].reason


def test_probe_when_venue_hangs_then_gives_up_in_time(server: VenueServer) -> None:
    server.broken = Fault(delay=3.0)
    started = time.monotonic()
    answer = probe(("binance", "kraken"), base_url=server.url, timeout=0.5)
    assert time.monotonic() - started < 1.5
    assert answer.venue is None
    assert {refusal.venue for refusal in answer.refusals} == {"binance", "kraken"}


def test_probe_when_nothing_listens_then_says_so_at_once() -> None:
    answer = probe(("binance",), base_url="http://127.0.0.1:9", timeout=5.0)
    assert answer.venue is None
    assert "NetworkError" in answer.refusals[0].reason


def fetched(
    server: VenueServer, directory: Path, start: int, end: int, pauses: list[float] | None = None
) -> Fetched:
    venue = connected(server)
    wanted = Wanted("BTC-USDT", "1m", bar_at(start), bar_at(end))
    told: list[tuple[int, int]] = []
    try:
        return fetch(
            venue,
            wanted,
            directory,
            clock=server.clock,
            sleep=(pauses if pauses is not None else []).append,
            progress=lambda done, total: told.append((done, total)),
        )
    finally:
        venue.close()
        assert told == sorted(told)


def stored(directory: Path) -> Bars:
    file = CandleFile(directory / "binance_BTC-USDT_1m.parquet", MINUTE)
    return np.concatenate(list(file.seek(0)[1]))


def test_fetch_when_range_is_asked_for_then_closed_candles_only(
    server: VenueServer, tmp_path: Path
) -> None:
    result = fetched(server, tmp_path, 100, 3900)
    assert (result.new, result.rows) == (2900, 2900)
    assert [*stored(tmp_path)[["timestamp", "close"]].tolist()] == (
        BARS[100:3000][["timestamp", "close"]].tolist()
    )
    assert [path.name for path in tmp_path.iterdir()] == ["binance_BTC-USDT_1m.parquet"]


def test_fetch_when_cut_off_then_goes_on_where_it_was(server: VenueServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(), Fault(), *[Fault(status=503, body=b"{}")] * 6])
    pauses: list[float] = []
    with pytest.raises(VenueError, match="what came is kept, run again to go on"):
        fetched(server, tmp_path, 0, 3000, pauses)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 15.0]
    assert not list(tmp_path.glob("*.parquet"))
    before = len(server.requests)
    assert fetched(server, tmp_path, 0, 3000).rows == 3000
    pages = [p for p in server.requests[before:] if "klines" in p]
    assert len(pages) == 1
    assert f"startTime={bar_at(2000)}" in pages[0]
    assert stored(tmp_path).tobytes() == BARS[:3000].tobytes()


def test_fetch_when_file_is_there_then_extended_at_both_ends_and_kept_inside(
    tmp_path: Path,
) -> None:
    gappy = thinned(BARS, range(1400, 1450))
    with VenueServer(gappy, lambda: bar_at(3000)) as server:
        assert fetched(server, tmp_path, 1000, 2000).rows == 950
    with VenueServer(BARS, lambda: bar_at(3000)) as server:
        result = fetched(server, tmp_path, 500, 2500)
        assert (result.new, result.rows) == (1000, 1950)
        assert fetched(server, tmp_path, 600, 2400).new == 0
        with pytest.raises(FeedError, match="must touch what"):
            fetched(server, tmp_path, 2700, 2900)
    assert stored(tmp_path).tobytes() == thinned(BARS, range(1400, 1450))[500:2450].tobytes()


def test_fetch_when_there_is_nothing_then_refused_and_no_file(
    server: VenueServer, tmp_path: Path
) -> None:
    with pytest.raises(FeedError, match="holds no closed candle"):
        fetched(server, tmp_path, 3000, 3500)
    with pytest.raises(FeedError, match="has no 1m candles of BTC-USDT there"):
        fetched(server, tmp_path, -500, -100)
    assert not list(tmp_path.iterdir())
