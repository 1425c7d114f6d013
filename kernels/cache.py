"""Where compiled kernels are kept: bounded, shared by any number of processes, never the truth.

An entry is one file or directory in `folder()`, named by the content it was made from: what is
there is right or broken, never stale. Entries appear and vanish whole (written or moved aside, then
renamed), and any of them may vanish at any time: whoever misses one makes it anew. When one was
last used stands in its modification time; the oldest go first once all together are too large.
"""

import atexit
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import numba

TRIES = 100  # of making a directory that another process clears away at the same time
PREFIX = "kernels-numba-"  # one folder for each version of numba: they share no machine code
LIMIT_MB = 512
ROOM = 0.8  # of the limit: what a sweep leaves, so that the next one is not due at once
YOUNG = 60.0  # seconds after its last use during which no sweep takes an entry
ROUND = 16  # new entries of a process from one sweep to the next

ADDED = count()
USABLE: set[Path] = set()  # found writable by this process: asking costs as much as a load


class CacheUnusable(OSError):
    """PERPETUA_CACHE names no directory that can be written to, or PERPETUA_CACHE_MB no size."""


@dataclass(frozen=True)
class Entry:
    """One thing that was compiled."""

    path: Path
    size: int  # bytes
    used: float  # s UTC


@dataclass(frozen=True)
class Contents:
    """What is kept, in all versions' folders."""

    folder: Path  # of this version
    entries: int
    bytes: int
    limit: int  # bytes


@dataclass(frozen=True)
class Cleared:
    """What was removed."""

    entries: int
    bytes: int


def folder() -> Path:
    """Where this version's compiled kernels are: in PERPETUA_CACHE, else in the user's own cache.

    Raises `CacheUnusable` where PERPETUA_CACHE names no directory that can be written to; where the
    user's own cannot, kernels are compiled anew by every process.
    """
    name = f"{PREFIX}{numba.__version__}"
    chosen = os.environ.get("PERPETUA_CACHE")
    if chosen:
        path = Path(chosen) / name
        if not usable(path):
            raise CacheUnusable(f"PERPETUA_CACHE was {chosen!r}, must be a writable directory")
        return path
    path = Path.home() / ".cache" / "perpetua" / name
    return path if usable(path) else scratch() / name


def limit() -> int:
    """How large all entries together may grow, bytes. Raises `CacheUnusable`."""
    text = os.environ.get("PERPETUA_CACHE_MB") or str(LIMIT_MB)
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise CacheUnusable(f"PERPETUA_CACHE_MB was {text!r}, must be a whole number above 0")
    return int(text) * 1_000_000


def kept(name: str, content: bytes) -> Path:
    """Have `folder()`/`name` (of one or two parts) hold exactly these bytes, and note its use."""
    home = folder()
    path = home / name
    entry = home / path.relative_to(home).parts[0]
    if content_of(path) == content:
        note_use(entry)
        return path
    while True:
        with suppress(FileNotFoundError):  # swept away between the two: once more
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, content)
            break
    made_room()
    return path


def built(name: str, make: Callable[[], bytes]) -> bytes:
    """Give the content of an entry, made and kept the first time.

    `name` must tell everything that the content is made from, and `make` must give what can be
    checked by whoever uses it: a disk may cut a file short.
    """
    path = folder() / name
    content = content_of(path)
    if content is None:
        content = make()
        kept(name, content)
    else:
        note_use(path)
    return content


def note_use(entry: Path) -> None:
    """Mark an entry as used now."""
    with suppress(OSError):  # it is gone, or another user's
        os.utime(entry)


def contents() -> Contents:
    """Count what is kept. Raises `CacheUnusable`."""
    home = folder()
    found = entries(home.parent)
    return Contents(home, len(found), sum(entry.size for entry in found), limit())


def clear() -> Cleared:
    """Remove what is kept, of every version. Raises `CacheUnusable`."""
    home = folder()
    gone = [entry for entry in entries(home.parent) if removed(entry.path)]
    for path in folders(home.parent):
        with suppress(OSError):  # not empty: a process is building there just now
            path.rmdir()
    return Cleared(len(gone), sum(entry.size for entry in gone))


def sweep() -> None:
    """Remove the entries unused for longest, until all together are well below the limit."""
    found = entries(folder().parent)
    total, allowed = sum(entry.size for entry in found), limit()
    if total <= allowed:
        return
    settled = time.time() - YOUNG
    for entry in sorted(found, key=lambda entry: entry.used):
        if total <= ROOM * allowed or entry.used > settled:
            return
        if removed(entry.path):
            total -= entry.size


def made_room() -> None:
    if next(ADDED) % ROUND == 0:
        sweep()


def folders(root: Path) -> list[Path]:
    return sorted(path for path in root.glob(f"{PREFIX}*") if path.is_dir())


def entries(root: Path) -> list[Entry]:
    return [entry for home in folders(root) for entry in entries_in(home)]


def entries_in(home: Path) -> Iterator[Entry]:
    for path in sorted(home.glob("*")):
        with suppress(FileNotFoundError):  # another process swept it
            found = path.stat()
            yield Entry(path, size_of(path, found), found.st_mtime)


def size_of(path: Path, found: os.stat_result) -> int:
    if not path.is_dir():
        return found.st_size
    total = 0
    for inner in path.rglob("*"):
        with suppress(FileNotFoundError):
            total += inner.stat().st_size
    return total


def removed(path: Path) -> bool:
    aside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        path.rename(aside)
    except OSError:  # another process was first, or it is not ours to remove
        return False
    if aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)
    return True


def content_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: Path, content: bytes) -> None:
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def usable(path: Path) -> bool:
    if path in USABLE:
        return True
    for _ in range(TRIES):
        try:
            path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path).close()
        except FileNotFoundError:  # cleared away between the two: once more
            continue
        except OSError:
            return False
        USABLE.add(path)
        return True
    return False


@cache
def scratch() -> Path:
    path = tempfile.mkdtemp(prefix="perpetua-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)
