"""The bars of one symbol that were used, on disk before the step that used them.

A flat file of 64-byte records (`bar_records`), oldest first. It only ever grows. A crash can leave
the last write unfinished: bad records at the very end are cut when the journal is opened for
writing (nobody was told that they are there). A bad record before a good one is no crash but
damage, and is refused by position.
"""

import contextlib
import os
from pathlib import Path

import numpy as np

from application.ports import Bars
from infrastructure.bar_records import RECORD, SIZE, Records, seal, sound

_BLOCK = 16_384  # records read at a time when checking: 1 MB


class JournalError(Exception):
    """The journal is damaged, or the disk does not take it."""


class FileBarJournal:
    """One symbol's bar journal in one file.

    One writer at a time (the home's lock sees to that); readers in other processes open it with
    `read_only=True`, which cuts nothing and sees what was complete when they looked.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open or create the file and check every record. Raises `JournalError`."""
        self.path = path
        self._read_only = read_only
        self._file = _open(path, read_only)
        self._failed: str | None = None
        self._hint = (-1, 0)  # (a timestamp asked for, records up to it): reads mostly go forward
        try:
            self._count, self._last = self._check()
            if not read_only and os.fstat(self._file).st_size != self._count * SIZE:
                os.ftruncate(self._file, self._count * SIZE)
                os.fsync(self._file)
        except OSError as error:
            os.close(self._file)
            raise JournalError(f"{path}: {error.strerror}") from error
        except JournalError:
            os.close(self._file)
            raise

    def append(self, bars: Bars) -> None:
        """Write and fsync.

        Raises ValueError for a bar that is not after the last, `JournalError` when the disk does
        not take it: nothing of the block is in the journal then.
        """
        if self._read_only or self._failed is not None:
            raise JournalError(f"{self.path}: {self._failed or 'opened for reading only'}")
        if not len(bars):
            return
        self._refuse_disorder(bars["timestamp"])
        data = seal(bars)
        end = self._count * SIZE
        try:
            _write(self._file, data, end)
            os.fsync(self._file)
        except OSError as error:
            self._failed = f"cannot be written: {error.strerror}"
            with contextlib.suppress(OSError):  # the next open cuts what is left
                os.ftruncate(self._file, end)
            raise JournalError(f"{self.path}: {self._failed}") from error
        self._count += len(bars)
        self._last = int(bars["timestamp"][-1])

    def last(self) -> int | None:
        """Give the open time of the last bar, ms."""
        return self._last

    def count(self, until: int) -> int:
        """Count the bars that open at `until` (ms) or before."""
        return self._position(until + 1)

    def __len__(self) -> int:
        """Count the bars."""
        return self._count

    def read(self, after: int, limit: int) -> Bars:
        """Give the bars with timestamp > after, at most `limit`. Raises `JournalError`."""
        begin = self._position(after + 1)
        end = min(begin + limit, self._count)
        bars: Bars = self._records(begin, end)["bar"].copy()
        if len(bars):
            self._hint = (int(bars["timestamp"][-1]) + 1, end)
        return bars

    def records(self, start: int, end: int) -> bytes:
        """Give the raw records with start ≤ timestamp < end. Raises `JournalError`."""
        return self._records(self._position(start), self._position(end)).tobytes()

    def cut(self, after: int) -> None:
        """Drop the bars that open after `after` (ms). Raises `JournalError`."""
        if self._read_only:
            raise JournalError(f"{self.path}: opened for reading only")
        count = self.count(after)
        if count == self._count:
            return
        try:
            os.ftruncate(self._file, count * SIZE)
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}") from error
        self._count, self._hint = count, (-1, 0)
        left = self._records(max(count - 1, 0), count)["bar"]["timestamp"]
        self._last = int(left[-1]) if count else None

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _check(self) -> tuple[int, int | None]:
        size = os.fstat(self._file).st_size // SIZE
        good, last = 0, -1  # records before the first bad one; the open of the last of them
        for begin in range(0, size, _BLOCK):
            records = self._raw(begin, min(begin + _BLOCK, size))
            whole = sound(records)
            length = len(records) if whole.all() else int(np.argmin(whole))
            if whole[length if good == begin else 0 :].any():
                raise self._damaged(good + length if good == begin else good)
            if good < begin:
                continue
            times = np.concatenate(([last], records["bar"]["timestamp"][:length]))
            late = np.flatnonzero(np.diff(times) <= 0)
            if len(late):
                raise JournalError(
                    f"{self.path}: record {begin + int(late[0]) + 1} is out of order"
                )
            good, last = begin + length, int(times[-1])
        return good, last if good else None

    def _damaged(self, index: int) -> JournalError:
        return JournalError(f"{self.path}: record {index + 1} (byte {index * SIZE}) is damaged")

    def _refuse_disorder(self, times: Bars) -> None:
        before = np.concatenate(([-1 if self._last is None else self._last], times[:-1]))
        late = np.flatnonzero(times <= before)
        if len(late):
            at = int(late[0])
            raise ValueError(f"bar was {times[at]}, must be after {before[at]}, the bar before")

    def _position(self, time: int) -> int:
        if time == self._hint[0]:
            return self._hint[1]
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if int(self._raw(middle, middle + 1)["bar"]["timestamp"][0]) < time:
                low = middle + 1
            else:
                high = middle
        return low

    def _records(self, begin: int, end: int) -> Records:
        records = self._raw(begin, max(begin, end))
        whole = sound(records)
        if not whole.all():
            raise self._damaged(begin + int(np.argmin(whole)))
        return records

    def _raw(self, begin: int, end: int) -> Records:
        data = os.pread(self._file, (end - begin) * SIZE, begin * SIZE)
        return np.frombuffer(data, RECORD)


def _open(path: Path, read_only: bool) -> int:
    try:
        if read_only:
            return os.open(path, os.O_RDONLY)
        path.parent.mkdir(parents=True, exist_ok=True)
        created = not path.exists()
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if created:
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        return file
    except OSError as error:
        raise JournalError(f"{path}: cannot be opened: {error.strerror}") from error


def _write(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
