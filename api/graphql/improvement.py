"""What may be asked about the improvement loop."""

import strawberry

from api.graphql import described, types
from api.graphql import improvement_types as shown_as
from api.graphql.shown import connection, shown
from api.graphql.versions import Asked, Version
from projections.paging import Scope

SMALL_LIST = 100  # rows a list without pages is taken to have, for the budget
SUMS = 500  # and sums over a whole history


@strawberry.type
class ImprovementQuery:
    @described.field(
        "Calls of language models in log order. purpose: recode | repair | regime; day is UTC, of"
        " the wall clock: 2026-01-31."
    )
    async def llm_log(
        self,
        info: Asked,
        strategy: str | None = None,
        purpose: str | None = None,
        day: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[shown_as.LlmCall]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.llm_log, strategy, purpose, day, paging)
        return connection(page, lambda item: shown(shown_as.LlmCall, item))

    @described.field("One call, by its id; null for an unknown one.")
    async def llm_call(
        self,
        info: Asked,
        id: strawberry.ID,  # noqa: A002
    ) -> shown_as.LlmCall | None:
        context = info.context
        item = await context.read(context.queries.llm_call, str(id))
        return None if item is None else shown(shown_as.LlmCall, item)

    @described.field("What models cost, and what the versions that they wrote changed.")
    async def llm_totals(self, info: Asked, strategy: str | None = None) -> shown_as.LlmTotals:
        context = info.context
        context.spend(SUMS)
        return shown(shown_as.LlmTotals, await context.read(context.queries.llm_totals, strategy))

    @described.field(
        "What authors were asked for, in the order they were asked. status: asked | answered |"
        " failed."
    )
    async def recodes(
        self,
        info: Asked,
        strategy: str | None = None,
        status: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[shown_as.Recode]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.recodes, strategy, status, paging)
        return connection(page, lambda item: shown(shown_as.Recode, item))

    @described.field("What came of all looks, by strategy.")
    async def recode_totals(
        self, info: Asked, strategy: str | None = None
    ) -> list[shown_as.RecodeTotals]:
        context = info.context
        context.spend(SUMS)
        items = await context.read(context.queries.recode_totals, strategy)
        return [shown(shown_as.RecodeTotals, item) for item in items]

    @described.field("One version; null for an unknown one.")
    async def version(self, info: Asked, strategy: str, version: str) -> Version | None:
        context = info.context
        item = await context.read(context.queries.version, strategy, version)
        return None if item is None else shown(Version, item)

    @described.field("What each look found that losing trades have in common, in log order.")
    async def loss_analyses(
        self,
        info: Asked,
        strategy: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[shown_as.LossAnalysis]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.losses, strategy, paging)
        return connection(page, lambda item: shown(shown_as.LossAnalysis, item))

    @described.field("What the strategy's last look found; null before the first.")
    async def latest_losses(self, info: Asked, strategy: str) -> shown_as.LossAnalysis | None:
        context = info.context
        item = await context.read(context.queries.latest_losses, strategy)
        return None if item is None else shown(shown_as.LossAnalysis, item)

    @described.field("What was said about the market's regime, in the order it was said.")
    async def regimes(
        self,
        info: Asked,
        symbol: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[shown_as.Regime]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.regimes, symbol, paging)
        return connection(page, lambda item: shown(shown_as.Regime, item))

    @described.field("How far each model and the rule say the same, by symbol.")
    async def regime_agreement(
        self, info: Asked, symbol: str | None = None
    ) -> list[shown_as.RegimeAgreement]:
        context = info.context
        context.spend(SUMS)
        items = await context.read(context.queries.regime_agreement, symbol)
        return [shown(shown_as.RegimeAgreement, item) for item in items]

    @described.field(
        "What was earned by the regime in force when a trade was entered; none: nobody had said"
        " anything that still held."
    )
    async def regime_performance(
        self,
        info: Asked,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        sleeve: str | None = None,
    ) -> list[shown_as.RegimePerformance]:
        context = info.context
        context.spend(SUMS)
        scope = Scope(strategy=strategy, version=version, mode=mode, sleeve=sleeve)
        items = await context.read(context.queries.regime_performance, scope)
        return [shown(shown_as.RegimePerformance, item) for item in items]

    @described.field("The sealed ends of recorded runs that were opened, by strategy.")
    async def holdout(self, info: Asked, strategy: str | None = None) -> list[shown_as.Holdout]:
        context = info.context
        context.spend(SMALL_LIST)
        items = await context.read(context.queries.holdout, strategy)
        return [shown(shown_as.Holdout, item) for item in items]
