"""The improvement loop's read models, against a story whose every figure is known."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports import Batch
from domain.strategy import events
from domain.strategy.improvement import VersionRetired
from projections.llm_totals import changed
from projections.paging import BadQuery, Paging, Scope
from projections.queries import Queries
from projections.regime_agreement import Span, compared, held
from tests.event_samples import verdict
from tests.fakes import MemoryLog
from tests.improvement_story import (
    FADE,
    HOUR,
    NOON,
    PROMPT,
    SYMBOL,
    V4,
    Teller,
    story,
    told,
)
from tests.view_tables import projected, runner_on, tables_of

EVENTS = story()
REGIMES = ("strong_bull", "ranging", "weak_bear")


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    path, log = tmp_path_factory.mktemp("story") / "views.db", told(EVENTS)
    projected(log, path)
    with Queries(path, log) as opened:
        yield opened


def asked(teller: Teller, tmp_path: Path) -> Queries:
    log = MemoryLog(teller.events)
    projected(log, tmp_path / "views.db")
    return Queries(tmp_path / "views.db", log)


def test_llm_totals_when_looks_led_to_nothing_then_the_accepted_version_bears_them(
    queries: Queries,
) -> None:
    totals = queries.llm_totals()
    (version,) = totals.versions
    assert (version.id, version.number, version.calls) == ("fade/v4", 2, 1)
    assert (version.cost, version.cost_since) == (Decimal("0.05"), Decimal("0.10"))
    assert (version.trades, version.net) == (3, Decimal(9))
    assert (version.parent_trades, version.parent_net) == (2, Decimal(-20))
    assert version.change == Decimal(39)  # (9 / 3 − −20 / 2) × 3
    assert version.per_dollar == Decimal(390)
    assert (totals.change, totals.per_dollar) == (Decimal(39), Decimal(390))


def test_llm_totals_when_summed_by_day_purpose_and_strategy_then_parts_make_the_whole(
    queries: Queries,
) -> None:
    totals = queries.llm_totals()
    costs = {each.id: each.cost for each in totals.days}
    assert costs == {"2025-01-01": Decimal("0.08"), "2025-01-02": Decimal("0.03")}
    assert {each.id: each.calls for each in totals.purposes} == {
        "recode": 3,
        "regime": 1,
        "repair": 1,
    }
    assert {each.id: each.cost for each in totals.strategies} == {
        "": Decimal("0.01"),
        "fade": Decimal("0.10"),
    }
    whole = totals.total
    assert (whole.calls, whole.answered, whole.refused, whole.failed) == (5, 3, 1, 1)
    assert (whole.cost, whole.latency_ms) == (Decimal("0.11"), 1001)
    assert queries.llm_totals("fade").total.calls == 4


@pytest.mark.parametrize(
    ("nets", "change"),
    [
        ((0, "0", 2, "-20"), None),
        ((3, "9", 0, "0"), None),
        ((3, "9", 2, "-20"), Decimal(39)),
        ((1, "1", 3, "1"), Decimal("0.66666667")),
    ],
)
def test_change_when_either_has_no_trade_then_there_is_none(
    nets: tuple[int, str, int, str], change: Decimal | None
) -> None:
    trades, net, parent_trades, parent_net = nets
    assert changed(trades, Decimal(net), parent_trades, Decimal(parent_net)) == change


def test_llm_log_when_listed_then_each_call_says_what_came_of_its_look(queries: Queries) -> None:
    first, repair, second, regime, failed = queries.llm_log().items
    assert (first.outcome, first.code, first.versions) == ("refused", "LLM_JUNK", ("v2", "v3"))
    assert (first.tested, first.passed, first.activated) == (2, 0, 0)
    assert (repair.versions, repair.day) == (("v2", "v3"), "2025-01-02")
    assert (second.versions, second.passed, second.activated) == (("v4",), 1, 1)
    assert (regime.versions, regime.tested, regime.symbol) == ((), 0, SYMBOL)
    assert (failed.versions, failed.response_sha) == ((), "")
    assert queries.llm_log(purpose="repair").items == (repair,)
    assert queries.llm_log(day="2025-01-02").items == (repair,)
    assert queries.llm_log(strategy="fade", paging=Paging(first=1, newest=True)).items == (failed,)
    assert queries.llm_call("llm@2") == queries.llm_call("2") == repair
    assert queries.llm_call("99") is None


def test_texts_when_asked_by_digest_then_as_the_log_holds_them(queries: Queries) -> None:
    call = queries.llm_log().items[0]
    assert queries.text(call.prompt_sha) == PROMPT
    response = queries.text(call.response_sha)
    assert response is not None
    assert response.endswith("�]}")
    assert queries.text("00" * 32) is None
    with Queries(queries.path) as without, pytest.raises(BadQuery, match="without a log"):
        without.text(call.prompt_sha)


def test_recodes_when_listed_then_a_rejection_after_a_test_counts_once(queries: Queries) -> None:
    one, two, three = queries.recodes().items
    assert (one.status, one.author, one.accepted) == ("answered", "llm", None)
    assert one.rejected == {"TEST_NOT_BETTER": 1, "TEST_TRADES": 2}
    assert one.refused == ("NOT_PARSED: line 3", "NOT_PARSED: line 9")
    assert (two.accepted, two.rejected) == ("v4", {})
    assert (two.candidates[0].passed, two.candidates[0].ruined) == (True, True)
    assert (three.status, three.code, three.candidates) == ("failed", "LLM_TIMEOUT", ())
    assert (one.champion, three.champion) == ("v1", "v4")
    assert queries.recodes(status="failed").items == (three,)
    assert queries.recode("fade", 2) == two
    assert queries.recode("fade", 9) is None


def test_recode_totals_when_summed_then_accepted_rejected_ruined_and_failed_are_apart(
    queries: Queries,
) -> None:
    (totals,) = queries.recode_totals()
    assert (totals.asked, totals.waiting, totals.answered, totals.failed) == (3, 0, 2, 1)
    assert (totals.candidates, totals.accepted, totals.rejected, totals.ruined) == (3, 1, 2, 1)
    assert totals.rejected_by == {"TEST_NOT_BETTER": 1, "TEST_TRADES": 2}
    assert totals.refused_by == {"NOT_PARSED": 2, "DOES_NOT_COMPILE": 1}
    assert totals.refused == 3
    assert totals.failed_by == {"LLM_TIMEOUT": 1}
    assert (totals.tokens, totals.cost) == (220, Decimal("0.10"))
    assert queries.recode_totals("nobody") == []


def test_version_when_found_then_it_carries_its_look_and_its_test(queries: Queries) -> None:
    seed, failed = queries.version("fade", "v1"), queries.version("fade", "v2")
    accepted = queries.version("fade", "v4")
    assert seed is not None
    assert failed is not None
    assert accepted is not None
    assert (seed.number, seed.passed, seed.report, seed.status) == (None, None, None, "paper")
    assert (failed.number, failed.passed, failed.status) == (1, False, "rejected")
    assert failed.failures == failed.reasons == ("TEST_TRADES", "TEST_NOT_BETTER")
    assert (accepted.number, accepted.passed, accepted.status) == (2, True, "rejected")
    assert (accepted.rejected_stage, accepted.failures) == ("paper", ())
    assert accepted.report is not None
    assert accepted.report.net == Decimal(100)
    assert queries.text(accepted.source_sha) == V4
    assert queries.version("fade", "v9") is None


def test_versions_when_read_again_between_answer_and_authoring_then_the_look_is_known(
    tmp_path: Path,
) -> None:
    whole = projected(told(EVENTS), tmp_path / "whole.db")
    log, path = told(EVENTS), tmp_path / "cut.db"
    runner = runner_on(log, path, batch=1)
    while runner.advance():
        runner.resume()
    assert tables_of(path) == whole


def test_holdout_and_losses_when_listed_then_figures_of_the_events(queries: Queries) -> None:
    (holdout,) = queries.holdout()
    assert (holdout.strategy, holdout.start, holdout.end) == ("fade", NOON, NOON + HOUR)
    assert holdout.bars == {SYMBOL: 60}
    assert [(score.version, score.net) for score in holdout.scores] == [
        ("v1", Decimal(-120)),
        ("v4", Decimal(80)),
    ]
    assert queries.holdout("nobody") == []
    assert [each.number for each in queries.losses("fade").items] == [1, 2, 3]
    latest = queries.latest_losses("fade")
    assert latest is not None
    assert (latest.number, latest.version) == (3, "v4")
    assert queries.latest_losses("nobody") is None


def test_champion_when_several_versions_are_active_then_the_last_activated_on_paper(
    tmp_path: Path,
) -> None:
    teller = Teller()
    for version in ("v1", "v2", "v3"):
        teller.author(version, None, V4)
    teller.activate("v1")
    teller.tell(events.MarkedReady, FADE, version="v1", verdict=verdict(passed=True))
    teller.activate("v3")
    teller.activate("v2")
    teller.tell(events.VersionActivated, FADE, mode="live", version="v1", from_bar=NOON)
    teller.tell(VersionRetired, FADE, version="v3", reason="crowded")
    teller.tell(events.MarkedReady, FADE, version="v3", verdict=verdict(passed=True))
    with asked(teller, tmp_path) as queries:
        strategy = queries.strategy("fade")
        assert strategy is not None
        assert (strategy.version, strategy.live_version) == ("v2", "v1")
        assert strategy.status == "ready", "one that passed may go live, replaced or not"
        statuses = {version.version: version.status for version in queries.versions().items}
        assert statuses == {"v1": "live/sim", "v2": "paper", "v3": "retired"}


@pytest.mark.parametrize(
    ("kind", "status", "until"), [("derived", "paused", NOON), ("input", "paper", None)]
)
def test_strategy_when_demoted_while_paused_then_only_an_operator_ends_the_pause(
    tmp_path: Path, kind: str, status: str, until: int | None
) -> None:
    teller = Teller()
    teller.author("v1", None, V4)
    teller.activate("v1")
    teller.tell(events.VersionActivated, FADE, mode="live", version="v1", from_bar=NOON)
    teller.tell(events.Paused, FADE, kind="input", by="operator:ann", reason="r", until=NOON)
    teller.tell(events.DemotedToPaper, FADE, kind=kind, by="engine", reason="r")
    with asked(teller, tmp_path) as queries:
        strategy = queries.strategy("fade")
        assert strategy is not None
        assert (strategy.status, strategy.paused_until) == (status, until)
        assert strategy.live_version is None


def test_strategy_when_the_engine_demotes_it_then_it_says_so(tmp_path: Path) -> None:
    teller = Teller()
    teller.author("v1", None, V4)
    teller.activate("v1")
    teller.tell(
        events.PromotedToLive,
        FADE,
        version="v1",
        account="live/sim/fade",
        verdict=verdict(passed=True),
        attempts=1,
    )
    teller.tell(events.DemotedToPaper, FADE, by="engine", reason="LIVE_WATCH: 0.61 of 100 trades")
    with asked(teller, tmp_path) as queries:
        strategy = queries.strategy("fade")
        assert strategy is not None
        assert (strategy.status, strategy.live_version) == ("paper", None)
        assert (strategy.changed_by, strategy.reason) == (
            "engine",
            "LIVE_WATCH: 0.61 of 100 trades",
        )


def test_performance_by_regime_when_trades_are_entered_then_by_what_was_in_force_then(
    tmp_path: Path,
) -> None:
    teller = Teller()
    teller.activate("v1")
    teller.regime("ranging", "rule", NOON, NOON + 4 * HOUR)
    teller.regime("weak_bear", "llm:small-1", NOON + HOUR, NOON + 2 * HOUR)
    entries = {  # entry, from noon on: the regime in force
        -1: "none",
        0: "ranging",
        HOUR - 1: "ranging",
        HOUR: "weak_bear",
        2 * HOUR - 1: "weak_bear",
        2 * HOUR: "none",  # it ran out; the one before it is not the latest any more
    }
    for n, after in enumerate(entries):
        teller.trade("v1", str(n - 2), NOON + after)
    with asked(teller, tmp_path) as queries:
        found = {each.regime: each for each in queries.regime_performance()}
        assert {name: (each.trades, each.net) for name, each in found.items()} == {
            "none": (2, Decimal(1)),  # −2 + 3
            "ranging": (2, Decimal(-1)),  # −1 + 0
            "weak_bear": (2, Decimal(3)),  # 1 + 2
        }
        assert found["none"].win_rate == Decimal("0.5")
        assert queries.regime_performance(Scope(sleeve="A")) == []
        (one, other) = queries.regimes(SYMBOL).items
        assert (one.by, one.since, one.until) == ("rule", NOON, NOON + 4 * HOUR)
        assert other.regime == "weak_bear"


def test_agreement_when_classifications_overlap_then_the_share_of_time_they_are_equal(
    tmp_path: Path,
) -> None:
    teller = Teller()
    teller.regime("ranging", "rule", NOON, NOON + 4 * HOUR)
    teller.regime("weak_bear", "rule", NOON + 3 * HOUR, NOON + 6 * HOUR)  # cuts the one before
    teller.regime("ranging", "llm:small-1", NOON + HOUR, NOON + 5 * HOUR)
    teller.regime("ranging", "llm:other", NOON + 9 * HOUR, NOON + 10 * HOUR)
    with asked(teller, tmp_path) as queries:
        other, small = queries.regime_agreement()
        assert (small.by, small.overlapping) == ("llm:small-1", 2)
        assert (small.overlap_ms, small.equal_ms) == (4 * HOUR, 2 * HOUR)
        assert small.share == Decimal("0.5")
        assert (other.by, other.overlap_ms, other.share) == ("llm:other", 0, None)
        assert queries.regime_agreement("ETH-USDT") == []


SPANS = st.lists(
    st.builds(
        lambda since, length, regime: Span(since, since + length, regime),
        st.integers(0, 40),
        st.integers(0, 12),
        st.sampled_from(REGIMES),
    ),
    max_size=8,
)


@given(rule=SPANS, model=SPANS)
def test_agreement_when_counted_moment_by_moment_then_equal(
    rule: list[Span], model: list[Span]
) -> None:
    def said(spans: list[Span], moment: int) -> str | None:
        latest = [span for span in sorted(spans, key=lambda s: s.since) if span.since <= moment]
        return latest[-1].regime if latest and moment < latest[-1].until else None

    pairs = [(said(rule, moment), said(model, moment)) for moment in range(60)]
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    found = compared(SYMBOL, "llm:x", held(rule), held(model))
    assert found.overlap_ms == len(both)
    assert found.equal_ms == sum(one == other for one, other in both)


def test_log_when_it_grows_after_the_story_then_later_views_follow(tmp_path: Path) -> None:
    log, path = told(EVENTS), tmp_path / "views.db"
    projected(log, path)
    teller = Teller()
    for event in EVENTS:
        teller.versions[event.stream] = event.stream_version
    teller.call("0.04", number=2)
    log.append(Batch(events=teller.events))
    runner_on(log, path).run_to_head()
    with Queries(path, log) as queries:
        (version,) = queries.llm_totals().versions
        assert (version.calls, version.cost) == (2, Decimal("0.09"))
        assert version.per_dollar == Decimal("278.57142857")  # 39 / 0.14
