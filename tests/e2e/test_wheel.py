"""What is built and installed is the whole program: it runs far from the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.e2e.program import environment

ROOT = Path(__file__).resolve().parent.parent.parent
LAYERS = ("api", "application", "domain", "infrastructure", "kernels", "projections")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"),
            *(
                "--no-build-isolation",
                "--wheel-dir",
                str(directory),
                str(copy_of_sources(directory)),
            ),
        ],
        check=True,
        timeout=120,
    )
    (built,) = directory.glob("*.whl")
    return built


def copy_of_sources(directory: Path) -> Path:
    """The checkout's own files, so that building leaves nothing behind in it."""
    target = directory / "sources"
    names = (*LAYERS, "strategies", "pyproject.toml", "README.md", "LICENSE")
    target.mkdir()
    subprocess.run(
        ["cp", "-R", *(str(ROOT / name) for name in names), str(target)], check=True, timeout=60
    )
    return target


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, borrowing the dependencies of this one."""
    directory = tmp_path_factory.mktemp("environment")
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True, timeout=120
    )
    site = next((directory / "lib").glob("python*/site-packages"))
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--target", str(site), str(wheel)),
        ],
        check=True,
        timeout=120,
    )
    # A plain path line: the checkout's own editable install, a hook, is not taken over by it.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return directory / "bin" / "python"


def test_wheel_when_listed_then_it_holds_every_package_and_every_strategy(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    for layer in (*LAYERS, "strategies"):
        for file in (ROOT / layer).rglob("*"):
            if file.suffix in (".py", ".mako") and "__pycache__" not in file.parts:
                assert str(file.relative_to(ROOT)) in names
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


def test_packages_when_listed_in_the_project_file_then_they_are_all_there_are() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for layer in LAYERS
        for init in (ROOT / layer).rglob("__init__.py")
    }

    assert set(listed) == found | {"strategies"}


def test_wheel_when_installed_elsewhere_then_the_program_runs_there(
    installed: Path, tmp_path: Path
) -> None:
    def program(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(installed), "-P", "-m", "api.cli.main", *arguments],
            env={k: v for k, v in environment().items() if k != "PYTHONPATH"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    where = program_path(installed, tmp_path)
    usage = program("--help")
    run = program("run", "--feed", "synthetic", "--bars", "3000", "--until-end", "--port", "0")
    trades = program("trades", "--json")

    assert not where.startswith(str(ROOT) + os.sep)
    assert usage.returncode == 0
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "var" / "synthetic" / "log.db").exists()
    assert trades.returncode == 0, trades.stderr
    assert isinstance(json.loads(trades.stdout), list)


def program_path(python: Path, cwd: Path) -> str:
    return subprocess.run(
        [str(python), "-P", "-c", "import api; print(api.__file__)"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
