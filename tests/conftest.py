"""What every test may count on: recorded candles where there are any, and honest skips.

Where tests must all run (`CI` is set), a skipped test is a failed one: a missing part must not pass
for a working one. The one thing that may be missing is recorded market data, which is not part of
the project; tests skipped for want of it are counted and named in the closing lines.
"""

import logging
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
NO_DATA = "real data absent"  # every skip for want of recorded candles begins so

settings.register_profile(
    "short", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=1000)
settings.load_profile("long" if os.environ.get("PERPETUA_LONG") else "short")


def data_directory() -> Path | None:
    """Where recorded candles are, if anywhere: PERPETUA_DATA, else beside the checkout."""
    named = os.environ.get("PERPETUA_DATA")
    directory = Path(named) if named else ROOT.parent / "shared" / "data"
    return directory if any(directory.glob("*_*_*.parquet")) else None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory of recorded candles; skips the test where there is none."""
    directory = data_directory()
    if directory is None:
        pytest.skip(f"{NO_DATA}: set PERPETUA_DATA to a directory of recorded candles")
    return directory


def wants_data(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return "real data" in skip_reason(report)


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr or "")


def refuse_skip(report: Any) -> None:
    """Turn a skip into a failure where tests must all run."""
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    if wants_data(report):
        return
    reason = skip_reason(report)
    report.outcome = "failed"
    report.longrepr = f"skipped, but under CI every part must be there: {reason}"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Generator[None]:
    """Take back what a command that ran in this process did to logging: its stream is closed."""
    root = logging.getLogger()
    handlers, level, words = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**words)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    without = [r for r in terminalreporter.stats.get("skipped", []) if wants_data(r)]
    if without:
        terminalreporter.write_line(f"{len(without)} tests skipped: {NO_DATA}")
