"""The market's regime at every trade, whether or not the strategy looks at it.

The labels are those of the word `regime` of the strategy language, over the strategy's own bars, by
the same kernel: an entry has the regime of the last strategy bar that had closed when it was
filled, never of a later one.
"""

import time
from typing import Any

import numpy as np

from application.kernel_rows import Row
from application.ports import Bars
from kernels.dtypes import LIMITS
from kernels.program import compile_strategy
from kernels.runner import LaneSpec, Runner

Array = np.ndarray[Any, Any]

NAMES = {
    2: "strong_bull",
    1: "weak_bull",
    0: "ranging",
    -1: "weak_bear",
    -2: "strong_bear",
}
SOURCE = '''"""Trade nothing; tell the regime."""
timeframe("{timeframe}")
told = regime

def entry():
    return FLAT

def exits():
    return plan(stop=1.0)
'''


class RegimeTape:
    """Collects the regimes of one market, block by block."""

    def __init__(self, timeframe: str, market: Row, base_ms: int) -> None:
        program = compile_strategy(SOURCE.format(timeframe=timeframe), "regime")
        idle = LaneSpec(1, 1e8, np.zeros(1, LIMITS), signals=False)
        self.runner = Runner(program, {}, market, base_ms, [idle])
        self.length = program.timeframe_ms
        self.known_at: list[Array] = []  # ms: when a strategy bar was over
        self.values: list[Array] = []
        self.seconds = 0.0  # spent here

    def add(self, bars: Bars) -> None:
        """Take the next bars."""
        began = time.perf_counter()
        block = self.runner.run(bars, [0])
        self.known_at.append(block.closes + self.length)
        self.values.append(block.series[0])
        self.seconds += time.perf_counter() - began

    def at(self, moments: Array) -> list[str | None]:
        """Name the regime known at each moment (ms); None before there was one."""
        known_at = np.concatenate([np.empty(0, np.int64), *self.known_at])
        values = np.concatenate([np.empty(0), *self.values])
        places = np.searchsorted(known_at, moments, side="right") - 1
        found = np.where(places >= 0, np.append(values, np.nan)[places], np.nan)
        return [None if value != value else NAMES[int(value)] for value in found.tolist()]
