"""`kill -9` at random moments loses nothing that was acknowledged and changes nothing at all."""

import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.program import Running, answer, head, rows, run_to_end

BARS = 60_000
SEVERAL = ("--symbol", "BTC/USDT", "--symbol", "ETH/USDT:USDT", "--symbol", "SOL/USDT")


def kill_while_writing(
    home: Path, chance: random.Random, bars: int, symbols: Sequence[str]
) -> None:
    """Kill the engine once it has written some more, and check all it had acknowledged."""
    feed = ("--feed", "synthetic", "--bars", str(bars), *symbols)
    with Running(*feed, "--home", str(home)) as run:
        started = run.wait_for("started")
        target = started["position"] + chance.randrange(1, 1000)
        deadline = time.monotonic() + 60
        while head(home) < target and time.monotonic() < deadline:
            time.sleep(0.001)
        acknowledged = rows(home)
        os.kill(started["pid"], signal.SIGKILL)
        assert run.ended() != 0
    assert "the engine was killed by SIGKILL" in run.stderr
    assert rows(home)[: len(acknowledged)] == acknowledged


@pytest.mark.parametrize(
    ("kills", "bars", "symbols"),
    [
        pytest.param(3, BARS, (), id="three"),
        pytest.param(2, BARS // 6, SEVERAL, id="two-on-several-symbols"),
        pytest.param(10, BARS, (), id="ten", marks=pytest.mark.long),
        pytest.param(10, BARS // 2, SEVERAL, id="ten-on-several-symbols", marks=pytest.mark.long),
    ],
)
def test_engine_when_killed_while_writing_then_the_finished_log_is_the_undisturbed_one(
    tmp_path: Path, kills: int, bars: int, symbols: Sequence[str]
) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    run_to_end(undisturbed, bars, *symbols)

    chance = random.Random(kills)  # noqa: S311 when to kill is no secret
    for _ in range(kills):
        kill_while_writing(disturbed, chance, bars, symbols)
    before = rows(disturbed)
    run_to_end(disturbed, bars, *symbols)

    assert rows(disturbed)[: len(before)] == before
    assert len(before) < head(undisturbed), "killed too late to disturb anything"
    ours, theirs = (
        answer("audit", "digest", "--home", str(home)) for home in (disturbed, undisturbed)
    )
    assert ours == theirs
    for audit in ("verify", "safety"):
        assert answer("audit", audit, "--home", str(disturbed))["ok"] is True
