"""Homes and data that several tests only look at."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from application.ports import FeedFinished
from infrastructure.candles.naming import file_name
from infrastructure.candles.parquet import write_candles
from infrastructure.feeds.synthetic import open_synthetic
from tests.e2e.program import run_to_end

BARS = 20_000


@pytest.fixture(scope="session")
def finished_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose synthetic feed has ended; to be looked at, not changed."""
    home = tmp_path_factory.mktemp("finished") / "home"
    run_to_end(home, BARS)
    return home


@pytest.fixture(scope="session")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of recorded candles: binance BTC-USDT, 1m, five days of made-up prices."""
    directory = tmp_path_factory.mktemp("candles")
    feed = open_synthetic("BTC/USDT", 5, 7200)
    pieces, after = [], -1
    with suppress(FeedFinished):
        while True:
            pieces.append(feed.read(after, 1000, 1.0))
            after = int(pieces[-1]["timestamp"][-1])
    feed.close()
    bars = np.concatenate(pieces)
    write_candles(directory / file_name("binance", "BTC-USDT", "1m"), iter([bars]), 60_000)
    return directory
