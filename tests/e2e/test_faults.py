"""Bad input and faults: one line that names the thing, a status other than 0, the log intact."""

import resource
import shutil
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.program import answer, command, environment, perpetua, refusal, rows, run_to_end

GOOD = """\
\"\"\"Buys dips.\"\"\"
timeframe("15m")
depth = param(0.01, 0.001, 0.1)
mean = sma(close, 20)

def entry():
    if close < mean * (1 - depth):
        return long(tag="dip", confidence=0.6)
    return FLAT

def exits():
    return plan(stop=2 * atr(14), target=2 * atr(14), max_bars=8)
"""


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    file = tmp_path / "dips.py"
    file.write_text(GOOD)
    return file


def recorded(candles: Path, home: Path, *more: str) -> tuple[str, ...]:
    return (
        *("run", "--feed", "recorded", "--data", str(candles), "--venue", "binance"),
        *("--home", str(home), "--until-end", "--port", "0", *more),
    )


def test_run_when_the_symbol_is_unknown_then_the_symbols_there_are_are_named(
    tmp_path: Path, candles: Path
) -> None:
    line = refusal(*recorded(candles, tmp_path / "home", "--symbol", "DOGE/USDT"))

    assert "symbol was 'DOGE-USDT'" in line
    assert "BTC-USDT" in line


def test_run_when_the_timeframe_cannot_be_made_then_what_there_is_is_named(
    tmp_path: Path, candles: Path
) -> None:
    shutil.copy(candles / "binance_BTC-USDT_1m.parquet", tmp_path / "binance_BTC-USDT_1h.parquet")
    line = refusal(*recorded(tmp_path, tmp_path / "home", "--timeframe", "1m"))
    nonsense = refusal(*recorded(candles, tmp_path / "home", "--timeframe", "7m"))

    assert "timeframe was 1m" in line
    assert "1h" in line
    assert "timeframe was '7m', must be one of 1m, 5m" in nonsense


def test_run_when_the_parquet_is_corrupt_then_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "binance_BTC-USDT_1m.parquet"
    file.write_bytes(b"PAR1 this is no parquet file")

    line = refusal(*recorded(tmp_path, tmp_path / "home"))

    assert file.name in line


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ("syntax", GOOD.replace("def entry():", "def entry(:")),
        ("import", "import os\n" + GOOD),
        ("os", GOOD.replace("sma(close, 20)", "os.system('true')")),
        (
            "while",
            GOOD.replace("    return FLAT", "    while True:\n        pass\n    return FLAT"),
        ),
    ],
)
def test_run_when_a_strategy_file_is_wrong_then_file_line_and_column_are_named(
    tmp_path: Path, strategy: Path, found: str, text: str
) -> None:
    strategy.write_text(text)
    home = tmp_path / "home"
    run = refusal(
        *("run", "--feed", "synthetic", "--bars", "100", "--home", str(home), "--until-end"),
        *("--strategies", str(strategy)),
    )
    check = refusal("strategy", "check", str(strategy))

    for line in (run, check):
        assert f"{strategy}: line " in line
        assert ", column " in line
        assert "allowed: " in line
    assert rows(home) == [] if (home / "log.db").exists() else True


def test_strategy_check_when_the_file_is_good_then_it_says_what_it_declares(
    strategy: Path,
) -> None:
    said = answer("strategy", "check", str(strategy))

    assert (said["ok"], said["name"], said["timeframe"]) == (True, "dips", "15m")
    assert said["parameters"] == [{"name": "depth", "default": 0.01, "low": 0.001, "high": 0.1}]


def test_backtest_when_run_then_it_prints_the_promised_keys(strategy: Path, candles: Path) -> None:
    said = answer(
        *("backtest", str(strategy), "--data", str(candles), "--venue", "binance"),
        *("--symbol", "BTC/USDT", "--param", "depth=0.005", "--sleeve", "A"),
    )

    assert said["bars"] == 7200
    assert said["params"] == {"depth": 0.005}
    assert said["backend"] == "numba"
    assert said["to"] - said["from"] == 7199 * 60_000
    assert {"version_sha", "trades_digest", "state_digest", "seconds"} <= set(said)
    assert {
        *("trades", "wins", "win_rate", "profit_factor", "net_profit", "max_drawdown", "fees")
    } <= set(said["metrics"])


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--param", "depth=5", "parameter depth was 5, must be a number from 0.001 to 0.1"),
        ("--param", "width=5", "'width' is unknown to dips, which has: depth"),
        ("--param", "depth", "param was 'depth', must be name=number"),
        ("--taker", "2", "taker was '2', must be a fraction"),
        ("--from", "yesterday", "'yesterday'"),
        ("--symbol", "BTC", "symbol was 'BTC'"),
        ("--venue", "mtgox", "venue was 'mtgox'"),
        ("--sleeve", "C", "'C'"),
    ],
)
def test_backtest_when_an_option_is_wrong_then_it_is_named(
    strategy: Path, candles: Path, option: str, value: str, said: str
) -> None:
    options = {"--venue": "binance", "--symbol": "BTC/USDT", "--data": str(candles), option: value}

    line = refusal("backtest", str(strategy), *(part for pair in options.items() for part in pair))

    assert said in line


def test_run_when_the_home_has_another_feed_then_it_is_refused_by_name(
    candles: Path, finished_home: Path
) -> None:
    before = rows(finished_home)

    other = refusal(*recorded(candles, finished_home))
    seed = refusal(
        *("run", "--feed", "synthetic", "--seed", "2", "--home", str(finished_home)),
        *("--until-end", "--port", "0"),
    )

    assert "feed was 'recorded', but this home was opened with 'synthetic'" in other
    assert "data_digest was 'synthetic:" in seed
    assert rows(finished_home) == before


def full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))


def test_run_when_the_disk_is_full_then_it_stops_in_one_line_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    options = ("run", "--feed", "synthetic", "--bars", "60000", "--home", str(home))
    full = subprocess.run(
        command(*options, "--until-end", "--port", "0"),
        env=environment(),
        preexec_fn=full_disk,  # a file may not grow over 2 MB, in any child
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert full.returncode != 0
    assert len(full.stderr.strip().splitlines()) == 1, full.stderr
    assert str(home) in full.stderr
    assert answer("audit", "verify", "--home", str(home))["ok"] is True
    written = rows(home)
    assert written

    run_to_end(home, 60_000)

    assert rows(home)[: len(written)] == written
    assert answer("audit", "verify", "--home", str(home))["ok"] is True


def test_audit_when_one_byte_of_one_event_was_changed_then_it_is_found(
    tmp_path: Path, finished_home: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished_home, home, ignore=shutil.ignore_patterns("engine.sock"))
    with closing(sqlite3.connect(home / "log.db")) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            database.execute(f"DROP TRIGGER {name}")
        (state,) = database.execute("SELECT state FROM events WHERE position = 1000").fetchone()
        text = state if isinstance(state, str) else state.decode()
        changed = text.replace("1", "2", 1)
        assert changed != text
        new = changed if isinstance(state, str) else changed.encode()
        database.execute("UPDATE events SET state = ? WHERE position = 1000", (new,))
        database.commit()

    assert "was altered at position 1000" in refusal("audit", "verify", "--home", str(home))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "--home", "/nowhere/at/all"), "home /nowhere/at/all holds no log yet"),
        (("audit", "verify", "--home", "/nowhere"), "home /nowhere holds no log yet"),
        (("serve", "--home", "/nowhere"), "home /nowhere holds no log yet"),
        (("sell", "everything"), "No such command 'sell'"),
        (("run", "--feed", "dreams"), "'dreams' is not one of"),
        (("run", "--speed", "fast"), "speed was 'fast', must be max or a number above 0"),
        (("run", "--feed", "recorded"), "neither --data nor PERPETUA_DATA names candles"),
        (("run", "--feed", "synthetic", "--strategies", "/nowhere"), "strategies was /nowhere"),
        (("backtest",), "Missing argument 'FILE'"),
        (("strategy", "check", "/nowhere.py"), "/nowhere.py"),
    ],
)
def test_command_when_it_cannot_be_carried_out_then_it_says_why_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    home = ("--home", str(tmp_path / "home")) if arguments[0] == "run" else ()
    assert said in refusal(*arguments, *home)


def test_command_when_a_setting_is_wrong_then_it_is_named(tmp_path: Path) -> None:
    line = refusal("status", "--home", str(tmp_path), env={"PERPETUA_LOG": "xml"})

    assert line == "PERPETUA_LOG was 'xml', must be one of json, console"


def test_help_when_asked_for_then_every_command_is_named() -> None:
    text = perpetua("--help").stdout

    for name in (
        *("run", "serve", "status", "strategies", "trades", "positions", "promote", "pause"),
        *("resume", "demote", "backtest", "data", "projections", "strategy", "audit", "venues"),
    ):
        assert f" {name} " in text
    assert "_engine" not in text


def test_run_when_its_port_is_taken_then_it_ends_and_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = refusal(
            *("run", "--feed", "synthetic", "--bars", "10", "--home", str(tmp_path / "home")),
            *("--port", port),
        )

    assert line == f"port was {port}, which is in use or not allowed: choose another with --port"


def test_run_when_its_strategies_are_refused_then_no_home_is_made(tmp_path: Path) -> None:
    line = refusal(
        *("run", "--feed", "synthetic", "--home", str(tmp_path / "home")),
        *("--strategies", str(tmp_path / "nowhere")),
    )

    assert f"strategies was {tmp_path / 'nowhere'}" in line
    assert not (tmp_path / "home").exists()
