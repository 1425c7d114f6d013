"""An operator's commands, with an engine and without, and what is seen of them."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.strategy_files import SHIPPED
from tests.e2e.program import Running, answer, head, perpetua, refusal, rows

NAME = "vwap_reversion"
PAUSE = """
mutation {
  pauseStrategy(strategy: "vwap_reversion", reason: "test", commandId: "api", waitMs: 5000) {
    accepted
    position
    error { code message }
  }
}
"""


@pytest.fixture
def home(tmp_path: Path, finished_home: Path) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(finished_home, copy, ignore=shutil.ignore_patterns("engine.sock", "lock"))
    return copy


def status_of(home: Path, name: str = NAME) -> str:
    (found,) = [s for s in answer("strategies", "--home", str(home)) if s["id"] == name]
    return str(found["status"])


def give(home: Path, *arguments: str) -> Any:
    return answer(*arguments, "--home", str(home))


def test_pause_when_no_engine_runs_then_it_is_carried_out_here_and_once_per_id(home: Path) -> None:
    before = head(home)
    first = give(home, "pause", NAME, "--reason", "news", "--command-id", "c1")
    again = give(home, "pause", NAME, "--reason", "news", "--command-id", "c1")

    assert first["accepted"]
    assert again["position"] == first["position"] == head(home) > before
    assert status_of(home) == "paused"
    assert give(home, "resume", NAME)["accepted"]
    assert status_of(home) == "paper"
    assert give(home, "audit", "verify")["ok"] is True


def test_safety_when_an_operator_acts_then_it_is_recorded_shown_and_audited(home: Path) -> None:
    told = give(home, "limits", "tighten", "day_loss", "120", "--reason", "calm")
    assert told["accepted"]
    assert told["events"] == ["limits@1"]
    limits = {limit["id"]: limit for limit in give(home, "limits", "show")}
    assert (limits["day_loss"]["value"], limits["day_loss"]["reason"]) == ("120", "calm")
    assert limits["day_loss"]["changed_by"].startswith("operator:")
    assert limits["week_loss"]["tightened"] is False
    loosened = ("limits", "tighten", "day_loss", "121", "--reason", "r", "--home", str(home))
    assert "day_loss was 121, must be below 120, down to 1 quote" in refusal(*loosened)
    odd = ("limits", "tighten", "day_loss", "much", "--reason", "r", "--home", str(home))
    assert "value was 'much', must be a number" in refusal(*odd)
    assert give(home, "flatten", "--all", "--reason", "storm")["accepted"]
    assert status_of(home) == "paused"
    both = refusal("flatten", "--all", NAME, "--home", str(home))
    assert "name a strategy, or say --all: one of the two" in both
    safety = give(home, "audit", "safety")
    assert (safety["ok"], safety["first"]) == (True, None)
    assert safety["accounts"] > 0
    assert safety["bars"] > 0
    assert give(home, "replay")["ok"] is True


def test_commands_when_an_engine_runs_then_it_carries_them_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    options = ("--feed", "synthetic", "--bars", "5000000", "--home", str(home))
    with Running(*options) as run:
        run.wait_for("progress", lambda said: said["bars"] > 0)
        paused = give(home, "pause", NAME, "--reason", "a test", "--command-id", "c1")
        again = give(home, "pause", NAME, "--reason", "a test", "--command-id", "c1")
        tightened = give(home, "limits", "tighten", "rapid_loss", "99.5", "--reason", "r")
        assert tightened["events"] == ["limits@1"]
        engine = give(home, "status")["engine"]
        assert run.stop() == 0

    assert paused["accepted"]
    assert again["position"] == paused["position"]
    assert engine["state"] == "trading"
    stored = rows(home)
    assert any(f"command/{'c1'}" in str(row) for row in stored[: paused["position"]])
    assert status_of(home) == "paused"


def test_versions_when_submitted_and_rolled_back_to_then_all_is_recorded_and_replayed(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text((SHIPPED / f"{NAME}.py").read_text())
    submit = ("strategy", "submit", str(file), "--strategy", NAME, "--home", str(home))
    before = head(home)
    assert "NO_CHANGE: version was as vwap_reversion v1" in refusal(*submit)
    assert "mine" in refusal("strategy", "submit", str(file), "--home", str(home))
    assert head(home) == before
    tested = perpetua(*submit, "--param", "width=1", "--reason", "why not", "--json")
    assert (tested.returncode, tested.stderr[:33]) == (1, "perpetua: TEST_NOT_PASSED: vwap_r")
    assert json.loads(tested.stdout)["code"] == "TEST_NOT_PASSED"
    assert give(home, "strategy", "rollback", NAME, "v2", "--reason", "I like it")["accepted"]
    versions = give(home, "strategy", "versions", NAME)
    assert [(v["version"], v["author"], v["parent"]) for v in versions] == [
        ("v1", "seed", None),
        ("v2", "operator", "v1"),
        ("v3", "operator", "v2"),
    ]
    assert versions[2]["hypothesis"] == "rolled back to v2: I like it"
    assert give(home, "replay")["ok"] is True


def test_promote_when_the_gate_is_not_passed_then_the_verdict_says_why(home: Path) -> None:
    line = refusal("promote", NAME, "--home", str(home))

    assert "GATE" in line
    assert status_of(home) == "paper"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause", "nobody"), "UNKNOWN_STRATEGY: strategy was 'nobody', must be one of"),
        (("resume", NAME), "NOT_PAUSED"),
        (("demote", NAME), "NOT_LIVE"),
        (("pause", NAME, "--until", "tomorrow"), "time was 'tomorrow'"),
        (("trades", "--strategy", "nobody"), "strategy was 'nobody', must be one of"),
        (("trades", "--mode", "dream"), "mode was 'dream'"),
    ],
)
def test_command_when_it_is_not_allowed_then_the_reason_is_one_line_and_nothing_is_written(
    home: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = head(home)

    assert said in refusal(*arguments, "--home", str(home))
    assert head(home) == before


def test_mutation_when_an_engine_runs_then_it_is_carried_out_and_seen(home: Path) -> None:
    options = ("--feed", "synthetic", "--bars", "20000", "--home", str(home))
    with Running(*options) as run:
        url = run.wait_for("serving")["url"]
        reply = httpx.post(f"{url}/graphql", json={"query": PAUSE}, timeout=30).json()
        assert run.stop() == 0

    assert "errors" not in reply, reply
    paused = reply["data"]["pauseStrategy"]
    assert paused["accepted"], paused
    assert paused["position"] == head(home)
    assert status_of(home) == "paused"


def test_mutation_when_no_engine_runs_then_serving_goes_on_and_it_is_refused(home: Path) -> None:
    before = head(home)
    with Running("--home", str(home), name="serve") as serving:
        url = serving.wait_for("serving")["url"]
        reply = httpx.post(f"{url}/graphql", json={"query": PAUSE}, timeout=30).json()
        health = httpx.get(f"{url}/health", timeout=30)
        assert serving.stop() == 0

    refused = reply["data"]["pauseStrategy"]
    assert not refused["accepted"]
    assert refused["error"]["code"] == "ENGINE_UNAVAILABLE"
    assert health.status_code == 200
    assert head(home) == before


def test_trades_when_asked_for_then_items_carry_what_was_promised(finished_home: Path) -> None:
    trades = give(finished_home, "trades", "--strategy", NAME, "--sleeve", "A")
    three = give(finished_home, "trades", "--strategy", NAME, "--sleeve", "A", "--limit", "3")
    strategies = give(finished_home, "strategies")

    assert len(trades) > 3
    assert three == trades[-3:]
    assert {"id", "version", "status", "net", "entry_at", "exit_at", "reason"} <= set(trades[0])
    assert {trade["sleeve"] for trade in trades} == {"A"}
    assert all({"id", "version", "status"} <= set(strategy) for strategy in strategies)


def test_trades_when_shown_then_every_part_of_every_net_is_there_and_adds_up(
    finished_home: Path,
) -> None:
    trades = give(finished_home, "trades")
    parts = ("gross", "fees", "slippage", "funding", "net")
    for trade in trades:
        gross, fees, slippage, funding, net = (Decimal(trade[name]) for name in parts)
        assert gross - fees - slippage - funding == net
    last = trades[-1]
    shown = perpetua("trades", "--limit", "1", "--home", str(finished_home)).stdout
    for name in parts:
        assert f" {name} " in shown
        assert f" {last[name]} " in shown


def test_views_when_deleted_then_a_rebuild_gives_the_same_answers(home: Path) -> None:
    before = give(home, "trades"), give(home, "strategies"), give(home, "positions")
    for file in home.glob("views.db*"):
        file.unlink()

    rebuilt = give(home, "projections", "rebuild")

    assert rebuilt["position"] == head(home)
    assert (give(home, "trades"), give(home, "strategies"), give(home, "positions")) == before


def test_log_lines_when_a_run_and_a_command_were_logged_then_each_carries_its_correlation_id(
    home: Path,
) -> None:
    give(home, "pause", NAME, "--command-id", "c7")

    for file in ("engine.log", "operator.log"):
        lines = [json.loads(line) for line in (home / "logs" / file).read_text().splitlines()]
        assert lines
        assert all(line["correlation_id"] for line in lines)
    assert any(line["correlation_id"] == "command/c7" for line in lines)
