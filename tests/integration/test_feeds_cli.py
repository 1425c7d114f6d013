"""`perpetua data`: fetch, import, check, as a user meets them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.data import DataRefused, app
from application.ports import FeedError
from domain.timeframe import UnknownTimeframe
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import START
from infrastructure.symbols import UnknownSymbol
from tests.feed_bars import MINUTE, columns_of, drain, made_bars, write_bars, write_table
from tests.unit.test_feeds_files import HEADERS, rows_of, write_csv
from tests.venue_server import VenueServer

NAME = "binance_BTC-USDT_1m.parquet"
BARS = made_bars(500)


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(kind: type[Exception], *arguments: object) -> str:
    result = ask(*arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, kind), result.exception
    assert "\n" not in str(result.exception)
    return str(result.exception)


def answer(*arguments: object) -> dict[str, Any]:
    result = ask(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def test_data_check_when_all_is_well_then_reports_each_file(tmp_path: Path) -> None:
    write_bars(tmp_path, NAME, BARS[[*range(100), *range(150, 300)]])
    report = answer("check", tmp_path)
    assert report["ok"] is True
    assert report["files"][0]["rows"] == 250
    assert (report["files"][0]["gaps"], report["files"][0]["missing"]) == (1, 50)
    shown = ask("check", tmp_path / NAME)
    assert shown.exit_code == 0
    assert "2024-01-01 04:59" in shown.stdout


def test_data_check_when_a_row_is_bad_then_named_and_status_not_zero(tmp_path: Path) -> None:
    write_bars(tmp_path, NAME, BARS)
    columns = columns_of(BARS)
    columns["volume"][77] = -2.0
    write_table(tmp_path / "binance_ETH-USDT_1m.parquet", columns)
    message = refused(DataRefused, "check", tmp_path)
    assert message.startswith("binance_ETH-USDT_1m.parquet: row 78, column volume: was -2.0")
    result = ask("check", tmp_path, "--json")
    assert json.loads(result.stdout)["ok"] is False
    assert "must be a Parquet file or a directory" in refused(FeedError, "check", tmp_path / "x")


def test_data_import_when_csv_then_feed_serves_the_same_bars(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "mine.csv", HEADERS[1], rows_of(BARS))
    options = ("--venue", "mine", "--symbol", "X/Y", "--timeframe", "1m", "--data", tmp_path)
    report = answer("import", source, *options)
    assert report["files"][0]["rows"] == 500
    assert drain(open_recorded(tmp_path, "mine", "X/Y"), [77]).tobytes() == BARS.tobytes()
    assert "use --replace" in refused(DataRefused, "import", source, *options)
    assert answer("import", source, *options, "--replace")["ok"] is True


def test_data_import_when_row_is_bad_then_named_and_nothing_written(tmp_path: Path) -> None:
    rows = rows_of(BARS)
    rows[10][3] = "cheap"
    source = write_csv(tmp_path / "mine.csv", HEADERS[0], rows)
    options = ("--venue", "mine", "--symbol", "X/Y", "--timeframe", "1m", "--data", tmp_path)
    assert "row 12, column low: was 'cheap'" in refused(FeedError, "import", source, *options)
    assert not list(tmp_path.glob("*.parquet"))
    wrong = ("--venue", "mine", "--symbol", "X/Y", "--timeframe", "2m", "--data", tmp_path)
    assert "must be one of 1m" in refused(UnknownTimeframe, "import", source, *wrong)


def test_data_fetch_when_venue_answers_then_candles_lie_in_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VenueServer(BARS, lambda: START + 400 * MINUTE) as server:
        monkeypatch.setenv("PERPETUA_VENUE_URL", server.url)
        options = ("--venue", "binance", "--data", tmp_path, "--from", "2024-01-01")
        report = answer("fetch", "--symbol", "BTC/USDT", *options, "--to", "2024-01-02")
        assert (report["new"], report["files"][0]["rows"]) == (400, 400)
        assert Path(report["path"]) == tmp_path / NAME
        assert "binance has BTC/USDT" in refused(
            UnknownSymbol, "fetch", "--symbol", "ABC/USDT", *options
        )
        assert "venue was 'nasdaq'" in refused(
            FeedError, "fetch", "--symbol", "A/B", "--venue", "nasdaq", *options[2:]
        )


def test_data_fetch_when_venue_is_unreachable_then_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERPETUA_VENUE_URL", "http://127.0.0.1:9")
    message = refused(
        FeedError,
        *("fetch", "--venue", "binance", "--symbol", "BTC/USDT"),
        *("--data", tmp_path, "--from", "2024-01-01"),
    )
    assert message.startswith("binance: NetworkError")
