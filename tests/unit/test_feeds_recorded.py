"""The recorded feed: the same bars whatever the questions, and a bad row never among them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports import Bars, FeedError, FeedFinished
from infrastructure.candles import parquet
from infrastructure.candles.parquet import CorruptFile
from infrastructure.candles.rows import BadRow
from infrastructure.feeds.recorded import (
    ImpossibleTimeframe,
    open_recorded,
    smallest_timeframe,
)
from infrastructure.symbols import UnknownSymbol
from tests.feed_bars import (
    MINUTE,
    columns_of,
    drain,
    made_bars,
    plain_aggregate,
    plain_funding,
    thinned,
    write_bars,
    write_table,
)

NAME = "binance_BTC-USDT_1m.parquet"
PERP = "binanceusdm_BTC-USDT-PERP_1m.parquet"
MARKS = 480 * MINUTE


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "PIECE", 64)


def test_recorded_feed_when_file_is_there_then_describes_and_serves_it(tmp_path: Path) -> None:
    bars = made_bars(2500)
    write_bars(tmp_path, NAME, bars)
    feed = open_recorded(tmp_path, "binance", "BTC/USDT")
    description = feed.describe()
    assert (description.feed, description.venue, description.timeframe) == (
        "recorded",
        "binance",
        "1m",
    )
    assert description.total == 2500
    assert description.note == ""
    assert description.instruments[0].symbol == "BTC-USDT"
    assert drain(feed, [999]).tobytes() == bars.tobytes()


def test_smallest_timeframe_when_symbols_were_recorded_in_others_then_is_one_for_all(
    tmp_path: Path,
) -> None:
    bars = made_bars(600)
    write_bars(tmp_path, NAME, bars)
    write_bars(tmp_path, "binance_ETH-USDT_5m.parquet", bars[::5])
    assert smallest_timeframe(tmp_path, "binance", ["BTC/USDT"]) == "1m"
    assert smallest_timeframe(tmp_path, "binance", ["BTC/USDT", "ETH/USDT"]) == "5m"
    with pytest.raises(UnknownSymbol, match="SOL-USDT"):
        smallest_timeframe(tmp_path, "binance", ["BTC/USDT", "SOL/USDT"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    limits=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    missing=st.sets(st.integers(0, 1999), max_size=300),
    length=st.sampled_from(["1m", "5m", "15m", "1h", "4h"]),
    perpetual=st.booleans(),
)
def test_recorded_feed_when_asked_in_any_blocks_then_bars_are_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    small_pieces: None,
    limits: list[int],
    missing: set[int],
    length: str,
    perpetual: bool,
) -> None:
    directory = tmp_path_factory.mktemp("data")
    bars = thinned(made_bars(2000), missing)
    write_bars(directory, PERP if perpetual else NAME, bars, group=333)
    venue, symbol = ("binanceusdm", "BTC-USDT-PERP") if perpetual else ("binance", "BTC-USDT")
    feed = open_recorded(directory, venue, symbol, length)
    whole = drain(feed, [10_000])
    assert drain(feed, limits).tobytes() == whole.tobytes()
    assert feed.describe().total == len(whole)
    again = open_recorded(directory, venue, symbol, length)
    for index in (0, len(whole) // 3, len(whole) - 2):
        after = int(whole["timestamp"][index])
        assert drain(again, limits, after).tobytes() == whole[index + 1 :].tobytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    missing=st.sets(st.integers(0, 1499), max_size=600),
    length=st.sampled_from([5, 15, 60, 240]),
    shift=st.integers(0, 30),
)
def test_recorded_feed_when_aggregating_then_equals_adding_bars_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    small_pieces: None,
    missing: set[int],
    length: int,
    shift: int,
) -> None:
    directory = tmp_path_factory.mktemp("data")
    bars = thinned(made_bars(1500)[shift:], {m for m in missing if m < 1500 - shift})
    write_bars(directory, NAME, bars, group=200)
    name = {5: "5m", 15: "15m", 60: "1h", 240: "4h"}[length]
    feed = open_recorded(directory, "binance", "BTC/USDT", name)
    served = drain(feed, [37])
    expected = plain_aggregate(bars, length * MINUTE, MINUTE)
    assert [tuple(bar)[:6] for bar in served.tolist()] == expected
    assert f"{name} bars made from recorded 1m bars" in feed.describe().note
    assert feed.describe().total == len(expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    missing=st.sets(st.integers(0, 2699), max_size=2500),
    recorded=st.dictionaries(st.integers(0, 8), st.floats(-0.01, 0.01), max_size=6),
    between=st.booleans(),
    length=st.sampled_from(["1m", "1h", "4h"]),
    shift=st.sampled_from([0, 300, 421]),
)
def test_recorded_feed_when_perpetual_then_funding_is_what_settled_since_the_bar_before(
    tmp_path_factory: pytest.TempPathFactory,
    small_pieces: None,
    missing: set[int],
    recorded: dict[int, float],
    between: bool,
    length: str,
    shift: int,
) -> None:
    directory = tmp_path_factory.mktemp("data")
    everything = made_bars(3000)
    begin = int(everything["timestamp"][0])
    bars = thinned(everything[shift:], {m for m in missing if m < 2700 - shift})
    write_bars(directory, PERP, bars, group=300)
    rates = {begin + mark * MARKS: rate for mark, rate in recorded.items()}
    if between:
        rates[begin + 240 * MINUTE] = 0.0007  # some contracts settle every four hours
    times = np.array(sorted(rates), np.int64)
    write_table(
        directory / "binanceusdm_BTC-USDT-PERP_funding.parquet",
        # venues stamp settlements a few ms late
        {"timestamp": times + 3, "rate": np.array([rates[t] for t in times.tolist()], float)},
    )
    served = drain(open_recorded(directory, "binanceusdm", "BTC/USDT:USDT", length), [101])
    expected = plain_funding(served["timestamp"].tolist(), rates)
    assert served["funding"].tolist() == pytest.approx(expected, abs=1e-15)
    assert len(served) < 2 or served["funding"].any() == any(expected)


def test_recorded_feed_when_settlements_lie_inside_a_bar_then_any_restart_gives_equal_funding(
    tmp_path: Path,
) -> None:
    write_bars(tmp_path, PERP, made_bars(6 * 1440))
    days = drain(open_recorded(tmp_path, "binanceusdm", "BTC/USDT:USDT", "1d"), [10])
    assert days["funding"].tolist() == pytest.approx([0, *[0.0003] * 5])
    for index in range(1, 6):
        feed = open_recorded(tmp_path, "binanceusdm", "BTC/USDT:USDT", "1d")
        after = int(days["timestamp"][index - 1])
        assert feed.read(after, 1, 0.0).tobytes() == days[index : index + 1].tobytes()


def test_recorded_feed_when_range_given_then_serves_only_that(tmp_path: Path) -> None:
    bars = made_bars(3000)
    write_bars(tmp_path, NAME, bars)
    start, end = int(bars["timestamp"][700]), int(bars["timestamp"][2100])
    feed = open_recorded(tmp_path, "binance", "BTC/USDT", start=start, end=end)
    assert drain(feed, [450]).tobytes() == bars[700:2100].tobytes()
    assert feed.describe().total == 1400


def test_recorded_feed_when_several_timeframes_then_base_is_smallest_or_widest(
    tmp_path: Path,
) -> None:
    bars = made_bars(6000)
    write_bars(tmp_path, NAME, bars[3000:])
    hours = drain(open_recorded(tmp_path, "binance", "BTC/USDT", "5m"), [5000])
    wide = np.concatenate((hours, hours[-1:]))
    wide["timestamp"] = int(bars["timestamp"][0]) + np.arange(len(wide)) * 5 * MINUTE * 2
    write_bars(tmp_path, "binance_BTC-USDT_5m.parquet", wide)
    assert open_recorded(tmp_path, "binance", "BTC/USDT").describe().timeframe == "1m"
    made = open_recorded(tmp_path, "binance", "BTC/USDT", "1h").describe()
    assert made.note == "1h bars made from recorded 5m bars"  # they cover more time


def test_recorded_feed_when_timeframe_cannot_be_made_then_names_what_is_recorded(
    tmp_path: Path,
) -> None:
    write_bars(tmp_path, "binance_BTC-USDT_1h.parquet", _hourly(50))
    with pytest.raises(ImpossibleTimeframe, match=r"timeframe was 15m.*recorded is 1h"):
        open_recorded(tmp_path, "binance", "BTC/USDT", "15m")


def test_recorded_feed_when_symbol_or_venue_unknown_then_lists_what_there_is(
    tmp_path: Path,
) -> None:
    write_bars(tmp_path, NAME, made_bars(10))
    with pytest.raises(UnknownSymbol, match=r"ETH-USDT.*has BTC-USDT"):
        open_recorded(tmp_path, "binance", "ETH/USDT")
    with pytest.raises(FeedError, match=r"venue was 'kraken'.*has binance"):
        open_recorded(tmp_path, "kraken", "BTC/USDT")
    with pytest.raises(FeedError, match="must be a directory"):
        open_recorded(tmp_path / "nowhere", "binance", "BTC/USDT")


def test_data_digest_when_content_changes_then_differs_but_not_with_path(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    for directory in (first, second, third):
        directory.mkdir()
    bars = made_bars(100)
    write_bars(first, NAME, bars)
    write_bars(second, NAME, bars)
    bars["volume"][50] += 1
    write_bars(third, NAME, bars)
    digests = [
        open_recorded(directory, "binance", "BTC/USDT").describe().data_digest
        for directory in (first, second, third)
    ]
    assert digests[0] == digests[1] != digests[2]


FAULTS = [
    ("timestamp", 700, lambda c: c["timestamp"][699], "no duplicate"),
    ("timestamp", 64, lambda c: c["timestamp"][63], "no duplicate"),  # across pieces
    ("timestamp", 100, lambda c: c["timestamp"][99], "no duplicate"),  # across row groups
    ("timestamp", 700, lambda c: c["timestamp"][600], "in order"),
    ("timestamp", 700, lambda c: c["timestamp"][700] + 1, "a multiple of 60000 ms"),
    ("open", 64, lambda c: np.nan, "finite and above 0"),
    ("high", 63, lambda c: np.inf, "finite and above 0"),
    ("close", 0, lambda c: 0.0, "finite and above 0"),
    ("low", 999, lambda c: -1.0, "finite and above 0"),
    ("high", 500, lambda c: c["low"][500] / 2, "at least open and close"),
    ("low", 500, lambda c: c["high"][500] * 2, "at most open and close"),
    ("volume", 128, lambda c: -0.5, "finite and at least 0"),
    ("volume", 128, lambda c: np.nan, "finite and at least 0"),
]


@pytest.mark.parametrize(("column", "row", "value", "rule"), FAULTS)
def test_recorded_feed_when_row_is_bad_then_refused_by_name(
    tmp_path: Path, small_pieces: None, column: str, row: int, value: Any, rule: str
) -> None:
    columns = columns_of(made_bars(1000))
    columns[column][row] = value(columns)
    write_table(tmp_path / NAME, columns, group=100)
    with pytest.raises(BadRow) as refused:
        drain(open_recorded(tmp_path, "binance", "BTC/USDT"), [50])
    message = str(refused.value)
    # a low beyond its high may be told as either
    assert f"{NAME}: row {row + 1}, column " in message
    assert column in message
    assert rule in message
    assert "\n" not in message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    row=st.integers(0, 499),
    column=st.sampled_from(["open", "high", "low", "close", "volume"]),
    value=st.sampled_from([np.nan, np.inf, -np.inf, -1.0]),
)
def test_recorded_feed_when_any_row_is_bad_then_no_bar_from_it_on_is_served(
    tmp_path_factory: pytest.TempPathFactory,
    small_pieces: None,
    row: int,
    column: str,
    value: float,
) -> None:
    directory = tmp_path_factory.mktemp("data")
    bars = made_bars(500)
    columns = columns_of(bars)
    columns[column][row] = value
    write_table(directory / NAME, columns, group=90)
    served: list[Bars] = []
    with pytest.raises(BadRow, match=f"row {row + 1}, column {column}"):
        served.extend(blocks(directory, 7))
    assert sum(map(len, served)) <= row


def test_recorded_feed_when_value_is_null_then_refused_by_name(tmp_path: Path) -> None:
    columns: dict[str, Any] = columns_of(made_bars(100))
    columns["close"] = [None if i == 41 else float(v) for i, v in enumerate(columns["close"])]
    write_table(tmp_path / NAME, columns)
    with pytest.raises(FeedError, match="row 42, column close: was null"):
        drain(open_recorded(tmp_path, "binance", "BTC/USDT"), [50])


def test_recorded_feed_when_column_missing_or_of_another_type_then_refused(tmp_path: Path) -> None:
    columns = columns_of(made_bars(10))
    write_table(tmp_path / NAME, {**columns, "close": [str(v) for v in columns["close"]]})
    with pytest.raises(FeedError, match="column close was string, must be double"):
        open_recorded(tmp_path, "binance", "BTC/USDT")
    del columns["volume"]
    write_table(tmp_path / NAME, columns)
    with pytest.raises(FeedError, match="column volume was missing"):
        open_recorded(tmp_path, "binance", "BTC/USDT")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_recorded_feed_when_file_is_damaged_then_one_line_error_or_sound_bars(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("data")
    path = write_bars(directory, NAME, made_bars(300))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        at = data.draw(st.integers(0, len(content) - 20))
        content[at : at + 20] = data.draw(st.binary(min_size=20, max_size=20))
    path.write_bytes(content)
    refusal = ""
    try:
        bars = drain(open_recorded(directory, "binance", "BTC/USDT"), [100])
    except FeedError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        assert NAME in refusal
    else:
        assert (np.diff(bars["timestamp"]) > 0).all()
        assert (bars["low"] <= bars["high"]).all()


def test_recorded_feed_when_not_parquet_at_all_then_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"timestamp,open\n1,2\n")
    with pytest.raises(CorruptFile, match="cannot be read as Parquet"):
        open_recorded(tmp_path, "binance", "BTC/USDT")


def test_recorded_feed_when_written_to_by_its_reader_then_later_reads_are_unharmed(
    tmp_path: Path,
) -> None:
    bars = made_bars(100)
    write_bars(tmp_path, NAME, bars)
    feed = open_recorded(tmp_path, "binance", "BTC/USDT")
    feed.read(-1, 50, 0.0)["close"] = 0
    assert drain(feed, [50]).tobytes() == bars.tobytes()


def test_recorded_feed_when_closed_then_finished(tmp_path: Path) -> None:
    write_bars(tmp_path, NAME, made_bars(10))
    feed = open_recorded(tmp_path, "binance", "BTC/USDT")
    last = int(feed.read(-1, 10, 0.0)["timestamp"][-1])
    with pytest.raises(FeedFinished):
        feed.read(last, 10, 0.0)
    with pytest.raises(ValueError, match="limit was 0"):
        feed.read(-1, 0, 0.0)
    feed.close()
    feed.close()


def blocks(directory: Path, limit: int) -> Iterator[Bars]:
    """The feed's blocks as they come, so that what came before an error is known."""
    feed, after = open_recorded(directory, "binance", "BTC/USDT"), -1
    while True:
        block = feed.read(after, limit, 0.0)
        yield block
        after = int(block["timestamp"][-1])


def _hourly(count: int) -> Any:
    bars = made_bars(count)
    bars["timestamp"] = int(bars["timestamp"][0]) + np.arange(count) * 60 * MINUTE
    return bars
