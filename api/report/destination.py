"""Where a report is to be written: looked at before the run, filled after it, whole or not at all.

A run may take long, so a place that cannot be written to is refused before it begins. What stood
there is replaced in one move once the new page is complete, and never by half of it.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIXES = (".html", ".htm")  # so that no slip of the hand writes over a strategy file
READABLE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH


class ReportRefused(ValueError):
    """A report cannot be written there: names the path and what it must be."""


class Destination:
    """A place for a page, held open until it is written."""

    def __init__(self, path: Path, temporary: Path) -> None:
        self.path = path
        self.temporary = temporary

    def write(self, text: str) -> None:
        """Put the page in its place, durable and in one move. Raises OSError."""
        with self.temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.temporary.chmod(READABLE & ~mask())
        self.temporary.replace(self.path)


@contextmanager
def destination(path: Path) -> Iterator[Destination]:
    """Hold a place for a page: nothing is left behind unless `write` was called.

    Raises `ReportRefused` where it could not be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ReportRefused(f"report was {path}, must end in {' or '.join(SUFFIXES)}")
    if path.is_dir():
        raise ReportRefused(f"report was {path}, must be a file and not a directory")
    if not path.parent.is_dir():
        raise ReportRefused(f"report was {path}, must be in a directory that exists")
    try:
        number, name = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
    except OSError as error:
        raise ReportRefused(
            f"report was {path}, must be in a directory that can be written to ({error.strerror})"
        ) from error
    os.close(number)
    temporary = Path(name)
    try:
        yield Destination(path, temporary)
    finally:
        with suppress(FileNotFoundError):  # it was moved to its place
            temporary.unlink()


def mask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
