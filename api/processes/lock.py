"""The home lock: one appender per home, whoever it is.

The operating system holds the lock for as long as the process lives, so a killed engine never
leaves a home locked. The file's text only says who holds it, for the message to the second comer.
"""

import contextlib
import fcntl
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec


class Holder(msgspec.Struct, frozen=True):
    pid: int
    command: str


class HomeBusy(Exception):
    """Another process holds the home: names the home, the pid and its command."""

    def __init__(self, message: str, holder: Holder | None) -> None:
        super().__init__(message)
        self.holder = holder


class HomeLock:
    """An exclusive hold on one home, released by `release`, by leaving `with`, or by dying."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path, command: str | None = None) -> Self:
        """Take the lock at `path` without waiting. Raises `HomeBusy`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            holder = read_holder(path)
            raise HomeBusy(refusal(path, holder), holder) from None
        me = Holder(os.getpid(), command if command is not None else " ".join(sys.argv))
        with contextlib.suppress(OSError):  # on a full disk the lock holds, unsigned
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, msgspec.json.encode(me), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let go. May be called twice."""
        if self.descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self.descriptor, 0)
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def read_holder(path: Path) -> Holder | None:
    """Who wrote the lock file last, if that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None


def refusal(path: Path, holder: Holder | None) -> str:
    who = f"pid {holder.pid} ({holder.command})" if holder else "another process"
    return f"home {path.parent} is in use by {who}; one engine per home"
