"""The improvement loop's guards: what may be asked, answered, tested and opened, and when.

A request is answered once. After its holdout was opened a strategy is improved no more: whatever
was learnt there could only be fed back.
"""

from collections.abc import Callable, Mapping
from typing import Any

from domain import errors
from domain.event import Event
from domain.strategy.commands import (
    AnswerRecode,
    Command,
    FailRecode,
    OpenHoldout,
    RecordTest,
    RequestRecode,
    RetireVersion,
    ScoreHoldout,
)
from domain.strategy.events import VersionAuthored, VersionRejected
from domain.strategy.heading import DONE, caused_by, fields, known
from domain.strategy.improvement import (
    HoldoutOpened,
    HoldoutScored,
    LossesAnalysed,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionRetired,
    VersionTested,
)
from domain.strategy.state import Strategy

VALIDATION = "validation"  # the stage of a rejection by a test


def request(state: Strategy, command: RequestRecode) -> tuple[Event, ...]:
    if state.unsealed:
        raise errors.HoldoutWasOpened(state.name, DONE, "ask for a recode")
    if state.waiting is not None:
        asked = f"waiting for the answer to look {state.waiting.number}"
        raise errors.RecodeWaits(state.name, asked, "ask for another")
    champion = known(state, state.champion)
    number = 1 if state.asked is None else state.asked.number + 1
    analysed = LossesAnalysed(
        **fields(state, command.cause, "derived"),
        number=number,
        version=champion.name,
        start=command.start,
        until=command.split,
        trades=command.trades,
        losses=command.losses,
        net=command.net,
        patterns=command.patterns,
        report_sha=command.report_sha,
    )
    requested = RecodeRequested(
        **fields(state, caused_by(analysed, command.cause), "derived", after=1),
        number=number,
        version=champion.name,
        why=command.why,
        start=command.start,
        split=command.split,
        test_from=command.test_from,
        end=command.end,
        closed=command.closed,
        attempts=state.attempts,
    )
    return analysed, requested


def refuse_unasked(state: Strategy, number: int) -> RecodeRequested:
    waiting = state.waiting
    if waiting is None or waiting.number != number:
        asked = "no look" if waiting is None else f"look {waiting.number}"
        raise errors.RecodeNotAsked(state.name, f"waiting for {asked}", f"answer look {number}")
    return waiting


def answer(state: Strategy, command: AnswerRecode) -> tuple[Event, ...]:
    asked = refuse_unasked(state, command.number)
    names = tuple(f"v{state.authored + 1 + n}" for n in range(len(command.drafts)))
    answered = RecodeAnswered(
        **fields(state, command.cause, "input"),
        number=command.number,
        author=command.author,
        candidates=names,
        refused=command.refused,
        scored=command.scored,
        tokens=command.tokens,
        cost=command.cost,
    )
    shares = shared_out(command.tokens, len(names))
    authored = tuple(
        VersionAuthored(
            **fields(state, command.cause, "input", after=n + 1),
            version=name,
            source_sha=draft.source_sha,
            parameters=draft.parameters,
            timeframe=draft.timeframe,
            author=command.author,
            parent=asked.version,
            hypothesis=draft.hypothesis,
            tokens=shares[n],
            cost=command.cost if n == 0 else command.cost - command.cost,
        )
        for n, (name, draft) in enumerate(zip(names, command.drafts, strict=True))
    )
    return answered, *authored


def shared_out(whole: int, parts: int) -> list[int]:
    """Share a number out: the parts sum to the whole."""
    return [whole * (n + 1) // parts - whole * n // parts for n in range(parts)]


def fail(state: Strategy, command: FailRecode) -> tuple[Event, ...]:
    refuse_unasked(state, command.number)
    return (
        RecodeFailed(
            **fields(state, command.cause, "input"),
            number=command.number,
            author=command.author,
            code=command.code,
            reason=command.reason,
            refused=command.refused,
            scored=command.scored,
            tokens=command.tokens,
            cost=command.cost,
        ),
    )


def record_test(state: Strategy, command: RecordTest) -> tuple[Event, ...]:
    version = known(state, command.version)
    tested = VersionTested(
        **fields(state, command.cause, "derived"),
        number=command.number,
        version=version.name,
        passed=not command.failures,
        failures=command.failures,
        report=command.report,
        digest=command.digest,
    )
    if not command.failures:
        return (tested,)
    head = fields(state, caused_by(tested, command.cause), "derived", after=1)
    rejected = VersionRejected(
        **head, version=version.name, stage=VALIDATION, reasons=command.failures
    )
    return tested, rejected


def retire_version(state: Strategy, command: RetireVersion) -> tuple[Event, ...]:
    version = known(state, command.version)
    if version.retired or version.name in (state.champion, state.live):
        return ()
    head = fields(state, command.cause, "derived")
    return (VersionRetired(**head, version=version.name, reason=command.reason),)


def open_holdout(state: Strategy, command: OpenHoldout) -> tuple[Event, ...]:
    if state.unsealed:
        raise errors.HoldoutWasOpened(state.name, DONE, "open it again")
    return (
        HoldoutOpened(
            **fields(state, command.cause, "input"),
            start=command.start,
            end=command.end,
            rows=command.rows,
            sha256=command.sha256,
        ),
    )


def score_holdout(state: Strategy, command: ScoreHoldout) -> tuple[Event, ...]:
    return (HoldoutScored(**fields(state, command.cause, "derived"), scores=command.scores),)


DECIDE: Mapping[type[Command], Callable[[Strategy, Any], tuple[Event, ...]]] = {
    RequestRecode: request,
    AnswerRecode: answer,
    FailRecode: fail,
    RecordTest: record_test,
    RetireVersion: retire_version,
    OpenHoldout: open_holdout,
    ScoreHoldout: score_holdout,
}
