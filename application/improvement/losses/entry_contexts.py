"""What the market was like at a strategy bar, whether or not the strategy looks at it.

Regime, volatility and volume by the words of the strategy language, over the strategy's own bars
and by the same kernel: a look at losses sees what a strategy could see there, and nothing later.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from application.kernel_rows import Row
from application.ports import Bars, Stretch
from kernels.dtypes import LIMITS
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec, Runner
from kernels.told import NOTHING_TOLD, Told

Array = np.ndarray[Any, Any]

FIGURES = ("told", "volatility", "volumes")  # regime, and two ratios to what is usual
SOURCE = '''"""Trade nothing; tell what the market is like."""
timeframe("{timeframe}")
told = regime
moved = atr(14) / close
volatility = moved / sma(moved, 100)
volumes = volume / sma(volume, 20)

def entry():
    return FLAT

def exits():
    return plan(stop=1.0)
'''


def entry_contexts(
    timeframe: str,
    stretch: Stretch,
    markets: Sequence[Row],
    base_ms: int,
    backend: str,
    said: Sequence[Told] = (),
) -> list[Array]:
    """Give `FIGURES` at every strategy bar of each symbol: float64 [3, bars], NaN not warm.

    `said`: of each symbol's regime, if anything.
    """
    program = compiled(timeframe)
    idle = LaneSpec(1, 1e8, np.zeros(1, LIMITS), signals=False)
    order = [program.series_names.index(name) for name in FIGURES]

    def told(bars: Bars, market: Row, heard: Told) -> Array:
        if len(bars) == 0:
            return np.empty((len(FIGURES), 0))
        runner = Runner(program, {}, market, base_ms, [idle], backend)
        runner.tell(heard)
        return runner.run(bars, [0]).series[order]

    heard = said or [NOTHING_TOLD for _ in markets]
    return [told(*each) for each in zip(stretch, markets, heard, strict=True)]


@cache
def compiled(timeframe: str) -> Program:
    return compile_strategy(SOURCE.format(timeframe=timeframe), "context")
