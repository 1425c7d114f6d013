"""The half of a peer that runs in the peer's own Python: read the question, time, answer a line.

What the clock sees is the run alone: all sets of the job, figures included. Starting, importing,
loading bars into the engine's own form and a first small run, which compiles, are timed apart.
Memory is the process's peak up to the end of the last timed run; outcomes are read off after that.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from bench.peers.job import Bars, Job, Outcome, load_bars

WARM_UP_BARS = 5_000
WARM_UP_SETS = 2


@dataclass(frozen=True)
class Timed:
    """One run: seconds by stage, seconds that were loading, and how to read what it gave."""

    stages: dict[str, float]
    outcomes: Callable[[], list[Outcome]]
    loading: float = 0.0


@dataclass(frozen=True)
class Engine:
    """A peer: how it takes bars in, and how it runs a job on them."""

    distribution: str  # its name as installed, for the version
    load: Callable[[Bars, Job], Callable[[], Timed]]
    notes: tuple[str, ...] = ()
    compiles: bool = False
    fills_at: str = "open"  # of the next bar; "close": of the deciding bar


class Stopwatch:
    """Seconds of each stage, in turns."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.began = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End the stage that was running and begin the next."""
        now = time.perf_counter()
        self.stages[stage] = now - self.began
        self.began = now


def peak_rss_mb() -> float:
    """Peak resident memory of this process, MB.

    Linux counts the parent's peak in a child's `ru_maxrss`, so its own figure is read there.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        peak = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def warm_up(engine: Engine, bars: Bars, job: Job) -> float:
    if not engine.compiles:
        return 0.0
    began = time.perf_counter()
    small = replace(job, sets=job.sets[:WARM_UP_SETS], rounds=1)
    engine.load(bars.head(WARM_UP_BARS), small)().outcomes()
    return time.perf_counter() - began


def timed_rounds(engine: Engine, bars: Bars, job: Job) -> tuple[dict[str, object], Timed]:
    began = time.perf_counter()
    run = engine.load(bars, job)
    loading = time.perf_counter() - began
    rounds: list[tuple[float, dict[str, float], float]] = []
    for left in range(job.rounds, 0, -1):
        timed = run()
        rounds.append((sum(timed.stages.values()), timed.stages, timed.loading))
        if left > 1:
            del timed  # what one round holds is not memory of the next
    rounds.sort(key=lambda one: one[0])
    seconds, stages, inside = rounds[(len(rounds) - 1) // 2]
    figures: dict[str, object] = {
        "seconds": seconds,
        "stages": stages,
        "load_seconds": loading + inside,
        "peak_rss_mb": peak_rss_mb(),
    }
    return figures, timed


def serve(engine: Engine) -> None:
    """Answer the question on standard input with one JSON line on standard output."""
    question = json.load(sys.stdin)
    starting = time.perf_counter() - question["asked_at"]
    asked = question["job"]
    job = Job(**{**asked, "sets": tuple((fast, slow) for fast, slow in asked["sets"])})
    bars = load_bars(Path(question["bars"]))
    warming = warm_up(engine, bars, job)
    figures, last = timed_rounds(engine, bars, job)
    answer = {
        "version": version(engine.distribution),
        "bars": len(bars),
        "start_seconds": starting,
        "warm_up_seconds": warming,
        "fills_at": engine.fills_at,
        "notes": list(engine.notes),
        "outcomes": [asdict(outcome) for outcome in last.outcomes()],
        **figures,
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
