"""Every version ever authored and what became of it: `versions`."""

from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection

from domain.event import Event
from domain.gate import GateVerdict
from domain.strategy.events import VersionAuthored
from projections.columns import plain
from projections.folds.fold import LIVE
from projections.rows import Row, Rows
from projections.tables import Tables


class Version:
    """One source with one set of parameters."""

    def __init__(self, strategy: str, version: str, position: int, authored: Row) -> None:
        self.id = f"{strategy}/{version}"
        self.strategy = strategy
        self.version = version
        self.position = position
        self.authored = authored  # author … authored_at, as stored
        self.active = self.ready = self.live = self.rejected = False
        self.activated_at: int | None = None
        self.from_bar: int | None = None
        self.live_from: int | None = None
        self.rejected_stage = ""
        self.reasons = "[]"
        self.verdict: str | None = None
        self.verdict_at: int | None = None

    @property
    def status(self) -> str:
        """Give the furthest this version stands at, a rejection before all."""
        if self.rejected:
            return "rejected"
        if self.live:
            return LIVE
        if self.ready:
            return "ready"
        return "paper" if self.active else "candidate"

    def judged(self, verdict: GateVerdict, at: int) -> None:
        self.verdict = msgspec.json.encode(verdict).decode()
        self.verdict_at = at

    def row(self) -> Row:
        return (
            self.id,
            self.strategy,
            self.version,
            self.status,
            *self.authored,
            self.activated_at,
            self.from_bar,
            self.live_from,
            int(self.active),
            int(self.ready),
            int(self.live),
            int(self.rejected),
            self.rejected_stage,
            self.reasons,
            self.verdict,
            self.verdict_at,
            self.position,
        )


class Versions:
    """The versions of all strategies; the strategies' fold says what happens to them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.by_id: dict[str, Version] = {}

    def authored(self, strategy: str, position: int, event: VersionAuthored) -> None:
        facts = (
            event.author,
            event.parent,
            event.hypothesis,
            event.source_sha,
            msgspec.json.encode(event.parameters, order="sorted").decode(),
            event.timeframe,
            event.tokens,
            plain(event.cost),
            event.occurred_at,
        )
        self.keep(Version(strategy, event.version, position, facts))

    def of(self, strategy: str, version: str, position: int, event: Event) -> Version:
        """Give a version to be changed; one never authored starts out empty."""
        found = self.by_id.get(f"{strategy}/{version}")
        if found is None:
            unknown = ("", None, "", "", "{}", "", 0, plain(Decimal(0)), event.occurred_at)
            found = Version(strategy, version, position, unknown)
        self.keep(found)
        return found

    def go_live(self, strategy: str, version: str | None) -> None:
        """Make this the strategy's only live version; None: it has none."""
        for each in self.by_id.values():
            live = each.version == version
            if each.strategy == strategy and each.live != live:
                each.live = live
                self.keep(each)

    def keep(self, version: Version) -> None:
        self.by_id[version.id] = version
        self.rows.touch("versions", version.id, version.row)

    def load(self, connection: Connection, tables: Tables) -> None:
        self.by_id.clear()
        versions = tables["versions"]
        for stored in connection.execute(versions.select().order_by(versions.c.position)):
            self.by_id[stored.id] = version_of(stored)


def version_of(stored: Any) -> Version:
    facts = (
        stored.author,
        stored.parent,
        stored.hypothesis,
        stored.source_sha,
        stored.parameters,
        stored.timeframe,
        stored.tokens,
        plain(stored.cost),
        stored.authored_at,
    )
    version = Version(stored.strategy, stored.version, stored.position, facts)
    version.active = bool(stored.active)
    version.ready = bool(stored.ready)
    version.live = bool(stored.live)
    version.rejected = bool(stored.rejected)
    version.activated_at = stored.activated_at
    version.from_bar = stored.from_bar
    version.live_from = stored.live_from
    version.rejected_stage = stored.rejected_stage
    version.reasons = stored.reasons
    version.verdict = stored.verdict
    version.verdict_at = stored.verdict_at
    return version
