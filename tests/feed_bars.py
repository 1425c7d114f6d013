"""Bars and candle files for tests, and the plain way to do what feeds do cleverly."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from application.ports import Bars, Feed, FeedFinished
from infrastructure.candles.rows import COLUMNS
from infrastructure.feeds.synthetic import open_synthetic

MINUTE = 60_000


def made_bars(count: int, seed: int = 5) -> Bars:
    """Sound one-minute bars without gaps."""
    return drain(open_synthetic(seed=seed, bars=count), [count])


def thinned(bars: Bars, missing: Iterable[int]) -> Bars:
    """The bars without those at some places."""
    return np.delete(bars, sorted(set(missing)))


def drain(feed: Feed, limits: Sequence[int], after: int = -1) -> Bars:
    """Everything a feed has, asked for in blocks of the given sizes, over and over."""
    blocks: list[Bars] = []
    while True:
        try:
            block = feed.read(after, limits[len(blocks) % len(limits)], 0.0)
        except FeedFinished:
            break
        assert 0 < len(block) <= limits[len(blocks) % len(limits)]
        blocks.append(block)
        after = int(block["timestamp"][-1])
    return np.concatenate(blocks) if blocks else np.zeros(0, np.dtype([("timestamp", "<i8")]))


def columns_of(bars: Bars) -> dict[str, Any]:
    return {name: np.ascontiguousarray(bars[name]) for name in COLUMNS}


def write_table(path: Path, columns: dict[str, Any], group: int = 1000) -> Path:
    """Write columns as they are, sound or not, in row groups of `group`."""
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def write_bars(directory: Path, name: str, bars: Bars, group: int = 1000) -> Path:
    return write_table(directory / name, columns_of(bars), group)


def plain_aggregate(bars: Bars, length: int, base: int) -> list[tuple[float, ...]]:
    """Larger bars bar by bar, as one would by hand: (time, open, high, low, close, volume)."""
    first, last = int(bars["timestamp"][0]), int(bars["timestamp"][-1])
    buckets: dict[int, list[Any]] = {}
    for bar in bars:
        buckets.setdefault(int(bar["timestamp"]) // length * length, []).append(bar)
    out: list[tuple[float, ...]] = []
    for time, inside in buckets.items():
        whole_at_start = time >= first
        whole_at_end = time + length <= last + base
        if whole_at_start and whole_at_end:
            volume = 0.0
            for bar in inside:
                volume += float(bar["volume"])
            high = max(float(b["high"]) for b in inside)
            low = min(float(b["low"]) for b in inside)
            opened, close = float(inside[0]["open"]), float(inside[-1]["close"])
            out.append((time, opened, high, low, close, volume))
    return out


def plain_funding(times: Sequence[int], rates: dict[int, float]) -> list[float]:
    """Funding bar by bar: recorded rates, 0.0001 for an eight-hour mark without one."""
    out, previous = [], None
    for time in times:
        total = 0.0
        if previous is not None:
            marks = range(previous // MINUTE + 1, time // MINUTE + 1)
            for minute in marks:
                moment = minute * MINUTE
                if moment in rates:
                    total += rates[moment]
                elif moment % (480 * MINUTE) == 0:
                    total += 0.0001
        out.append(total)
        previous = time
    return out
