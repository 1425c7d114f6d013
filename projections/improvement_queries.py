"""Questions about the improvement loop: calls of models, looks, regimes, the holdout."""

from datetime import date
from itertools import groupby

from sqlalchemy import select

from projections import improvement_models as models
from projections import improvement_reading as reading
from projections.improvement_tables import (
    HOLDOUT,
    LLM_LOG,
    LOSSES,
    RECODES,
    REGIME_PERFORMANCE,
    REGIMES,
)
from projections.llm_totals import llm_totals
from projections.models import Page, VersionView
from projections.paging import BadQuery, Paging, Scope, one_of, page_of
from projections.reader import ViewReader
from projections.reading import page, version
from projections.regime_agreement import agreements
from projections.tables import VERSIONS

FIRST_PAGE = Paging()
EVERYTHING = Scope()
PURPOSES = ("recode", "repair", "regime")
STATUSES = ("asked", "answered", "failed")


class ImprovementQueries(ViewReader):
    """Every method raises as `projections.queries.Queries` says."""

    def llm_log(
        self,
        strategy: str | None = None,
        purpose: str | None = None,
        day: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Page[models.LlmCallView]:
        """List calls of models in log order; `day` is UTC, of the wall clock: 2026-01-31."""
        one_of("purpose", purpose, PURPOSES)
        refuse_no_day(day)
        asked = {"strategy": strategy, "purpose": purpose, "day": day}
        conditions = [LLM_LOG.c[name] == value for name, value in asked.items() if value]
        with self._reading() as connection:
            rows, more = page_of(connection, LLM_LOG, paging, conditions)
            return page(reading.calls(connection, rows), rows, more, paging)

    def llm_call(self, name: str) -> models.LlmCallView | None:
        """Find one call by its id, or by the number in it: llm@17, 17."""
        name = f"llm@{name}" if name.isdecimal() else name
        with self._reading() as connection:
            rows = connection.execute(select(LLM_LOG).where(LLM_LOG.c.id == name)).all()
            return next(iter(reading.calls(connection, rows)), None)

    def llm_totals(self, strategy: str | None = None) -> models.LlmTotals:
        """Sum up the calls, of all or about one strategy, by day, purpose, strategy, version."""
        with self._reading() as connection:
            return llm_totals(connection, strategy)

    def recodes(
        self,
        strategy: str | None = None,
        status: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Page[models.RecodeView]:
        """List what authors were asked for, in the order they were asked."""
        one_of("status", status, STATUSES)
        asked = {"strategy": strategy, "status": status}
        conditions = [RECODES.c[name] == value for name, value in asked.items() if value]
        with self._reading() as connection:
            rows, more = page_of(connection, RECODES, paging, conditions)
            return page([reading.recode(row) for row in rows], rows, more, paging)

    def recode(self, strategy: str, number: int) -> models.RecodeView | None:
        """Find what an author was asked for at one look; None where there was no such look."""
        found = select(RECODES).where(RECODES.c.id == f"{strategy}/{number}")
        with self._reading() as connection:
            row = connection.execute(found).first()
            return None if row is None else reading.recode(row)

    def recode_totals(self, strategy: str | None = None) -> list[models.RecodeTotals]:
        """Sum up what came of all looks, by strategy; of one strategy or of all."""
        asked = select(RECODES).order_by(RECODES.c.strategy, RECODES.c.position)
        if strategy is not None:
            asked = asked.where(RECODES.c.strategy == strategy)
        with self._reading() as connection:
            rows = connection.execute(asked).all()
        return [
            reading.recode_totals(name, list(found))
            for name, found in groupby(rows, lambda row: str(row.strategy))
        ]

    def version(self, strategy: str, name: str) -> VersionView | None:
        """Find one version; None for an unknown one."""
        with self._reading() as connection:
            found = select(VERSIONS).where(VERSIONS.c.id == f"{strategy}/{name}")
            row = connection.execute(found).one_or_none()
            return None if row is None else version(row)

    def losses(
        self, strategy: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Page[models.LossView]:
        """List what looks found that losing trades have in common, in log order."""
        asked = [] if strategy is None else [LOSSES.c.strategy == strategy]
        with self._reading() as connection:
            rows, more = page_of(connection, LOSSES, paging, asked)
            return page([reading.losses(row) for row in rows], rows, more, paging)

    def latest_losses(self, strategy: str) -> models.LossView | None:
        """Give the last look's finding; None where there was no look."""
        latest = self.losses(strategy, Paging(first=1, newest=True)).items
        return latest[0] if latest else None

    def regimes(
        self, symbol: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Page[models.RegimeView]:
        """List classifications in the order they were made."""
        asked = [] if symbol is None else [REGIMES.c.symbol == symbol]
        with self._reading() as connection:
            rows, more = page_of(connection, REGIMES, paging, asked)
            return page([reading.regime(row) for row in rows], rows, more, paging)

    def regime_agreement(self, symbol: str | None = None) -> list[models.AgreementView]:
        """Tell how far each model and the rule say the same, by symbol and model."""
        columns = REGIMES.c
        said = select(columns.symbol, columns.by, columns.since, columns.until, columns.regime)
        if symbol is not None:
            said = said.where(columns.symbol == symbol)
        with self._reading() as connection:
            return agreements(connection.execute(said.order_by(columns.position)))

    def regime_performance(self, scope: Scope = EVERYTHING) -> list[models.RegimePerformanceView]:
        """List what was earned by the regime in force at each trade's entry, by account."""
        asked = select(REGIME_PERFORMANCE).where(*scope.conditions(REGIME_PERFORMANCE))
        with self._reading() as connection:
            rows = connection.execute(asked.order_by(REGIME_PERFORMANCE.c.id))
            return [reading.regime_performance(row) for row in rows]

    def holdout(self, strategy: str | None = None) -> list[models.HoldoutView]:
        """List the sealed ends that were opened, by strategy."""
        asked = select(HOLDOUT).order_by(HOLDOUT.c.strategy)
        if strategy is not None:
            asked = asked.where(HOLDOUT.c.strategy == strategy)
        with self._reading() as connection:
            return [reading.holdout(row) for row in connection.execute(asked)]


def refuse_no_day(day: str | None) -> None:
    """Let a UTC day pass, or None. Raises BadQuery."""
    if day is None:
        return
    try:
        known = date.fromisoformat(day).isoformat() == day
    except ValueError:
        known = False
    if not known:
        raise BadQuery(f"day was {day!r}, must be a UTC day, such as 2026-01-31")
