"""backtrader: lines computed ahead (runonce), then one bar at a time.

Its averages are its own: the EMA begins at the mean of the first n closes, as the package's rule
has it. Copying the bars into its lines (preload) counts as loading.
"""

# mypy: disable-error-code="import-not-found, import-untyped, misc"
# What it imports is installed in the peer's environment alone.

from collections.abc import Callable
from typing import Any

import backtrader as bt
import numpy as np

from bench.peers.child import Engine, Stopwatch, Timed, serve
from bench.peers.job import Bars, Floats, Job, Outcome, amounts, drawdown

EPOCH_DAYS = 719_163.0  # days from 0001-01-01, that day being 1, to 1970-01-01
DAY_MS = 86_400_000.0


class Feed(bt.feed.DataBase):
    """Bars in memory."""

    def __init__(self, bars: Bars) -> None:
        super().__init__()
        days = EPOCH_DAYS + bars.timestamp / DAY_MS
        columns = (days, bars.open, bars.high, bars.low, bars.close, bars.volume)
        self.rows = iter(zip(*(column.tolist() for column in columns), strict=True))
        self.loading = 0.0

    def preload(self) -> None:
        """Fill the lines, and say how long it took."""
        watch = Stopwatch()
        super().preload()
        watch.lap("preload")
        self.loading = watch.stages["preload"]

    def _load(self) -> bool:
        row = next(self.rows, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.high[0] = row[0], row[1], row[2]
        lines.low[0], lines.close[0], lines.volume[0] = row[3], row[4], row[5]
        lines.openinterest[0] = 0.0
        return True


class Crossing(bt.Strategy):
    """The package's rules."""

    params = (("average", None), ("fast", 0), ("slow", 0), ("decided", None))

    def __init__(self) -> None:
        fast = self.p.average(self.data.close, period=self.p.fast)
        slow = self.p.average(self.data.close, period=self.p.slow)
        self.gap = fast - slow
        self.equity: list[float] = []
        self.closed = 0

    def prenext(self) -> None:
        """Mark a bar at which the averages are not defined yet."""
        self.equity.append(self.broker.getvalue())

    def nextstart(self) -> None:
        """Mark the first bar with averages: there is no gap before it."""
        self.prenext()

    def next(self) -> None:
        """Mark, then decide."""
        self.equity.append(self.broker.getvalue())
        now, before = self.gap[0], self.gap[-1]
        if now > 0.0 and before <= 0.0 and not self.position:
            self.buy(size=self.p.decided[len(self) - 1])
        elif now < 0.0 and before >= 0.0 and self.position:
            self.close()

    def notify_trade(self, trade: Any) -> None:
        """Count what is closed."""
        self.closed += trade.isclosed


def backtest(bars: Bars, job: Job, decided: Floats, fast: int, slow: int) -> tuple[Any, Feed]:
    cerebro = bt.Cerebro(stdstats=False)
    feed = Feed(bars)
    cerebro.adddata(feed)
    average = bt.ind.SMA if job.kind == "sma_cross" else bt.ind.EMA
    cerebro.addstrategy(Crossing, average=average, fast=fast, slow=slow, decided=decided.tolist())
    cerebro.broker.setcash(job.cash)
    cerebro.broker.setcommission(commission=job.fee)
    return cerebro, feed


def outcome(strategy: Any, job: Job, fast: int, slow: int) -> Outcome:
    equity = np.array(strategy.equity)
    return Outcome(fast, slow, strategy.closed, float(equity[-1]), *drawdown(equity, job.cash))


def load(bars: Bars, job: Job) -> Callable[[], Timed]:
    decided = amounts(bars.close, job.notional)

    def run() -> Timed:
        seconds = loading = 0.0
        ran = []
        for pair in job.sets:
            cerebro, feed = backtest(bars, job, decided, *pair)
            watch = Stopwatch()
            (strategy,) = cerebro.run()
            watch.lap("run")
            seconds += watch.stages["run"] - feed.loading
            loading += feed.loading
            ran.append((strategy, pair))
        return Timed(
            {"run": seconds},
            lambda: [outcome(strategy, job, *pair) for strategy, pair in ran],
            loading,
        )

    return run


if __name__ == "__main__":
    serve(Engine("backtrader", load))
