"""Strategies as they stand, and through them their versions: `strategies`, `versions`.

The states are those of `domain.strategy.state`, `live` shown as `live/sim`. What happens to a
paused strategy changes what a resume restores.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from domain.event import Event
from domain.strategy import events
from domain.strategy.improvement import RecodeAnswered, VersionRetired, VersionTested
from projections.folds.fold import LIVE, Handler
from projections.folds.versions import Versions
from projections.rows import Row, Rows
from projections.tables import Tables


class Strategy:
    """One strategy."""

    def __init__(self, name: str, at: int) -> None:
        self.id = name
        self.description = ""
        self.status = "paper"
        self.resumes_to = "paper"
        self.version: str | None = None
        self.live_version: str | None = None
        self.live_account: str | None = None
        self.reason = self.changed_by = ""
        self.paused_until: int | None = None
        self.flat = False
        self.registered_at = self.changed_at = at
        self.position = 0

    def move(self, status: str) -> None:
        if self.status == "paused":
            self.resumes_to = status
        else:
            self.status = status

    def row(self) -> Row:
        return (
            self.id,
            self.description,
            self.status,
            self.resumes_to,
            LIVE if self.live_version else "paper",
            self.version,
            self.live_version,
            self.live_account,
            self.reason,
            self.changed_by,
            self.paused_until,
            int(self.flat),
            self.registered_at,
            self.changed_at,
            self.position,
        )


class Strategies:
    """Folds the events of strategy streams."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.by_id: dict[str, Strategy] = {}
        self.versions = Versions(rows)

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            events.StrategyRegistered: self.registered,
            events.VersionAuthored: self.authored,
            events.VersionActivated: self.activated,
            events.VersionRejected: self.rejected,
            RecodeAnswered: self.answered,
            VersionTested: self.tested,
            VersionRetired: self.version_retired,
            events.MarkedReady: self.marked_ready,
            events.PromotionRefused: self.promotion_refused,
            events.PromotedToLive: self.promoted,
            events.Paused: self.paused,
            events.Resumed: self.resumed,
            events.Flattened: self.flattened,
            events.DemotedToPaper: self.demoted,
            events.Retired: self.retired,
        }

    def of(self, position: int, event: Event) -> Strategy:
        name = event.stream.removeprefix("strategy/")
        strategy = self.by_id.get(name)
        if strategy is None:
            strategy = self.by_id[name] = Strategy(name, event.occurred_at)
        strategy.position = position
        self.rows.touch("strategies", name, strategy.row)
        return strategy

    def registered(self, position: int, event: events.StrategyRegistered) -> None:
        strategy = self.of(position, event)
        strategy.description = event.description
        strategy.registered_at = event.occurred_at
        changed(strategy, event, "registered")

    def authored(self, position: int, event: events.VersionAuthored) -> None:
        self.versions.authored(self.of(position, event).id, position, event)

    def activated(self, position: int, event: events.VersionActivated) -> None:
        strategy = self.of(position, event)
        version = self.versions.of(strategy.id, event.version, position, event)
        if event.mode == "live":
            version.live_from = event.from_bar
            strategy.live_version = event.version
            self.versions.go_live(strategy.id, event.version)
        else:
            strategy.version = event.version
            version.active = True
            version.activated_at = event.occurred_at
            version.from_bar = event.from_bar

    def rejected(self, position: int, event: events.VersionRejected) -> None:
        strategy = self.of(position, event)
        self.versions.of(strategy.id, event.version, position, event).reject(event)

    def answered(self, position: int, event: RecodeAnswered) -> None:
        self.versions.answered(self.of(position, event).id, event)

    def tested(self, position: int, event: VersionTested) -> None:
        self.versions.tested(self.of(position, event).id, position, event)

    def version_retired(self, position: int, event: VersionRetired) -> None:
        strategy = self.of(position, event)
        self.versions.of(strategy.id, event.version, position, event).retire(event)

    def marked_ready(self, position: int, event: events.MarkedReady) -> None:
        strategy = self.of(position, event)
        version = self.versions.of(strategy.id, event.version, position, event)
        version.ready = True
        version.judged(event.verdict, event.occurred_at)
        standing = strategy.resumes_to if strategy.status == "paused" else strategy.status
        if standing != LIVE:
            strategy.move("ready")
            changed(strategy, event, "passed the gate")

    def promotion_refused(self, position: int, event: events.PromotionRefused) -> None:
        version = self.versions.of(self.of(position, event).id, event.version, position, event)
        version.judged(event.verdict, event.occurred_at)

    def promoted(self, position: int, event: events.PromotedToLive) -> None:
        strategy = self.of(position, event)
        version = self.versions.of(strategy.id, event.version, position, event)
        version.judged(event.verdict, event.occurred_at)
        self.versions.go_live(strategy.id, event.version)
        strategy.live_version = event.version
        strategy.live_account = event.account
        strategy.move(LIVE)
        changed(strategy, event, "promoted")

    def paused(self, position: int, event: events.Paused) -> None:
        strategy = self.of(position, event)
        if strategy.status != "paused":
            strategy.resumes_to = strategy.status
        strategy.status = "paused"
        strategy.paused_until = event.until
        changed(strategy, event, event.reason, event.by)

    def resumed(self, position: int, event: events.Resumed) -> None:
        strategy = self.of(position, event)
        if strategy.status == "paused":
            strategy.status = strategy.resumes_to
        strategy.paused_until = None
        strategy.flat = False
        changed(strategy, event, event.reason, event.by)

    def flattened(self, position: int, event: events.Flattened) -> None:
        strategy = self.of(position, event)
        if strategy.status != "paused":
            strategy.resumes_to = strategy.status
        strategy.status = "paused"
        strategy.paused_until = None
        strategy.flat = True
        changed(strategy, event, event.reason, event.by)

    def demoted(self, position: int, event: events.DemotedToPaper) -> None:
        strategy = self.of(position, event)
        kept = strategy.status == "paused" and event.kind == "derived"  # by an operator
        until = strategy.paused_until if kept else None
        if strategy.flat or kept:
            strategy.resumes_to = "paper"
        self.leave_live(position, event, strategy.status if strategy.flat or kept else "paper")
        strategy.paused_until = until

    def retired(self, position: int, event: events.Retired) -> None:
        self.leave_live(position, event, "retired")

    def leave_live(
        self, position: int, event: events.DemotedToPaper | events.Retired, status: str
    ) -> None:
        strategy = self.of(position, event)
        strategy.status = status
        strategy.paused_until = None
        strategy.live_version = None
        self.versions.go_live(strategy.id, None)
        changed(strategy, event, event.reason, event.by)

    def load(self, connection: Connection, tables: Tables) -> None:
        self.by_id.clear()
        for stored in connection.execute(tables["strategies"].select()):
            self.by_id[stored.id] = strategy_of(stored)
        self.versions.load(connection, tables)


def changed(strategy: Strategy, event: Event, reason: str, by: str | None = None) -> None:
    strategy.reason = reason
    strategy.changed_by = event.actor if by is None else by
    strategy.changed_at = event.occurred_at


def strategy_of(stored: Any) -> Strategy:
    strategy = Strategy(stored.id, stored.registered_at)
    strategy.description = stored.description
    strategy.status = stored.status
    strategy.resumes_to = stored.resumes_to
    strategy.version = stored.version
    strategy.live_version = stored.live_version
    strategy.live_account = stored.live_account
    strategy.reason = stored.reason
    strategy.changed_by = stored.changed_by
    strategy.paused_until = stored.paused_until
    strategy.flat = bool(stored.flat)
    strategy.changed_at = stored.changed_at
    strategy.position = stored.position
    return strategy
