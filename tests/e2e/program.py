"""The program itself, run as a user runs it."""

import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.kernel_runs import STRATEGIES

PATIENCE = 90.0  # seconds; compiling three strategies on a busy machine takes its time

Row = tuple[Any, ...]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without the settings of whoever runs the tests."""
    kept = ("PERPETUA_CACHE",)  # where compiled kernels are: no test is about them
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PERPETUA_") or name in kept
    }
    return clean | {"COLUMNS": "200"} | dict(extra or {})


def command(*arguments: str) -> list[str]:
    """A command line; a run trades a few strategies unless it is told which."""
    few = [part for path in STRATEGIES for part in ("--strategies", str(path))]
    given = "--strategies" in arguments or arguments[0] != "run" or "--help" in arguments
    return [sys.executable, "-P", "-m", "api.cli.main", *arguments, *([] if given else few)]


def perpetua(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def answer(*arguments: str, env: Mapping[str, str] | None = None) -> Any:
    """What a command that must succeed prints with --json."""
    done = perpetua(*arguments, "--json", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """The one line of a command that must fail."""
    done = perpetua(*arguments, env=env)
    assert done.returncode != 0, done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("perpetua: ")
    assert "Traceback" not in done.stdout
    return lines[0].removeprefix("perpetua: ")


class Running:
    """`perpetua run --json`, or `serve`, while it runs; what it says arrives line by line."""

    def __init__(
        self, *arguments: str, name: str = "run", env: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            command(name, "--json", "--port", "0", *arguments),
            env=environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        self.stderr = ""
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._read, self._keep)]
        for thread in self._threads:
            thread.start()

    def wait_for(
        self, event: str, when: Callable[[dict[str, Any]], bool] = lambda said: True
    ) -> dict[str, Any]:
        """The next message of that kind for which `when` holds."""
        while True:
            said = self._lines.get(timeout=PATIENCE)
            assert said is not None, f"ended before {event}: {self.ended()} {self.stderr}"
            if said["event"] == event and when(said):
                return said

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit status."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; return its exit status."""
        status = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            self.said.append(said)
            self._lines.put(said)
        self._lines.put(None)

    def _keep(self) -> None:
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.read()


def run_to_end(home: Path, bars: int, *arguments: str) -> dict[str, Any]:
    """A synthetic run from where the home stands to its end; what it said last."""
    with Running(
        *("--feed", "synthetic", "--bars", str(bars), "--home", str(home), "--until-end"),
        *arguments,
    ) as run:
        finished = run.wait_for("finished")
        assert run.ended() == 0, run.stderr
    return finished


def rows(home: Path) -> Sequence[Row]:
    """Every row of the log, read without any of our code."""
    uri = f"file:{home / 'log.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as database:
        return database.execute("SELECT * FROM events ORDER BY position").fetchall()


def head(home: Path) -> int:
    """The log's last position, 0 where there is no log yet."""
    try:
        uri = f"file:{home / 'log.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as database:
            return int(
                database.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0]
            )
    except sqlite3.OperationalError:
        return 0


def alive(pid: int) -> bool:
    """Whether a process is there and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
