"""From a new strategy's text to its first bar, and how long one bar takes from Python.

Each figure of the first kind is from a process of its own. Cold: nothing was ever compiled on the
machine. New: another strategy with the same indicators was (other lookbacks, parameters, levels and
decisions). Kept: this very text was. The clock begins with the text in hand, modules imported, and
stops when `Runner.run` has given the first bar's records. One bar: `Runner.run` with a single bar,
all of it, checks and timeline included.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from application.kernel_rows import limits_row
from bench.candles import bars_for_bench, machine
from bench.strategies import FEW, futures
from domain.limits import effective
from kernels.errors import UnknownBackend
from kernels.program import BACKENDS, compile_strategy
from kernels.runner import LaneSpec, Runner

WARM_UP = 2_000  # bars run in a block before the clock of single bars runs
SINGLES = 10_000
ALLOWED_US = 20.0  # at the 99th percentile
UNTIMED = "warm_up"

# Forty-nine calls, each of another kind; N is one of three lookbacks.
CALLS = (
    "sma(close, N)",
    "ema(close, N)",
    "wma(close, N)",
    "dema(close, N)",
    "tema(close, N)",
    "trima(close, N)",
    "kama(close, N, 2, 30)",
    "hma(close, N)",
    "vwma(close, N)",
    "zlema(close, N)",
    "t3(close, N, 0.7)",
    "rma(close, N)",
    "rsi(N)",
    "stochastic_k(N, 3)",
    "stochastic_d(N, 3, 3)",
    "stochastic_rsi(close, N, 14)",
    "mom(close, N)",
    "roc(close, N)",
    "williams_r(N)",
    "cci(N)",
    "cmo(close, N)",
    "trix(close, N)",
    "atr(N)",
    "natr(N)",
    "bollinger_upper(close, N, 2.0)",
    "bollinger_lower(close, N, 2.0)",
    "bollinger_width(close, N, 2.0)",
    "keltner_upper(N, 10, 2.0)",
    "stdev(close, N)",
    "chaikin_volatility(N, 10)",
    "macd(12, 26)",
    "macd_signal(12, 26, 9)",
    "macd_histogram(12, 26, 9)",
    "adx(N)",
    "plus_di(N)",
    "minus_di(N)",
    "aroon_up(N)",
    "aroon_oscillator(N)",
    "dpo(close, N)",
    "psar(0.02, 0.2)",
    "supertrend(N, 3.0)",
    "linreg_slope(close, N)",
    "vortex_plus(N)",
    "obv()",
    "vwap(N)",
    "mfi(N)",
    "ad_line()",
    "cmf(N)",
    "donchian_upper(N)",
)


def forty_nine(shift: int = 0) -> str:
    """A strategy of 49 indicators; `shift` makes another one of the same indicators."""
    lines = ['timeframe("1m")']
    for number, bars in enumerate((10, 20, 40)):
        lines.append(f"n{number} = param({bars + shift}, {4 + shift}, {60 + 5 * shift})")
    for number, call in enumerate(CALLS):
        lines.append(f"s{number} = {call.replace('N', f'n{(number + shift) % 3}')}")
    lines += ["def entry():", "    score = 0"]
    for number in range(shift, len(CALLS), 4):
        lines += [f"    if close > s{number}:", f"        score = score + {1 + shift}"]
    lines += [
        "    if score > 8:",
        "        return long()",
        "    if score < 3:",
        "        return short()",
    ]
    lines += ["    return FLAT", "def exits():"]
    lines.append(f"    return plan(stop={2 + shift}*s22, target={3 + shift}*s22, max_bars=60)")
    return "\n".join(lines) + "\n"


def texts() -> dict[str, str]:
    shipped = {path.stem: path.read_text() for path in FEW}
    return {UNTIMED: forty_nine(shift=1), **shipped, f"{len(CALLS)} indicators": forty_nine()}


# In a process of its own


def child(name: str, backend: str, singles: int) -> None:
    """Compile and run one strategy here, and print the figures as JSON."""
    text, bars = texts()[name], bars_for_bench()[0][: WARM_UP + SINGLES]
    spec = LaneSpec(8, 17_000e8, limits_row(effective()))
    began = time.perf_counter()
    try:
        runner = Runner(compile_strategy(text, "bench"), {}, futures(), 60_000, [spec], backend)
    except (UnknownBackend, RuntimeError) as error:
        print(json.dumps({"missing": str(error).splitlines()[0]}))
        return
    runner.run(bars[:1], [0])
    found: dict[str, Any] = {"first": time.perf_counter() - began, "singles": []}
    runner.run(bars[1:WARM_UP], [0])
    for at in range(WARM_UP, WARM_UP + singles):
        began = time.perf_counter()
        runner.run(bars[at : at + 1], [0])
        found["singles"].append(time.perf_counter() - began)
    print(json.dumps(found))


def asked(name: str, backend: str, cache: Path, singles: int = 0) -> dict[str, Any]:
    """What a process of its own says of a strategy; `cache` is where it keeps machine code."""
    command = [sys.executable, "-m", "bench.compile", name, backend, str(singles)]
    environment = os.environ | {"PERPETUA_CACHE": str(cache)}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(said.stdout.splitlines()[-1])  # type: ignore[no-any-return]


# The table


def rows(backend: str, folder: Path) -> Iterator[str]:
    library = folder / f"{backend}-library"
    first = asked(UNTIMED, backend, library)
    if "missing" in first:
        yield f"{backend:10}{first['missing']}"
        return
    for name in texts():
        if name == UNTIMED:
            continue
        cold = asked(name, backend, folder / f"{backend}-{name}")["first"]
        known = folder / f"{backend}-{name}-known"
        shutil.copytree(library, known)
        new = asked(name, backend, known)["first"]
        again = asked(name, backend, known, SINGLES)
        cuts = statistics.quantiles(again["singles"], n=100)
        figures = (statistics.median(again["singles"]), cuts[98], max(again["singles"]))
        seconds = f"{cold:9.2f}{new:9.2f}{again['first']:9.2f}"
        yield f"{backend:10}{name:22}{seconds}" + "".join(f"{f * 1e6:10.1f}" for f in figures)


def main() -> None:
    print(f"{machine()}; {SINGLES:,} single bars, {bars_for_bench()[1]}, one account")
    print(f"{'':32}{'text to first bar, s':>27}{'one bar, µs':>30}")
    print(f"{'':32}{'cold':>9}{'new':>9}{'kept':>9}{'p50':>10}{'p99':>10}{'worst':>10}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for backend in BACKENDS:
            for row in rows(backend, Path(folder)):
                print(row, flush=True)
    print(f"allowed: new 2 s, kept 0.3 s, one bar {ALLOWED_US:.0f} µs at p99 (numba)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main()
