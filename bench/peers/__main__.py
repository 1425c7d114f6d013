"""What each peer gives on real bars: `python -m bench.peers`.

Every outcome is held against the reference in the same run; a peer that cannot be had is said to be
missing, and why.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.candles import bars_for_bench, machine
from bench.peers.environments import PeerUnavailable
from bench.peers.job import Bars, Job, Outcome, save_bars, whole_ticks
from bench.peers.reference import reference
from bench.peers.run import PeerFailed, PeerResult, run_peer

TICK = 0.01  # quote: of BTC/USDT and of the synthetic feed
SWEEP_BARS = 100_000
LONG_BARS = 525_600  # a year of minutes
SETS = tuple((fast, slow) for fast in range(5, 45, 2) for slow in range(50, 300, 10))
FEW = (SETS[0], SETS[len(SETS) // 2], SETS[-1])  # for engines that take one set at a time
SWEEP = Job("sma_cross", SETS)
LONG = Job("ema_cross", ((20, 50),), rounds=3)
TIMEOUT = 1_800.0  # seconds

SWEEPS = {
    "vectorbt": SWEEP,
    "vectorbt_rust": SWEEP,
    "backtesting": replace(SWEEP, sets=FEW),
    "numpy_loop": replace(SWEEP, sets=FEW),
}
LONGS = {
    "vectorbt": LONG,
    "vectorbt_rust": LONG,
    "numpy_loop": LONG,
    "backtesting": LONG,
    "backtrader": replace(LONG, rounds=1),
    "nautilus_trader": replace(LONG, rounds=1),
}


def apart(found: Outcome, expected: Outcome) -> float:
    """Greatest relative difference of the money figures."""
    names = ("final_equity", "max_drawdown", "max_drawdown_value")
    pairs = [(float(getattr(found, name)), float(getattr(expected, name))) for name in names]
    return max(abs(a - b) / max(abs(b), 1e-300) for a, b in pairs)


def agreement(answer: PeerResult, expected: list[Outcome]) -> str:
    pairs = list(zip(answer.outcomes, expected, strict=True))
    equal = sum(found.closed_trades == due.closed_trades for found, due in pairs)
    return f"{equal}/{len(pairs)}, {max(apart(*pair) for pair in pairs):.0e}"


def row(answer: PeerResult, expected: list[Outcome]) -> str:
    stages = " ".join(f"{name} {seconds:.3f}" for name, seconds in answer.stages.items())
    trades = sum(found.closed_trades for found in answer.outcomes)
    return (
        f"{answer.peer:16}{answer.version:>13}{len(answer.outcomes):>5}{answer.seconds:>10.3f}"
        f"{answer.bars_per_second / 1e6:>9.3f}{answer.peak_rss_mb:>8.0f}{trades:>9,}"
        f"{agreement(answer, expected):>15}{answer.warm_up_seconds:>8.2f}"
        f"{answer.start_seconds:>7.2f}{answer.load_seconds:>7.2f}  {stages}"
    )


def rows(jobs: dict[str, Job], bars: Bars, path: Path) -> Iterator[str]:
    """Ask every peer, in turns; yield a line for each."""
    known: dict[tuple[tuple[int, int], str], Outcome] = {}
    for name, job in jobs.items():
        try:
            answer = run_peer(name, job, path, TIMEOUT)
        except (PeerUnavailable, PeerFailed) as error:
            yield f"{name:16} not available: {error}"
            continue
        at = "close" if answer.fills_at == "close" else "open"
        for pair in job.sets:
            if (pair, at) not in known:
                known[pair, at] = reference(bars, job, *pair, "close" if at == "close" else "open")
        yield row(answer, [known[pair, at] for pair in job.sets])
        for note in answer.notes:
            yield f"{'':16} {note}"


def show(title: str, jobs: dict[str, Job], bars: Bars, folder: Path) -> None:
    print(f"\n{title}")
    print(
        f"{'':16}{'version':>13}{'sets':>5}{'seconds':>10}{'Mbar/s':>9}{'MB':>8}{'trades':>9}"
        f"{'trades =, apart':>15}{'warm-up':>8}{'start':>7}{'load':>7}  stages, seconds"
    )
    path = folder / "bars.npz"
    save_bars(path, bars)
    for line in rows(jobs, bars, path):
        print(line, flush=True)


def main() -> None:
    """Print both tables."""
    candles, label = bars_for_bench()
    print(f"{machine()}; {label}; fee 0.1 %, prices in cents")
    with tempfile.TemporaryDirectory(prefix="perpetua-peers-") as name:
        bars = whole_ticks(candles[:SWEEP_BARS], TICK)
        title = f"SMA cross, {len(SETS)} sets × {SWEEP_BARS:,} bars, run once"
        show(title, SWEEPS, bars, Path(name))
        bars = whole_ticks(candles[:LONG_BARS], TICK)
        title = f"EMA(20)/EMA(50) cross, {LONG_BARS:,} bars, median of 3 (last two: run once)"
        show(title, LONGS, bars, Path(name))
    print("\ntrades =, apart: sets whose closed trades equal the reference's; greatest relative")
    print("difference of final equity and drawdown. seconds leave out start, load and warm-up.")


if __name__ == "__main__":
    main()
