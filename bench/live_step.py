"""How long one live step takes, from a bar in hand to its events durable.

Three strategies, two accounts each, bars one by one as a venue gives them: journal with fsync,
kernel, domain, log with synchronous=FULL. Beside it, in turns, one raw durable insert: the least
that any engine which keeps its word must wait for.
"""

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from application.ports import FeedDescription
from application.trading import StrategySource, Trader
from bench.candles import Bars, bars_for_bench, machine
from bench.strategies import FEW
from infrastructure.home_journal import open_journal
from infrastructure.instruments import instrument_for
from infrastructure.store import SqliteEventLog

WARM_UP = 20_000  # bars stepped in blocks before the clock runs
STEPS = 3_000
ALLOWED_MS = 3.0  # at the 99th percentile, beside one raw durable insert


def description(bars: Bars) -> FeedDescription:
    instrument = instrument_for("binance", "BTC-USDT", float(bars["close"][0]))
    return FeedDescription(
        feed="recorded",
        venue="binance",
        timeframe="1m",
        data_digest="bench",
        instruments=(instrument,),
    )


def raw_table(path: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("CREATE TABLE raw (position INTEGER PRIMARY KEY, state BLOB)")
    return raw


def measure(folder: Path, bars: Bars) -> tuple[list[float], list[float], int]:
    sources = [StrategySource(path.stem, path.read_text()) for path in FEW]
    journal = open_journal(folder, ["BTC-USDT"])
    steps, inserts, busy = [], [], 0
    state = os.urandom(480)
    with closing(SqliteEventLog(folder / "log.db")) as log, closing(journal):
        trader = Trader.open(log, journal, description(bars), sources, int(bars["timestamp"][0]))
        for start in range(0, WARM_UP, 1000):
            trader.step((bars[start : start + 1000],)).result()
        with closing(raw_table(folder / "raw.db")) as raw:
            for index in range(WARM_UP, WARM_UP + STEPS):
                before = log.head()
                began = time.perf_counter()
                position = trader.step((bars[index : index + 1],)).result()
                steps.append(time.perf_counter() - began)
                busy += position > before
                began = time.perf_counter()
                raw.execute("INSERT INTO raw (state) VALUES (?)", (state,))
                inserts.append(time.perf_counter() - began)
    return steps, inserts, busy


def row(name: str, seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    figures = (statistics.median(seconds), cuts[94], cuts[98], max(seconds))
    return f"{name:34}" + "".join(f"{figure * 1e3:10.3f}" for figure in figures)


def main() -> None:
    bars, label = bars_for_bench()
    print(f"{machine()}; {STEPS:,} steps, {label}, 3 strategies × 2 accounts")
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        steps, inserts, busy = measure(Path(folder), bars)
    print(f"{'ms':34}{'p50':>10}{'p95':>10}{'p99':>10}{'worst':>10}")
    print(row("bar in → events durable", steps))
    print(row("one raw durable insert", inserts))
    allowed = ALLOWED_MS + statistics.quantiles(inserts, n=100)[98] * 1e3
    print(f"allowed at p99: {allowed:.3f} ms; {busy:,} of the steps wrote events")


if __name__ == "__main__":
    main()
