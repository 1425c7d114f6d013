"""What an account on several symbols costs: symbol-bars stepped a second, beside one symbol.

Every symbol has the same real bars, each a day later than the last, so that they move apart; the
digests of all backends are compared. Limits are on.
"""

from statistics import median
from time import perf_counter

import numpy as np

from application.kernel_rows import limits_row
from bench.candles import Bars, bars_for_bench, machine
from bench.strategies import MACD_RSI_ATR, futures
from domain.limits import effective
from kernels.joint_runner import JointRunner
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec, Runner

BARS = 50_000
ROUNDS = 5
ACCOUNTS = 8
SYMBOLS = (1, 2, 8, 16)
BACKENDS = ("numba", "lanes")
CAPITAL = 17_000e8
DAY = 1440


def lanes() -> list[LaneSpec]:
    limits = limits_row(effective())
    return [LaneSpec(1 + n, CAPITAL, limits, signals=n == 0) for n in range(ACCOUNTS)]


def apart(bars: Bars, symbols: int) -> list[Bars]:
    """The same moments for every symbol, the prices of another day."""
    found: list[Bars] = []
    for n in range(symbols):
        shifted = np.roll(bars, -n * DAY)
        shifted["timestamp"] = bars["timestamp"]
        found.append(shifted)
    return found


def one_symbol(program: Program, bars: Bars, backend: str) -> float:
    took: list[float] = []
    for _ in range(ROUNDS + 1):
        runner = Runner(program, {}, futures(), 60_000, lanes(), backend)
        began = perf_counter()
        runner.run(bars, [0] * ACCOUNTS)
        took.append(perf_counter() - began)
    return median(took[1:])


def several(program: Program, bars: list[Bars], backend: str) -> tuple[float, list[str]]:
    took: list[float] = []
    for _ in range(ROUNDS + 1):
        markets = [futures()] * len(bars)
        runner = JointRunner(program, {}, markets, 60_000, lanes(), backend)
        began = perf_counter()
        runner.run(bars, [0] * ACCOUNTS)
        took.append(perf_counter() - began)
    return median(took[1:]), [runner.digest(n) for n in range(ACCOUNTS)]


def main() -> None:
    candles, label = bars_for_bench()
    bars = candles[:BARS].copy()
    print(f"{machine()}; {label}; {len(bars):,} bars, {ACCOUNTS} accounts, records written")
    alone = compile_strategy(MACD_RSI_ATR, "alone")
    joint = compile_strategy(MACD_RSI_ATR, "joint", several=True)
    print(f"{'':22}{'symbols':>8}{'seconds':>10}{'million account-symbol-bars/s':>32}")
    for backend in BACKENDS:
        seconds = one_symbol(alone, bars, backend)
        show(f"{backend}, one symbol", 1, seconds)
    digests: dict[int, list[str]] = {}
    for backend in BACKENDS:
        for symbols in SYMBOLS:
            seconds, found = several(joint, apart(bars, symbols), backend)
            if digests.setdefault(symbols, found) != found:
                raise AssertionError(f"{backend} gave other digests on {symbols} symbols")
            show(f"{backend}, joint", symbols, seconds)


def show(name: str, symbols: int, seconds: float) -> None:
    rate = ACCOUNTS * symbols * BARS / seconds / 1e6
    print(f"{name:22}{symbols:>8}{seconds:>10.3f}{rate:>32.1f}", flush=True)


if __name__ == "__main__":
    main()
