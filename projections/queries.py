"""Every question the API and the command line ask of the read models.

All answers of one call show one moment of the log. Lists are bounded and paged by key, so a call
stays short however long the history: one that would take over a second is stopped instead.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table, func, literal_column, select

from domain.limits import effective
from domain.tightening import BOUNDS, figure
from projections import models, reading
from projections.event_pages import events_page
from projections.improvement_queries import ImprovementQueries
from projections.models import Page
from projections.paging import BadQuery, Found, Paging, Scope, one_of, page_of, shown_mode
from projections.tables import (
    ACCOUNTS,
    BREAKERS,
    FILLS,
    HOME,
    LIMITS,
    ORDERS,
    PERFORMANCE,
    POSITIONS,
    REFUSALS,
    SIGNALS,
    STRATEGIES,
    TRADES,
    VERSIONS,
)

EVERYTHING = Scope()
FIRST_PAGE = Paging()
# Literals, so that the partial indexes of what is rare apply.
OPEN = POSITIONS.c.status == literal_column("'open'")
CANCELLED = ORDERS.c.status == literal_column("'cancelled'")
ORDER_STATUSES = ("placed", "partly_filled", "filled", "cancelled")
POSITION_STATUSES = ("open", "closed")


class Queries(ImprovementQueries):
    """Reads one read-model file; may be used from many threads.

    Every method raises ViewsMissing, ViewsUnreadable and QueryTooSlow; those with arguments raise
    BadQuery. A file that is replaced while in use is noticed and opened again.
    """

    def status(self) -> models.Status:
        """Tell what the home trades, how far it has come, and how far the views lag."""
        with self._reading() as connection:
            position = self._position(connection)
            home = connection.execute(select(HOME)).one_or_none()
            counts = {
                "strategies": _count(connection, STRATEGIES),
                "accounts": _count(connection, ACCOUNTS),
                "open_positions": _count(connection, POSITIONS, OPEN),
                "trades": connection.execute(select(func.sum(PERFORMANCE.c.trades))).scalar() or 0,
            }
        head = None if self.log is None else max(self.log.head(), position)
        return reading.status(home, position, head, counts)

    def limits(self) -> list[models.LimitView]:
        """List every limit that can be tightened as it stands, with who tightened it, and why."""
        constants = effective()
        with self._reading() as connection:
            rows = {row.id: row for row in connection.execute(select(LIMITS))}
        return [reading.limit(name, figure(constants, name), rows.get(name)) for name in BOUNDS]

    def strategies(self) -> list[models.StrategyView]:
        """List the strategies by name."""
        with self._reading() as connection:
            rows = connection.execute(select(STRATEGIES).order_by(STRATEGIES.c.id))
            return [reading.strategy(row) for row in rows]

    def strategy(self, name: str) -> models.StrategyView | None:
        """Find one strategy; None for an unknown name."""
        with self._reading() as connection:
            found = select(STRATEGIES).where(STRATEGIES.c.id == name)
            row = connection.execute(found).one_or_none()
            return None if row is None else reading.strategy(row)

    def versions(
        self, strategy: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Page[models.VersionView]:
        """List versions in the order they were authored, of one strategy or of all."""
        with self._reading() as connection:
            asked = [] if strategy is None else [VERSIONS.c.strategy == strategy]
            rows, more = page_of(connection, VERSIONS, paging, asked)
            return reading.page([reading.version(row) for row in rows], rows, more, paging)

    def performance(self, scope: Scope = EVERYTHING) -> list[models.PerformanceView]:
        """List what each version earned in each of its accounts, by id."""
        with self._reading() as connection:
            asked = select(PERFORMANCE).where(*scope.conditions(PERFORMANCE))
            rows = connection.execute(asked.order_by(PERFORMANCE.c.id)).all()
            open_pnl = reading.open_pnl(connection)
            return [reading.performance(row, open_pnl) for row in rows]

    def positions(
        self, scope: Scope = EVERYTHING, status: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Page[models.PositionView]:
        """List positions in the order they were opened; open ones at the account's last mark."""
        one_of("status", status, POSITION_STATUSES)
        with self._reading() as connection:
            rare = [OPEN] if status == "open" else []
            usual = [POSITIONS.c.status == status] if status == "closed" else []
            rows, more = _owned(connection, POSITIONS, scope, paging, rare, usual)
            marks = reading.marks(connection)
            return reading.page([reading.position(row, marks) for row in rows], rows, more, paging)

    def trades(
        self, scope: Scope = EVERYTHING, paging: Paging = FIRST_PAGE
    ) -> Page[models.TradeView]:
        """List closed trades in the order they closed."""
        with self._reading() as connection:
            rows, more = _owned(connection, TRADES, scope, paging)
            items = [reading.view(models.TradeView, row, status="closed") for row in rows]
            return reading.page(items, rows, more, paging)

    def orders(
        self, scope: Scope = EVERYTHING, status: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Page[models.OrderView]:
        """List orders in the order they were placed."""
        one_of("status", status, ORDER_STATUSES)
        rare: list[ColumnElement[bool]] = []
        if status in ("placed", "partly_filled"):
            rare = [ORDERS.c.closed_at.is_(None)]
        elif status == "cancelled":
            rare = [CANCELLED]
        usual = [] if status is None else [ORDERS.c.status == status]
        with self._reading() as connection:
            rows, more = _owned(connection, ORDERS, scope, paging, rare, usual)
            return reading.page([reading.order(row) for row in rows], rows, more, paging)

    def fills(
        self, scope: Scope = EVERYTHING, paging: Paging = FIRST_PAGE
    ) -> Page[models.FillView]:
        """List fills in the order they happened."""
        with self._reading() as connection:
            rows, more = _owned(connection, FILLS, scope, paging)
            items = [reading.view(models.FillView, row, status="filled") for row in rows]
            return reading.page(items, rows, more, paging)

    def signals(
        self,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Page[models.SignalView]:
        """List signals in the order they were raised."""
        asked = {"strategy": strategy, "version": version, "mode": shown_mode(mode)}
        conditions = [SIGNALS.c[name] == value for name, value in asked.items() if value]
        with self._reading() as connection:
            rows, more = page_of(connection, SIGNALS, paging, conditions)
            return reading.page([reading.signal(row) for row in rows], rows, more, paging)

    def equity(
        self,
        account: str,
        start: int | None = None,
        end: int | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Page[models.EquityView]:
        """List an account's marks by market time, from `start` to before `end` (ms)."""
        with self._reading() as connection:
            return reading.equity_page(connection, account, start, end, paging)

    def refusals(
        self, scope: Scope = EVERYTHING, paging: Paging = FIRST_PAGE
    ) -> Page[models.RefusalView]:
        """List refused orders in the order they were refused."""
        with self._reading() as connection:
            rows, more = _owned(connection, REFUSALS, scope, paging)
            return reading.page(
                [reading.view(models.RefusalView, row) for row in rows], rows, more, paging
            )

    def breakers(
        self, scope: Scope = EVERYTHING, paging: Paging = FIRST_PAGE
    ) -> Page[models.BreakerView]:
        """List breaker trips in the order they happened."""
        with self._reading() as connection:
            rows, more = _owned(connection, BREAKERS, scope, paging)
            return reading.page(
                [reading.view(models.BreakerView, row) for row in rows], rows, more, paging
            )

    def events(
        self,
        stream: str | None = None,
        topic: str | None = None,
        kind: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Page[models.EventView]:
        """List events, straight from the log: `stream` is a prefix, `topic` an exact name.

        One call looks at a bounded part of the log; where it found fewer than asked and `more` is
        true, asking on from the cursor looks further. Raises BadQuery without a log.
        """
        one_of("kind", kind, ("input", "derived"))
        if self.log is None:
            raise BadQuery("events was asked without a log, which holds them")
        return events_page(self.log, stream, topic, kind, paging)


def _owned(
    connection: Connection,
    table: Table,
    scope: Scope,
    paging: Paging,
    rare: Sequence[ColumnElement[bool]] = (),
    usual: Sequence[ColumnElement[bool]] = (),
) -> tuple[list[Found], bool]:
    if scope == EVERYTHING or rare:
        conditions = [*scope.filters(table), *rare, *usual]
        return page_of(connection, table, paging, conditions)
    asked = select(PERFORMANCE.c.account).where(*scope.conditions(PERFORMANCE)).distinct()
    accounts = sorted(connection.execute(asked).scalars())
    within = [*usual]
    if scope.version is not None:  # versions may follow each other in one account
        within.append(table.c.version == scope.version)
    return page_of(connection, table, paging, within, accounts)


def _count(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(table).where(*conditions)
    return connection.execute(counted).scalar_one()
