"""What strategies did on the sealed end of a recorded run, looked at once: `holdout`."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from domain.event import Event
from domain.strategy.improvement import HoldoutOpened, HoldoutScored
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables


class Seal:
    """One strategy's holdout."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        self.span: Row = (None, None, "{}", "{}")  # start … sha256, as stored
        self.scores = "[]"
        self.opened_at: int | None = None
        self.scored_at: int | None = None
        self.position = 0

    def row(self) -> Row:
        times = (self.opened_at, self.scored_at)
        return (self.strategy, *self.span, self.scores, *times, self.position)


class Holdouts:
    """Folds the openings and the scores."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.by_strategy: dict[str, Seal] = {}

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {HoldoutOpened: self.opened, HoldoutScored: self.scored}

    def of(self, position: int, event: Event) -> Seal:
        strategy = event.stream.removeprefix("strategy/")
        seal = self.by_strategy.setdefault(strategy, Seal(strategy))
        seal.position = position
        self.rows.touch("holdout", strategy, seal.row)
        return seal

    def opened(self, position: int, event: HoldoutOpened) -> None:
        seal = self.of(position, event)
        bars = msgspec.json.encode(event.rows, order="sorted").decode()
        digests = msgspec.json.encode(event.sha256, order="sorted").decode()
        seal.span = (event.start, event.end, bars, digests)
        seal.opened_at = event.occurred_at

    def scored(self, position: int, event: HoldoutScored) -> None:
        seal = self.of(position, event)
        seal.scores = msgspec.json.encode(event.scores).decode()
        seal.scored_at = event.occurred_at

    def load(self, connection: Connection, tables: Tables) -> None:
        self.by_strategy.clear()
        for stored in connection.execute(tables["holdout"].select()):
            self.by_strategy[stored.strategy] = seal_of(stored)


def seal_of(stored: Any) -> Seal:
    seal = Seal(stored.strategy)
    seal.span = (stored.start, stored.end, stored.bars, stored.sha256)
    seal.scores = stored.scores
    seal.opened_at, seal.scored_at = stored.opened_at, stored.scored_at
    seal.position = stored.position
    return seal
