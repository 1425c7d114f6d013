"""`perpetua analyse`, as a user meets it: a home on disk, read beside whatever runs."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.analyse import NoBars, UnknownVersion
from api.cli.main import app
from api.processes.home import HomeUnused
from api.report.destination import ReportRefused
from application.improvement.losses.analysis import losses_of
from application.improvement.losses.trade_contexts import trades_of
from application.trading import StrategySource, Trader
from domain.limits import effective
from domain.portfolio.events import PositionClosed
from infrastructure.home_journal import open_journal
from infrastructure.store import SqliteEventLog, SqliteLogReader
from kernels.program import compile_strategy
from tests.page_reader import read
from tests.report_markets import SYMBOLS, description_of, instrument_of, stretch_of
from tests.report_runs import SOURCE

MINUTE = 60_000
BARS = 3_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of two symbols that has traded a strategy for two days."""
    directory = tmp_path_factory.mktemp("home")
    stretch = stretch_of(BARS, 2, seed=3)
    log, journal = SqliteEventLog(directory / "log.db"), open_journal(directory, SYMBOLS[:2])
    first = int(min(bars["timestamp"][0] for bars in stretch))
    sources = (StrategySource("cross", SOURCE),)
    trader = Trader.open(log, journal, description_of(SYMBOLS[:2]), sources, first)
    trader.step(stretch).result()
    journal.close()
    log.close()
    return directory


def ask(home: Path, *arguments: object) -> Result:
    words = ["analyse", *map(str, arguments), "--home", str(home)]
    return CliRunner().invoke(app, words)


def answer(home: Path, *arguments: object) -> Any:
    result = ask(home, *arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_analyse_when_asked_then_tells_what_a_look_at_the_same_bars_finds(home: Path) -> None:
    told = answer(home, "cross")
    stretch = stretch_of(BARS, 2, seed=3)
    trades = trades_of(
        compile_strategy(SOURCE, "cross"),
        {},
        stretch,
        [instrument_of(symbol) for symbol in SYMBOLS[:2]],
        effective(),
        MINUTE,
        start=told["from"],
        until=told["until"],
    )
    losses = losses_of(trades)
    assert losses.losses > 10
    assert (told["version"], told["symbols"]) == ("v1", list(SYMBOLS[:2]))
    assert (told["trades"], told["losses"]) == (losses.trades, losses.losses)
    assert told["net"] == f"{losses.net:f}"
    assert [p["code"] for p in told["patterns"]] == [p.code for p in losses.patterns]
    assert len(told["losing"]) == losses.losses
    with closing(SqliteLogReader(home / "log.db")) as log:  # and what the home itself traded
        events = list(log.stream("portfolio/paper/cross/v1/B"))
    closed = [event for event in events if isinstance(event, PositionClosed)]
    assert (len(closed), sum(event.net for event in closed)) == (losses.trades, losses.net)


def test_analyse_when_told_until_when_then_looks_at_nothing_later(home: Path) -> None:
    whole, part = answer(home, "cross"), answer(home, "cross", "--until", "2024-01-02")
    assert part["until"] == 1_704_153_600_000
    assert 0 < part["trades"] < whole["trades"]
    assert all(loss["exit_at"] <= part["until"] for loss in part["losing"])
    late = answer(home, "cross", "--from", "2024-01-02", "--version", "v1")
    assert all(loss["entry_at"] >= part["until"] for loss in late["losing"])


def test_analyse_when_read_by_people_then_prints_patterns_and_losses(home: Path) -> None:
    result = ask(home, "cross")
    assert result.exit_code == 0
    assert "Losses of cross v1" in result.stdout
    assert "stop too tight" in result.stdout
    assert "losing trades" in result.stdout


def test_analyse_when_a_page_is_wanted_then_it_is_whole(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "losses.html"
    told = answer(home, "cross", "--report", file)
    found = read(file.read_text())
    assert ("table", "losses") in {(tag, attrs.get("id")) for tag, attrs in found.seen}
    assert f"{told['losses']} losses" in " ".join(found.words)
    assert isinstance(ask(home, "cross", "--report", tmp_path / "x.txt").exception, ReportRefused)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("crass",), UnknownVersion, "strategy was 'crass', must be one of: cross"),
        (("cross", "--version", "v9"), UnknownVersion, "version was 'v9', must be one of: v1"),
        (("cross", "--until", "2023-01-01"), NoBars, "must lie within"),
        (("cross", "--from", "2025-01-01"), NoBars, "must lie within"),
    ],
)
def test_analyse_when_there_is_nothing_of_that_name_or_time_then_says_what_there_is(
    home: Path, arguments: tuple[str, ...], kind: type[Exception], words: str
) -> None:
    result = ask(home, *arguments)
    assert isinstance(result.exception, kind)
    assert words in str(result.exception)


def test_analyse_when_a_home_was_never_used_then_says_so(tmp_path: Path) -> None:
    assert isinstance(ask(tmp_path, "cross").exception, HomeUnused)
