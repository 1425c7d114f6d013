"""GraphQL about the improvement loop: figures as the queries give them, texts as in the log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.graphql.versions import TEXT
from projections.queries import Queries
from tests.fakes import ScriptedEngine
from tests.improvement_story import HYPOTHESIS, NOON, OTHER, PROMPT, V4, story, told
from tests.integration.test_api_graphql import Api, serving
from tests.view_tables import projected

EVENTS = story()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    path, log = tmp_path_factory.mktemp("story") / "views.db", told(EVENTS)
    projected(log, path)
    with Queries(path, log) as queries, serving(queries, ScriptedEngine()) as client:
        yield client


def test_llm_log_when_asked_with_texts_then_prompt_and_response_word_for_word(api: Api) -> None:
    data = api.ask(
        """{ llmLog(strategy: "fade", purpose: "recode", day: "2025-01-01", first: 2) {
               nodes { id outcome code cost calledAt { iso } latencyMs versions tested passed
                 activated prompt response promptTokens completionTokens temperature seed }
               pageInfo { hasNextPage } }
             llmCall(id: "llm@5") { purpose response }
             nobody: llmCall(id: "llm@99") { id } }"""
    )
    first, second = data["llmLog"]["nodes"]
    assert (first["id"], first["outcome"], first["code"]) == ("llm@1", "refused", "LLM_JUNK")
    assert (first["cost"], first["latencyMs"], first["seed"]) == ("0.02", 1001, None)
    assert first["calledAt"]["iso"] == "2025-01-01T12:00:00.000Z"
    assert first["prompt"] == PROMPT
    assert first["response"].startswith('{"candidates": [')
    assert (first["versions"], first["tested"], first["activated"]) == (["v2", "v3"], 2, 0)
    assert (second["versions"], second["activated"]) == (["v4"], 1)
    assert data["llmLog"]["pageInfo"]["hasNextPage"] is True
    assert data["llmCall"] == {"purpose": "recode", "response": None}
    assert data["nobody"] is None


def test_llm_totals_when_asked_then_dollars_as_text_and_change_per_dollar(api: Api) -> None:
    totals = api.ask(
        """{ llmTotals { total { calls cost } days { id cost } strategies { id cost }
             change perDollar versions { id parent number cost costSince trades net parentTrades
               parentNet change perDollar } } }"""
    )["llmTotals"]
    assert totals["total"] == {"calls": 5, "cost": "0.11"}
    assert [day["id"] for day in totals["days"]] == ["2025-01-01", "2025-01-02"]
    (version,) = totals["versions"]
    assert (version["id"], version["costSince"]) == ("fade/v4", "0.10")
    assert (version["change"], version["perDollar"]) == ("39.00000000", "390.00000000")
    assert totals["perDollar"] == "390.00000000"


def test_recodes_when_asked_then_candidates_and_counts_by_reason(api: Api) -> None:
    data = api.ask(
        """{ recodes(strategy: "fade") { nodes { id number champion why status author accepted
               rejected refused code cost split { ms } answeredAt { ms }
               candidates { version passed accepted ruined reasons } } }
             failed: recodes(status: "failed", newest: true) { nodes { id } }
             recodeTotals(strategy: "fade") { asked accepted rejected rejectedBy ruined failed
               failedBy refusedBy scored tokens cost } }"""
    )
    one, two, three = data["recodes"]["nodes"]
    assert one["rejected"] == {"TEST_NOT_BETTER": 1, "TEST_TRADES": 2}
    assert two["candidates"] == [
        {"version": "v4", "passed": True, "accepted": True, "ruined": True, "reasons": []}
    ]
    assert (two["accepted"], two["answeredAt"]) == ("v4", {"ms": NOON})
    assert three["status"] == "failed"
    assert [node["id"] for node in data["failed"]["nodes"]] == ["fade/3"]
    (totals,) = data["recodeTotals"]
    assert (totals["asked"], totals["accepted"], totals["ruined"], totals["failed"]) == (3, 1, 1, 1)
    assert totals["failedBy"] == {"LLM_TIMEOUT": 1}


def test_version_when_asked_then_source_diff_hypothesis_cost_and_report(api: Api) -> None:
    data = api.ask(
        """{ version(strategy: "fade", version: "v4") { id status author hypothesis cost number
               passed source report { net sharpe neighbours pValue overfitting }
               diff { parent source parameters { name before after } } }
             seed: version(strategy: "fade", version: "v1") { passed report { net }
               diff { parent } }
             lost: version(strategy: "fade", version: "v2") { source failures }
             nobody: version(strategy: "fade", version: "v9") { id } }"""
    )
    version = data["version"]
    assert (version["hypothesis"], version["cost"]) == (HYPOTHESIS, "0.05")
    assert (version["number"], version["passed"], version["source"]) == (2, True, V4)
    assert version["report"] == {
        "net": "100",
        "sharpe": "0.81000000",
        "neighbours": 12,
        "pValue": "0.03100000",
        "overfitting": None,
    }
    diff = version["diff"]
    changed = [line for line in diff["source"].splitlines() if "max_bars" in line]
    assert [line[0] for line in changed] == ["-", "+"]
    assert diff["parent"] == "v1"
    assert diff["parameters"] == [
        {"name": "depth", "before": 0.001, "after": -0.25},
        {"name": "length", "before": 20.0, "after": 33.0},
    ]
    assert data["seed"] == {"passed": None, "report": None, "diff": None}
    assert data["lost"]["source"] is None, f"the log holds no {OTHER!r}"
    assert data["nobody"] is None


def test_losses_regimes_and_holdout_when_asked_then_items_of_the_queries(api: Api) -> None:
    data = api.ask(
        """{ lossAnalyses(strategy: "fade", newest: true, first: 1) { nodes { number report } }
             latestLosses(strategy: "fade") { number version net patterns { code share } }
             none: latestLosses(strategy: "nobody") { number }
             regimes(symbol: "BTC-USDT") { nodes { id } }
             regimeAgreement { by share }
             regimePerformance(strategy: "fade", sleeve: "B") { version regime trades net winRate }
             holdout { strategy start { ms } bars sha256 scores { version net netLow passesGate } }
           }"""
    )
    assert data["lossAnalyses"]["nodes"] == [{"number": 3, "report": PROMPT}]
    assert data["latestLosses"]["net"] == "-20.00000000"
    assert data["none"] is None
    assert (data["regimes"]["nodes"], data["regimeAgreement"]) == ([], [])
    assert [
        (each["version"], each["regime"], each["net"]) for each in data["regimePerformance"]
    ] == [
        ("v1", "none", "-20"),
        ("v4", "none", "9"),
    ]
    (holdout,) = data["holdout"]
    assert (holdout["start"], holdout["bars"]) == ({"ms": NOON}, {"BTC-USDT": 60})
    assert [score["net"] for score in holdout["scores"]] == ["-120", "80"]


def test_readme_when_its_query_about_improvement_is_pasted_then_answered(api: Api) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    query = readme.split("```graphql\n")[2].split("```")[0]
    data = api.ask(query.replace("vwap_reversion", "fade"))
    assert data["llmTotals"]["versions"][0]["perDollar"] == "390.00000000"
    assert len(data["versions"]["nodes"]) == 4


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('{ llmLog(purpose: "x") { nodes { id } } }', "purpose was 'x', must be one of recode"),
        ('{ recodes(status: "x") { nodes { id } } }', "status was 'x', must be one of asked"),
        ('{ regimePerformance(mode: "x") { id } }', "must be paper, live or live/sim"),
        ("{ " + " ".join(f"a{i}: llmTotals {{ change }}" for i in range(11)) + " }", "rows in all"),
    ],
)
def test_request_when_wrong_then_refused_by_name(api: Api, query: str, message: str) -> None:
    assert message in api.refusal(query)


def test_texts_when_very_many_are_asked_for_then_refused(api: Api) -> None:
    calls = " ".join(f'a{i}: llmCall(id: "{1 + i % 5}") {{ prompt }}' for i in range(5000 // TEXT))
    assert api.ask(f"{{ {calls} }}")["a0"] == {"prompt": PROMPT}
    refusal: Any = api.refusal(f'{{ {calls} b: llmCall(id: "1") {{ prompt }} }}')
    assert "over 5000 rows" in refusal
