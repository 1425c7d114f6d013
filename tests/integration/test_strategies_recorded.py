"""The shipped strategies on recorded candles of the BTC perpetual, five minutes, with funding."""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from application.kernel_rows import limits_row, market_row
from application.ports import Bars, FeedFinished
from domain.instrument import Instrument
from domain.limits import effective
from infrastructure.feeds.recorded import open_recorded
from kernels import dtypes, warmup
from kernels.runner import Block, LaneSpec, Runner
from tests.kernel_runs import CAPITAL, MINUTE, SHIPPED, Array, program_of

EVERY = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
STEP = 5 * MINUTE
BARS = 242_411
# Trades in two years and more: a strategy that waits for a rare story, and all the others.
RARE = {"divergence_capitulation": 20}
OFTEN = 500


@cache
def recorded(directory: Path) -> tuple[Instrument, Bars]:
    feed = open_recorded(directory, "binanceusdm", "BTC/USDT:USDT", "5m")
    parts: list[Bars] = []
    after = -1
    try:
        while True:
            parts.append(feed.read(after, 65_536, 60.0).copy())
            after = int(parts[-1]["timestamp"][-1])
    except FeedFinished:
        return feed.describe().instruments[0], np.concatenate(parts)
    finally:
        feed.close()


@cache
def run(path: Path, directory: Path) -> Block:
    """At 1x, limits off: a limit could hide a strategy that never trades."""
    instrument, bars = recorded(directory)
    bounds = limits_row(effective())
    bounds["enforced"] = 0.0
    lane = LaneSpec(1, 1e3 * CAPITAL, bounds)  # so much that no loss stops it
    runner = Runner(program_of(path), {}, market_row(instrument), STEP, [lane])
    return runner.run(bars, [0])


@EVERY
def test_strategy_when_run_over_recorded_bars_then_trades_for_every_reason_it_knows(
    path: Path, real_data: Path
) -> None:
    program = program_of(path)
    records = run(path, real_data).records[0]
    opened = records[records[:, dtypes.KIND] == dtypes.OPENED]
    entered = Counter(program.tags[int(tag)] for tag in opened[:, dtypes.F])
    assert set(entered) == set(program.tags) - {""}
    assert len(opened) >= RARE.get(path.stem, OFTEN)
    closed = records[records[:, dtypes.KIND] == dtypes.CLOSED]
    assert 0 < np.count_nonzero(closed[:, dtypes.I] > 0) < len(closed)
    confidence = records[records[:, dtypes.KIND] == dtypes.SIGNAL, dtypes.B]
    assert confidence.min() > 0


@EVERY
def test_strategy_when_recorded_bars_begin_then_is_warm_within_what_it_tells(
    path: Path, real_data: Path
) -> None:
    told = warmup.measure(program_of(path)).all  # on made-up bars
    assert told is not None
    there: Array = np.all(np.isfinite(run(path, real_data).series), axis=0)
    assert not there[0]
    assert there[told - 1 :].all()


def test_bars_when_read_then_are_all_that_were_recorded(real_data: Path) -> None:
    _, bars = recorded(real_data)
    assert len(bars) == BARS
    assert np.count_nonzero(bars["funding"]) > 2_000
