"""The cache of compiled kernels: bounded, cleared under its users, and never missed for long."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import pytest

from kernels import cache

ROOT = Path(__file__).parent.parent.parent
MB = 1_000_000
DAY = 86_400.0
BUILDER = r"""
import sys
from kernels.build import load
for n in map(int, sys.argv[1:]):
    text = "from numba import njit\n@njit(cache=True)\ndef f(x):\n    return x + %d\n" % n
    module = load("probe", text)
    assert module.f(1) == n + 1, n
    assert module.f(1.5) == n + 1.5, n
print("built")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This version's folder in a cache of one megabyte."""
    monkeypatch.setenv("PERPETUA_CACHE", str(tmp_path))
    monkeypatch.setenv("PERPETUA_CACHE_MB", "1")
    return cache.folder()


def fill(path: Path, size: int, age: float) -> Path:
    """An entry that was last used `age` seconds ago."""
    path.mkdir(parents=True)
    (path / "code").write_bytes(bytes(size))
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def building(directory: Path, *numbers: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, *map(str, numbers)],
        cwd=ROOT,
        env=os.environ | {"PERPETUA_CACHE": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_cache_when_it_is_too_large_then_what_was_unused_longest_goes_first(home: Path) -> None:
    kept = [fill(home / f"entry{age}", MB // 4, age * DAY) for age in (1, 2, 3)]
    gone = [fill(home / f"entry{age}", MB // 4, age * DAY) for age in (4, 5)]
    cache.sweep()
    assert [path.exists() for path in (*kept, *gone)] == [True, True, True, False, False]
    assert cache.contents().bytes <= cache.ROOM * MB


def test_cache_when_it_is_within_its_limit_then_nothing_is_swept(home: Path) -> None:
    path = fill(home / "entry", MB - 10_000, 400 * DAY)
    cache.sweep()
    assert path.exists()


def test_cache_when_an_old_entry_was_used_again_then_another_goes_first(home: Path) -> None:
    used, unused = (fill(home / name, 3 * MB // 4, DAY) for name in ("used", "unused"))
    cache.note_use(used)
    cache.sweep()
    assert (used.exists(), unused.exists()) == (True, False)


def test_cache_when_all_was_used_just_now_then_it_stays_though_it_is_too_large(home: Path) -> None:
    paths = [fill(home / f"entry{n}", MB, 0.0) for n in range(3)]
    cache.sweep()
    assert all(path.exists() for path in paths)


def test_cache_when_another_version_left_its_entries_then_they_are_counted_swept_and_cleared(
    home: Path,
) -> None:
    other = home.with_name(f"{cache.PREFIX}0.1")
    old, new = fill(other / "old", MB, 9 * DAY), fill(home / "new", MB // 2, DAY)
    assert cache.contents().entries == 2
    cache.sweep()
    assert (old.exists(), new.exists()) == (False, True)
    again = fill(other / "old", MB, DAY)
    assert cache.clear().entries == 2
    assert not again.parent.exists()
    assert not new.exists()


def test_cache_when_it_is_cleared_then_only_what_is_its_own_goes(home: Path) -> None:
    mine = home.parent / "notes.txt"
    mine.write_text("mine")
    cache.kept("a/a.py", b"1 + 1")
    cache.kept("code.o", bytes(100))
    assert cache.contents().entries == 2
    cleared = cache.clear()
    assert (cleared.entries, cleared.bytes > 100) == (2, True)
    assert cache.contents().entries == cache.contents().bytes == 0
    assert mine.read_text() == "mine"


def test_cache_when_new_entries_keep_coming_then_it_stays_bounded(home: Path) -> None:
    for n in range(4 * cache.ROUND):
        entry = cache.kept(f"entry{n}/code", bytes(MB // 10)).parent
        then = time.time() - DAY + n
        os.utime(entry, (then, then))
    assert cache.contents().bytes <= MB + cache.ROUND * MB // 10 + 100_000


def test_entry_when_it_is_there_then_it_is_not_made_again(home: Path) -> None:
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"code"

    assert [cache.built("code.o", make) for _ in range(3)] == [b"code"] * 3
    assert len(made) == 1
    cache.clear()
    assert cache.built("code.o", make) == b"code"
    assert len(made) == 2


def test_entry_when_it_holds_other_bytes_then_it_is_replaced_whole(home: Path) -> None:
    path = cache.kept("a/a.py", b"good")
    path.write_bytes(b"go")
    assert cache.kept("a/a.py", b"good").read_bytes() == b"good"
    assert [p.name for p in path.parent.iterdir()] == ["a.py"]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "much", "٣"])
def test_limit_when_it_is_no_size_then_is_refused_by_name(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERPETUA_CACHE_MB", text)
    with pytest.raises(cache.CacheUnusable, match=r"PERPETUA_CACHE_MB was .* whole number above 0"):
        cache.limit()


def test_limit_when_nothing_is_said_then_is_512_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERPETUA_CACHE_MB", raising=False)
    assert cache.limit() == 512 * MB


def test_folder_when_it_is_cleared_away_while_it_is_looked_at_then_is_made_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, times = tempfile.TemporaryFile, iter(range(100))

    def cleared_first(*arguments: Any, **named: Any) -> Any:
        if next(times) < 3:
            home.rmdir()
        return real(*arguments, **named)

    monkeypatch.setattr(cache, "USABLE", set())
    monkeypatch.setattr(tempfile, "TemporaryFile", cleared_first)
    assert cache.folder() == home
    assert home.is_dir()
    assert next(times) == 4


def test_builders_when_the_cache_is_cleared_under_them_then_all_build_what_they_were_asked_for(
    home: Path,
) -> None:
    root, numbers = home.parent, range(12)
    builders = [building(root, *numbers), building(root, *numbers), building(root, *numbers[::-1])]
    cleared = 0
    while any(builder.poll() is None for builder in builders):
        cleared += cache.clear().entries
        time.sleep(0.002)
    said = [builder.communicate()[0].strip() for builder in builders]
    assert said == ["built"] * 3
    assert [builder.returncode for builder in builders] == [0] * 3
    assert cleared > len(numbers)  # they were disturbed


def test_builders_when_they_build_the_same_and_different_things_then_each_is_kept_once(
    home: Path,
) -> None:
    root = home.parent
    builders = [building(root, 1, 2, 3), building(root, 3, 2, 1), building(root, 4, 5, 1)]
    assert [b.communicate()[0].strip() for b in builders] == ["built"] * 3
    assert sorted(path.suffix for path in home.rglob("*.py")) == [".py"] * 5
    assert home.name == f"{cache.PREFIX}{numba.__version__}"
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*.nbc")}
    assert building(root, 1, 2, 3, 4, 5).communicate()[0].strip() == "built"
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*.nbc")} == before
