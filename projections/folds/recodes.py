"""What authors were asked for, what they wrote, and what became of it: `recodes`.

A candidate is rejected for the codes that it failed its test on; the rejection that follows the
test says them again, and they count once. Being ruined later, on paper, is told apart.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from domain.event import Event
from domain.strategy.events import VersionActivated, VersionRejected
from domain.strategy.improvement import (
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionTested,
)
from projections.columns import plain
from projections.folds.fold import Handler
from projections.improvement_models import Candidate
from projections.rows import Row, Rows
from projections.tables import Tables

CANDIDATES = msgspec.json.Decoder(tuple[Candidate, ...])
UNASKED: Row = ("", "", None, None, None, None)
RUINED = "paper"  # the stage of a rejection for being ruined


class Recode:
    """One look's request."""

    def __init__(self, strategy: str, number: int, position: int, at: int) -> None:
        self.strategy = strategy
        self.number = number
        self.id = f"{strategy}/{number}"
        self.position = position
        self.asked: Row = UNASKED  # champion … end, as stored
        self.status = "asked"
        self.author: str | None = None
        self.candidates: dict[str, Candidate] = {}
        self.refused = "[]"
        self.code = self.reason = ""
        self.scored = self.tokens = 0
        self.cost = Decimal(0)
        self.asked_at = at
        self.answered_at: int | None = None

    def row(self) -> Row:
        return (
            self.position,
            self.id,
            self.strategy,
            self.number,
            *self.asked,
            self.status,
            self.author,
            msgspec.json.encode(list(self.candidates.values())).decode(),
            self.refused,
            self.code,
            self.reason,
            self.scored,
            self.tokens,
            plain(self.cost),
            self.asked_at,
            self.answered_at,
        )


class Recodes:
    """Folds requests, answers and verdicts."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.by_id: dict[str, Recode] = {}
        self.by_version: dict[tuple[str, str], Recode] = {}  # of each candidate

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            RecodeRequested: self.requested,
            RecodeAnswered: self.answered,
            RecodeFailed: self.failed,
            VersionTested: self.tested,
            VersionActivated: self.activated,
            VersionRejected: self.rejected,
        }

    def of(self, position: int, event: RecodeRequested | RecodeAnswered | RecodeFailed) -> Recode:
        fresh = Recode(strategy_of(event), event.number, position, event.occurred_at)
        recode = self.by_id.setdefault(fresh.id, fresh)
        self.touch(recode)
        return recode

    def requested(self, position: int, event: RecodeRequested) -> None:
        asked = (event.version, event.why, event.start, event.split, event.test_from, event.end)
        self.of(position, event).asked = asked

    def answered(self, position: int, event: RecodeAnswered) -> None:
        recode = self.settled(position, event, "answered")
        for version in event.candidates:
            recode.candidates[version] = Candidate(version=version)
            self.by_version[recode.strategy, version] = recode

    def failed(self, position: int, event: RecodeFailed) -> None:
        recode = self.settled(position, event, "failed")
        recode.code, recode.reason = event.code, event.reason

    def settled(self, position: int, event: RecodeAnswered | RecodeFailed, status: str) -> Recode:
        recode = self.of(position, event)
        recode.status = status
        recode.author = event.author
        recode.scored, recode.tokens, recode.cost = event.scored, event.tokens, event.cost
        recode.refused = msgspec.json.encode(event.refused).decode()
        recode.answered_at = event.occurred_at
        return recode

    def tested(self, position: int, event: VersionTested) -> None:
        self.change(event, event.version, passed=event.passed, reasons=event.failures)

    def activated(self, position: int, event: VersionActivated) -> None:
        if event.mode == "paper":
            self.change(event, event.version, accepted=True)

    def rejected(self, position: int, event: VersionRejected) -> None:
        if event.stage == RUINED:
            self.change(event, event.version, ruined=True)
        else:
            self.change(event, event.version, reasons=event.reasons)

    def change(self, event: Event, version: str, **changes: Any) -> None:
        recode = self.by_version.get((strategy_of(event), version))
        if recode is not None:
            recode.candidates[version] = replace(recode.candidates[version], **changes)
            self.touch(recode)

    def touch(self, recode: Recode) -> None:
        self.rows.touch("recodes", recode.id, recode.row)

    def load(self, connection: Connection, tables: Tables) -> None:
        self.by_id.clear()
        self.by_version.clear()
        for stored in connection.execute(tables["recodes"].select()):
            recode = self.by_id[stored.id] = recode_of(stored)
            for version in recode.candidates:
                self.by_version[recode.strategy, version] = recode


def strategy_of(event: Event) -> str:
    return event.stream.removeprefix("strategy/")


def recode_of(stored: Any) -> Recode:
    recode = Recode(stored.strategy, stored.number, stored.position, stored.asked_at)
    recode.asked = (
        stored.champion,
        stored.why,
        stored.start,
        stored.split,
        stored.test_from,
        stored.end,
    )
    recode.status = stored.status
    recode.author = stored.author
    candidates = CANDIDATES.decode(stored.candidates)
    recode.candidates = {candidate.version: candidate for candidate in candidates}
    recode.refused = stored.refused
    recode.code, recode.reason = stored.code, stored.reason
    recode.scored, recode.tokens, recode.cost = stored.scored, stored.tokens, stored.cost
    recode.answered_at = stored.answered_at
    return recode
