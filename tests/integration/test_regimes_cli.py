"""`regimes classify` and what it leaves to be seen, as an operator meets it without an engine."""

import contextlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.bootstrap import open_trader
from api.cli.main import app
from api.cli.operate import CommandRefused
from api.home_log import open_log
from api.processes.home import Home
from application.ports import FeedFinished
from application.trading import Classifying, StrategySource
from domain.regime import Layer
from infrastructure.feeds.market import Market
from infrastructure.feeds.synthetic import open_synthetic
from infrastructure.settings import SettingInvalid
from tests.llm_server import LlmServer, says
from tests.regime_homes import answer

BARS = 7_200  # minutes: five days
SILENT = '''"""Trades nothing."""
timeframe("1h")

def entry():
    return FLAT

def exits():
    return plan(stop=1.0)
'''


def traded(directory: Path, layer: Layer) -> Path:
    """A home that traded five days; a model that nobody set was not asked."""
    home = Home(directory)
    home.create()
    log = open_log(home)
    feed = Market([open_synthetic(bars=BARS)])
    sources = [StrategySource("silent", SILENT)]
    stop = threading.Event()
    given = Classifying(layer=layer)
    opened = open_trader(home, log, feed, sources, stop, classifying=given)
    assert opened is not None
    with contextlib.suppress(FeedFinished):
        while True:
            last = opened.trader.last_bar
            opened.trader.step(feed.read(-1 if last is None else last, 1_000, 1.0)).result()
    opened.trader.close()
    opened.journal.close()
    log.close()
    return directory


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traded(tmp_path_factory.mktemp("ruled"), "rule")


@pytest.fixture
def modelled(tmp_path: Path) -> Path:
    return traded(tmp_path, "llm")


def perpetua(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def answered(*words: object) -> Any:
    result = perpetua(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_classify_when_no_engine_runs_then_the_rule_has_said_it_and_the_view_shows_it(
    ruled: Path,
) -> None:
    reply = answered("regimes", "classify", "BTC/USDT", "--reason", "news", "--home", ruled)
    last = answered("regimes", "--home", ruled)["regimes"][-1]
    replayed = answered("replay", "--home", ruled)

    assert reply["accepted"]
    assert (last["symbol"], last["by"], last["forced"]) == ("BTC-USDT", "rule", True)
    assert replayed["ok"]
    assert replayed["reproduced"] == reply["position"]


def test_regimes_when_asked_for_a_symbol_as_venues_write_it_then_are_the_same(ruled: Path) -> None:
    dashed = answered("regimes", "--symbol", "BTC-USDT", "--home", ruled)

    assert dashed["regimes"]
    assert answered("regimes", "--symbol", "BTC/USDT", "--home", ruled) == dashed


def test_classify_when_the_symbol_is_unknown_then_those_of_the_home_are_named(ruled: Path) -> None:
    result = perpetua("regimes", "classify", "ETH/USDT", "--home", ruled)

    assert isinstance(result.exception, CommandRefused)
    assert "must be one of: BTC-USDT" in str(result.exception)


def test_classify_when_a_model_classifies_then_it_is_asked_at_once(
    modelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LlmServer(says(answer("weak_bear"))) as server:
        monkeypatch.setenv("PERPETUA_LLM_URL", server.url)
        monkeypatch.setenv("PERPETUA_LLM_MODEL", "scripted-1")
        answered("regimes", "classify", "--home", modelled)
        asked = len(server.requests)
    told = answered("regimes", "--home", modelled)
    (call,) = answered("llm", "log", "--home", modelled)

    assert asked == 1
    rule, model = told["regimes"]
    assert (rule["by"], model["by"], model["regime"]) == ("rule", "llm:scripted-1", "weak_bear")
    assert [each["by"] for each in told["agreement"]] == ["llm:scripted-1"]
    assert (call["purpose"], call["symbol"]) == ("regime", "BTC-USDT")
    assert answered("replay", "--home", modelled)["ok"]


def test_classify_when_a_model_classifies_and_none_is_set_then_the_settings_are_named(
    modelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PERPETUA_LLM_URL", "PERPETUA_LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    result = perpetua("regimes", "classify", "--home", modelled)

    assert isinstance(result.exception, SettingInvalid)
    assert answered("pause", "silent", "--home", modelled)["accepted"]
