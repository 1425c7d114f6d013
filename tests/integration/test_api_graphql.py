"""GraphQL over a real server: every query and mutation, and what a shared port must refuse."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from graphql import get_introspection_query

from api.graphql.limits import LARGEST_FIRST, MOST_FIELDS, MOST_ROWS
from api.http import create_app
from application.engine_port import Command, CommandReply, EngineClient
from application.ports import Batch
from domain.portfolio.events import EquityMarked, PositionClosed
from domain.tightening import BOUNDS, LimitTightened
from kernels.frontend.source import MAX_BYTES
from projections.models import plain_item
from projections.paging import Paging, Scope
from projections.queries import Queries
from tests.event_samples import STRATEGIES, history, verdict
from tests.fakes import MemoryLog, ScriptedEngine
from tests.view_tables import projected, runner_on

EVENTS = history(31, 300)
LOG = MemoryLog(EVENTS)
ACCOUNT = "portfolio/paper/consensus/v1/A"
ACCEPTED = CommandReply(accepted=True, position=LOG.head(), events=("strategy/consensus@9",))
REFUSED = CommandReply(
    accepted=False,
    position=LOG.head(),
    code="GATE_NOT_PASSED",
    message="the gate needs 50 trades, saw 10",
    verdict=verdict(passed=False),
)
UNTESTED = CommandReply(
    accepted=False,
    position=LOG.head(),
    code="TEST_NOT_PASSED",
    message="consensus v4: TEST_LUCK",
)


class Api:
    """A client of one running server."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def refusal(self, query: str, **variables: Any) -> str:
        errors = self.answer(query, **variables)["errors"]
        return " | ".join(error["message"] for error in errors)

    def answer(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        response = self.http.post("/graphql", json=body)
        assert response.status_code == 200, response.text
        return response.json()


@contextmanager
def serving(queries: Queries, engine: EngineClient) -> Iterator[Api]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(create_app(queries, engine), log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        api = Api(f"http://127.0.0.1:{listening.getsockname()[1]}")
        try:
            yield api
        finally:
            api.http.close()
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "views.db"
    projected(LOG, path)
    return path


@pytest.fixture(scope="module")
def queries(views: Path) -> Iterator[Queries]:
    with Queries(views, LOG) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(queries: Queries) -> Iterator[Api]:
    with serving(queries, ScriptedEngine()) as client:
        yield client


def test_status_when_asked_then_feed_position_and_times(api: Api) -> None:
    status = api.ask(
        "{ status { feed venue timeframe symbols position head lag trades strategies "
        "openedAt { iso ms } lastStep { iso } } }"
    )["status"]
    assert status["openedAt"] == {"iso": "2024-01-01T00:00:00.000Z", "ms": 1_704_067_200_000}
    assert (status["position"], status["lag"]) == (LOG.head(), 0)
    assert status["trades"] == sum(isinstance(e, PositionClosed) for e in EVENTS)
    assert (status["feed"], status["symbols"]) == ("synthetic", ["BTC-USDT-PERP"])


def test_strategies_when_asked_with_versions_and_performance_then_nested(api: Api) -> None:
    data = api.ask(
        """query One($id: ID!) {
             strategies { id version status mode description liveVersion pausedUntil { ms } }
             strategy(id: $id) {
               id status registeredAt { iso }
               versions(first: 5) { nodes { id status author parameters verdict { passed winRate
                 winRateLow profitFactor net attempts failures { code required observed } } } }
               performance { id mode sleeve trades winRate net equity }
             }
             nobody: strategy(id: "nobody") { id }
           }""",
        id="consensus",
    )
    assert [item["id"] for item in data["strategies"]] == sorted(STRATEGIES)
    one = data["strategy"]
    assert one["versions"]["nodes"][0]["id"] == "consensus/v1"
    assert one["versions"]["nodes"][0]["parameters"] == {"lookback": 20.0, "width": 2.0}
    assert {item["id"] for item in one["performance"]} >= {"consensus/v1/paper/A"}
    assert data["nobody"] is None


def test_performance_when_filtered_then_figures_as_text(api: Api, queries: Queries) -> None:
    fields = (
        "id strategy version mode sleeve status trades wins winRate winRateLow profitFactor gross "
        "fees slippage funding net maxDrawdown capital equity openPnl ruined markedAt { ms }"
    )
    shown = api.ask(f'{{ performance(sleeve: "B", mode: "paper") {{ {fields} }} }}')["performance"]
    expected = queries.performance(Scope(sleeve="B", mode="paper"))
    assert [item["id"] for item in shown] == [item.id for item in expected]
    for item, model in zip(shown, expected, strict=True):
        for name in ("gross", "fees", "slippage", "funding", "net", "equity", "capital"):
            assert item[name] == format(getattr(model, name), "f")
        assert (item["markedAt"] or {"ms": None})["ms"] == model.marked_at


def test_trades_when_paged_then_every_trade_once_with_its_fields(
    api: Api, queries: Queries
) -> None:
    query = """query Page($after: String) {
      trades(first: 9, after: $after, sleeve: "A") {
        edges { cursor node { id strategy version mode sleeve status symbol side quantity
          entryAt { ms iso } exitAt { ms } entryPrice exitPrice gross fees slippage funding net
          reason tag mae mfe bars } }
        nodes { id }
        pageInfo { hasNextPage endCursor } } }"""
    found: list[Any] = []
    after = None
    while True:
        page = api.ask(query, after=after)["trades"]
        found += [edge["node"] for edge in page["edges"]]
        assert [n["id"] for n in page["nodes"]] == [e["node"]["id"] for e in page["edges"]]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    expected = queries.trades(Scope(sleeve="A"), Paging(first=1000)).items
    assert len(found) == len(expected) > 9
    for node, model in zip(found, expected, strict=True):
        plain = plain_item(model)
        assert node["entryAt"]["ms"] == plain["entry_at"]
        for name in ("id", "status", "quantity", "gross", "net", "mae", "mfe", "bars", "reason"):
            assert node[name] == plain[name]
        costs = [Decimal(node[name]) for name in ("fees", "slippage", "funding")]
        assert Decimal(node["gross"]) - sum(costs) == Decimal(node["net"])


def test_positions_orders_signals_when_asked_then_items_of_the_queries(
    api: Api, queries: Queries
) -> None:
    data = api.ask(
        """{ positions(status: "open") { nodes { id version status markPrice openPnl stop } }
             orders(status: "cancelled", newest: true, first: 3) {
               nodes { id version status intent filled averagePrice closedAt { iso } } }
             signals(strategy: "consensus", first: 500) {
               nodes { id version status side price series bar { ms } at { iso } } } }"""
    )
    held = queries.positions(status="open").items
    assert [n["id"] for n in data["positions"]["nodes"]] == [p.id for p in held]
    assert held
    cancelled = queries.orders(status="cancelled", paging=Paging(first=3, newest=True)).items
    assert [n["id"] for n in data["orders"]["nodes"]] == [o.id for o in cancelled]
    assert {n["status"] for n in data["orders"]["nodes"]} == {"cancelled"}
    signals = queries.signals("consensus", paging=Paging(first=500)).items
    assert [n["id"] for n in data["signals"]["nodes"]] == [s.id for s in signals]
    assert signals


def test_equity_when_asked_for_a_span_then_its_marks(api: Api) -> None:
    marks = [e for e in EVENTS if isinstance(e, EquityMarked) and e.stream == ACCOUNT]
    start, end = marks[10].occurred_at, marks[15].occurred_at
    data = api.ask(
        """query Span($account: String!, $start: Long, $end: Long) {
             equity(account: $account, start: $start, end: $end) {
               nodes { at { ms } equity cash unrealised peak maxDrawdown } } }""",
        account=ACCOUNT,
        start=start,
        end=str(end),
    )
    shown = [(n["at"]["ms"], n["equity"]) for n in data["equity"]["nodes"]]
    assert shown == [(e.occurred_at, format(e.cash + e.unrealised, "f")) for e in marks[10:15]]


def test_events_when_newest_then_the_log_from_its_end(api: Api) -> None:
    data = api.ask(
        """{ events(first: 3, newest: true) { nodes { id position topic kind stream data
             recordedAt { iso } occurredAt { ms } correlationId causationId actor } } }"""
    )
    nodes = data["events"]["nodes"]
    assert [n["position"] for n in nodes] == [LOG.head(), LOG.head() - 1, LOG.head() - 2]
    assert nodes[0]["id"] == EVENTS[-1].event_id
    assert nodes[0]["topic"] == EVENTS[-1].TOPIC


@pytest.mark.parametrize("name", ["pause", "resume", "demote", "promote"])
def test_mutation_when_engine_accepts_then_position_and_events(queries: Queries, name: str) -> None:
    engine = ScriptedEngine({name: ACCEPTED})
    with serving(queries, engine) as api:
        result = api.ask(
            f"""mutation {{ {name}Strategy(strategy: "consensus", reason: "news",
              commandId: "c-1", actor: "ann", waitMs: 1000) {{
              accepted position projected commandId events verdict {{ passed }}
              error {{ code }} }} }}"""
        )[f"{name}Strategy"]
    assert result == {
        "accepted": True,
        "position": LOG.head(),
        "projected": True,
        "commandId": "c-1",
        "events": ["strategy/consensus@9"],
        "verdict": None,
        "error": None,
    }
    asked = Command(
        name=name,  # type: ignore[arg-type]
        strategy="consensus",
        actor="operator:ann",
        command_id="c-1",
        reason="news",
    )
    assert engine.asked == [asked]


@pytest.mark.parametrize("strategy", ["consensus", None])
def test_flatten_when_a_strategy_or_none_is_named_then_that_one_or_all_are_meant(
    queries: Queries, strategy: str | None
) -> None:
    engine = ScriptedEngine({"flatten": ACCEPTED})
    named = "" if strategy is None else f'strategy: "{strategy}", '
    with serving(queries, engine) as api:
        query = f'mutation {{ flatten({named}reason: "storm", commandId: "c") {{ accepted }} }}'
        assert api.ask(query)["flatten"]["accepted"] is True
    (asked,) = engine.asked
    assert (asked.name, asked.strategy, asked.reason) == ("flatten", strategy or "", "storm")


def test_tighten_limit_when_asked_then_name_figure_and_reason_reach_the_engine(
    queries: Queries,
) -> None:
    engine = ScriptedEngine({"tighten": ACCEPTED})
    with serving(queries, engine) as api:
        result = api.ask(
            """mutation { tightenLimit(limit: "day_loss", value: "120.5", reason: "calm",
              actor: "ann", commandId: "c") { accepted events } }"""
        )["tightenLimit"]
    assert result["accepted"] is True
    assert engine.asked == [
        Command(
            name="tighten",
            limit="day_loss",
            value=Decimal("120.5"),
            actor="operator:ann",
            command_id="c",
            reason="calm",
        )
    ]


def test_limits_when_one_was_tightened_then_shows_who_and_why_and_what_is_left(
    queries: Queries,
) -> None:
    tightened = [event for event in EVENTS if isinstance(event, LimitTightened)]
    with serving(queries, ScriptedEngine()) as api:
        found = api.ask(
            """{ limits { id unit constant value allowed tightened reason changedBy
              changedAt { ms } effectiveAt { ms } } }"""
        )["limits"]
    assert [limit["id"] for limit in found] == list(BOUNDS)
    first, *others = found
    last = tightened[-1]
    assert (first["id"], first["unit"], first["constant"]) == ("day_loss", "quote", "500")
    assert (Decimal(first["value"]), first["tightened"]) == (last.new, True)
    assert (first["reason"], first["changedBy"]) == ("a quiet week", "operator:ann")
    assert first["allowed"] == f"below {last.new}, down to 1 quote: limits are only tightened"
    assert first["effectiveAt"] == {"ms": last.effective_at}
    assert {limit["tightened"] for limit in others} == {False}
    assert all(limit["value"] == limit["constant"] for limit in others)


def test_promote_when_gate_refuses_then_the_whole_verdict(queries: Queries) -> None:
    with serving(queries, ScriptedEngine({"promote": REFUSED})) as api:
        result = api.ask(
            """mutation { promoteStrategy(strategy: "consensus") { accepted position
              verdict { passed trades openTrades wins winRate winRateLow profitFactor net attempts
                failures { code required observed } } error { code message } } }"""
        )["promoteStrategy"]
    assert (result["accepted"], result["position"]) == (False, LOG.head())
    assert result["verdict"] == {
        "passed": False,
        "trades": 10,
        "openTrades": 0,
        "wins": 5,
        "winRate": "0.50000000",
        "winRateLow": "0.23659310",
        "profitFactor": None,
        "net": "0.00000000",
        "attempts": 3,
        "failures": [{"code": "GATE_TRADES", "required": "50", "observed": "10"}],
    }
    assert result["error"]["code"] == "GATE_NOT_PASSED"
    assert result["error"]["message"] == "the gate needs 50 trades, saw 10"


SUBMIT = """mutation submit($source: String!, $parameters: [ParameterInput!]) {
  submitStrategy(strategy: "consensus", source: $source, parameters: $parameters, reason: "r") {
    accepted error { code message } } }"""


def test_submission_when_sent_then_all_of_it_reaches_the_engine(queries: Queries) -> None:
    engine = ScriptedEngine({"submit": UNTESTED, "rollback": ACCEPTED})
    longest = "#" * MAX_BYTES
    given = [{"name": "length", "value": 7}, {"name": "width", "value": 0.5}]
    with serving(queries, engine) as api:
        result = api.ask(SUBMIT, source=longest, parameters=given)["submitStrategy"]
        api.ask(SUBMIT, source="x")
        api.ask("""mutation { rollbackStrategy(strategy: "consensus", version: "v3", reason: "r") {
          accepted } }""")
    first, second, back = engine.asked
    assert (first.name, first.strategy, first.reason) == ("submit", "consensus", "r")
    assert (first.source, first.parameters) == (longest, {"length": 7.0, "width": 0.5})
    assert (second.source, second.parameters) == ("x", {})
    assert (back.name, back.strategy, back.version) == ("rollback", "consensus", "v3")
    assert result["error"] == {"code": "TEST_NOT_PASSED", "message": "consensus v4: TEST_LUCK"}
    assert result["accepted"] is False


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"source": "é" * MAX_BYTES}, "source had 131072 bytes, must have at most 65536"),
        (
            {"source": "", "parameters": [{"name": f"p{n}", "value": 1.0} for n in range(201)]},
            "parameters were 201, must be at most 200",
        ),
    ],
)
def test_submission_when_it_is_too_large_then_the_engine_is_not_asked(
    queries: Queries, variables: dict[str, Any], words: str
) -> None:
    engine = ScriptedEngine()
    with serving(queries, engine) as api:
        assert api.refusal(SUBMIT, **variables) == words
    assert engine.asked == []


def test_pause_when_until_is_given_then_it_reaches_the_engine(queries: Queries) -> None:
    engine = ScriptedEngine({"pause": ACCEPTED})
    with serving(queries, engine) as api:
        query = "mutation { a: pauseStrategy(strategy: %s, until: 1735689600000) { commandId } }"
        first = api.ask(query % '"consensus"')["a"]["commandId"]
        second = api.ask(query % '"consensus"')["a"]["commandId"]
    assert [command.until for command in engine.asked] == [1_735_689_600_000] * 2
    assert [command.command_id for command in engine.asked] == [first, second]
    assert first != second


def test_mutation_when_no_engine_runs_then_it_says_so(api: Api) -> None:
    result = api.ask(
        'mutation { demoteStrategy(strategy: "x") { accepted position error { code message } } }'
    )["demoteStrategy"]
    assert result["accepted"] is False
    assert result["position"] is None
    assert result["error"]["code"] == "ENGINE_UNAVAILABLE"


def test_mutation_when_waiting_then_it_returns_once_views_show_it(tmp_path: Path) -> None:
    log, path = MemoryLog(EVENTS[:500]), tmp_path / "views.db"
    projected(log, path)
    log.append(Batch(events=EVENTS[500:520]))
    reply = CommandReply(accepted=True, position=520)
    ask = 'mutation { pauseStrategy(strategy: "x", waitMs: %d) { projected } }'
    with Queries(path, log) as queries, serving(queries, ScriptedEngine({"pause": reply})) as api:
        began = time.monotonic()
        assert not api.ask(ask % 60)["pauseStrategy"]["projected"]
        assert time.monotonic() - began >= 0.06
        late = threading.Timer(0.15, lambda: runner_on(log, path).run_to_head())
        late.start()
        assert api.ask(ask % 10_000)["pauseStrategy"]["projected"]
        late.join()
        assert queries.position() == 520


def test_reads_when_the_engine_is_silent_then_they_go_on(queries: Queries) -> None:
    class SilentEngine:
        def __init__(self) -> None:
            self.released = threading.Event()

        def send(self, command: Command) -> CommandReply:
            self.released.wait(20)
            return ACCEPTED

    engine = SilentEngine()
    with serving(queries, engine) as api, ThreadPoolExecutor(8) as pool:
        ask = 'mutation { pauseStrategy(strategy: "x") { accepted } }'
        waiting = [pool.submit(api.ask, ask) for _ in range(6)]
        began = time.monotonic()
        assert api.ask("{ status { position } }")["status"]["position"] == LOG.head()
        assert time.monotonic() - began < 5
        assert not any(each.done() for each in waiting)
        engine.released.set()
        assert all(each.result(20)["pauseStrategy"]["accepted"] for each in waiting)


def test_many_clients_when_they_ask_at_once_then_all_are_answered(api: Api) -> None:
    ask = '{ trades(first: 100) { nodes { id net } } equity(account: "%s") { nodes { equity } } }'
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.ask(ask % ACCOUNT), range(40)))
    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]["trades"]["nodes"]) > 20


DOUBLING = "".join(f"fragment f{i} on Query {{ ...f{i + 1} ...f{i + 1} }} " for i in range(70))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ trades(first: 1000000) { nodes { id } } }", f"must be 1-{LARGEST_FIRST}"),
        ("{ trades(first: 0) { nodes { id } } }", "first was 0"),
        ("{ trades(first: -1) { nodes { id } } }", "first was -1"),
        ('{ trades(after: "zzz") { nodes { id } } }', "after was 'zzz'"),
        ('{ trades(mode: "real") { nodes { id } } }', "must be paper, live or live/sim"),
        ("{ strategies " * 500, "nested too deeply"),
        ("{ a " * 3 + "}" * 2, "Syntax Error"),
        ("{ " + "status { feed } " * 1200 + "}", "tokens"),
        (
            f"{{ ...f0 }} {DOUBLING} fragment f70 on Query {{ status {{ feed }} }}",
            f"must be at most {MOST_FIELDS}",
        ),
        ("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "spread fragment"),
        (
            "{ "
            + " ".join(f"t{i}: trades(first: 500) {{ nodes {{ id }} }}" for i in range(11))
            + " }",
            f"over {MOST_ROWS} rows",
        ),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "introspection depth",
        ),
        ("{ passwords }", "Cannot query field 'passwords'"),
        ('{ equity(account: "a", start: 1.5) { nodes { position } } }', "Long was"),
        ('mutation { pauseStrategy(strategy: "") { accepted } }', "strategy had 0 characters"),
        (
            'mutation { pauseStrategy(strategy: "x", waitMs: 60000) { accepted } }',
            "waitMs was 60000, must be 0-10000",
        ),
        (
            'mutation { pauseStrategy(strategy: "x", until: 9007199254740991) { accepted } }',
            "until was 9007199254740991",
        ),
        ('mutation { pauseStrategy(strategy: "%s") { accepted } }' % ("x" * 201), "had 201"),
    ],
)
def test_request_when_hostile_or_wrong_then_refused_at_once_by_name(
    api: Api, query: str, message: str
) -> None:
    began = time.monotonic()
    assert message in api.refusal(query)
    assert time.monotonic() - began < 2


def test_introspection_when_asked_as_graphiql_asks_then_answered(api: Api) -> None:
    schema = api.ask(get_introspection_query())["__schema"]
    named = {t["name"]: t for t in schema["types"]}
    fields = {field["name"] for field in named["Query"]["fields"]}
    assert fields == {
        "status",
        "limits",
        "strategies",
        "strategy",
        "versions",
        "performance",
        "positions",
        "trades",
        "orders",
        "signals",
        "equity",
        "events",
        "llmLog",
        "llmCall",
        "llmTotals",
        "recodes",
        "recodeTotals",
        "version",
        "lossAnalyses",
        "latestLosses",
        "regimes",
        "regimeAgreement",
        "regimePerformance",
        "holdout",
    }
    assert {field["name"] for field in named["Mutation"]["fields"]} == {
        "promoteStrategy",
        "pauseStrategy",
        "resumeStrategy",
        "demoteStrategy",
        "flatten",
        "tightenLimit",
        "classifyRegime",
        "submitStrategy",
        "rollbackStrategy",
    }


def test_fault_when_the_program_fails_then_its_cause_is_not_told(
    views: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class FaultyLog(MemoryLog):
        def head(self) -> int:
            raise RuntimeError("secret path /home/ann/.key")

    with Queries(views, FaultyLog()) as queries, serving(queries, ScriptedEngine()) as api:
        refusal = api.refusal("{ status { feed } }")
        assert refusal == "The server failed; its log says why."
    assert "secret path" in capsys.readouterr().out


def test_views_when_missing_then_queries_and_health_say_so(tmp_path: Path) -> None:
    with Queries(tmp_path / "none.db", LOG) as queries, serving(queries, ScriptedEngine()) as api:
        answer = api.answer("{ status { feed } }")
        assert answer["errors"][0]["extensions"]["code"] == "VIEWS_MISSING"
        health = api.http.get("/health")
    assert health.status_code == 503
    assert health.json()["ok"] is False
    assert "none.db was not found" in health.json()["error"]
