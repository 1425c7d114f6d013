"""What an account was kept from: `refusals` (an order over a limit), `breakers` (no entries)."""

from collections.abc import Mapping

from sqlalchemy import Connection

from domain.event import Event
from domain.portfolio.events import BreakerCleared, BreakerTripped, RiskRefused
from projections.columns import plain, plain_or_none
from projections.folds.accounts import Accounts
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables


class Breaker:
    """One trip; it stays in memory until it is cleared."""

    def __init__(self, facts: Row, limits: Row) -> None:
        self.facts = facts  # position, owner, code
        self.status = "tripped"
        self.limits = limits  # limit, observed, tripped at, until
        self.cleared_at: int | None = None

    def row(self) -> Row:
        return (*self.facts, self.status, *self.limits, self.cleared_at)


class Stops:
    """Folds refusals and breakers. Clearing a code clears every trip of it in that account."""

    def __init__(self, rows: Rows, accounts: Accounts) -> None:
        self.rows = rows
        self.accounts = accounts
        self.tripped_now: dict[tuple[str, str], list[Breaker]] = {}

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            RiskRefused: self.refused,
            BreakerTripped: self.tripped,
            BreakerCleared: self.cleared,
        }

    def refused(self, position: int, event: RiskRefused) -> None:
        self.rows.added["refusals"].append(
            (
                position,
                *self.accounts.of(event.stream, position).owner,
                event.symbol,
                event.code,
                plain(event.limit),
                plain_or_none(event.observed),
                event.occurred_at,
            )
        )

    def tripped(self, position: int, event: BreakerTripped) -> None:
        breaker = Breaker(
            (position, *self.accounts.of(event.stream, position).owner, event.code),
            (plain(event.limit), plain(event.observed), event.occurred_at, event.until),
        )
        self.tripped_now.setdefault((event.stream, event.code), []).append(breaker)
        self.rows.touched["breakers"][position] = breaker.row

    def cleared(self, position: int, event: BreakerCleared) -> None:
        for breaker in self.tripped_now.pop((event.stream, event.code), []):
            breaker.status = "cleared"
            breaker.cleared_at = event.occurred_at
            self.rows.touched["breakers"][breaker.facts[0]] = breaker.row

    def load(self, connection: Connection, tables: Tables) -> None:
        self.tripped_now.clear()
        breakers = tables["breakers"]
        tripped = breakers.select().where(breakers.c.status == "tripped")
        for stored in connection.execute(tripped.order_by(breakers.c.position)):
            owner = (stored.account, stored.strategy, stored.version, stored.mode, stored.sleeve)
            breaker = Breaker(
                (stored.position, *owner, stored.code),
                (
                    plain(stored.limit),
                    plain(stored.observed),
                    stored.tripped_at,
                    stored.until,
                ),
            )
            self.tripped_now.setdefault((stored.account, stored.code), []).append(breaker)
