"""The bars that benchmarks run on, and what they run on."""

import os
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from application.ports import FeedFinished
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import open_synthetic

BARS = 1_051_200  # two years of minutes
Bars = NDArray[np.void]


def data_directory() -> Path | None:
    """Recorded candles: PERPETUA_DATA, else beside the checkout, else none."""
    named = os.environ.get("PERPETUA_DATA")
    directory = Path(named) if named else Path(__file__).parent.parent.parent / "shared" / "data"
    return directory if (directory / "binance_BTC-USDT_1m.parquet").is_file() else None


def bars_for_bench() -> tuple[Bars, str]:
    """Two years of one-minute bars in memory, and where they are from."""
    directory = data_directory()
    if directory is None:
        feed, label = open_synthetic(seed=7, bars=BARS), "synthetic"
    else:
        feed, label = open_recorded(directory, "binance", "BTC/USDT", "1m"), "binance BTC/USDT 1m"
    parts: list[Bars] = []
    after = -1
    try:
        while True:
            parts.append(feed.read(after, 65_536, 60.0).copy())
            after = int(parts[-1]["timestamp"][-1])
    except FeedFinished:
        return np.concatenate(parts), label
    finally:
        feed.close()


def machine() -> str:
    """Processor, cores and Python, in a line."""
    names = Path("/proc/cpuinfo")
    model = platform.processor()
    if names.is_file():
        for line in names.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
