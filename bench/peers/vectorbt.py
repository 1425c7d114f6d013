"""vectorbt: all sets at once, a column each, in its natural vectorised form.

Its crossing wants the fast average strictly below at some bar before with ties between, which is
the package's rule except where the first defined gap is exactly 0 and nothing was below before.
Its drawdown is a fraction; the value in quote is read off its equity after the clock. Of its two
ways to the fraction the one through drawdown records is taken: the other, through returns, gives
the same and takes up to twice as long.
"""

# mypy: disable-error-code="import-not-found, import-untyped, misc"
# What it imports is installed in the peer's environment alone.

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

from bench.peers.child import Engine, Stopwatch, Timed, serve
from bench.peers.job import Bars, Job, Outcome, amounts, drawdown


def averages(close: pd.Series, job: Job) -> tuple[Any, Any]:
    fasts, slows = ([pair[at] for pair in job.sets] for at in (0, 1))
    fast = vbt.MA.run(close, window=fasts, short_name="fast")
    slow = vbt.MA.run(close, window=slows, short_name="slow")
    return fast, slow


def crossings(close: pd.Series, job: Job) -> tuple[Any, Any]:
    if job.kind == "sma_cross":
        fast, slow = averages(close, job)
        return fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    (pair,) = job.sets
    fast, slow = (seeded_ema(close, n) for n in pair)
    return fast.vbt.crossed_above(slow), fast.vbt.crossed_below(slow)


def seeded_ema(close: pd.Series, n: int) -> pd.Series:
    seeded = close.copy()
    seeded.iloc[: n - 1] = np.nan
    seeded.iloc[n - 1] = close.iloc[:n].mean()
    return seeded.vbt.ewm_mean(n, minp=0, adjust=False)


def outcomes(portfolio: Any, closed: Any, final: Any, fraction: Any, job: Job) -> list[Outcome]:
    columns = [np.atleast_1d(np.asarray(part)) for part in (closed, final, fraction)]
    columns[2] = np.nan_to_num(columns[2])  # NaN where equity never fell
    equity = portfolio.value().to_numpy().reshape(len(portfolio.wrapper.index), -1)
    found = []
    for at, (pair, n, end, fallen) in enumerate(zip(job.sets, *columns, strict=True)):
        value = drawdown(equity[:, at], job.cash)[1]
        found.append(Outcome(pair[0], pair[1], int(n), float(end), -float(fallen), value))
    return found


def load(bars: Bars, job: Job) -> Callable[[], Timed]:
    if job.kind == "ema_cross" and len(job.sets) != 1:
        raise ValueError(f"ema_cross had {len(job.sets)} sets, must be 1")
    index = pd.to_datetime(bars.timestamp, unit="ms")
    close, opens = (pd.Series(prices, index=index) for prices in (bars.close, bars.open))
    decided = pd.Series(amounts(bars.close, job.notional), index=index)

    def run() -> Timed:
        watch = Stopwatch()
        entries, exits = crossings(close, job)
        entries, exits = entries.vbt.signals.fshift(1), exits.vbt.signals.fshift(1)
        watch.lap("signals")
        portfolio = vbt.Portfolio.from_signals(
            close,
            entries,
            exits,
            size=decided.shift(1, fill_value=0.0),
            price=opens,
            fees=job.fee,
            init_cash=job.cash,
            direction="longonly",
            freq="1min",
        )
        watch.lap("simulation")
        closed = portfolio.trades.closed.count()
        final = portfolio.final_value()
        fraction = portfolio.drawdowns.max_drawdown()
        watch.lap("metrics")
        return Timed(watch.stages, lambda: outcomes(portfolio, closed, final, fraction, job))

    return run


if __name__ == "__main__":
    serve(Engine("vectorbt", load, compiles=True))
