"""`perpetua sweep`, as a user meets it: stopped, killed, resumed, and short of memory."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from api.cli.main import app
from application.backtest import backtest
from application.ports import SweepConflict
from application.research import ResearchInvalid
from domain.limits import effective
from infrastructure.feeds.recorded import open_recorded
from infrastructure.sweep_parts import FileParts
from kernels.errors import ParameterError
from kernels.program import compile_strategy
from kernels.sweep.plan import MemoryTooSmall
from kernels.sweep.sets import SetsInvalid
from tests.feed_bars import made_bars, write_bars
from tests.sweep_runs import SOURCE, wants

BARS = 6_000
ENTRY = (sys.executable, "-m", "api.cli.main")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with recorded candles and the strategy beside them."""
    directory = tmp_path_factory.mktemp("market")
    write_bars(directory, "binance_BTC-USDT_1m.parquet", made_bars(BARS))
    (directory / "cross.py").write_text(SOURCE)
    return directory


def words(market: Path, *more: object) -> list[str]:
    place = ("--data", market, "--venue", "binance", "--symbol", "BTC/USDT")
    return [str(word) for word in ("sweep", market / "cross.py", *place, *more)]


def ask(market: Path, *more: object) -> Result:
    return CliRunner().invoke(app, words(market, *more))


def answer(market: Path, *more: object) -> dict[str, Any]:
    result = ask(market, *more, "--json")
    assert result.exit_code == 0, result.exception
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_sweep_when_done_then_every_row_is_the_backtest_of_its_set(
    market: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.parquet"
    options = ("--grid", "fast=3,8", "--random", 6, "--seed", 9, "--sleeve", "A")
    report = answer(market, *options, "--limits", "off", "--sizing", "margin=0.2", "--out", out)
    rows = rows_of(out)
    assert (report["bots"], report["bars"], len(rows)) == (12, BARS, 12)
    assert report["research"] is True
    assert report["peak_rss"] > 50_000_000
    assert report["bar_steps_per_second"] == pytest.approx(12 * BARS / report["seconds"])
    program = compile_strategy(SOURCE, "cross", ("margin", 0.2))
    feed = open_recorded(market, "binance", "BTC/USDT")
    instrument = feed.describe().instruments[0]
    for row in rows[::5]:
        alone = backtest(
            program,
            feed,
            instrument,
            replace(effective(), enforced=False),
            parameters={p.name: row[f"param_{p.name}"] for p in program.parameters},
            sleeve="A",
        )
        assert row["state_digest"] == alone.state_digest
        found = alone.metrics
        assert row["trades"] == found.trades > 5
        assert row["wins"] == found.wins
        assert row["win_rate"] == found.win_rate
        assert row["profit_factor"] == found.profit_factor
        assert row["net"] == found.net_profit
        for name in ("fees", "slippage", "funding", "max_drawdown", "ruined"):
            assert row[name] == getattr(found, name)
    feed.close()
    best = sorted(rows, key=lambda row: (-row["net"], row["id"]))[:10]
    assert [row["id"] for row in report["top"]] == [row["id"] for row in best]
    assert report["top"][0]["state_digest"] == best[0]["state_digest"]
    assert not (tmp_path / "results.parquet.parts").exists()


@pytest.mark.parametrize(("backend", "memory"), [("numba", 0.502), ("opencl", 0.72)])
def test_file_when_written_by_another_backend_or_in_other_batches_then_has_the_same_bytes(
    backend: str, memory: float, market: Path, tmp_path: Path
) -> None:
    wants(backend)
    options = ("--grid", "fast=3:9:7", "--random", 40, "--out")
    answer(market, "--backend", "lanes", *options, tmp_path / "lanes.parquet")
    answer(market, "--backend", backend, "--memory", memory, *options, tmp_path / "other.parquet")
    lanes, other = tmp_path / "lanes.parquet", tmp_path / "other.parquet"
    assert lanes.read_bytes() == other.read_bytes()


def test_table_when_nothing_is_asked_for_json_then_says_the_same_for_people(market: Path) -> None:
    result = ask(market, "--grid", "fast=3:9:3", "--top", 2)
    assert result.exit_code == 0, result.exception
    assert "state_digest" in result.stdout
    assert "bar_steps_per_second" in result.stdout
    assert "profit_factor" in result.stdout
    assert "fast = " in result.stdout


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ParameterError, ("--grid", "depth=1:2:3"), "parameter 'depth' is unknown"),
        (SetsInvalid, ("--grid", "fast=9:3:3"), "grid was 'fast=9:3:3', must have low < high"),
        (ResearchInvalid, ("--sizing", "luck=1"), "sizing was 'luck=1', must be METHOD=VALUE"),
        (ResearchInvalid, ("--sizing", "risk=0"), "sizing was 'risk=0', must be METHOD=VALUE"),
        (MemoryTooSmall, ("--memory", 0.01), "memory was 0.01 GB, must be at least 0.4"),
    ],
)
def test_option_when_it_is_wrong_then_is_refused_by_name(
    kind: type[Exception], options: tuple[object, ...], message: str, market: Path
) -> None:
    result = ask(market, *options)
    assert result.exit_code != 0
    assert isinstance(result.exception, kind)
    assert message in str(result.exception)


MANY = ("--random", 25_000, "--seed", 2, "--memory", 0.42, "--backend", "lanes", "--threads", 1)


def start(market: Path, *more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*ENTRY, *words(market, *MANY, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PERPETUA_LOG_LEVEL": "error"},
    )


def kept_in(parts: Path) -> int:
    return len(list(parts.glob("batch-*")))


def wait_for(parts: Path, count: int, running: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while kept_in(parts) < count:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_sweep_when_killed_and_stopped_on_the_way_then_goes_on_to_the_same_bytes(
    market: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    parts = tmp_path / "cut.parquet.parts"
    running = start(market, "--out", cut, "--json")
    wait_for(parts, 2, running)
    running.kill()
    running.communicate()
    assert not cut.exists()

    left = kept_in(parts)
    running = start(market, "--out", cut, "--json")
    wait_for(parts, left + 1, running)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on from there" in said

    left = kept_in(parts)
    running = start(market, "--out", cut, "--json")
    wait_for(parts, left + 1, running)
    running.terminate()
    running.communicate(timeout=60)
    assert running.returncode == 143

    with pytest.raises(SweepConflict, match="sets of the sweep begun here was"):
        raise refusal(ask(market, *MANY, "--seed", 3, "--out", cut))
    finished = json.loads(start(market, "--out", cut, "--json").communicate(timeout=100)[0])
    expected = json.loads(start(market, "--out", whole, "--json").communicate(timeout=100)[0])
    assert cut.read_bytes() == whole.read_bytes()
    assert finished["state_digest"] == expected["state_digest"]
    assert finished["top"] == expected["top"]
    assert not parts.exists()
    assert expected["peak_rss"] <= 0.42e9, "the budget is kept"


def refusal(result: Result) -> BaseException:
    assert result.exception is not None
    return result.exception


def test_parts_when_two_work_on_them_or_they_are_another_sweeps_then_are_refused(
    tmp_path: Path,
) -> None:
    mine, other = FileParts(tmp_path / "parts"), FileParts(tmp_path / "parts")
    mine.open({"strategy": "a", "backend": "lanes"})
    with pytest.raises(SweepConflict, match="another sweep is working here"):
        other.open({"strategy": "a", "backend": "lanes"})
    mine.write("batch-000000", b"kept")
    mine.close()
    with pytest.raises(SweepConflict, match="backend of the sweep begun here was 'lanes', this"):
        other.open({"strategy": "a", "backend": "numba"})
    other.open({"strategy": "a", "backend": "lanes"})
    assert other.read("batch-000000") == b"kept"
    other.drop("batch-000000")
    other.drop("batch-000000")
    assert other.read("batch-000000") is None
    other.remove()
    assert not (tmp_path / "parts").exists()
    other.close()
