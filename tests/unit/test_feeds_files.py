"""Candle files: names, checks, imports. A wrong row is named, a missing bar is counted."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports import Bars, FeedError
from infrastructure.candles import ingest, parquet
from infrastructure.candles.check import check_file, data_files
from infrastructure.candles.ingest import read_foreign
from infrastructure.candles.naming import BadName, catalogue, file_name, parse_name
from infrastructure.candles.parquet import CandleFile, write_candles
from infrastructure.candles.rows import BadRow
from tests.feed_bars import MINUTE, columns_of, made_bars, thinned, write_bars, write_table

NAME = "binance_BTC-USDT_1m.parquet"
BARS = made_bars(300)


def write_csv(path: Path, header: list[str] | None, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        if header is not None:
            writer.writerow(header)
        writer.writerows(rows)
    return path


def rows_of(bars: Bars) -> list[list[Any]]:
    return [[*list(bar)[:6]] for bar in bars.tolist()]


def imported(path: Path) -> Bars:
    return np.concatenate(list(read_foreign(path, MINUTE)))


@pytest.mark.parametrize(
    ("venue", "symbol", "kind"),
    [("binance", "BTC-USDT", "1m"), ("my_venue", "X-Y-PERP", "funding"), ("a", "B-C", "trades")],
)
def test_file_name_when_made_then_parses_back(venue: str, symbol: str, kind: str) -> None:
    file = parse_name(Path("/data") / file_name(venue, symbol, kind))
    assert (file.venue, file.symbol, file.kind) == (venue, symbol, kind)


@pytest.mark.parametrize(
    "name",
    ["x.parquet", "_BTC-USDT_1m.parquet", "a_BTC_1m.parquet", "a_B-C_7m.parquet", "a_B-C_1m.csv"],
)
def test_file_name_when_foreign_then_refused_and_left_out_of_the_catalogue(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(BadName):
        parse_name(tmp_path / name)
    (tmp_path / name).touch()
    write_bars(tmp_path, NAME, BARS)
    assert [file.path.name for file in catalogue(tmp_path)] == [NAME]
    with pytest.raises(BadName):
        file_name("a/b", "B-C", "1m")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(missing=st.sets(st.integers(1, 298), max_size=250))
def test_check_when_bars_are_missing_then_counted_and_never_filled(
    tmp_path: Path, missing: set[int]
) -> None:
    with pytest.MonkeyPatch.context() as pieces:
        pieces.setattr(parquet, "PIECE", 32)
        path = write_bars(tmp_path, NAME, thinned(BARS, missing), group=50)
        report = check_file(path)
    runs, run = [], 0
    for index in range(300):
        run = run + 1 if index in missing else 0
        runs.append(run)
    assert report.error == ""
    assert (report.rows, report.missing) == (300 - len(missing), len(missing))
    assert report.gaps == sum(1 for run in runs if run == 1)
    assert report.largest_gap == max(runs)
    assert report.first == int(BARS["timestamp"][0])
    if missing:
        longest = runs.index(max(runs)) - max(runs)
        assert report.largest_gap_after == int(BARS["timestamp"][longest])


def test_check_when_rows_are_bad_then_named(tmp_path: Path) -> None:
    columns = columns_of(BARS)
    columns["high"][123] = 1.0
    report = check_file(write_table(tmp_path / NAME, columns))
    assert f"{NAME}: row 124, column high: was 1.0, must be at least open and close" in report.error
    assert check_file(tmp_path / "odd.parquet").error.startswith("odd.parquet: name must be")


def test_check_when_funding_then_settlements_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "v_A-B-PERP_funding.parquet"
    mark = 480 * MINUTE
    times = np.array([0, 1, 2, 4], np.int64) * mark
    write_table(path, {"timestamp": times, "rate": np.array([0.1, -0.1, 0.0, 0.5])})
    report = check_file(path)
    assert (report.error, report.rows, report.gaps, report.missing) == ("", 4, 1, 1)
    write_table(path, {"timestamp": times, "rate": np.array([0.1, -0.1, np.nan, 0.5])})
    assert "row 3, column rate: was nan, must be between -1 and 1" in check_file(path).error
    write_table(path, {"timestamp": times[::-1].copy(), "rate": np.zeros(4)})
    assert "row 2, column timestamp" in check_file(path).error


TRADES: dict[str, Any] = {
    "timestamp": np.array([5, 5, 9], np.int64),
    "price": np.array([1.0, 2.0, 3.0]),
    "amount": np.array([1.0, 2.0, 3.0]),
    "side": ["buy", "sell", "buy"],
    "trade_id": np.array([7, 8, 12], np.int64),
}


@pytest.mark.parametrize(
    ("column", "value", "row"),
    [
        ("timestamp", np.array([5, 4, 9], np.int64), 2),
        ("price", np.array([1.0, 2.0, np.nan]), 3),
        ("amount", np.array([0.0, 2.0, 3.0]), 1),
        ("side", ["buy", "sell", "hold"], 3),
        ("trade_id", np.array([7, 7, 12], np.int64), 2),
    ],
)
def test_check_when_trades_then_each_column_is_checked(
    tmp_path: Path, column: str, value: Any, row: int
) -> None:
    path = write_table(tmp_path / "v_A-B_trades.parquet", TRADES)
    report = check_file(path)
    assert (report.error, report.rows, report.last) == ("", 3, 9)
    write_table(path, {**TRADES, column: value})
    assert f"row {row}, column {column}: was" in check_file(path).error


def test_data_files_when_nothing_there_then_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(FeedError, match="must be a Parquet file or a directory of them"):
            data_files(path)


def test_write_candles_when_row_is_bad_then_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / NAME
    assert write_candles(path, [BARS[:100], BARS[100:]], MINUTE) == 300
    before = path.read_bytes()
    bad = BARS.copy()
    bad["low"][250] = np.nan
    with pytest.raises(BadRow, match="row 251, column low"):
        write_candles(path, [bad[:200], bad[200:]], MINUTE)
    with pytest.raises(FeedError, match="no candles to write"):
        write_candles(path, [], MINUTE)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    assert next(CandleFile(path, MINUTE).seek(0)[1]).tobytes() == BARS.tobytes()


HEADERS = [
    ["timestamp", "open", "high", "low", "close", "volume"],
    ["Date", "Open", "High", "Low", "Close", "Volume"],
    ["open time", "o", "h", "l", "c", "v"],
]
ISO = "2024-01-01T{:02d}:{:02d}:00{}"


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("unit", [0.001, 1, 1000, 1_000_000])
def test_import_when_csv_with_usual_headers_and_any_unit_then_same_bars(
    tmp_path: Path, header: list[str], unit: float
) -> None:
    rows = [[int(row[0] * unit), *row[1:]] for row in rows_of(BARS)]
    assert imported(write_csv(tmp_path / "a.csv", header, rows)).tobytes() == BARS.tobytes()


@pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
def test_import_when_iso_times_then_utc_unless_they_say_otherwise(
    tmp_path: Path, zone: str
) -> None:
    rows = rows_of(BARS)
    for index, row in enumerate(rows):
        row[0] = ISO.format(index // 60, index % 60, zone)
    path = write_csv(tmp_path / "a.csv", HEADERS[0], rows)
    assert imported(path).tobytes() == BARS.tobytes()
    for row in rows:
        row[0] = row[0].removesuffix(zone) + "+02:00"
    shifted = imported(write_csv(path, HEADERS[0], rows))
    assert (BARS["timestamp"] - shifted["timestamp"] == 120 * MINUTE).all()


def test_import_when_headless_kline_dump_then_first_six_columns_are_the_candle(
    tmp_path: Path,
) -> None:
    rows = [[*row, 0, 0, 0, 0, 0, 0] for row in rows_of(BARS)]
    assert imported(write_csv(tmp_path / "a.csv", None, rows)).tobytes() == BARS.tobytes()


def test_import_when_parquet_with_timestamps_then_same_bars(tmp_path: Path) -> None:
    columns: dict[str, Any] = columns_of(BARS)
    times = pa.array(columns.pop("timestamp")).cast(pa.timestamp("ms", tz="UTC"))
    path = write_table(tmp_path / "a.parquet", {"Datetime": times, **columns})
    assert imported(path).tobytes() == BARS.tobytes()


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (150, 2, "abc", "row 152, column high: was 'abc', must be a number"),
        (150, 0, "then", "row 152, column timestamp: was 'then', must be a time"),
        (150, 5, "-1", "row 152, column volume: was -1.0, must be finite and at least 0"),
        (150, 4, "nan", "row 152, column close: was nan, must be finite and above 0"),
        (150, 0, str(int(BARS["timestamp"][149])), "row 152, column timestamp: .*no duplicate"),
        (0, 0, "yesterday", "row 2, column timestamp: was 'yesterday', must be a time"),
    ],
)
def test_import_when_row_is_bad_then_named_as_an_editor_shows_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: int,
    column: int,
    value: str,
    message: str,
) -> None:
    monkeypatch.setattr(ingest, "PIECE", 64)
    rows = rows_of(BARS)
    rows[row][column] = value
    with pytest.raises(FeedError, match=message):
        imported(write_csv(tmp_path / "a.csv", HEADERS[0], rows))


def test_import_when_file_is_no_candle_file_then_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for content, message in [
        (b"", "is empty"),
        (b"time,open,high,low,close\n", "no column for volume among time, open"),
        (b"\xff\xfe\x00\x01", "cannot be read as CSV"),
        (b"time,open,high,low,close,volume\n1,2\n", "row 2 has 2 columns only"),
    ]:
        path.write_bytes(content)
        with pytest.raises(FeedError, match=message):
            imported(path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FeedError, match="cannot be read as Parquet"):
        imported(tmp_path / "a.parquet")
    with pytest.raises(FeedError, match="cannot be read as CSV"):
        imported(tmp_path / "none.csv")
