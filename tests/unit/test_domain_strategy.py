"""The strategy's state machine: every allowed step, every forbidden one, and nothing else."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.cause import Cause
from domain.event import Event
from domain.gate import Tally
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy, decide, evolve
from domain.strategy.events import (
    MarkedReady,
    PromotedToLive,
    PromotionRefused,
    PromotionRequested,
    Resumed,
    VersionActivated,
)

CAUSE = Cause("command/1", "", "operator:ann", 60_000, 60_000)
LATER = Cause("command/2", "", "operator:ann", 120_000, 120_000)
PASSING = Tally(50, 40, Decimal(2000), Decimal(500))
FAILING = Tally(10, 4, Decimal(20), Decimal(50))

COMMANDS: dict[str, Callable[[], ask.Command]] = {
    "register": lambda: ask.Register(cause=CAUSE, strategy="s", description=""),
    "author": lambda: ask.AuthorVersion(
        cause=CAUSE, source_sha="0" * 64, parameters={"a": 1.0}, timeframe="5m", author="seed"
    ),
    "activate": lambda: ask.ActivateVersion(cause=CAUSE, version="v1", from_bar=60_000),
    "reject": lambda: ask.RejectVersion(cause=CAUSE, version="v1", stage="paper", reasons=("r",)),
    "ready": lambda: ask.MarkReady(cause=CAUSE, version="v1", tally=PASSING, ruined=False),
    "not ready": lambda: ask.MarkReady(cause=CAUSE, version="v1", tally=FAILING, ruined=False),
    "promote": lambda: promotion(PASSING),
    "promote too early": lambda: promotion(FAILING),
    "pause": lambda: ask.Pause(cause=CAUSE, reason="r", until=120_000),
    "resume": lambda: ask.Resume(cause=CAUSE, reason="r"),
    "resume later": lambda: ask.Resume(cause=LATER, reason="r"),
    "flatten": lambda: ask.Flatten(cause=CAUSE, reason="r"),
    "demote": lambda: ask.Demote(cause=CAUSE, reason="r"),
    "retire": lambda: ask.Retire(cause=CAUSE, reason="r"),
}
ACTIVE = ("register", "author", "activate")
STATES: dict[str, tuple[str, ...]] = {
    "unregistered": (),
    "paper": ACTIVE,
    "ready": (*ACTIVE, "ready"),
    "live": (*ACTIVE, "promote"),
    "paused": (*ACTIVE, "pause"),
    "flat": (*ACTIVE, "flatten"),
    "retired": (*ACTIVE, "retire"),
}
FORBIDDEN: dict[str, dict[str, type[errors.Forbidden]]] = {
    "unregistered": {name: errors.NotRegistered for name in COMMANDS if name != "register"},
    "paper": {
        "register": errors.AlreadyRegistered,
        "activate": errors.AlreadyActive,
        "resume": errors.NotPaused,
        "resume later": errors.NotPaused,
        "demote": errors.NotLive,
    },
    "ready": {
        "register": errors.AlreadyRegistered,
        "activate": errors.AlreadyActive,
        "resume": errors.NotPaused,
        "resume later": errors.NotPaused,
        "demote": errors.NotLive,
    },
    "live": {
        "register": errors.AlreadyRegistered,
        "activate": errors.AlreadyActive,
        "promote": errors.NotPromotable,
        "promote too early": errors.NotPromotable,
        "resume": errors.NotPaused,
        "resume later": errors.NotPaused,
    },
    "paused": {
        "register": errors.AlreadyRegistered,
        "activate": errors.AlreadyActive,
        "promote": errors.NotPromotable,
        "promote too early": errors.NotPromotable,
        "pause": errors.AlreadyPaused,
    },
    "flat": {
        "register": errors.AlreadyRegistered,
        "activate": errors.AlreadyActive,
        "promote": errors.NotPromotable,
        "promote too early": errors.NotPromotable,
        "pause": errors.AlreadyPaused,
        "resume": errors.NotFlatYet,
        "flatten": errors.AlreadyFlat,
    },
    "retired": {name: errors.AlreadyRetired for name in COMMANDS if name != "register"}
    | {"register": errors.AlreadyRegistered},
}


def promotion(tally: Tally, nets: tuple[Decimal, ...] = ()) -> ask.Command:
    return ask.RequestPromotion(
        cause=CAUSE, reason="r", account="live/sim/s", tally=tally, open_nets=nets, ruined=False
    )


def after(*names: str) -> tuple[Strategy, list[Event]]:
    state, history = Strategy(stream="strategy/s"), []
    for name in names:
        for event in decide(state, COMMANDS[name]()):
            state = evolve(state, event)
            history.append(event)
    return state, history


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("status", STATES)
def test_strategy_when_asked_in_any_state_then_only_the_machines_steps_are_taken(
    status: str, command: str
) -> None:
    state, _ = after(*STATES[status])
    standing = "paused" if status == "flat" else status
    assert (state.status, state.flat) == (standing, status == "flat")
    forbidden = FORBIDDEN[status].get(command)
    if forbidden is None:
        decide(state, COMMANDS[command]())
        return
    with pytest.raises(forbidden) as refusal:
        decide(state, COMMANDS[command]())
    assert refusal.value.code
    assert standing in str(refusal.value) or "flatten" in str(refusal.value)


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ((*ACTIVE, "ready", "pause", "resume"), "ready"),
        ((*ACTIVE, "promote", "pause", "resume"), "live"),
        ((*ACTIVE, "promote", "pause", "demote"), "paper"),
        ((*ACTIVE, "promote", "demote"), "paper"),
        ((*ACTIVE, "pause", "ready", "resume"), "ready"),
        ((*ACTIVE, "promote", "ready", "demote"), "paper"),
        ((*ACTIVE, "promote", "demote", "promote"), "live"),
        ((*ACTIVE, "promote", "flatten"), "paused"),
        ((*ACTIVE, "promote", "flatten", "resume later"), "live"),
        ((*ACTIVE, "promote", "pause", "flatten", "resume later"), "live"),
        ((*ACTIVE, "promote", "flatten", "demote"), "paused"),
        ((*ACTIVE, "promote", "flatten", "demote", "resume later"), "paper"),
        ((*ACTIVE, "promote too early"), "paper"),
        ((*ACTIVE, "not ready"), "paper"),
    ],
)
def test_strategy_when_steps_follow_each_other_then_stands_where_they_lead(
    names: tuple[str, ...], status: str
) -> None:
    assert after(*names)[0].status == status


def test_promotion_when_the_gate_passes_then_request_promotion_and_activation_follow() -> None:
    _, history = after(*ACTIVE, "promote")
    request, promoted, activated = history[-3:]
    assert isinstance(request, PromotionRequested)
    assert (request.kind, request.effective_at, request.actor) == ("input", 60_000, "operator:ann")
    assert isinstance(promoted, PromotedToLive)
    assert promoted.verdict.passed
    assert (promoted.kind, promoted.causation_id) == ("derived", request.event_id)
    assert isinstance(activated, VersionActivated)
    assert (activated.mode, activated.from_bar) == ("live", 60_000)
    assert activated.causation_id == promoted.event_id


def test_promotion_when_the_gate_refuses_then_the_verdict_is_recorded_in_full() -> None:
    _, history = after(*ACTIVE, "promote too early")
    refused = history[-1]
    assert isinstance(refused, PromotionRefused)
    assert refused.verdict.net == Decimal(-30)
    assert len(refused.verdict.failures) == 4


def test_promotion_when_an_open_trade_loses_then_the_gate_sees_it() -> None:
    state, _ = after(*ACTIVE)
    events = decide(state, promotion(PASSING, (Decimal(-1001),)))
    assert isinstance(events[-1], PromotionRefused)


def test_promotion_when_the_version_was_rejected_then_the_gate_calls_it_ruined() -> None:
    state, _ = after(*ACTIVE, "reject")
    refused = decide(state, COMMANDS["promote"]())[-1]
    assert isinstance(refused, PromotionRefused)
    assert [failure.code for failure in refused.verdict.failures] == ["GATE_RUINED"]


def test_mark_ready_when_the_gate_passed_before_then_is_not_said_again() -> None:
    state, history = after(*ACTIVE, "ready")
    assert isinstance(history[-1], MarkedReady)
    assert decide(state, COMMANDS["ready"]()) == ()


def test_pause_when_it_ends_before_it_begins_then_names_what_is_allowed() -> None:
    state, _ = after(*ACTIVE)
    with pytest.raises(errors.InvalidCommand, match=r"until was 60000, must be after 60000"):
        decide(state, ask.Pause(cause=CAUSE, reason="", until=60_000))


@pytest.mark.parametrize("until", [253_402_300_800_000, 2**63, 10**30])
def test_pause_when_it_ends_beyond_every_calendar_then_names_what_is_allowed(until: int) -> None:
    state, _ = after(*ACTIVE)
    with pytest.raises(errors.InvalidCommand, match=r"until was \d+, must be at most 253402300799"):
        decide(state, ask.Pause(cause=CAUSE, reason="", until=until))


def test_flatten_when_a_timed_pause_holds_then_no_longer_runs_out_by_itself() -> None:
    paused, _ = after(*ACTIVE, "pause")
    assert (paused.paused_until, paused.flat) == (120_000, False)
    flat, history = after(*ACTIVE, "pause", "flatten")
    assert (flat.paused_until, flat.flat) == (None, True)
    assert flat.status_event == history[-1].event_id
    assert after(*ACTIVE, "pause", "flatten", "resume later")[0].flat is False


def test_resume_when_a_timed_pause_ran_out_then_is_derived_from_the_engine() -> None:
    state, _ = after(*ACTIVE, "pause")
    (event,) = decide(state, ask.Resume(cause=CAUSE, reason="over", kind="derived"))
    assert isinstance(event, Resumed)
    assert (event.kind, event.by, event.effective_at) == ("derived", "engine", None)


def test_version_when_unknown_then_the_error_lists_those_there_are() -> None:
    state, _ = after(*ACTIVE)
    with pytest.raises(errors.UnknownVersion, match="'v9', must be one of: v1"):
        decide(state, ask.ActivateVersion(cause=CAUSE, version="v9", from_bar=0))


@given(st.lists(st.sampled_from(sorted(COMMANDS)), max_size=25))
def test_strategy_when_commands_come_at_random_then_versions_are_gapless_and_replay_is_equal(
    names: list[str],
) -> None:
    state, history = Strategy(stream="strategy/s"), []
    for name in names:
        try:
            events = decide(state, COMMANDS[name]())
        except errors.Forbidden:
            continue
        for event in events:
            state = evolve(state, event)
            history.append(event)
    assert [event.stream_version for event in history] == list(range(1, len(history) + 1))
    replayed = Strategy(stream="strategy/s")
    for event in history:
        replayed = evolve(replayed, event)
    assert replayed == state


@given(
    st.permutations(
        after(*ACTIVE, "ready", "promote", "pause", "resume", "flatten", "resume later", "flatten")[
            1
        ]
    )
)
def test_evolve_when_events_come_in_any_order_then_never_raises(events: list[Event]) -> None:
    state = Strategy(stream="strategy/s")
    for event in events:
        state = evolve(state, event)
    assert state.version == events[-1].stream_version
