"""What may be asked: the read models, and the log; `improvement` asks about that alone."""

import strawberry

from api.graphql import described, shown, types
from api.graphql.context import Context
from api.graphql.improvement import SMALL_LIST, ImprovementQuery
from api.graphql.scalars import Instant, Long
from api.graphql.versions import Asked, Version
from projections.paging import Scope


@strawberry.type
class Strategy:
    id: strawberry.ID
    version: str | None
    status: str
    mode: str
    description: str
    resumes_to: str
    live_version: str | None
    live_account: str | None
    reason: str
    changed_by: str
    paused_until: Instant | None
    flat: bool
    registered_at: Instant
    changed_at: Instant

    @strawberry.field
    async def versions(
        self, info: Asked, first: int = 50, after: str | None = None
    ) -> types.Connection[Version]:
        return await versions_of(info.context, str(self.id), first, after)

    @strawberry.field
    async def performance(self, info: Asked) -> list[types.Performance]:
        return await performance_of(info.context, Scope(strategy=str(self.id)))


async def versions_of(
    context: Context, strategy: str | None, first: int, after: str | None
) -> types.Connection[Version]:
    paging = context.paging(first, after)
    page = await context.read(context.queries.versions, strategy, paging)
    return shown.connection(page, lambda item: shown.shown(Version, item))


async def performance_of(context: Context, scope: Scope) -> list[types.Performance]:
    context.spend(SMALL_LIST)
    items = await context.read(context.queries.performance, scope)
    return [shown.shown(types.Performance, item) for item in items]


@strawberry.type
class Query(ImprovementQuery):
    @described.field("What this home trades, and how far it has come.")
    async def status(self, info: Asked) -> types.Status:
        context = info.context
        return shown.shown(types.Status, await context.read(context.queries.status))

    @described.field("The safety limits in force, with who tightened them, and why.")
    async def limits(self, info: Asked) -> list[types.Limit]:
        context = info.context
        context.spend(SMALL_LIST)
        items = await context.read(context.queries.limits)
        return [shown.shown(types.Limit, item) for item in items]

    @strawberry.field
    async def strategies(self, info: Asked) -> list[Strategy]:
        context = info.context
        context.spend(SMALL_LIST)
        items = await context.read(context.queries.strategies)
        return [shown.shown(Strategy, item) for item in items]

    @described.field("Null for an unknown strategy.")
    async def strategy(self, info: Asked, id: strawberry.ID) -> Strategy | None:  # noqa: A002
        context = info.context
        item = await context.read(context.queries.strategy, str(id))
        return None if item is None else shown.shown(Strategy, item)

    @strawberry.field
    async def versions(
        self,
        info: Asked,
        strategy: str | None = None,
        first: int = 50,
        after: str | None = None,
    ) -> types.Connection[Version]:
        return await versions_of(info.context, strategy, first, after)

    @described.field("What each version earned in each of its accounts.")
    async def performance(
        self,
        info: Asked,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        sleeve: str | None = None,
    ) -> list[types.Performance]:
        scope = Scope(strategy=strategy, version=version, mode=mode, sleeve=sleeve)
        return await performance_of(info.context, scope)

    @described.field("In the order they were opened. status: open | closed.")
    async def positions(
        self,
        info: Asked,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        sleeve: str | None = None,
        account: str | None = None,
        status: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[types.Position]:
        context = info.context
        scope = Scope(strategy=strategy, version=version, mode=mode, sleeve=sleeve, account=account)
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.positions, scope, status, paging)
        return shown.connection(page, lambda item: shown.shown(types.Position, item))

    @described.field("In the order they closed.")
    async def trades(
        self,
        info: Asked,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        sleeve: str | None = None,
        account: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[types.Trade]:
        context = info.context
        scope = Scope(strategy=strategy, version=version, mode=mode, sleeve=sleeve, account=account)
        page = await context.read(
            context.queries.trades, scope, context.paging(first, after, newest)
        )
        return shown.connection(page, lambda item: shown.shown(types.Trade, item))

    @described.field(
        "In the order they were placed. status: placed | partly_filled | filled | cancelled."
    )
    async def orders(
        self,
        info: Asked,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        sleeve: str | None = None,
        account: str | None = None,
        status: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[types.Order]:
        context = info.context
        scope = Scope(strategy=strategy, version=version, mode=mode, sleeve=sleeve, account=account)
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.orders, scope, status, paging)
        return shown.connection(page, lambda item: shown.shown(types.Order, item))

    @described.field("In the order they were raised.")
    async def signals(
        self,
        info: Asked,
        strategy: str | None = None,
        version: str | None = None,
        mode: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[types.Signal]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.signals, strategy, version, mode, paging)
        return shown.connection(page, lambda item: shown.shown(types.Signal, item))

    @described.field("An account's marks, from `start` to before `end` (ms UTC).")
    async def equity(
        self,
        info: Asked,
        account: str,
        start: Long | None = None,
        end: Long | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[types.EquityMark]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.equity, account, start, end, paging)
        return shown.connection(page, lambda item: shown.shown(types.EquityMark, item))

    @described.field(
        "The log itself. `stream` is a prefix, `topic` a name such as "
        "strategy.paused/1, kind input | derived. One request looks at a bounded part of the log: "
        "go on from endCursor while hasNextPage."
    )
    async def events(
        self,
        info: Asked,
        stream: str | None = None,
        topic: str | None = None,
        kind: str | None = None,
        first: int = 50,
        after: str | None = None,
        newest: bool = False,
    ) -> types.Connection[types.LogEvent]:
        context = info.context
        paging = context.paging(first, after, newest)
        page = await context.read(context.queries.events, stream, topic, kind, paging)
        return shown.connection(page, shown.event)
