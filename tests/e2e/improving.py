"""Homes that improve a strategy on recorded candles, as a user begins them.

Two symbols' hours swing by a hundredth, so that to fade a swing earns and to follow it loses; the
strategy to improve follows. Prices tell where they are from: those that an author may know stand
near 20,000, later ones twice as high, and sealed hours in which nobody holds anything reach one
that is nowhere else.
"""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from application.ports import Bars
from domain.event import Event
from domain.timeframe import DAY
from infrastructure.bar_records import RECORD
from infrastructure.candles.naming import file_name
from infrastructure.candles.parquet import write_candles
from infrastructure.store import SqliteLogReader
from tests.e2e.program import PATIENCE, Running, head
from tests.improvement_fakes import HOUR, SWING, swings
from tests.trading_fakes import START

SYMBOLS = ("BTC-USDT", "ETH-USDT")
DAYS = 90
SEALED = 71  # days before the sealed fifth, which begins at a midnight
AFTER = 50  # days: later than any split
SEAL = START + SEALED * DAY
LOOKS = tuple(START + day * DAY for day in (60, 63, 67, 71))  # each a twentieth longer than before
NEVER_SEEN = 98765.43
QUIET = 6  # of eight hours: the swings of the first four are over
TWICE = 30_000  # between prices that an author may know and those that it may not
Told = TypeVar("Told", bound=Event)


def market(seed: int) -> Bars:
    bars = swings(DAYS, seed, size=0.01)
    for name in ("open", "high", "low", "close"):
        bars[name][AFTER * 24 :] *= 2
    bars["high"][SEALED * 24 + QUIET :: 8] = NEVER_SEEN
    return bars


def write_market(directory: Path) -> Path:
    """Write candles and the strategy into a directory; give the directory."""
    for number, symbol in enumerate(SYMBOLS, 1):
        file = directory / file_name("binance", symbol, "1h")
        write_candles(file, iter([market(number)]), HOUR)
    (directory / "swing.py").write_text(SWING)
    return directory


def options(data: Path, home: Path, *more: str) -> tuple[str, ...]:
    """What is said to begin a home on those candles, and again to go on."""
    symbols = [part for symbol in SYMBOLS for part in ("--symbol", symbol)]
    feed = ("--feed", "recorded", "--data", str(data), "--venue", "binance", "--speed", "max")
    strategies = ("--strategies", str(data / "swing.py"))
    return (*feed, *symbols, *strategies, "--home", str(home), "--until-end", *more)


def improve_to_end(*arguments: str, env: Mapping[str, str] | None = None) -> Running:
    """Run to the end of the candles."""
    with Running(*arguments, env=env) as run:
        run.wait_for("finished")
        assert run.ended() == 0, run.stderr
    return run


def kill_at(topic: str, home: Path, *arguments: str) -> None:
    """Run until an event of this topic is durable, then end the engine with SIGKILL."""
    with Running(*arguments) as run:
        engine = run.wait_for("started")["pid"]
        deadline = time.monotonic() + PATIENCE
        while not holds(home, topic) and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(engine, signal.SIGKILL)
        assert run.ended() != 0
    assert "the engine was killed by SIGKILL" in run.stderr


def holds(home: Path, topic: str) -> bool:
    uri = f"file:{home / 'log.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as log:
        wanted = "SELECT EXISTS (SELECT 1 FROM events WHERE topic = ?)"
        return bool(log.execute(wanted, (topic,)).fetchone()[0])


def events(home: Path) -> Sequence[Event]:
    """Every event of a home's log, in order."""
    return events_until(home, head(home))


@cache
def events_until(home: Path, position: int) -> Sequence[Event]:
    with closing(SqliteLogReader(home / "log.db")) as log:
        return [entry.event for entry in log.read(limit=position)]


def told(home: Path, kind: type[Told]) -> list[Told]:
    """Every event of one kind, in order."""
    return [event for event in events(home) if isinstance(event, kind)]


def texts(home: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of a home."""
    for file in sorted(home.rglob("*")):
        if file.is_file():
            yield file, file.read_bytes()


def recorded_bars(folder: Path) -> Mapping[str, Any]:
    """The bars in a folder of journals, by symbol, read without any of our code but the layout."""
    return {symbol: np.fromfile(folder / f"{symbol}.bars", RECORD)["bar"] for symbol in SYMBOLS}
