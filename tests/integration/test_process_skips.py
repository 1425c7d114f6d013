"""Where every test must run, a skip is a failure, unless recorded candles are what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"
TESTS = """
import pytest

def test_works():
    assert True

def test_wants_data():
    pytest.skip("real data absent: nothing there")
"""
MISSING = """
def test_wants_part():
    pytest.skip("no compiler")
"""


def outcome(directory: Path, *, part: bool, ci: bool, workers: str) -> tuple[int, str]:
    (directory / "tests").mkdir()
    shutil.copy(CONFTEST, directory / "tests" / "conftest.py")
    (directory / "tests" / "test_some.py").write_text(TESTS + (MISSING if part else ""))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    clean.pop("CI", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, "-p", "no:cacheprovider", "tests"],
        cwd=directory,
        env=clean | ({"CI": "true"} if ci else {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("workers", ["0", "1"])
def test_skip_when_a_part_is_missing_under_ci_then_the_run_fails(
    tmp_path: Path, workers: str
) -> None:
    status, said = outcome(tmp_path, part=True, ci=True, workers=workers)

    assert status == 1
    assert "under CI every part must be there" in said
    assert "no compiler" in said
    assert "1 failed, 1 passed, 1 skipped" in said


def test_skip_when_only_recorded_data_is_missing_under_ci_then_it_is_counted(
    tmp_path: Path,
) -> None:
    status, said = outcome(tmp_path, part=False, ci=True, workers="1")

    assert status == 0
    assert "1 tests skipped: real data absent" in said


def test_skip_when_a_part_is_missing_elsewhere_then_the_run_passes(tmp_path: Path) -> None:
    status, _ = outcome(tmp_path, part=True, ci=False, workers="0")

    assert status == 0
