"""What is known of a market at a moment, for whoever classifies its regime: closed bars alone.

By the words of the strategy language and by the kernel, over bars of an hour made from the base
bars of the last sixteen days (of longer base bars: as many of those). Always as many, so that
figures do not depend on how long a home has traded, and next to nothing of what came before is left
in an average of fifty.
"""

from functools import cache
from typing import Any

import numpy as np

from application.improvement.regimes.by_model import Figures
from application.kernel_rows import Row
from application.ports import Bars
from domain.timeframe import DAY, name
from kernels.dtypes import LIMITS
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec, Runner

Array = np.ndarray[Any, Any]

HOUR = 3_600_000  # ms
LOOK_BACK = 16 * DAY
STALE = 2  # bars of the figures without a base bar, after which nothing is told any more
RETURNS = {"1 hour": 1, "4 hours": 4, "1 day": 24, "1 week": 168}  # in hours
NAMES = ("price", "fast", "slow", "strength", "liveliness")
SOURCE = '''"""Trade nothing; tell what a regime is told by."""
timeframe("{timeframe}")
price = close
fast = ema(close, 20)
slow = ema(close, 50)
strength = adx(14)
liveliness = percentile_rank(atr(14), 100)

def entry():
    return FLAT

def exits():
    return plan(stop=1.0)
'''


class Gauge:
    """Tells one symbol's figures. One thread at a time."""

    def __init__(self, market: Row, base_ms: int) -> None:
        """`market` is the symbol's row of MARKET; `base_ms`: length of its base bars."""
        self._base_ms, self._span = base_ms, max(base_ms, HOUR)
        self._timeframe = name(self._span)
        program = compiled(self._timeframe)
        self._rows = [program.series_names.index(each) for each in NAMES]
        idle = LaneSpec(1, 1e8, np.zeros(1, LIMITS), signals=False)
        self._runner = Runner(program, {}, market, base_ms, [idle], "lanes")
        self._fresh = self._runner.state()

    def figures(self, bars: Bars, at: int) -> Figures | None:
        """Tell the figures at `at` (ms) from the base bars of a `look_back` before.

        Base bars longer than an hour are taken as they are. None where the market warms up or
        stands still.
        """
        reach = at - look_back(self._base_ms), at
        known = bars[slice(*np.searchsorted(bars["timestamp"], reach))]
        if len(known) == 0 or at - int(known["timestamp"][-1]) > STALE * self._span:
            return None
        self._runner.restore(self._fresh)
        rows = self._runner.run(known, [0]).series[self._rows]
        if rows.shape[1] == 0 or not np.isfinite(rows[:, -1]).all():
            return None
        close, fast, slow, strength, liveliness = rows[:, -1].tolist()
        return Figures(
            timeframe=self._timeframe,
            close=close,
            ema20=fast,
            ema50=slow,
            adx=strength,
            atr_percentile=liveliness,
            returns=returns_of(rows[0], self._span),
        )


def look_back(base_ms: int) -> int:
    """Give how far back (ms) the bars reach that figures are made from."""
    return LOOK_BACK if base_ms <= HOUR else LOOK_BACK // HOUR * base_ms


def returns_of(closes: Array, span: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for words, hours in RETURNS.items():
        back, rest = divmod(hours * HOUR, span)
        if rest == 0 and back < len(closes):
            found[words] = float(closes[-1] / closes[-1 - back] - 1.0)
    return found


@cache
def compiled(timeframe: str) -> Program:
    return compile_strategy(SOURCE.format(timeframe=timeframe), "regime_figures")
