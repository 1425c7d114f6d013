"""What GraphQL shows of the improvement loop: `projections.improvement_models`, field by field."""

from decimal import Decimal

import strawberry
from strawberry.scalars import JSON

from api.graphql import described
from api.graphql.scalars import Instant, Long
from api.graphql.versions import Asked, text_of


@strawberry.type(description="One call of a language model, and what came of its look.")
class LlmCall:
    id: strawberry.ID
    position: Long
    purpose: str
    outcome: str
    code: str
    detail: str
    strategy: str
    number: int
    symbol: str
    model: str
    temperature: float
    seed: Long | None
    prompt_sha: str
    response_sha: str
    prompt_tokens: Long
    completion_tokens: Long
    cost: Decimal
    latency_ms: Long
    called_at: Instant
    day: str
    at: Instant
    versions: list[str]
    tested: int
    passed: int
    activated: int

    @described.field("What the model was told, word for word.")
    async def prompt(self, info: Asked) -> str | None:
        return await text_of(info.context, self.prompt_sha)

    @described.field("What it answered, as it came; null where nothing came.")
    async def response(self, info: Asked) -> str | None:
        return await text_of(info.context, self.response_sha)


@strawberry.type
class LlmSum:
    id: str
    calls: int
    answered: int
    refused: int
    failed: int
    prompt_tokens: Long
    completion_tokens: Long
    cost: Decimal
    latency_ms: Long | None


@strawberry.type(
    description="A version that a model wrote and that was given paper accounts. change is"
    " (net / trades - parentNet / parentTrades) * trades, in sleeve B; perDollar is"
    " change / costSince."
)
class AcceptedVersion:
    id: strawberry.ID
    strategy: str
    version: str
    parent: str | None
    number: int
    calls: int
    cost: Decimal
    cost_since: Decimal
    trades: int
    net: Decimal
    parent_trades: int
    parent_net: Decimal
    change: Decimal | None
    per_dollar: Decimal | None


@strawberry.type
class LlmTotals:
    total: LlmSum
    days: list[LlmSum]
    purposes: list[LlmSum]
    strategies: list[LlmSum]
    versions: list[AcceptedVersion]
    change: Decimal | None
    per_dollar: Decimal | None


@strawberry.type
class Candidate:
    version: str
    passed: bool | None
    accepted: bool
    ruined: bool
    reasons: list[str]


@strawberry.type(description="What an author was asked for at one look, and what came of it.")
class Recode:
    id: strawberry.ID
    position: Long
    strategy: str
    number: int
    champion: str
    why: str
    start: Instant | None
    split: Instant | None
    test_from: Instant | None
    end: Instant | None
    status: str
    author: str | None
    candidates: list[Candidate]
    accepted: str | None
    rejected: JSON
    refused: list[str]
    code: str
    reason: str
    scored: Long
    tokens: Long
    cost: Decimal
    asked_at: Instant
    answered_at: Instant | None


@strawberry.type
class RecodeTotals:
    strategy: str
    asked: int
    waiting: int
    answered: int
    failed: int
    failed_by: JSON
    candidates: int
    accepted: int
    ruined: int
    rejected: int
    rejected_by: JSON
    refused: int
    refused_by: JSON
    scored: Long
    tokens: Long
    cost: Decimal


@strawberry.type(description="Something that losing trades have in common.")
class LossPattern:
    code: str
    group: str
    count: int
    share: Decimal
    effect: Decimal | None
    low: Decimal | None
    high: Decimal | None
    significant: bool


@strawberry.type
class LossAnalysis:
    id: strawberry.ID
    position: Long
    strategy: str
    number: int
    version: str
    start: Instant
    until: Instant
    trades: int
    losses: int
    net: Decimal
    patterns: list[LossPattern]
    report_sha: str
    at: Instant

    @described.field("Every losing trade with its context, JSON.")
    async def report(self, info: Asked) -> str | None:
        return await text_of(info.context, self.report_sha)


@strawberry.type
class Regime:
    id: strawberry.ID
    position: Long
    venue: str
    symbol: str
    regime: str
    trend: str
    volatility: str
    risk_mode: str
    confidence: Decimal
    by: str
    since: Instant
    until: Instant
    forced: bool
    tokens: Long
    cost: Decimal


@strawberry.type(description="How far a model and the rule say the same, weighed by time.")
class RegimeAgreement:
    symbol: str
    by: str
    overlapping: int
    overlap_ms: Long
    equal_ms: Long
    share: Decimal | None


@strawberry.type
class RegimePerformance:
    id: strawberry.ID
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    regime: str
    trades: int
    wins: int
    win_rate: Decimal | None
    win_rate_low: Decimal | None
    profit_factor: Decimal | None
    net: Decimal


@strawberry.type
class HoldoutScore:
    version: str
    trades: int
    wins: int
    net: Decimal
    net_low: Decimal | None
    net_high: Decimal | None
    sharpe: Decimal | None
    sharpe_low: Decimal | None
    sharpe_high: Decimal | None
    passes_gate: bool


@strawberry.type(description="The sealed end of a recorded run, looked at once.")
class Holdout:
    strategy: str
    start: Instant | None
    end: Instant | None
    bars: JSON
    sha256: JSON
    scores: list[HoldoutScore]
    opened_at: Instant | None
    scored_at: Instant | None
