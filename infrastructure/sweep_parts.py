"""What a sweep has finished, as files in a directory of its own.

A part is written aside, synced and renamed, so a file that is there is whole. `identity.json` says
what was asked; a lock keeps two processes from working on the same parts.
"""

import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from application.ports import SweepConflict

IDENTITY = "identity.json"
LOCK = "lock"


class FileParts:
    """A `SweepParts` in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: int | None = None

    def open(self, identity: Mapping[str, str]) -> None:
        """Begin in an empty directory, or take up a sweep that was asked the same."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        before = self.read(IDENTITY)
        if before is None:
            self.write(IDENTITY, msgspec.json.encode(dict(identity), order="sorted"))
            return
        try:
            self._compare(before, identity)
        except SweepConflict:
            self.close()
            raise

    def read(self, name: str) -> bytes | None:
        """Give a part's content; None where there is none."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Keep a part: whole and on disk, or not at all."""
        aside = self.directory / f".{name}.tmp"
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.directory / name)
        sync(self.directory)

    def drop(self, name: str) -> None:
        """Forget a part, if it is there."""
        (self.directory / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget all parts."""
        shutil.rmtree(self.directory)

    def close(self) -> None:
        """Let others work on them. May be called twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        descriptor = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SweepConflict(f"{self.directory}: another sweep is working here") from None
        self._lock = descriptor

    def _compare(self, before: bytes, identity: Mapping[str, str]) -> None:
        remedy = "finish that sweep, or remove the directory"
        try:
            was = msgspec.json.decode(before, type=dict[str, str])
        except msgspec.DecodeError as error:
            raise SweepConflict(
                f"{self.directory}/{IDENTITY}: cannot be read ({error}); remove the directory"
            ) from error
        for name in (*identity, *was):
            if was.get(name) != identity.get(name):
                raise SweepConflict(
                    f"{self.directory}: {name} of the sweep begun here was {was.get(name)!r}, "
                    f"this one's is {identity.get(name)!r}: {remedy}"
                )


def sync(directory: Path) -> None:
    """Have the names in a directory on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
