"""`backtest`, `strategy check`, `strategy show` and `cache`, as a user meets them."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.strategy_files import StrategyRefused
from application.backtest import backtest
from application.ports import Feed
from application.research import ResearchInvalid
from application.terms import CostInvalid, SizingMismatch
from domain.limits import effective
from infrastructure.feeds.synthetic import open_synthetic
from infrastructure.venue_profile import UnknownVenueCosts
from infrastructure.venue_table import PROFILES
from kernels.errors import UnknownBackend
from kernels.printers.printed import PRINTERS, printed
from kernels.program import compile_strategy
from tests.feed_bars import made_bars, write_bars
from tests.kernel_runs import STRATEGIES, program_of

NAME = "binance_BTC-USDT_1m.parquet"
GOOD = '''"""Buys dips."""
from kernels.language import *

timeframe("15m")
length = param(20, 5, 100)  # bars
depth = param(0.001, 0.0, 0.1)

mean = sma(close, length)
low_volume = volume < sma(volume, 50)
sizing("fraction", 0.5)

def entry():
    if close < mean * (1 - depth) and not low_volume:
        return long(tag="dip", confidence=0.6)
    return FLAT

def exits():
    return plan(stop=2 * atr(14), target=2 * atr(14), max_bars=8)
'''


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    file = tmp_path / "dips.py"
    file.write_text(GOOD)
    return file


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    write_bars(directory, NAME, made_bars(20_000))
    return directory


@pytest.fixture
def feed() -> Iterator[Feed]:
    opened = open_synthetic(seed=3, bars=5000)
    yield opened
    opened.close()


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def answer(*arguments: object) -> Any:
    result = ask(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def tried(strategy: Path, data: Path, *options: object) -> tuple[object, ...]:
    where = ("--data", data, "--venue", "binance", "--symbol", "BTC/USDT")
    return ("backtest", strategy, *where, *options)


def test_backtest_when_nothing_is_asked_of_research_then_says_that_rules_are_those_of_trading(
    strategy: Path, data: Path
) -> None:
    report = answer(*tried(strategy, data))
    told = [report[name] for name in ("backend", "device", "research", "sizing", "limits")]
    assert told == ["numba", "cpu", False, None, "on"]
    assert report["costs"] == {"maker": "0.0002", "taker": "0.0005", "slippage": "0.001"}
    assert "Research" not in ask(*tried(strategy, data)).stdout


def test_backtest_when_sizing_and_limits_are_of_research_then_they_are_used_and_labelled(
    strategy: Path, data: Path
) -> None:
    usual = answer(*tried(strategy, data))
    wanted = ("--sizing", "notional=20000", "--limits", "off")
    report = answer(*tried(strategy, data, *wanted))
    assert [report[n] for n in ("research", "sizing", "limits")] == [True, "notional=20000", "off"]
    assert report["metrics"]["fees"] > usual["metrics"]["fees"]
    assert report["version_sha"] == usual["version_sha"]
    shown = ask(*tried(strategy, data, *wanted)).stdout
    assert shown.startswith("Research: sizing or limits are not those of trading.\n")


def test_backtest_when_the_sizing_is_the_files_own_then_the_digests_are_equal(
    strategy: Path, data: Path
) -> None:
    usual, same = (
        answer(*tried(strategy, data, *more)) for more in ((), ("--sizing", "fraction=0.5"))
    )
    for name in ("state_digest", "trades_digest", "metrics"):
        assert usual[name] == same[name]
    assert (usual["research"], same["research"]) == (False, True)


def test_backtest_when_a_venues_costs_are_asked_for_then_it_is_priced_by_them_and_says_so(
    strategy: Path, data: Path
) -> None:
    usual, venue, mixed = (
        answer(*tried(strategy, data, "--limits", "off", *more))
        for more in (
            (),
            ("--venue-costs", "hyperliquid"),
            ("--venue-costs", "hyperliquid", "--taker", "0.0005"),
        )
    )
    assert (usual["costs_of"], usual["maintenance"]) == (None, "0.005")
    assert (venue["costs_of"], venue["maintenance"]) == ("hyperliquid", "0.0125")
    assert venue["costs"] == {"maker": "0.00015", "taker": "0.00045", "slippage": "0.001"}
    assert mixed["costs"] == {"maker": "0.00015", "taker": "0.0005", "slippage": "0.001"}
    fees = [Decimal(report["metrics"]["fees"]) for report in (usual, mixed, venue)]
    assert fees[0] > fees[1] > fees[2] > 0


def test_costs_when_all_of_a_venues_are_asked_for_one_by_one_then_the_trades_are_the_same(
    strategy: Path, data: Path
) -> None:
    whole = answer(
        *tried(strategy, data, "--limits", "off", "--venue-costs", "htx")
    )  # maintenance as usual
    fees = ("--maker", "0.0002", "--taker", "0.0005")
    parts = answer(*tried(strategy, data, "--limits", "off", *fees))
    assert (whole["costs_of"], parts["costs_of"]) == ("htx", None)
    assert whole["trades_digest"] == parts["trades_digest"]
    assert whole["state_digest"] == parts["state_digest"]


def test_sweep_when_a_venues_costs_are_asked_for_then_every_set_pays_them(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    where = ("--data", data, "--venue", "binance", "--symbol", "BTC/USDT", "--backend", "numba")
    priced = ("--venue-costs", "kucoinfutures", "--limits", "off")
    found = answer("sweep", strategy, *where, *priced, "--out", tmp_path / "sets.parquet")
    assert (found["costs_of"], found["maintenance"]) == ("kucoinfutures", "0.004")
    assert found["costs"]["taker"] == "0.0006"
    alone = answer(*tried(strategy, data, *priced))
    assert found["top"][0]["net"] == alone["metrics"]["net_profit"] != "0"
    assert found["top"][0]["state_digest"] == alone["state_digest"]


@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_costs_when_no_venue_has_the_name_then_those_there_are_are_told(
    strategy: Path, data: Path, command: str
) -> None:
    where = ("--data", data, "--venue", "binance", "--symbol", "BTC/USDT")
    result = ask(command, strategy, *where, "--venue-costs", "ftx")
    assert isinstance(result.exception, UnknownVenueCosts)
    assert str(result.exception) == (
        "venue costs was 'ftx', must be one of: binanceusdm, coinbase, coinbaseinternational, "
        "htx, hyperliquid, kraken, krakenfutures, kucoinfutures"
    )


def test_venues_when_asked_then_every_profile_is_told_with_its_sources() -> None:
    told = {profile["name"]: profile for profile in answer("venues")}
    assert list(told) == list(PROFILES)
    assert told["htx"]["funding_hours"] == 8
    assert [told["htx"]["maker"], told["htx"]["smallest"]] == ["0.0002", None]
    shown = ask("venues").stdout
    for name, profile in PROFILES.items():
        assert f" {name} " in shown
        for source in profile.sources:
            assert source.where in shown
    assert "kucoinfutures" not in ask("venues", "kraken").stdout
    assert isinstance(ask("venues", "ftx").exception, UnknownVenueCosts)


@pytest.mark.parametrize(
    "text", ["notional", "half=1", "notional=-1", "risk=nan", "risk=inf", "=1"]
)
def test_backtest_when_its_sizing_is_none_then_what_is_allowed_is_told(
    strategy: Path, data: Path, text: str
) -> None:
    result = ask(*tried(strategy, data, "--sizing", text))
    assert isinstance(result.exception, ResearchInvalid)
    assert f"sizing was {text!r}" in str(result.exception)


def test_run_when_it_is_asked_for_research_then_it_knows_no_such_options() -> None:
    for option in ("--sizing=notional=1", "--limits=off"):
        assert "No such option" in ask("run", option).output


@pytest.mark.parametrize(
    ("name", "value"),
    [("maker", "NaN"), ("taker", "1"), ("slippage", "-0.001"), ("taker", "Infinity")],
)
def test_backtest_when_called_with_a_cost_that_is_no_fraction_then_is_refused_by_name(
    feed: Feed, name: str, value: str
) -> None:
    instrument = feed.describe().instruments[0]
    with pytest.raises(CostInvalid, match=f"{name} was .* a fraction from 0 to below 1"):
        backtest(
            program_of(STRATEGIES[0]),
            feed,
            instrument,
            effective(),
            parameters={},
            sleeve="A",
            costs={name: Decimal(value)},
        )


def test_backtest_when_called_with_a_cost_there_is_not_then_is_refused_by_name(feed: Feed) -> None:
    instrument = feed.describe().instruments[0]
    with pytest.raises(CostInvalid, match="cost was 'tax', must be one of: maker, taker, slippage"):
        backtest(
            program_of(STRATEGIES[0]),
            feed,
            instrument,
            effective(),
            parameters={},
            sleeve="A",
            costs={"tax": Decimal(0)},
        )


@pytest.mark.parametrize("sizing", [("notional", 2.0), ("fraction", 1.0), ("half", 1.0)])
def test_backtest_when_its_program_has_another_sizing_then_is_refused(
    feed: Feed, sizing: tuple[str, float]
) -> None:
    program = compile_strategy(GOOD, "dips", ("notional", 1.0))
    with pytest.raises(SizingMismatch, match="dips was compiled with another"):
        backtest(
            program,
            feed,
            feed.describe().instruments[0],
            effective(),
            parameters={},
            sleeve="A",
            sizing=sizing,
        )


def test_strategy_show_when_the_file_is_good_then_tells_all_about_it(strategy: Path) -> None:
    sheet = answer("strategy", "show", strategy)
    assert (sheet["name"], sheet["description"]) == ("dips", "Buys dips.")
    assert (sheet["timeframe"], sheet["higher"], sheet["sizing"]) == ("15m", [], "fraction=0.5")
    assert sheet["tags"] == ["dip"]
    assert sheet["parameters"][0] == {
        "name": "length",
        "default": 20.0,
        "low": 5.0,
        "high": 100.0,
        "integer": True,
    }
    assert sheet["series"] == [
        {"name": "mean", "unit": "quote", "parameters": ["length"], "warm_up": 20},
        {"name": "low_volume", "unit": "condition", "parameters": [], "warm_up": 50},
    ]
    assert sheet["warm_up"] == 20
    assert (sheet["sizes"]["entry"], sheet["sizes"]["exits"]) == (3, 1)
    assert all(size > 0 for size in sheet["sizes"].values())
    shown = ask("strategy", "show", strategy).stdout
    for words in ("mean", "20 bars", "quote", "fraction=0.5", "0.001", "condition"):
        assert words in shown


def test_strategy_show_when_sizing_is_a_parameter_then_tells_its_default(tmp_path: Path) -> None:
    file = tmp_path / "sized.py"
    share = 'share = param(0.25, 0.1, 1.0)\nsizing("fraction", share)'
    file.write_text(GOOD.replace('sizing("fraction", 0.5)', share))
    assert answer("strategy", "show", file)["sizing"] == "fraction=0.25"


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("numba", "@njit"),
        ("lanes", "define void @series"),
        ("opencl", "#pragma OPENCL FP_CONTRACT OFF"),
    ],
)
def test_strategy_show_when_a_backend_is_named_then_prints_what_its_printer_makes(
    strategy: Path, backend: str, words: str
) -> None:
    text = ask("strategy", "show", strategy, "--backend", backend).stdout
    assert words in text
    assert answer("strategy", "show", strategy, "--backend", backend)["text"] == text
    assert printed(compile_strategy(GOOD, "dips").run_step, backend) == text


def test_printed_when_the_backend_is_unknown_then_is_refused_by_name() -> None:
    with pytest.raises(UnknownBackend, match="'abacus', must be one of: numba, lanes, opencl"):
        printed(compile_strategy(GOOD, "dips").run_step, "abacus")
    assert list(PRINTERS) == ["numba", "lanes", "opencl"]


@pytest.mark.parametrize(
    ("wrong", "line", "column"),
    [
        (GOOD.replace("close < mean", "close < maen"), 13, 16),
        (GOOD.replace('"15m"', '"7m"'), 4, 1),
        ("import os\n" + GOOD, 1, 1),
        (GOOD.replace("plan(", "plan(\t\x1b[31m"), 18, 18),
        (GOOD.replace("mean = sma", "mean = " + "close + " * 40 + "sam"), 8, 328),
    ],
)
def test_strategy_check_when_the_file_is_wrong_then_a_caret_is_under_the_place(
    strategy: Path, wrong: str, line: int, column: int
) -> None:
    strategy.write_text(wrong)
    result = ask("strategy", "check", strategy)
    assert isinstance(result.exception, StrategyRefused)
    assert f"line {line}, column {column}: found " in str(result.exception)
    place, source, caret, found, allowed = result.stdout.splitlines()
    assert place == f"{strategy}:{line}:{column}"
    at = caret.index("^")
    written = wrong.splitlines()[line - 1]
    assert source[at : at + 5] == written[column - 1 : column + 4].replace("\x1b", " ")
    assert len(source) < 140
    assert "\x1b" not in result.stdout
    assert found.startswith("found    ")
    assert allowed.startswith("allowed  ")
    told = json.loads(ask("strategy", "check", strategy, "--json").stdout)
    assert (told["ok"], told["line"], told["column"]) == (False, line, column)
    assert told["source"] == written


def test_cache_when_asked_then_tells_where_how_many_and_how_large_and_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERPETUA_CACHE", str(tmp_path))
    folder = Path(answer("cache")["folder"])
    (folder / "entry").write_bytes(bytes(1000))
    told = answer("cache")
    assert (told["entries"], told["bytes"], told["limit"]) == (1, 1000, 512_000_000)
    assert str(folder) in ask("cache").stdout
    assert answer("cache", "clear")["removed"] == 1
    assert answer("cache")["entries"] == 0
