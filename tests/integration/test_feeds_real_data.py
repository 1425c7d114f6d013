"""Recorded markets: every file is in order, on its instrument's grid, and served whole and fast."""

import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from domain.timeframe import TIMEFRAMES, milliseconds
from infrastructure.candles.check import check_file, data_files
from infrastructure.candles.naming import catalogue
from infrastructure.candles.parquet import CandleFile
from infrastructure.feeds.recorded import open_recorded
from infrastructure.instruments import instrument_for
from tests.feed_bars import drain, plain_aggregate, plain_funding


def test_real_data_when_checked_then_every_file_is_in_order(real_data: Path) -> None:
    reports = [check_file(path) for path in data_files(real_data)]
    assert [report.error for report in reports if report.error] == []
    sparse = next((r for r in reports if r.file == "bitfinex_LTC-USD_1m.parquet"), None)
    if sparse is not None:
        assert (sparse.rows, sparse.gaps, sparse.missing) == (110_366, 47_894, 357_554)


def test_real_data_when_known_instrument_then_every_price_is_on_its_grid(real_data: Path) -> None:
    for file in catalogue(real_data):
        if file.kind not in TIMEFRAMES:
            continue
        candles = CandleFile(file.path, milliseconds(file.kind))
        first = candles.first()
        tick = float(instrument_for(file.venue, file.symbol, float(first["close"][0])).tick)
        for bars in candles.seek(0)[1]:
            for name in ("open", "high", "low", "close"):
                ticks = bars[name] / tick
                off = np.abs(ticks - np.rint(ticks)) > 1e-4
                assert not off.any(), f"{file.path.name} {name}: {bars[name][off][:3]}"


def test_real_data_when_year_of_minutes_is_read_then_whole_and_fast(
    real_data: Path,
) -> None:
    if not (real_data / "binance_BTC-USDT_1m.parquet").exists():
        pytest.skip("real data absent: no binance_BTC-USDT_1m.parquet")
    rates = []
    for _ in range(3):
        feed = open_recorded(real_data, "binance", "BTC/USDT", "1m")
        started = time.perf_counter()
        bars = drain(feed, [1000])
        rates.append(len(bars) / (time.perf_counter() - started))
        assert len(bars) == feed.describe().total
    assert max(rates) > 1e6  # 6 to 12 million on an idle machine, never below 2


def test_real_data_when_gaps_and_larger_timeframe_then_equals_adding_bars_by_hand(
    real_data: Path,
) -> None:
    if not (real_data / "bitfinex_LTC-USD_1m.parquet").exists():
        pytest.skip("real data absent: no bitfinex_LTC-USD_1m.parquet")
    minutes = drain(open_recorded(real_data, "bitfinex", "LTC/USD"), [5000])
    for name in ("5m", "4h", "1d"):
        served = drain(open_recorded(real_data, "bitfinex", "LTC/USD", name), [333])
        expected = plain_aggregate(minutes, milliseconds(name), 60_000)
        assert [tuple(bar)[:6] for bar in served.tolist()] == expected


def test_real_data_when_perpetual_then_funding_is_the_recorded_rates(real_data: Path) -> None:
    funding = real_data / "binanceusdm_BTC-USDT-PERP_funding.parquet"
    if not funding.exists():
        pytest.skip("real data absent: no funding file")
    table = pq.read_table(funding)
    times, figures = table["timestamp"].to_numpy().tolist(), table["rate"].to_numpy().tolist()
    rates: dict[int, float] = dict(zip(times, figures, strict=True))
    feed = open_recorded(real_data, "binanceusdm", "BTC/USDT:USDT", "1h")
    served = drain(feed, [1000])
    expected = plain_funding(served["timestamp"].tolist(), rates)
    assert served["funding"].tolist() == pytest.approx(expected, abs=1e-15)
    assert np.count_nonzero(served["funding"]) > 7_000
