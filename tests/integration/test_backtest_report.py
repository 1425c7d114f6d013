"""`perpetua backtest` as a user meets it: figures, every trade's costs, and the page."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.backtest_text import show_text
from api.cli.main import app
from api.report import destination as place
from api.report.destination import ReportRefused, destination
from api.report.groups import figure_groups, reason, verdict
from application.report_figures import TrialsInvalid
from infrastructure.feeds.recorded import open_recorded
from tests.feed_bars import made_bars, write_bars
from tests.report_runs import SOURCE, run_of

NAME = "binance_BTC-USDT_1m.parquet"
BARS = 20_000


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with recorded candles and a strategy beside them."""
    directory = tmp_path_factory.mktemp("market")
    write_bars(directory, NAME, made_bars(BARS))
    (directory / "cross.py").write_text(SOURCE)
    return directory


def ask(market: Path, *more: object) -> Result:
    where = ("--data", market, "--venue", "binance", "--symbol", "BTC/USDT")
    words = ("backtest", market / "cross.py", *where, *more)
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(market: Path, *more: object) -> Any:
    result = ask(market, *more, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_json_when_trades_are_asked_for_then_every_one_adds_up_and_so_do_they_all(
    market: Path,
) -> None:
    told = answer(market, "--trades")
    trades = told["trades"]
    assert len(trades) == told["metrics"]["trades"] >= 100
    parts = ("gross", "fees", "slippage", "funding", "net")
    sums = dict.fromkeys(parts, Decimal(0))
    for trade in trades:
        gross, fees, slippage, funding, net = (Decimal(trade[name]) for name in parts)
        assert gross - fees - slippage - funding == net
        assert trade["side"] in ("long", "short")
        for name in parts:
            sums[name] += Decimal(trade[name])
    for name in parts:
        assert Decimal(told["figures"]["trades"][name]) == sums[name]
    assert Decimal(told["metrics"]["net_profit"]) == sums["net"]
    assert {trade["regime"] for trade in trades} >= {"ranging", None}
    assert "trades" not in answer(market)


def test_json_when_read_then_holds_every_group_of_figures_and_no_figure_that_is_none_of_json(
    market: Path,
) -> None:
    told = answer(market)
    figures = told["figures"]
    groups = ("trades", "curve", "drawdown", "sharpe", "quality", "readiness", "months")
    assert {*groups, "breakdowns", "exposure", "yearly_turnover", "open_net"} == set(figures)
    cuts = ("tag", "side", "reason", "symbol", "hour", "regime", "month")
    assert tuple(figures["breakdowns"]) == cuts
    for groups_of_cut in figures["breakdowns"].values():
        assert sum(group["trades"] for group in groups_of_cut) == told["metrics"]["trades"]
    assert figures["readiness"]["ready"] is False
    assert len(figures["quality"]["components"]) == 5
    assert (told["capital"], told["leverage"], told["sized_by"]) == ("17000", 8, "margin=0.05")
    assert told["held_to"]["day_loss"] == "500"

    def walk(value: Any) -> None:
        if isinstance(value, dict | list):
            for each in value.values() if isinstance(value, dict) else value:
                walk(each)
        else:
            assert value == value
            assert value not in ("NaN", "Infinity", float("inf"))

    walk(told)


def test_text_when_printed_then_shows_what_the_page_shows(market: Path) -> None:
    result = ask(market, "--tried", 40, "--trades")
    assert result.exit_code == 0, result.exception
    for words in (
        "Profit factor",
        "Deflated Sharpe",
        "Entry tag",
        "Regime at entry",
        "Not ready for allocation",
        "must be at least 71.00 %",
        "Quality",
        "Breakers tripped",
        "slippage",
    ):
        assert words in result.stdout, words
    assert "40  parameter sets" in result.stdout


def test_report_when_asked_for_then_is_one_page_and_nothing_is_left_beside_it(
    market: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.html"
    out.write_text("an older page")
    told = answer(market, "--report", out)
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert told["trades_digest"] in text
    assert left_in(tmp_path) == ["out.html"]
    assert out.stat().st_mode & 0o777 == 0o644 & ~place.mask()


def test_report_when_made_twice_then_is_the_same_to_the_byte(market: Path, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        answer(market, "--report", tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("out.py", r"must end in \.html or \.htm"),
        ("missing/out.html", "must be in a directory that exists"),
        ("folder.html", "must be a file and not a directory"),
    ],
)
def test_report_when_it_cannot_be_written_then_is_refused_before_the_run(
    path: str, words: str, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.html").mkdir()
    monkeypatch.setattr("application.backtest.run", lambda *_, **__: pytest.fail("it has run"))
    result = ask(market, "--report", tmp_path / path)
    assert isinstance(result.exception, ReportRefused)
    assert str(tmp_path / path) in str(result.exception)
    with pytest.raises(ReportRefused, match=words):
        raise result.exception
    assert left_in(tmp_path) == ["folder.html"]


def test_destination_when_the_directory_cannot_be_written_to_then_is_refused() -> None:
    with pytest.raises(ReportRefused, match="a directory that can be written to"):  # noqa: SIM117
        with destination(Path("/proc/out.html")):
            pytest.fail("nothing can be written there")


def test_report_when_the_run_fails_then_the_older_page_stays(market: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    out.write_text("an older page")
    result = ask(market, "--report", out, "--from", "2031-01-01")
    assert "must hold bars" in str(result.exception)
    assert out.read_text() == "an older page"
    assert left_in(tmp_path) == ["out.html"]


def test_destination_when_the_mask_is_narrow_then_the_page_is_not_for_all(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with destination(tmp_path / "out.html") as held:
            held.write("page")
    finally:
        os.umask(before)
    assert (tmp_path / "out.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tried", 0), "trials was 0, must be at least 1"),
        (("--tried-variance", "nan"), "trial variance was nan, must be finite"),
    ],
)
def test_trials_when_they_are_impossible_then_are_refused_by_name(
    options: tuple[object, ...], words: str, market: Path
) -> None:
    result = ask(market, *options)
    assert isinstance(result.exception, TrialsInvalid)
    assert words in str(result.exception)


def test_feed_when_recorded_then_the_report_names_its_data(market: Path) -> None:
    feed = open_recorded(market, "binance", "BTC/USDT")
    digest = feed.describe().data_digest
    feed.close()
    assert answer(market)["data_digest"] == digest


def test_text_when_printed_then_holds_every_figure_of_every_group(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = run_of(4000)
    show_text(done, with_trades=False)
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for group in figure_groups(done.report):
        assert group.title in lines
        for row in group.rows:
            assert f"{row.label} {row.text} {row.meaning}".strip() in lines
    assert verdict(done.report) in lines
    for short in done.report.figures.readiness.shortfalls:
        assert reason(short) in lines
