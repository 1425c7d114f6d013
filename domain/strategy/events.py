"""Facts of one strategy: its versions, and its way between paper and live."""

from decimal import Decimal
from typing import Literal

from domain.event import Event, Mode, topic
from domain.gate import GateVerdict

Author = Literal["seed", "llm", "search", "operator"]
Scope = Literal["strategy", "home"]


@topic("strategy.registered/1")
class StrategyRegistered(Event, frozen=True, kw_only=True):
    strategy: str
    description: str


@topic("strategy.version_authored/1")
class VersionAuthored(Event, frozen=True, kw_only=True):
    version: str  # v1, v2, …
    source_sha: str  # sha256 of the source text, held in the blob table
    parameters: dict[str, float]
    timeframe: str
    author: Author
    parent: str | None
    hypothesis: str
    tokens: int
    cost: Decimal  # what authoring cost, dollars


@topic("strategy.version_activated/1")
class VersionActivated(Event, frozen=True, kw_only=True):
    mode: Mode
    version: str
    from_bar: int  # open of the first base bar it trades


@topic("strategy.version_rejected/1")
class VersionRejected(Event, frozen=True, kw_only=True):
    version: str
    stage: str  # paper | validation
    reasons: tuple[str, ...]


@topic("strategy.marked_ready/1")
class MarkedReady(Event, frozen=True, kw_only=True):
    """The gate passed on this version's own paper trades; an operator may promote it."""

    version: str
    verdict: GateVerdict


@topic("strategy.promotion_requested/1")
class PromotionRequested(Event, frozen=True, kw_only=True):
    version: str
    reason: str


@topic("strategy.promotion_refused/1")
class PromotionRefused(Event, frozen=True, kw_only=True):
    version: str
    verdict: GateVerdict


@topic("strategy.promoted_to_live/1")
class PromotedToLive(Event, frozen=True, kw_only=True):
    version: str
    account: str  # live/sim/<strategy> until venues exist
    verdict: GateVerdict
    attempts: int  # parameter sets ever scored for this strategy


@topic("strategy.paused/1")
class Paused(Event, frozen=True, kw_only=True):
    by: str
    reason: str
    until: int | None


@topic("strategy.resumed/1")
class Resumed(Event, frozen=True, kw_only=True):
    by: str
    reason: str


@topic("strategy.flattened/1")
class Flattened(Event, frozen=True, kw_only=True):
    """Every position is closed at the next open, and entries stay off until it is resumed."""

    by: str
    reason: str
    scope: Scope  # strategy: this one was meant; home: all of them were


@topic("strategy.demoted_to_paper/1")
class DemotedToPaper(Event, frozen=True, kw_only=True):
    by: str
    reason: str


@topic("strategy.retired/1")
class Retired(Event, frozen=True, kw_only=True):
    by: str
    reason: str
