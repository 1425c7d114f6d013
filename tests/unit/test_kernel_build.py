"""The cache of compiled kernels may be cut short, shared or missing: trading goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHILD = r"""
from kernels.build import load
text = "from numba import njit\n@njit(cache=True)\ndef f(x):\n    return x + 41\n"
print(load("probe", text).f(1))
"""


def children(count: int, **environment: str) -> list[tuple[int | None, str]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(count)
    ]
    said = [child.communicate()[0].strip() for child in started]
    return [(child.returncode, text) for child, text in zip(started, said, strict=True)]


def test_cache_when_two_build_at_once_or_files_are_cut_short_then_gives_the_same(
    tmp_path: Path,
) -> None:
    cache = str(tmp_path)
    assert children(2, PERPETUA_CACHE=cache) == [(0, "42")] * 2
    for pattern in ("*.py", "*.nbi", "*.nbc"):
        for found in tmp_path.rglob(pattern):
            found.write_bytes(found.read_bytes()[:20])
        assert children(1, PERPETUA_CACHE=cache) == [(0, "42")], pattern


def test_cache_when_home_cannot_be_written_then_compiles_without_one() -> None:
    assert children(1, HOME="/dev/null", PERPETUA_CACHE="") == [(0, "42")]


@pytest.mark.parametrize("chosen", ["/dev/null", "/dev/null/cache"])
def test_cache_when_chosen_and_unusable_then_is_refused_by_name(chosen: str) -> None:
    ((code, said),) = children(1, PERPETUA_CACHE=chosen)
    assert code == 1
    assert f"PERPETUA_CACHE was {chosen!r}, must be a writable directory" in said
