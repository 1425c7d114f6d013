"""Ask one peer one question, as a child process of its own Python.

A child of its own because memory can then be told apart, and because a peer that dies or hangs
takes nothing with it.
"""

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.peers.environments import TAIL, python_of
from bench.peers.job import Job, Outcome

ROOT = Path(__file__).parent.parent.parent
MODULES = {"vectorbt_rust": "vectorbt"}  # the same script in an environment with its Rust engine


class PeerFailed(Exception):
    """A peer was there but gave no answer; the text says why."""


@dataclass(frozen=True)
class PeerResult:
    """What one peer answered."""

    peer: str
    version: str
    bars: int
    seconds: float  # median of the rounds, all sets: signals, simulation and figures
    stages: dict[str, float]  # seconds of that round
    start_seconds: float  # interpreter and imports
    load_seconds: float  # bars into the engine's own form
    warm_up_seconds: float  # a small run first, where the engine compiles
    peak_rss_mb: float  # of the process, to the end of the timed rounds
    fills_at: str  # "open" of the next bar, or "close" of the deciding bar
    notes: tuple[str, ...]
    outcomes: tuple[Outcome, ...]  # in the order of the job's sets

    @property
    def bars_per_second(self) -> float:
        """Bars of one set times sets, a second."""
        return self.bars * len(self.outcomes) / self.seconds


def run_peer(name: str, job: Job, bars_path: Path, timeout: float) -> PeerResult:
    """Run a job on the bars of `save_bars`; `timeout` in seconds, making the environment excluded.

    Raises PeerUnavailable where its environment cannot be made, PeerFailed where it dies, takes
    longer than `timeout` or answers nothing.
    """
    python = python_of(name)
    module = f"bench.peers.{MODULES.get(name, name)}"
    question = {
        "bars": str(bars_path.resolve()),
        "job": asdict(job),
        "asked_at": time.perf_counter(),  # one clock for all processes
    }
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [str(python), "-m", module],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=ROOT,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PeerFailed(f"{name} took longer than {timeout:g} s") from error
    if done.returncode != 0 or not done.stdout.strip():
        raise PeerFailed(f"{name} ended with {done.returncode}: {done.stderr.strip()[-TAIL:]}")
    return result(name, json.loads(done.stdout.strip().splitlines()[-1]))


def result(name: str, answer: dict[str, Any]) -> PeerResult:
    answer["notes"] = tuple(answer["notes"])
    answer["outcomes"] = tuple(Outcome(**one) for one in answer["outcomes"])
    return PeerResult(peer=name, **answer)
