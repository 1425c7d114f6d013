"""How fast `perpetua run --speed max` trades: durable, projected, and while it is being watched.

The whole program as a user runs it: engine and reader processes, the log with synchronous=FULL, the
journal, every read model. The clock runs from the first step to everything durable and projected.
Beside it the raw limit: as many rows of the same bytes inserted in as many transactions, by a loop
that does nothing else.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from bench.candles import BARS, data_directory, machine
from bench.strategies import FEW

CLIENTS = 4
QUERY = (
    "{ status { position } performance { strategy sleeve trades net }"
    " trades(first: 100, newest: true) { nodes { id net } }"
    ' equity(account: "portfolio/paper/vwap_reversion/v1/B", first: 100) { nodes { equity } } }'
)


class Measured:
    """One run of the program."""

    def __init__(self, folder: Path, strategies: Sequence[Path], clients: int = 0) -> None:
        self.home = folder / "home"
        self.peak_kb: dict[str, int] = {}
        self.answers = self.failures = 0
        self.engine_seconds = 0.0
        began = time.perf_counter()
        self.process = subprocess.Popen(self.command(strategies), stdout=subprocess.PIPE, text=True)
        self.over = threading.Event()
        threads: list[threading.Thread] = []
        assert self.process.stdout is not None
        started = began
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == "started":
                started = time.perf_counter()
                threads.append(self.background(self.watch_memory, said["pid"], "engine"))
            elif said["event"] == "serving":
                threads.append(self.background(self.watch_memory, said["pid"], "reader"))
                url = f"{said['url']}/graphql"
                threads += [self.background(self.ask, url) for _ in range(clients)]
            elif said["event"] == "progress" and said["state"] == "finished":
                self.engine_seconds = self.engine_seconds or time.perf_counter() - started
            elif said["event"] == "finished":
                self.bars, self.position = said["bars"], said["position"]
                self.seconds = time.perf_counter() - started
        self.over.set()
        for thread in threads:
            thread.join()
        self.whole = time.perf_counter() - began
        if self.process.wait() != 0:
            raise SystemExit(f"the run ended with {self.process.returncode}")
        if self.failures:
            raise SystemExit(f"{self.failures} of {self.answers} queries failed")

    def command(self, strategies: Sequence[Path]) -> list[str]:
        data = data_directory()
        feed = ["--feed", "synthetic", "--bars", str(BARS)]
        if data is not None:
            feed = ["--feed", "recorded", "--data", str(data), "--venue", "binance"]
        run = [sys.executable, "-m", "api.cli.main", "run", "--json", "--port", "0", *feed]
        run += ["--symbol", "BTC/USDT", "--timeframe", "1m", "--speed", "max", "--until-end"]
        return [*run, "--home", str(self.home), *(f"--strategies={path}" for path in strategies)]

    def background(self, work: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments)
        thread.start()
        return thread

    def watch_memory(self, pid: int, name: str) -> None:
        while not self.over.wait(0.1):
            with suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                peak = next(line for line in lines if line.startswith("VmHWM"))
                self.peak_kb[name] = int(peak.split()[1])

    def ask(self, url: str) -> None:
        body = json.dumps({"query": QUERY}).encode()
        while not self.over.is_set():
            with suppress(ConnectionError, TimeoutError, urllib.error.URLError):
                request = urllib.request.Request(  # noqa: S310
                    url, body, {"content-type": "application/json"}
                )
                with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
                    answer = json.load(reply)
                self.answers += 1
                self.failures += "errors" in answer


def raw_seconds(folder: Path, home: Path, transactions: int) -> float:
    """Insert the log's own rows again, with nothing but the insert."""
    with closing(sqlite3.connect(f"file:{home / 'log.db'}?mode=ro", uri=True)) as log:
        rows = log.execute("SELECT * FROM events").fetchall()
    size = len(rows) // transactions + 1
    holes = ",".join("?" * len(rows[0]))
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        columns = ", ".join(f"c{n}" for n in range(len(rows[0])))
        raw.execute(f"CREATE TABLE raw ({columns}, PRIMARY KEY (c0)) WITHOUT ROWID")
        began = time.perf_counter()
        for at in range(0, len(rows), size):
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(f"INSERT INTO raw VALUES ({holes})", rows[at : at + size])  # noqa: S608
            raw.execute("COMMIT")
        return time.perf_counter() - began


def report(name: str, run: Measured, raw: float | None) -> None:
    rate, engine = run.bars / run.seconds, run.bars / run.engine_seconds
    memory = "/".join(f"{run.peak_kb.get(p, 0) // 1024}" for p in ("engine", "reader"))
    limit = f"{raw:8.1f}" if raw is not None else f"{'':8}"
    print(
        f"{name:34}{rate:12,.0f}{engine:12,.0f}{run.position:10,}{limit}{memory:>12}{run.answers:8}"
    )


def measured(name: str, strategies: Sequence[Path], clients: int = 0, raw: bool = True) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        run = Measured(Path(folder), strategies, clients)
        floor = raw_seconds(Path(folder), run.home, run.bars // 1000) if raw else None
        report(name, run, floor)


def main() -> None:
    os.environ["PERPETUA_LOG"] = "json"
    label = "recorded BTC/USDT" if data_directory() is not None else "synthetic"
    print(f"{machine()}; {BARS:,} one-minute bars, {label}; two accounts a strategy")
    head = f"{'':34}{'bars/s':>12}{'engine':>12}{'events':>10}{'raw s':>8}{'MB':>12}{'answers':>8}"
    print(head)
    measured("3 strategies", FEW)
    measured("1 strategy", FEW[-1:])
    measured(f"3 strategies, {CLIENTS} clients", FEW, CLIENTS, raw=False)
    print("bars/s: to durable and projected; engine: to durable; MB: peak of engine/reader;")
    print("raw s: the same rows, inserted by a loop that does nothing else; answers: to clients")


if __name__ == "__main__":
    main()
