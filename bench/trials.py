"""What trials cost: random parameter sets on seven symbols, beside a runner that takes one by one.

More than a year of recorded five-minute bars of each symbol (made minutes where none are recorded),
one span, limits on, leverage 8. What the runner's accounts ended with must be what the same sets
ended with among the trials. Compiled in: from a strategy's text to the result of its first day, in
a process of its own that has loaded what is the same for all strategies; with no machine code kept,
and with it. Processor seconds, of all threads, tell more where others use the machine too.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from application.kernel_rows import limits_row, market_row
from application.ports import Feed, FeedFinished
from bench.candles import data_directory, machine
from bench.strategies import FOLDER, futures
from domain.limits import effective
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import open_synthetic
from kernels import timeline
from kernels.joint_runner import JointRunner
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec
from kernels.sweep.sets import parameter_sets
from kernels.sweep.trials import Span, Trials, TrialSettings, trials

Array = np.ndarray[Any, Any]

NAMES = ("vwap_reversion", "ema_trend")
BASES = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "BNB")
BARS = 119_712  # of each symbol
ACCOUNTS, ALONE, ROUNDS = 128, 2, 5
THREADS = (1, 2)
LEVERAGE, CAPITAL = 8, 17_000e8
MINUTE, DAY = 60_000, 86_400_000


def whole(feed: Feed) -> Array:
    parts: list[Array] = []
    after = -1
    try:
        while True:
            parts.append(feed.read(after, 65_536, 60.0).copy())
            after = int(parts[-1]["timestamp"][-1])
    except FeedFinished:
        return np.concatenate(parts)
    finally:
        feed.close()


@cache
def material() -> tuple[list[Array], TrialSettings, str]:
    """Bars of all symbols, what is traded under, and where the bars are from."""
    limits, directory = limits_row(effective()), data_directory()
    if directory is None:
        made = [whole(open_synthetic(seed=n, bars=BARS)) for n in range(len(BASES))]
        rows = tuple(futures() for _ in BASES)
        return made, TrialSettings(rows, limits, LEVERAGE, CAPITAL, MINUTE), "synthetic, 1m"
    feeds = [open_recorded(directory, "binance", f"{base}/USDT", "5m") for base in BASES]
    rows = tuple(market_row(feed.describe().instruments[0]) for feed in feeds)
    settings = TrialSettings(rows, limits, LEVERAGE, CAPITAL, 5 * MINUTE)
    return [whole(feed) for feed in feeds], settings, "binance 5m"


def span_of(stretch: Sequence[Array]) -> Span:
    first, last = (int(stretch[0]["timestamp"][at]) // DAY * DAY for at in (0, -1))
    return Span(first, last + DAY)


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text()


def sets_of(program: Program) -> dict[str, Array]:
    return parameter_sets(program.parameters, draws=ACCOUNTS, seed=1).table(0, ACCOUNTS)


Took = tuple[float, float]  # seconds, and those of the processor


def together(program: Program, threads: int) -> tuple[Took, Trials]:
    stretch, settings, _ = material()
    took: list[Took] = []
    for _ in range(ROUNDS + 1):  # the first compiles
        began = now()
        found = trials(
            program, stretch, sets_of(program), settings, [span_of(stretch)], threads=threads
        )
        took.append(since(began))
    seconds, worked = zip(*took[1:], strict=True)
    return (median(seconds), median(worked)), found


def one_by_one(program: Program, backend: str) -> tuple[Took, list[float]]:
    """What ALONE accounts took, and what each made."""
    stretch, settings, _ = material()
    spec = LaneSpec(LEVERAGE, CAPITAL, settings.limits)
    sets = sets_of(program)
    took, made = (0.0, 0.0), []
    for n in range(ALONE):
        values = {name: float(column[n]) for name, column in sets.items()}
        runner = JointRunner(
            program.on_several, values, settings.markets, settings.base_ms, [spec], backend
        )
        begun = runner.state()
        runner.run([bars[:1] for bars in stretch], [0])  # compiles
        runner.restore(begun)
        began = now()
        runner.run(stretch, [0])
        took = (took[0] + since(began)[0], took[1] + since(began)[1])
        made.append(runner.account(0)["equity"] - CAPITAL)
    return took, made


def now() -> Took:
    return perf_counter(), process_time()


def since(began: Took) -> Took:
    return perf_counter() - began[0], process_time() - began[1]


# In a process of its own


def first_day(name: str) -> None:
    """Trade one day here, and print how long it took."""
    stretch, settings, _ = material()
    timeline.first_bad(stretch[0])
    timeline.Timeline("15m", ("1h",), settings.base_ms, 1.0).take(stretch[0][:1])
    day = Span(span_of(stretch).start, span_of(stretch).start + DAY)
    bars = [each[each["timestamp"] < day.end] for each in stretch]
    began = perf_counter()
    program = compile_strategy(text_of(name), name)
    trials(program, bars, sets_of(program), settings, [day])
    print(perf_counter() - began)


def asked(name: str, cache_folder: Path) -> float:
    """What a process of its own says."""
    command = [sys.executable, "-m", "bench.trials", name]
    environment = os.environ | {"PERPETUA_CACHE": str(cache_folder)}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(said.stdout.splitlines()[-1])


# The table


def show(name: str, how: str, accounts: int, took: Took) -> None:
    bars = accounts * sum(map(len, material()[0])) / 1e6
    figures = "".join(f"{seconds:>12.3f}{bars / seconds:>10.1f}" for seconds in took)
    print(f"{name:16}{how:22}{accounts:>10}{figures}", flush=True)


def main() -> None:
    stretch, _, label = material()
    print(f"{machine()}; {len(stretch)} × {len(stretch[0]):,} bars, {label}; median of {ROUNDS}")
    print("million account-symbol-bars a second, and a second of the processor")
    print(f"{'':38}{'accounts':>10}{'seconds':>12}{'M/s':>10}{'processor':>12}{'M/s':>10}")
    for name in NAMES:
        program = compile_strategy(text_of(name), name)
        for threads in THREADS:
            took, found = together(program, threads)
            show(name, f"trials, threads: {threads}", ACCOUNTS, took)
        for backend in ("lanes", "numba"):
            took, made = one_by_one(program, backend)
            if made != found.pnl[:ALONE].sum(axis=1).tolist():
                raise AssertionError(f"{backend} ended with other equities than the trials")
            show(name, f"one by one, {backend}", ALONE, took)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in NAMES:
            cold, kept = (asked(name, Path(folder)) for _ in range(2))
            print(f"{name:16}compiled in {cold:.2f} s, from the cache {kept:.2f} s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        first_day(sys.argv[1])
    else:
        main()
