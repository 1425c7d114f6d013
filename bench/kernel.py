"""How fast one thread backtests one strategy, beside the least any per-bar account must do.

The limit is a loop that reads every bar and keeps one number: open P&L at each close and its peak.
What lies between is the strategy, the fills, the limits and the records.
"""

import time
from statistics import median
from typing import Any

import numpy as np
from numba import njit

from application.kernel_rows import limits_row
from bench.candles import bars_for_bench, machine
from bench.strategies import FEW, futures
from domain.limits import effective
from kernels import dtypes
from kernels.program import compile_strategy
from kernels.runner import LaneSpec, Runner

ROUNDS = 7
Array = np.ndarray[Any, Any]


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def least(bars: Array) -> float:
    peak = 0.0
    for i in range(bars.shape[0]):
        equity = 17_000.0 + (bars[i].close - bars[0].close) * 0.1
        peak = equity if equity > peak else peak
    return peak


def seconds(work: Any, *arguments: Any) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def main() -> None:
    bars, label = bars_for_bench()
    print(f"{machine()}; {len(bars):,} bars, {label}; median of {ROUNDS}, one thread")
    print(f"{'':24}{'million bar-steps/s':>20}{'seconds':>10}{'compile s':>11}{'trades':>8}")
    compiling = seconds(least, bars[:1])
    limit = median(seconds(least, bars) for _ in range(ROUNDS))
    print(
        f"{'read every bar, mark':24}{len(bars) / limit / 1e6:20.1f}{limit:10.4f}{compiling:11.2f}"
    )
    for path in FEW:
        program = compile_strategy(path.read_text(), path.stem)
        spec = LaneSpec(8, 17_000e8, limits_row(effective()))

        def fresh() -> Runner:
            return Runner(program, {}, futures(), 60_000, [spec])  # noqa: B023

        compiling = seconds(lambda: fresh().run(bars[:1], [0]))
        took = median(seconds(fresh().run, bars, [0]) for _ in range(ROUNDS))
        records = fresh().run(bars, [0]).records[0]
        trades = int((records[:, dtypes.KIND] == dtypes.CLOSED).sum())
        rate = len(bars) / took / 1e6
        print(f"{path.stem:24}{rate:20.1f}{took:10.4f}{compiling:11.2f}{trades:8}")


if __name__ == "__main__":
    main()
