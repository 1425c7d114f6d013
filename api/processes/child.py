"""A process that a supervisor started: how it hears `stop` and how it reports.

The child listens for SIGTERM and SIGINT, and for the end of its standard input: when the
supervisor dies, however it dies, the pipe closes and the child stops cleanly instead of trading on
unseen. Reports go out as one JSON line each.
"""

import os
import signal
import sys
import threading
from types import FrameType
from typing import BinaryIO

import msgspec

from api.processes.wire import Message


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM or SIGINT sets. Call from the main thread."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


def stop_when_orphaned(stop: threading.Event) -> None:
    """Set `stop` when standard input ends."""

    descriptor = sys.stdin.fileno()

    def wait_for_end() -> None:
        while os.read(descriptor, 4096):  # not through sys.stdin: its lock would outlive us
            continue
        stop.set()

    threading.Thread(target=wait_for_end, name="orphan-watch", daemon=True).start()


class Reports:
    """Messages to whoever started this process; nobody listening is no error."""

    def __init__(self, out: BinaryIO | None = None) -> None:
        self._out: BinaryIO | None = out if out is not None else sys.stdout.buffer
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Write one message as one line."""
        with self._lock:
            if self._out is None:
                return
            try:
                self._out.write(msgspec.json.encode(message) + b"\n")
                self._out.flush()
            except BrokenPipeError:
                self._out = None
