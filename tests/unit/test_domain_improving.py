"""The improvement loop's guards: one answer for one request, nothing after the holdout."""

from decimal import Decimal
from typing import Any

import pytest

from domain import errors
from domain.cause import Cause
from domain.gate import Tally
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy, decide, evolve
from domain.strategy.events import (
    DemotedToPaper,
    MarkedReady,
    PromotedToLive,
    VersionAuthored,
    VersionRejected,
)
from domain.strategy.improvement import (
    LossesAnalysed,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionTested,
)
from domain.strategy.improvement import TestReport as Report

AT = Cause("step/1", "", "engine", 60_000)
BY = Cause("command/1", "", "operator:ann", 60_000, 60_000)
DRAFT = ask.Draft(source_sha="0" * 64, parameters={"a": 2.0}, timeframe="5m", hypothesis="more")
PASSING = Tally(50, 40, Decimal(2000), Decimal(500))
REPORT = Report(
    days=1,
    trades=0,
    wins=0,
    net=Decimal(0),
    sharpe=None,
    fit_trades=0,
    fit_net=Decimal(0),
    fit_sharpe=None,
    champion_trades=0,
    champion_net=Decimal(0),
    champion_sharpe=None,
    slipped_net=None,
    neighbours=0,
    neighbours_lost=0,
    neighbours_net=None,
    p_value=None,
    deflated=None,
    tries=1,
    overfitting=None,
)


def look(**more: Any) -> ask.RequestRecode:
    said: dict[str, Any] = dict.fromkeys(("start", "split", "test_from", "end"), 0)
    said |= {"closed": 5, "trades": 5, "losses": 3, "net": Decimal(-9), "patterns": ()}
    return ask.RequestRecode(cause=AT, why="losses", report_sha="1" * 64, **{**said, **more})


def answer(number: int = 1, drafts: int = 2, **more: Any) -> ask.AnswerRecode:
    said: dict[str, Any] = {"author": "llm", "refused": (), "scored": 0, "tokens": 0}
    said |= {"cost": Decimal(0), "drafts": (DRAFT,) * drafts}
    return ask.AnswerRecode(cause=BY, number=number, **{**said, **more})


def failure(number: int = 1, scored: int = 0) -> ask.FailRecode:
    return ask.FailRecode(
        cause=BY,
        number=number,
        author="llm",
        code="TIMED_OUT",
        reason="it took too long",
        scored=scored,
        tokens=7,
        cost=Decimal("0.01"),
    )


def verdict_on(version: str, *failures: str) -> ask.RecordTest:
    return ask.RecordTest(
        cause=AT, number=1, version=version, failures=failures, report=REPORT, digest="2" * 64
    )


def done(*commands: ask.Command) -> Strategy:
    """A strategy with an active first version, after the commands."""
    first = (
        ask.Register(cause=BY, strategy="s", description=""),
        ask.AuthorVersion(
            cause=BY, source_sha="0" * 64, parameters={"a": 1.0}, timeframe="5m", author="seed"
        ),
        ask.ActivateVersion(cause=BY, version="v1", from_bar=60_000),
    )
    state = Strategy(stream="strategy/s")
    for command in (*first, *commands):
        for event in decide(state, command):
            state = evolve(state, event)
    return state


OPENED = ask.OpenHoldout(cause=BY, start=0, end=1, rows={}, sha256={})


def test_request_when_allowed_then_follows_from_its_analysis() -> None:
    analysed, requested = decide(done(), look())
    assert isinstance(analysed, LossesAnalysed)
    assert isinstance(requested, RecodeRequested)
    assert requested.causation_id == analysed.event_id
    assert (requested.number, requested.version, requested.attempts) == (1, "v1", 1)
    assert {analysed.kind, requested.kind} == {"derived"}


@pytest.mark.parametrize(
    ("before", "command", "error", "words"),
    [
        ((look(),), look(), errors.RecodeWaits, "waiting for the answer to look 1"),
        ((OPENED,), look(), errors.HoldoutWasOpened, "cannot ask for a recode"),
        ((OPENED,), OPENED, errors.HoldoutWasOpened, "cannot open it again"),
        ((), answer(), errors.RecodeNotAsked, "waiting for no look: cannot answer look 1"),
        ((look(),), answer(2), errors.RecodeNotAsked, "waiting for look 1"),
        ((look(), answer()), answer(), errors.RecodeNotAsked, "waiting for no look"),
        ((look(), failure()), answer(), errors.RecodeNotAsked, "waiting for no look"),
        ((), failure(), errors.RecodeNotAsked, "waiting for no look"),
        ((look(),), verdict_on("v2"), errors.UnknownVersion, "'v2', must be one of: v1"),
        (
            (look(), answer(), verdict_on("v2", "TEST_LUCK")),
            ask.ActivateVersion(cause=AT, version="v2", from_bar=0),
            errors.VersionWasRejected,
            "cannot activate v2",
        ),
    ],
)
def test_step_when_forbidden_then_says_what_the_state_is(
    before: tuple[ask.Command, ...],
    command: ask.Command,
    error: type[errors.Forbidden],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        decide(done(*before), command)


def test_answer_when_it_has_candidates_then_they_are_versions_and_share_its_cost() -> None:
    state = done(look())
    answered, *authored = decide(state, answer(drafts=3, tokens=10, cost=Decimal("0.0300")))
    assert isinstance(answered, RecodeAnswered)
    assert answered.candidates == ("v2", "v3", "v4")
    assert [e.tokens for e in authored if isinstance(e, VersionAuthored)] == [3, 3, 4]
    costs = [e.cost for e in authored if isinstance(e, VersionAuthored)]
    assert sum(costs) == Decimal("0.0300")
    assert {e.kind for e in (answered, *authored)} == {"input"}
    assert {e.parent for e in authored if isinstance(e, VersionAuthored)} == {"v1"}


@pytest.mark.parametrize(
    ("commands", "attempts"),
    [
        ((), 1),
        ((look(), answer(drafts=2, scored=0)), 3),  # what was tested was scored
        ((look(), answer(drafts=2, scored=2)), 3),
        ((look(), answer(drafts=2, scored=11)), 12),
        ((look(), failure(scored=4)), 5),
        ((look(), failure(), look(), answer(2, drafts=1, scored=3)), 4),
    ],
)
def test_attempts_when_counted_then_are_all_that_was_ever_scored(
    commands: tuple[ask.Command, ...], attempts: int
) -> None:
    assert done(*commands).attempts == attempts


def test_failure_when_recorded_then_changes_nothing_but_the_count() -> None:
    state = done(look())
    (failed,) = decide(state, failure(scored=2))
    assert isinstance(failed, RecodeFailed)
    after = evolve(state, failed)
    assert (after.champion, len(after.versions), after.waiting) == ("v1", 1, None)


def test_test_when_failed_then_the_version_is_rejected_with_the_same_codes() -> None:
    state = done(look(), answer())
    judged, rejected = decide(state, verdict_on("v2", "TEST_TRADES", "TEST_DECAY"))
    assert isinstance(judged, VersionTested)
    assert isinstance(rejected, VersionRejected)
    assert (judged.passed, judged.failures) == (False, rejected.reasons)
    assert (rejected.stage, rejected.causation_id) == ("validation", judged.event_id)
    (passed,) = decide(state, verdict_on("v3"))
    assert isinstance(passed, VersionTested)
    assert passed.passed


def test_rejected_when_very_many_then_a_looks_last_are_forgotten_and_still_counted() -> None:
    names = [f"v{n}" for n in range(2, 42)]
    state = done(look(), answer(drafts=40), *(verdict_on(name, "TEST_LUCK") for name in names))
    assert [v.name for v in state.versions] == ["v1", *names[:24]]
    assert state.attempts == 41
    back = ask.AuthorVersion(
        cause=BY, source_sha="0" * 64, parameters={}, timeframe="5m", author="operator", parent="v2"
    )
    (authored,) = decide(state, back)
    assert isinstance(authored, VersionAuthored)
    assert authored.version == "v42"


def test_retirement_when_the_version_trades_live_or_is_the_champion_then_is_not() -> None:
    state = done()
    retire = ask.RetireVersion(cause=AT, version="v1", reason="trades")
    assert decide(state, retire) == ()
    won = done(
        look(),
        answer(),
        verdict_on("v2"),
        ask.ActivateVersion(cause=AT, version="v2", from_bar=0),
        retire,
    )
    assert [v.retired for v in won.versions][:2] == [True, False]
    assert decide(won, retire) == ()


def test_ready_when_it_goes_live_by_itself_then_losses_kept_open_count() -> None:
    def ready(*nets: int) -> list[type]:
        mark = ask.MarkReady(
            cause=AT,
            version="v1",
            tally=PASSING,
            ruined=False,
            account="live/sim/s",
            open_nets=tuple(map(Decimal, nets)),
        )
        return [type(event) for event in decide(done(), mark)][:2]

    assert ready() == [MarkedReady, PromotedToLive]
    assert ready(-700) == []  # a profit factor of 2000 : 1200
    assert ready(-50) == [MarkedReady, PromotedToLive]


def test_demotion_when_derived_while_paused_then_the_operators_pause_goes_on() -> None:
    promote = ask.MarkReady(
        cause=AT, version="v1", tally=PASSING, ruined=False, account="live/sim/s"
    )
    paused = done(promote, ask.Pause(cause=BY, reason="r", until=120_000))
    (demoted,) = decide(paused, ask.Demote(cause=AT, reason="r", kind="derived"))
    assert isinstance(demoted, DemotedToPaper)
    state = evolve(paused, demoted)
    assert (state.status, state.paused_until, state.live) == ("paused", 120_000, "")
    resumed = done(
        promote,
        ask.Pause(cause=BY, reason="r", until=120_000),
        ask.Demote(cause=AT, reason="r", kind="derived"),
        ask.Resume(cause=BY, reason="r"),
    )
    assert resumed.status == "paper"
    (by_hand,) = decide(paused, ask.Demote(cause=BY, reason="r"))
    assert evolve(paused, by_hand).status == "paper"
