"""What the queries about improvement give: calls of models, looks and what came of them, regimes.

Dollars and quote are exact decimals; ratios are None where there is nothing to divide by. Times are
ms UTC.
"""

from decimal import Decimal

from msgspec import Struct

from domain.strategy.improvement import HoldoutScore, LossPattern


class Candidate(Struct, frozen=True, kw_only=True):
    """A version written for a look, and what became of it."""

    version: str
    passed: bool | None = None  # its test; None: it was not tested
    accepted: bool = False  # it was given paper accounts
    ruined: bool = False  # one of them could not go on
    reasons: tuple[str, ...] = ()  # codes that it was rejected for, before it was accepted


class LlmCallView(Struct, frozen=True, kw_only=True):
    id: str
    position: int
    purpose: str  # recode | repair | regime
    outcome: str  # answered | refused | failed
    code: str
    detail: str
    strategy: str
    number: int  # of the look; 0 where it was about none
    symbol: str
    model: str
    temperature: float
    seed: int | None
    prompt_sha: str
    response_sha: str
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal  # dollars
    latency_ms: int
    called_at: int  # wall clock
    day: str  # of it, UTC
    at: int  # market time
    versions: tuple[str, ...]  # authored for the look that the call was made for
    tested: int  # of them
    passed: int
    activated: int


class LlmSum(Struct, frozen=True, kw_only=True):
    """What the calls of one day, strategy or purpose amount to."""

    id: str  # the day, the strategy ("" for none) or the purpose; all
    calls: int
    answered: int
    refused: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal  # dollars
    latency_ms: int | None  # of a call, on average, rounded down


class AcceptedVersion(Struct, frozen=True, kw_only=True):
    """What a version that a model wrote cost, and what it changed.

    Trades are the closed ones of sleeve B on paper; `change` is
    (net / trades − parent's net / parent's trades) × trades.
    """

    id: str  # <strategy>/<version>
    strategy: str
    version: str
    parent: str | None
    number: int  # of the look
    calls: int  # of that look
    cost: Decimal  # of that look, dollars
    cost_since: Decimal  # and of all looks after that of the accepted version before it
    trades: int
    net: Decimal
    parent_trades: int
    parent_net: Decimal
    change: Decimal | None  # quote; None: one of the two has no trade
    per_dollar: (
        Decimal | None
    )  # change / cost_since; None: no change to be told, or it cost nothing


class LlmTotals(Struct, frozen=True, kw_only=True):
    total: LlmSum
    days: tuple[LlmSum, ...]
    purposes: tuple[LlmSum, ...]
    strategies: tuple[LlmSum, ...]
    versions: tuple[AcceptedVersion, ...]
    change: Decimal | None  # Σ of the versions' that can be told; None: of none
    per_dollar: Decimal | None  # that / dollars of all calls about a strategy


class RecodeView(Struct, frozen=True, kw_only=True):
    id: str  # <strategy>/<number>
    position: int
    strategy: str
    number: int
    champion: str
    why: str  # losses | watch | ruined
    start: int | None  # open of the first bar of the history
    split: int | None  # the author knew the bars before it
    test_from: int | None
    end: int | None
    status: str  # asked | answered | failed
    author: str | None
    candidates: tuple[Candidate, ...]
    accepted: str | None  # the candidate that was given paper accounts
    rejected: dict[str, int]  # candidates, by code; one with several codes counts for each
    refused: tuple[str, ...]  # what was written and became no candidate: CODE: words
    code: str  # of a failure
    reason: str
    scored: int
    tokens: int
    cost: Decimal
    asked_at: int
    answered_at: int | None


class RecodeTotals(Struct, frozen=True, kw_only=True):
    """What came of all looks of one strategy."""

    strategy: str
    asked: int  # looks
    waiting: int
    answered: int
    failed: int
    failed_by: dict[str, int]  # code
    candidates: int
    accepted: int
    ruined: int  # of the accepted
    rejected: int  # candidates with at least one code
    rejected_by: dict[str, int]  # code
    refused: int
    refused_by: dict[str, int]  # code
    scored: int
    tokens: int
    cost: Decimal


class LossView(Struct, frozen=True, kw_only=True):
    id: str
    position: int
    strategy: str
    number: int
    version: str
    start: int
    until: int
    trades: int
    losses: int
    net: Decimal
    patterns: tuple[LossPattern, ...]
    report_sha: str
    at: int


class RegimeView(Struct, frozen=True, kw_only=True):
    id: str
    position: int
    venue: str
    symbol: str
    regime: str
    trend: str
    volatility: str
    risk_mode: str
    confidence: Decimal
    by: str  # rule, or llm:<model>
    since: int
    until: int  # exclusive; or until the next one of its symbol
    forced: bool
    tokens: int
    cost: Decimal


class AgreementView(Struct, frozen=True, kw_only=True):
    """How far a model and the rule say the same, over the time that both said something."""

    symbol: str
    by: str  # llm:<model>
    overlapping: int  # pairs of classifications that hold together for a while
    overlap_ms: int
    equal_ms: int
    share: Decimal | None  # equal_ms / overlap_ms


class RegimePerformanceView(Struct, frozen=True, kw_only=True):
    """What a version earned in one account by the regime that its trades were entered in."""

    id: str
    account: str
    strategy: str
    version: str
    mode: str
    sleeve: str
    regime: str  # none: no classification was in force
    trades: int
    wins: int
    win_rate: Decimal | None
    win_rate_low: Decimal | None  # Wilson 95 % lower bound
    profit_factor: Decimal | None
    net: Decimal


class HoldoutView(Struct, frozen=True, kw_only=True):
    strategy: str
    start: int | None
    end: int | None
    bars: dict[str, int]  # by symbol
    sha256: dict[str, str]  # of their records, by symbol
    scores: tuple[HoldoutScore, ...]  # the first version, and the last champion if another
    opened_at: int | None
    scored_at: int | None
