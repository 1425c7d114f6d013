"""One child process, as its supervisor sees it.

The child's standard input is a pipe that is never written to: its end tells the child that its
supervisor is gone. A child is out of the terminal's reach, so that Ctrl-C reaches the supervisor
alone and children are stopped in order.
"""

import contextlib
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import IO

import msgspec
from msgspec import Struct

from api.processes.wire import Message

TAIL = 20  # lines of a dead child's stderr that are kept


class Said(Struct, frozen=True):
    name: str
    message: Message


class Ended(Struct, frozen=True):
    name: str
    code: int  # exit status; −n where signal n killed it
    lived: float  # seconds
    tail: tuple[str, ...]  # the last of what it wrote to stderr

    def reason(self) -> str:
        """Say in a few words how it ended."""
        how = f"exited with status {self.code}"
        if self.code < 0:
            with contextlib.suppress(ValueError):
                how = f"was killed by {signal.Signals(-self.code).name}"
        return f"{how}: {self.tail[-1]}" if self.tail else how


class Offspring:
    """A running child whose messages and end arrive in a queue."""

    def __init__(
        self, name: str, process: "subprocess.Popen[bytes]", events: "queue.Queue[Said | Ended]"
    ) -> None:
        self.name = name
        self._process = process
        self._events = events
        self._began = time.monotonic()
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._readers = [
            threading.Thread(target=self._listen, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._keep, args=(process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._await_end, daemon=True).start()

    @classmethod
    def start(
        cls, name: str, arguments: Sequence[str], events: "queue.Queue[Said | Ended]"
    ) -> "Offspring":
        """Start `perpetua <arguments>` as a child of this process."""
        process = subprocess.Popen(  # noqa: S603 our own program, no shell
            [sys.executable, "-P", "-m", "api.cli.main", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return cls(name, process, events)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, patience: float) -> bool:
        """Ask the child to stop and wait; kill it after `patience` seconds and return False."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        finally:
            if self._process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.close()
        return True

    def _listen(self, out: IO[bytes]) -> None:
        for line in out:
            try:
                message = msgspec.json.decode(line, type=Message)
            except msgspec.DecodeError:
                self._tail.append(line.decode(errors="replace").strip())
                continue
            self._events.put(Said(self.name, message))

    def _keep(self, err: IO[bytes]) -> None:
        for line in err:
            if text := line.decode(errors="replace").strip():
                self._tail.append(text)

    def _await_end(self) -> None:
        code = self._process.wait()
        for reader in self._readers:
            reader.join(2.0)
        self._events.put(Ended(self.name, code, time.monotonic() - self._began, tuple(self._tail)))
