"""`kill -9` at random moments loses nothing that was acknowledged and changes nothing at all."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.program import Running, answer, head, rows, run_to_end

BARS = 60_000


def kill_while_writing(home: Path, chance: random.Random) -> None:
    """Kill the engine once it has written some more, and check all it had acknowledged."""
    with Running("--feed", "synthetic", "--bars", str(BARS), "--home", str(home)) as run:
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
    "kills", [pytest.param(3, id="three"), pytest.param(10, id="ten", marks=pytest.mark.long)]
)
def test_engine_when_killed_while_writing_then_the_finished_log_is_the_undisturbed_one(
    tmp_path: Path, kills: int
) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    run_to_end(undisturbed, BARS)

    chance = random.Random(kills)  # noqa: S311 when to kill is no secret
    for _ in range(kills):
        kill_while_writing(disturbed, chance)
    before = rows(disturbed)
    run_to_end(disturbed, BARS)

    assert rows(disturbed)[: len(before)] == before
    assert len(before) < head(undisturbed), "killed too late to disturb anything"
    ours, theirs = (
        answer("audit", "digest", "--home", str(home)) for home in (disturbed, undisturbed)
    )
    assert ours == theirs
    assert answer("audit", "verify", "--home", str(disturbed))["ok"] is True
