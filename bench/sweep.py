"""How fast sweeps are: beside published engines, beside the machine's limit, and as they grow.

Every figure of ours comes from a process of its own, so that its memory is its own; every table
checks what it times: the peers' trades and money, and one digest whichever backend ran.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from bench.candles import Bars, bars_for_bench, machine
from bench.peers.__main__ import FEW, LONG, SETS, SWEEP, TICK, TIMEOUT
from bench.peers.environments import PeerUnavailable
from bench.peers.job import Job, save_bars, whole_ticks
from bench.peers.reference import reference
from bench.peers.run import PeerFailed, PeerResult, run_peer
from bench.strategies import EMA_CROSS, MACD_RSI_ATR, SMA_CROSS, cents, futures, no_limits
from infrastructure.memory import peak_rss
from kernels.program import compile_strategy
from kernels.runner import LaneSpec, Runner
from kernels.sweep.run import Settings, SweepResult, Ways, sweep
from kernels.sweep.sets import Sets, listed, parameter_sets

ROUNDS = 5
THREADS = 2
BARS = 100_000
LONG_BARS = 525_600  # a year of minutes
BACKENDS = ("numba", "lanes")
GRID = ("fast=8:23:4", "slow=26:60:4", "stop_atr=1:8:8", "target_atr=1:12:8")  # 16 × 64
Answer = dict[str, Any]


def in_cents(candles: Bars) -> Bars:
    bars = candles.copy()
    for name in ("open", "high", "low", "close"):
        bars[name] = np.rint(candles[name] / TICK)
    bars["funding"] = 0.0
    return bars


def settings_for(job: str) -> Settings:
    if job == "cross":
        return Settings(cents(), no_limits(), 1, SWEEP.cash * 1e8, 60_000)
    return Settings(futures(), no_limits(), 8, 17_000e8, 60_000)


def sets_for(job: str, count: int, program: Any) -> Sets:
    if job == "cross":
        fast, slow = np.array(SETS, np.float64)[:count].T
        return listed(program.parameters, {"fast": fast, "slow": slow})
    if job == "grid":
        return parameter_sets(program.parameters, GRID)
    return parameter_sets(program.parameters, draws=count, seed=1)


def measured(job: str, backend: str, path: Path, bars: int, count: int, doubled: bool) -> Answer:
    """Run one sweep `ROUNDS` times in this process, over the first bars of a file."""
    candles = np.load(path, mmap_mode="r")[:bars].copy()
    text = SMA_CROSS if job == "cross" else MACD_RSI_ATR
    if doubled:
        text = text.replace("\ndef entry", f"{SECOND}\ndef entry", 1)
    program = compile_strategy(text, job)
    given = in_cents(candles) if job == "cross" else candles
    found: list[SweepResult] = []
    calls: list[float] = []
    for _ in range(ROUNDS):
        ways = Ways(backend=backend, threads=THREADS, collected=True)
        sets = sets_for(job, count, program)
        began = perf_counter()
        found.append(sweep(program, given, sets, settings_for(job), ways))
        calls.append(perf_counter() - began)
    figures = found[0].figures
    return {
        "seconds": median(result.seconds for result in found),
        "call": median(calls),
        "compile": found[0].compile_seconds,
        "peak_mb": peak_rss() / 1e6,
        "sets": len(figures),
        "bars": len(given),
        "digest": found[0].state_digest,
        "trades": figures["trades"].tolist(),
        "equity": (figures["equity"] / 1e8).tolist(),
        "drawdown": (figures["max_drawdown"] / 1e8).tolist(),
    }


# As many indicators once more, none of which decides anything.
SECOND = """
line_2 = macd(fast + 1, slow + 1)
average_2 = macd_signal(fast + 1, slow + 1, smooth)
strength_2 = rsi(period + 1)
width_2 = atr(15)
"""


def alone(
    job: str, backend: str, path: Path, bars: int = BARS, count: int = 1024, more: str = ""
) -> Answer:
    """Measure in a process of its own."""
    what = [job, backend, str(path), str(bars), str(count), more]
    command = [sys.executable, "-m", "bench.sweep", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    answer: Answer = json.loads(done.stdout.splitlines()[-1])
    return answer


# Tables


def line(name: str, answer: Answer, note: str = "") -> None:
    rate = answer["sets"] * answer["bars"] / answer["seconds"] / 1e6
    print(
        f"{name:34}{answer['sets']:>8,}{answer['bars']:>10,}{answer['seconds']:>10.4f}"
        f"{rate:>10.1f}{answer['peak_mb']:>8.0f}  {note}",
        flush=True,
    )


def heading(title: str) -> None:
    print(f"\n{title}")
    columns = f"{'sets':>8}{'bars':>10}{'seconds':>10}{'Mstep/s':>10}{'MB':>8}"
    print(f"{'':34}{columns}")


def beside(answer: Answer, job: Job, bars: Any) -> str:
    """Hold our figures against the reference, set by set."""
    equal, apart = 0, 0.0
    for n, pair in enumerate(job.sets):
        due = reference(bars, job, *pair)
        equal += answer["trades"][n] == due.closed_trades
        pairs = (
            (answer["equity"][n], due.final_equity),
            (
                answer["drawdown"][n],
                due.max_drawdown_value,
            ),
        )
        apart = max(apart, *(abs(a - b) / max(abs(b), 1e-300) for a, b in pairs))
    return f"trades equal in {equal}/{len(job.sets)}, money apart ≤ {apart:.0e}"


def asked(name: str, job: Job, path: Path) -> PeerResult | None:
    try:
        return run_peer(name, job, path, TIMEOUT)
    except (PeerUnavailable, PeerFailed) as error:
        print(f"{name:34}not available: {error}")
        return None


def show_cross(candles: Bars, folder: Path) -> None:
    """Print SMA crosses beside the engines that can sweep them."""
    bars = whole_ticks(candles[:BARS], TICK)
    save_bars(folder / "bars.npz", bars)
    heading(f"SMA cross, fee 0.1 %, {len(SETS)} sets; peers once, ours median of {ROUNDS}")
    jobs = {"vectorbt": SWEEP, "vectorbt_rust": SWEEP}
    jobs |= {name: replace(SWEEP, sets=FEW) for name in ("backtesting", "numpy_loop")}
    slowest: dict[str, PeerResult] = {}
    for name, job in jobs.items():
        found = asked(name, job, folder / "bars.npz")
        if found is not None:
            slowest[name] = found
            told = {"seconds": found.seconds, "peak_mb": found.peak_rss_mb}
            line(f"{name} {found.version}", {**told, "sets": len(job.sets), "bars": found.bars})
    for backend in BACKENDS:
        answer = alone("cross", backend, folder / "candles.npy", count=len(SETS))
        note = beside(answer, SWEEP, bars)
        if (peer := slowest.get("vectorbt")) is not None:
            faster, less = (
                peer.seconds / answer["seconds"],
                peer.peak_rss_mb / answer["peak_mb"],
            )
            note += f"; {faster:.0f} × as fast as vectorbt, {less:.0f} × less memory"
            note += f"; planning included {1e3 * answer['call']:.0f} ms"
        line(f"perpetua, {backend}", answer, note)


def show_single(candles: Bars, folder: Path) -> None:
    """Print one backtest of a year of minutes beside the engines."""
    count = LONG_BARS
    bars = whole_ticks(candles[:count], TICK)
    save_bars(folder / "long.npz", bars)
    heading(f"One EMA(20)/EMA(50) backtest, {count:,} bars; ours with every record, one thread")
    once = replace(LONG, rounds=1)
    jobs = dict.fromkeys(("vectorbt", "vectorbt_rust", "numpy_loop", "backtesting"), LONG)
    for name, job in {**jobs, "backtrader": once, "nautilus_trader": once}.items():
        found = asked(name, job, folder / "long.npz")
        if found is not None:
            told = {"seconds": found.seconds, "peak_mb": found.peak_rss_mb}
            line(f"{name} {found.version}", {**told, "sets": 1, "bars": found.bars})
    given = in_cents(candles[:count])
    for backend in BACKENDS:
        program = compile_strategy(EMA_CROSS, "ema")
        spec = LaneSpec(1, SWEEP.cash * 1e8, no_limits())
        took: list[float] = []
        for _ in range(ROUNDS + 1):
            runner = Runner(program, {"fast": 20, "slow": 50}, cents(), 60_000, [spec], backend)
            took.append(timed(runner, given))
        account = runner.account(0)
        answer: Answer = {"seconds": median(took[1:]), "peak_mb": peak_rss() / 1e6, "sets": 1}
        answer |= {"bars": count, "trades": [account["trades"]]}
        answer |= {"equity": [account["equity"] / 1e8], "drawdown": [account["drawdown"] / 1e8]}
        line(f"perpetua, {backend}", answer, beside(answer, LONG, bars))


def timed(runner: Runner, bars: Bars) -> float:
    began = perf_counter()
    runner.run(bars, [0])
    return perf_counter() - began


def show_speed(path: Path) -> None:
    """Print the strategy of stops, targets and liquidation, random sets and a grid."""
    heading(f"MACD/RSI/ATR, stop, target, liquidation, limits off, {THREADS} threads")
    digests: dict[str, set[str]] = {}
    for job, name in (("random", "random sets"), ("grid", "grid of 16 series × 64")):
        for backend in BACKENDS:
            answer = alone(job, backend, path)
            digests.setdefault(job, set()).add(answer["digest"])
            line(f"{backend}, {name}", answer, f"compile {answer['compile']:.2f} s")
    if any(len(found) != 1 for found in digests.values()):
        raise RuntimeError(f"digests differ between backends: {digests}")
    print("the same digests whichever backend")


def show_growth(path: Path) -> None:
    """Print what ten times the bars, ten times the sets and twice the indicators cost."""
    heading("How cost grows (lanes, random sets)")
    line("1,024 sets", alone("random", "lanes", path))
    line("bars × 10", alone("random", "lanes", path, bars=10 * BARS))
    line("sets × 10", alone("random", "lanes", path, count=10_240))
    line("indicators × 2", alone("random", "lanes", path, more="doubled"))


def main() -> None:
    if len(sys.argv) > 2:
        job, backend, named, bars, count, more = sys.argv[1:]
        found = measured(job, backend, Path(named), int(bars), int(count), more == "doubled")
        print(json.dumps(found))
        return
    candles, label = bars_for_bench()
    print(f"{machine()}; {label}")
    with tempfile.TemporaryDirectory(prefix="perpetua-bench-") as name:
        path = Path(name) / "candles.npy"
        np.save(path, candles)
        tables = {
            "speed": lambda: show_speed(path),
            "growth": lambda: show_growth(path),
            "cross": lambda: show_cross(candles, Path(name)),
            "single": lambda: show_single(candles, Path(name)),
        }
        for table in sys.argv[1:] or tables:
            tables[table]()


if __name__ == "__main__":
    main()
