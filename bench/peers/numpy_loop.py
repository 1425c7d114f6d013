"""The plain loop anyone writes first: numpy arrays, one Python iteration a bar."""

from collections.abc import Callable

import numpy as np

from bench.peers.child import Engine, Stopwatch, Timed, serve
from bench.peers.job import Bars, Floats, Job, Outcome, amounts, drawdown


def simple(close: Floats, n: int) -> Floats:
    sums = np.cumsum(close)
    result = np.full(len(close), np.nan)
    result[n - 1] = sums[n - 1] / n
    result[n:] = (sums[n:] - sums[:-n]) / n
    return result


def exponential(close: Floats, n: int) -> Floats:
    result = np.full(len(close), np.nan)
    y = result[n - 1] = close[:n].mean()
    weight = 2.0 / (n + 1.0)
    for i in range(n, len(close)):
        y = y + weight * (close[i] - y)
        result[i] = y
    return result


def trade(bars: Bars, job: Job, gap: Floats, decided: Floats) -> tuple[Floats, int]:
    cash, held, wanted, leaving, closed = job.cash, 0.0, 0.0, False, 0
    before = np.nan
    equity = np.empty(len(bars))
    for i in range(len(bars)):
        price, close, now = bars.open[i], bars.close[i], gap[i]
        if wanted > 0.0:
            cash -= wanted * price * (1.0 + job.fee)
            held, wanted = wanted, 0.0
        elif leaving:
            cash += held * price * (1.0 - job.fee)
            held, leaving, closed = 0.0, False, closed + 1
        equity[i] = cash + held * close
        if held == 0.0 and now > 0.0 and before <= 0.0:
            wanted = decided[i]
        elif held > 0.0 and now < 0.0 and before >= 0.0:
            leaving = True
        before = now
    return equity, closed


def load(bars: Bars, job: Job) -> Callable[[], Timed]:
    average = simple if job.kind == "sma_cross" else exponential
    decided = amounts(bars.close, job.notional)

    def run() -> Timed:
        watch = Stopwatch()
        found = []
        for fast, slow in job.sets:
            gap = average(bars.close, fast) - average(bars.close, slow)
            equity, closed = trade(bars, job, gap, decided)
            fallen = drawdown(equity, job.cash)
            found.append(Outcome(fast, slow, closed, float(equity[-1]), *fallen))
        watch.lap("run")
        return Timed(watch.stages, lambda: found)

    return run


if __name__ == "__main__":
    serve(Engine("numpy", load))
