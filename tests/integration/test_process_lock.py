"""One engine per home, and a dead one locks nobody out."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.processes.lock import HomeBusy, HomeLock

HOLD = """
import sys
from pathlib import Path
from api.processes.lock import HomeLock
held = HomeLock.acquire(Path(sys.argv[1]), "perpetua run --feed synthetic")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def holder(lock: Path) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_lock_when_another_process_holds_it_then_refused_by_pid_and_command(lock: Path) -> None:
    with holder(lock) as other:
        with pytest.raises(HomeBusy) as refused:
            HomeLock.acquire(lock)
        other.kill()

    assert str(refused.value) == (
        f"home {lock.parent} is in use by pid {other.pid} (perpetua run --feed synthetic);"
        " one engine per home"
    )


def test_lock_when_its_holder_was_killed_then_it_is_free(lock: Path) -> None:
    with holder(lock) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()

    HomeLock.acquire(lock).release()


def test_lock_when_released_then_it_can_be_taken_again(lock: Path) -> None:
    with HomeLock.acquire(lock), pytest.raises(HomeBusy):
        HomeLock.acquire(lock)

    HomeLock.acquire(lock).release()
