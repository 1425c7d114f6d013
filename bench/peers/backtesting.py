"""backtesting.py: one bar at a time, in whole units of 1e-8 base (its FractionalBacktest)."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"
# What it imports is installed in the peer's environment alone.

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest

from bench.peers.child import Engine, Stopwatch, Timed, serve
from bench.peers.job import LOT, Bars, Floats, Job, Outcome, amounts


def simple(close: Floats, n: int) -> Floats:
    return np.asarray(pd.Series(close).rolling(n).mean())


def exponential(close: Floats, n: int) -> Floats:
    seeded = pd.Series(close)
    seeded.iloc[: n - 1] = np.nan
    seeded.iloc[n - 1] = close[:n].mean()
    return np.asarray(seeded.ewm(span=n, adjust=False).mean())


def crossing(bars: Bars, job: Job) -> type[Any]:
    average = simple if job.kind == "sma_cross" else exponential
    units = np.rint(amounts(bars.close, job.notional) / LOT)

    class Crossing(Strategy):
        fast = slow = 0

        def init(self) -> None:
            self.quick = self.I(average, bars.close, self.fast)
            self.steady = self.I(average, bars.close, self.slow)

        def next(self) -> None:
            now = self.quick[-1] - self.steady[-1]
            before = self.quick[-2] - self.steady[-2]
            if now > 0.0 and before <= 0.0 and not self.position:
                self.buy(size=units[len(self.quick) - 1])
            elif now < 0.0 and before >= 0.0 and self.position:
                self.position.close()

    return Crossing


def outcome(stats: Any, fast: int, slow: int) -> Outcome:
    equity = stats["_equity_curve"]["Equity"].to_numpy()
    value = float((np.maximum.accumulate(equity) - equity).max())
    fraction = -float(stats["Max. Drawdown [%]"]) / 100.0
    return Outcome(
        fast, slow, int(stats["# Trades"]), float(stats["Equity Final [$]"]), fraction, value
    )


def load(bars: Bars, job: Job) -> Callable[[], Timed]:
    warnings.filterwarnings("ignore", message="Some trades remain open")
    frame = pd.DataFrame(
        {name.capitalize(): getattr(bars, name) for name in ("open", "high", "low", "close")},
        index=pd.to_datetime(bars.timestamp, unit="ms"),
    )
    frame["Volume"] = bars.volume
    backtest = FractionalBacktest(
        frame, crossing(bars, job), fractional_unit=LOT, cash=job.cash, commission=job.fee
    )

    def run() -> Timed:
        watch = Stopwatch()
        stats = [backtest.run(fast=fast, slow=slow) for fast, slow in job.sets]
        watch.lap("run")
        return Timed(
            watch.stages,
            lambda: [outcome(one, *pair) for one, pair in zip(stats, job.sets, strict=True)],
        )

    return run


if __name__ == "__main__":
    serve(Engine("backtesting", load))
