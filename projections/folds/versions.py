"""Every version ever authored and what became of it: `versions`."""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from domain.event import Event
from domain.gate import GateVerdict
from domain.strategy.events import VersionAuthored, VersionRejected
from domain.strategy.improvement import RecodeAnswered, VersionRetired, VersionTested
from projections.columns import plain
from projections.folds.fold import LIVE
from projections.rows import Row, Rows
from projections.tables import Tables


class Name(Struct, frozen=True):
    """As much of a candidate as says which version it is."""

    version: str


NAMES = msgspec.json.Decoder(tuple[Name, ...])


class Test(NamedTuple):
    """A candidate's test, as its row holds it."""

    passed: int | None = None
    failures: str = "[]"
    report: str | None = None
    test_digest: str = ""
    tested_at: int | None = None


UNTESTED = Test()


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
        self.number: int | None = None
        self.test = UNTESTED
        self.retired = ""
        self.retired_at: int | None = None

    @property
    def status(self) -> str:
        """Give the furthest this version stands at, what ended it before all.

        rejected | live/sim | retired | ready | paper | passed | candidate
        """
        if self.rejected:
            return "rejected"
        if self.live:
            return LIVE
        if self.retired:
            return "retired"
        if self.ready:
            return "ready"
        if self.active:
            return "paper"
        return "passed" if self.test.passed else "candidate"

    def reject(self, event: VersionRejected) -> None:
        self.rejected = True
        self.rejected_stage = event.stage
        self.reasons = msgspec.json.encode(event.reasons).decode()

    def retire(self, event: VersionRetired) -> None:
        self.retired = event.reason
        self.retired_at = event.occurred_at

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
            self.number,
            *self.test,
            self.retired,
            self.retired_at,
            self.position,
        )


class Versions:
    """The versions of all strategies; the strategies' fold says what happens to them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.by_id: dict[str, Version] = {}
        self.awaited: dict[str, int] = {}  # by id: the looks of candidates soon to be authored

    def answered(self, strategy: str, event: RecodeAnswered) -> None:
        """Note for which look the versions were written that are authored next."""
        for version in event.candidates:
            self.awaited[f"{strategy}/{version}"] = event.number

    def tested(self, strategy: str, position: int, event: VersionTested) -> None:
        version = self.of(strategy, event.version, position, event)
        version.number = event.number
        version.test = Test(
            int(event.passed),
            msgspec.json.encode(event.failures).decode(),
            msgspec.json.encode(event.report).decode(),
            event.digest,
            event.occurred_at,
        )

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
        version = Version(strategy, event.version, position, facts)
        version.number = self.awaited.pop(version.id, None)
        self.keep(version)

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
        self.awaited.clear()
        recodes = tables["recodes"]
        for stored in connection.execute(recodes.select()):
            for version in NAMES.decode(stored.candidates):
                if (name := f"{stored.strategy}/{version.version}") not in self.by_id:
                    self.awaited[name] = stored.number


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
    version.number = stored.number
    version.test = Test(*(getattr(stored, name) for name in Test._fields))
    version.retired = stored.retired
    version.retired_at = stored.retired_at
    return version
