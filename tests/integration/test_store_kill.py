"""`kill -9` loses nothing that was acknowledged and leaves no half batch."""

import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from infrastructure.store import SqliteEventLog, verify
from tests.conftest import ROOT
from tests.store_samples import ACCOUNT
from tests.store_writer import batch

KILLS = 10 if os.environ.get("PERPETUA_LONG") else 4
ENOUGH = 5  # acknowledgements before the kill may come


def write_until_killed(path: Path, delay: float) -> dict[int, str]:
    """Run the writer, kill it a moment after it got going; give position -> chain as it said."""
    command = [sys.executable, "-m", "tests.store_writer", str(path)]
    acknowledged: dict[int, str] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        killer = threading.Timer(delay, child.send_signal, (signal.SIGKILL,))
        for line in child.stdout:
            if not line.endswith("\n"):
                break  # torn by the kill: not acknowledged
            position, chain = line.split()
            acknowledged[int(position)] = chain
            if len(acknowledged) == ENOUGH:
                killer.start()
        assert child.wait(30) == -signal.SIGKILL
    return acknowledged


def test_log_when_killed_again_and_again_then_holds_all_it_acknowledged_and_only_whole_batches(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    delays = random.Random(11)  # noqa: S311
    acknowledged: dict[int, str] = {}
    for _ in range(KILLS):
        acknowledged |= write_until_killed(path, delays.uniform(0.0, 0.15))
        with closing(SqliteEventLog(path)) as log:
            with log.lend() as db:
                rows = db.execute("SELECT position, hex(chain) FROM events").fetchall()
            stored = {position: chain.lower() for position, chain in rows}
            assert {position: stored.get(position) for position in acknowledged} == acknowledged
            check_whole(log)
        assert verify(path).ok
    assert len(acknowledged) >= ENOUGH * KILLS


def check_whole(log: SqliteEventLog) -> None:
    checkpoint = log.checkpoint()
    assert checkpoint is not None
    written = [batch(number) for number in range(1, checkpoint.last_bar + 1)]
    assert checkpoint == written[-1].checkpoint
    assert [entry.event for entry in log.read(0, 10**7)] == [
        event for whole in written for event in whole.events
    ]
    for whole in written:
        for name, content in whole.blobs.items():
            assert log.blob(name) == content
    with log.lend() as db:
        assert db.execute("SELECT count(*) FROM blobs").fetchone()[0] == len(written)
    assert log.streams("") == [ACCOUNT, "strategy/a"]
