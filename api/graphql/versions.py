"""Versions as GraphQL shows them: with their text, and how it differs from the parent's."""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from api.graphql import described, types
from api.graphql.context import Context
from api.graphql.scalars import Instant, Long
from api.version_text import parameter_changes, source_diff

Asked = Info[Context, None]

TEXT = 100  # rows that a text from the log is taken to be worth, for the budget


@strawberry.type(description="Every figure that a test was judged by.")
class TestReport:
    days: int
    trades: int
    wins: int
    net: Decimal
    sharpe: Decimal | None
    fit_trades: int
    fit_net: Decimal
    fit_sharpe: Decimal | None
    champion_trades: int
    champion_net: Decimal
    champion_sharpe: Decimal | None
    slipped_net: Decimal | None
    neighbours: int
    neighbours_lost: int
    neighbours_net: Decimal | None
    p_value: Decimal | None
    deflated: Decimal | None
    tries: int
    overfitting: Decimal | None


@strawberry.type(description="A parameter's value in two versions; null where one has none.")
class ParameterChange:
    name: str
    before: float | None
    after: float | None


@strawberry.type
class VersionDiff:
    parent: str
    source: str = strawberry.field(description="A unified diff; empty where the texts are equal.")
    parameters: list[ParameterChange]


@strawberry.type
class Version:
    id: strawberry.ID
    position: Long
    strategy: str
    version: str
    status: str
    author: str
    parent: str | None
    hypothesis: str
    source_sha: str
    parameters: JSON
    timeframe: str
    tokens: Long
    cost: Decimal
    authored_at: Instant
    activated_at: Instant | None
    from_bar: Instant | None
    live_from: Instant | None
    rejected_stage: str
    reasons: list[str]
    verdict: types.Verdict | None
    verdict_at: Instant | None
    number: int | None = strawberry.field(description="Of the look that it was written for.")
    passed: bool | None = strawberry.field(
        description="Its test, on bars that its author did not know; null: it was not tested."
    )
    failures: list[str]
    report: TestReport | None
    test_digest: str
    tested_at: Instant | None
    retired: str
    retired_at: Instant | None

    @described.field("The strategy file as it was authored.")
    async def source(self, info: Asked) -> str | None:
        return await text_of(info.context, self.source_sha)

    @described.field("How it differs from its parent; null where it has none.")
    async def diff(self, info: Asked) -> VersionDiff | None:
        context = info.context
        if self.parent is None:
            return None
        before = await context.read(context.queries.version, self.strategy, self.parent)
        if before is None:
            return None
        texts = [await text_of(context, sha) for sha in (before.source_sha, self.source_sha)]
        names = (before.id, str(self.id))
        own = cast(Mapping[str, float], self.parameters)
        changes = parameter_changes(before.parameters, own)
        return VersionDiff(
            parent=self.parent,
            source=await context.read(source_diff, texts[0] or "", texts[1] or "", names),
            parameters=[
                ParameterChange(name=c.name, before=c.before, after=c.after) for c in changes
            ],
        )


async def text_of(context: Context, sha256: str) -> str | None:
    """Give a text that the log holds; it costs some of the request's rows."""
    context.spend(TEXT)
    return await context.read(context.queries.text, sha256) if sha256 else None
