"""`llm`, `recodes`, `regimes`, `holdout`, `strategy versions|diff|export`, as a user meets them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.reading import UnknownName
from api.cli.versions import NotWritten
from api.strategy_files import StrategyFileMissing
from application.ports import Batch
from domain.home import HomeOpened
from infrastructure.store import SqliteEventLog
from kernels.program import compile_strategy
from projections.paging import BadQuery
from tests.improvement_story import BLOBS, PROMPT, V4, Teller, story


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("home")
    opening = Teller()
    opening.tell(
        HomeOpened,
        "home",
        kind="input",
        feed="synthetic",
        venue="binance",
        timeframe="1m",
        data_digest="synthetic",
        instruments=(),
    )
    log = SqliteEventLog(directory / "log.db")
    log.append(Batch(events=[*opening.events, *story()], blobs=BLOBS))
    log.close()
    return directory


def perpetua(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(*words: object) -> Any:
    result = perpetua(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def shown(*words: object) -> str:
    result = perpetua(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_llm_log_when_filtered_then_calls_with_what_came_of_them(home: Path) -> None:
    calls = answer("llm", "log", "--home", home)
    assert [call["id"] for call in calls] == [f"llm@{n}" for n in range(1, 6)]
    assert (calls[0]["cost"], calls[0]["versions"]) == ("0.02", ["v2", "v3"])
    repairs = answer("llm", "log", "--purpose", "repair", "--strategy", "fade", "--home", home)
    assert [call["id"] for call in repairs] == ["llm@2"]
    assert answer("llm", "log", "--day", "2025-01-02", "--home", home) == repairs
    for rubbish in ("rubbish", "20250102", "2025-02-30"):
        refused = perpetua("llm", "log", "--day", rubbish, "--home", home)
        assert isinstance(refused.exception, BadQuery)
        assert (
            str(refused.exception) == f"day was {rubbish!r}, must be a UTC day, such as 2026-01-31"
        )
    assert answer("llm", "log", "--limit", "2", "--home", home) == calls[-2:]
    assert "LLM_TIMEOUT" in shown("llm", "log", "--home", home)


def test_llm_show_when_printed_then_texts_cannot_command_a_terminal(home: Path) -> None:
    call = answer("llm", "show", "1", "--home", home)
    assert (call["prompt"], call["id"]) == (PROMPT, "llm@1")
    assert "\x1b" in call["response"]  # escaped in JSON
    text = shown("llm", "show", "llm@1", "--home", home)
    assert PROMPT in text
    assert "2025-01-01T12:00:00Z" in text
    assert "\x1b" not in text
    assert answer("llm", "show", "llm@5", "--home", home)["response"] is None


def test_llm_totals_when_shown_then_the_accepted_version_and_its_dollars(home: Path) -> None:
    totals = answer("llm", "totals", "--home", home)
    assert [Decimal(version["per_dollar"]) for version in totals["versions"]] == [Decimal(390)]
    text = shown("llm", "totals", "--strategy", "fade", "--home", home)
    assert "390.00000000" in text
    assert "2025-01-02" in text


def test_recodes_when_shown_then_requests_and_totals(home: Path) -> None:
    content = answer("recodes", "--strategy", "fade", "--home", home)
    assert [recode["status"] for recode in content["recodes"]] == ["answered", "answered", "failed"]
    assert content["totals"][0]["rejected_by"] == {"TEST_NOT_BETTER": 1, "TEST_TRADES": 2}
    assert len(answer("recodes", "--status", "failed", "--home", home)["recodes"]) == 1
    assert "TEST_NOT_BETTER = 1, TEST_TRADES = 2" in shown("recodes", "--home", home)


def test_regimes_and_holdout_when_shown_then_their_figures(home: Path) -> None:
    content = answer("regimes", "--home", home)
    assert content["regimes"] == content["agreement"] == []
    assert {each["regime"] for each in content["performance"]} == {"none"}
    assert "v4" in shown("regimes", "--sleeve", "B", "--home", home)
    (holdout,) = answer("holdout", "--home", home)
    assert [score["version"] for score in holdout["scores"]] == ["v1", "v4"]
    assert "2025-01-01T13:00:00Z" in shown("holdout", "--home", home)


def test_strategy_versions_and_diff_when_shown_then_looks_and_changes(home: Path) -> None:
    versions = answer("strategy", "versions", "fade", "--home", home)
    assert [version["number"] for version in versions] == [None, 1, 1, 2]
    assert versions[3]["report"]["net"] == "100"
    assert "Dips come back later" in shown("strategy", "versions", "fade", "--home", home)
    diff = answer("strategy", "diff", "fade", "v1", "v4", "--home", home)
    assert diff["parameters"][0] == {"name": "depth", "before": 0.001, "after": -0.25}
    text = shown("strategy", "diff", "fade", "v1", "v4", "--home", home)
    assert "+++ fade/v4" in text
    assert "max_bars=16" in text


def test_strategy_export_when_written_then_the_file_is_the_version(
    home: Path, tmp_path: Path
) -> None:
    told = answer("strategy", "export", "fade", "--to", tmp_path / "to", "--home", home)
    file = tmp_path / "to" / "fade_v4.py"
    assert told == {"file": str(file), "strategy": "fade", "version": "v4"}
    text = file.read_text()
    assert text.endswith(V4.replace("param(20", "param(33").replace("param(0.001", "param(-0.25"))
    assert text.splitlines()[:4] == [
        "# fade v4, written by perpetua strategy export",
        "# parent: v1",
        "# author: llm, look 2, cost $0.05",
        "# hypothesis: Dips come back later than after eight bars.",
    ]
    program = compile_strategy(text, "fade_v4")
    assert {p.name: p.default for p in program.parameters} == {"length": 33.0, "depth": -0.25}
    assert perpetua("strategy", "check", file).exit_code == 0
    again = ("strategy", "export", "fade", "v4", "--to", tmp_path / "to", "--home", home)
    assert shown(*again) == f"{file}\n"
    file.write_text("mine")
    assert isinstance(perpetua(*again).exception, NotWritten)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "refusal", "message"),
    [
        (("llm", "show", "99"), UnknownName, "call was '99', must be an id"),
        (("llm", "log", "--strategy", "x"), UnknownName, "must be one of: fade"),
        (("llm", "log", "--purpose", "x"), BadQuery, "purpose was 'x'"),
        (("strategy", "diff", "fade", "v1", "v9"), UnknownName, "version was 'v9', must be one"),
        (("strategy", "export", "fade", "v2"), UnknownName, "the log holds no source of fade/v2"),
        (("strategy", "versions", "x"), UnknownName, "strategy was 'x', must be one of: fade"),
    ],
)
def test_command_when_a_name_is_unknown_then_refused_by_name(
    home: Path, words: tuple[str, ...], refusal: type[Exception], message: str
) -> None:
    result = perpetua(*words, "--home", home)
    assert isinstance(result.exception, refusal)
    assert message in str(result.exception)


def test_export_when_the_place_is_a_file_then_says_so(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("mine")
    result = perpetua("strategy", "export", "fade", "--to", place, "--home", home)
    assert isinstance(result.exception, NotWritten)
    assert str(result.exception) == f"to was {place}, must be a directory"
    assert place.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--command-id", ""), "command-id was empty, must have 1 to 200 characters"),
        (("--command-id", "x" * 201), "command-id was 201 characters long"),
        (("--reason", "x" * 1_001), "reason was 1,001 characters long, must have 0 to 1,000"),
        (("--reason", "\udcff"), "reason was no UTF-8, must be text"),
    ],
)
def test_command_when_its_words_cannot_be_recorded_then_says_which(
    home: Path, options: tuple[str, ...], words: str
) -> None:
    result = perpetua("pause", "fade", *options, "--home", home)
    assert result.exit_code == 2
    assert words in " ".join(result.output.replace("│", " ").split())


def test_submit_when_the_file_is_none_then_says_what_it_must_be(home: Path, tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "gone.py"):
        result = perpetua("strategy", "submit", missing, "--strategy", "fade", "--home", home)
        assert isinstance(result.exception, StrategyFileMissing)
        assert str(result.exception) == f"strategy file was {missing}, must be a file"
