"""How fast the log takes events, beside raw inserts of the same bytes in the same run.

Raw is the floor: prebuilt rows of the same columns and bytes, one `executemany` a transaction, into
a bare table that keeps only what any event store needs (position; stream and version unique).
Ours is everything `append` does: encode, check that it reads back, versions, hash chain, guards,
the correlation index, commit. Both with WAL and synchronous=FULL; rounds interleaved, medians.
"""

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from application.ports import Batch
from domain.event import Event
from domain.portfolio.events import OrderFilled
from infrastructure.store import SqliteEventLog
from infrastructure.store.mapper import MsgspecMapper

ROUNDS = 9
EVENTS = {1: 1_000, 10: 5_000, 100: 20_000}  # by batch size: events a round
TARGETS = {1: 1.4, 10: 1.8, 100: 2.5}  # times as long as raw, at most
PIPELINE = 200  # batches of 100 submitted without waiting
STREAM = "portfolio/paper/vwap_reversion/v1/A"

RAW_TABLE = (
    "CREATE TABLE raw (position INTEGER PRIMARY KEY, stream TEXT, version INTEGER, topic TEXT, "
    "state BLOB, recorded_at INTEGER, correlation_id TEXT, chain BLOB, UNIQUE (stream, version))"
)


def fills(first: int, count: int) -> list[Event]:
    """Make fills as an account has them: 480 bytes each."""
    return [
        OrderFilled(
            stream=STREAM,
            stream_version=version,
            kind="derived",
            occurred_at=1_700_000_000_000 + version * 60_000,
            causation_id=f"{STREAM}@{version - 1}",
            correlation_id=f"step/{1_700_000_000_000 + version * 60_000}",
            actor="engine",
            order_id=f"{version:064x}",
            symbol="BTC-USDT",
            side="buy",
            quantity=Decimal("0.12345"),
            price=Decimal("43123.12"),
            reference_price=Decimal("43080.03"),
            fee=Decimal("3.19412345"),
            slippage=Decimal("5.31946050"),
            liquidity="taker",
        )
        for version in range(first, first + count)
    ]


class Raw:
    """The floor."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute(RAW_TABLE)
        self.mapper = MsgspecMapper()
        self.next = 1

    def prepare(self, count: int, batch: int) -> list[list[tuple[Any, ...]]]:
        rows = [
            (e.stream_version, *self.mapper.to_row(e)[:4], 1_700_000_000_000_000, e.correlation_id)
            for e in fills(self.next, count)
        ]
        self.next += count
        whole: list[tuple[Any, ...]] = [(*row, os.urandom(32)) for row in rows]
        return [whole[at : at + batch] for at in range(0, count, batch)]

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany("INSERT INTO raw VALUES (?,?,?,?,?,?,?,?)", rows)
        self.db.execute("COMMIT")


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def raw_round(raw: Raw, batch: int, latencies: list[float]) -> float:
    batches = raw.prepare(EVENTS[batch], batch)
    seconds = [timed(lambda rows=rows: raw.insert(rows)) for rows in batches]  # type: ignore[misc]
    if batch == 1:
        latencies.extend(seconds)
    return EVENTS[batch] / sum(seconds)


def our_batches(head: int, batch: int, count: int) -> list[Batch]:
    events = fills(head + 1, count)
    return [Batch(events=events[at : at + batch]) for at in range(0, count, batch)]


def our_round(log: SqliteEventLog, batch: int) -> float:
    batches = our_batches(log.head(), batch, EVENTS[batch])
    return EVENTS[batch] / sum(timed(lambda b=b: log.append(b)) for b in batches)  # type: ignore[misc]


def piped_round(log: SqliteEventLog) -> float:
    batches = our_batches(log.head(), 100, 100 * PIPELINE)

    def submit_all() -> None:
        for future in [log.submit(batch) for batch in batches]:
            future.result()

    return 100 * PIPELINE / timed(submit_all)


def measure(folder: Path) -> None:
    raw_rates: dict[int, list[float]] = {batch: [] for batch in EVENTS}
    our_rates: dict[int, list[float]] = {batch: [] for batch in EVENTS}
    ratios: dict[int, list[float]] = {batch: [] for batch in EVENTS}
    piped: list[float] = []
    latencies: list[float] = []
    raw = Raw(folder / "raw.db")
    with closing(raw.db), closing(SqliteEventLog(folder / "log.db")) as log:
        for _ in range(ROUNDS):
            for batch in EVENTS:
                raw_rates[batch].append(raw_round(raw, batch, latencies))
                our_rates[batch].append(our_round(log, batch))
                ratios[batch].append(raw_rates[batch][-1] / our_rates[batch][-1])
            piped.append(piped_round(log))
    print(f"{'append, events/s':<26}{'raw':>10}{'ours':>10}{'ratio':>8}{'target':>8}")
    for batch in EVENTS:
        figures = (statistics.median(rates[batch]) for rates in (raw_rates, our_rates))
        row = "".join(f"{figure:>10,.0f}" for figure in figures)
        ratio = statistics.median(ratios[batch])
        print(f"  batch {batch:<18}{row}{ratio:>8.2f}{'≤ ' + str(TARGETS[batch]):>8}")
    print(f"  batch 100, not awaited  {'':>10}{statistics.median(piped):>10,.0f}")
    cuts = statistics.quantiles(latencies, n=100)
    print(f"one raw durable insert: p50 {cuts[49] * 1e3:.2f} ms, p99 {cuts[98] * 1e3:.2f} ms")


def main() -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, WAL, synchronous=FULL, median of {ROUNDS} rounds"
    )
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        measure(Path(folder))


if __name__ == "__main__":
    main()
