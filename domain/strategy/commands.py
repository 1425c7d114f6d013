"""What can be asked of a strategy."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from domain.cause import Cause
from domain.event import Kind, Mode
from domain.gate import Gate, Tally
from domain.strategy.events import Author, Scope
from domain.strategy.improvement import HoldoutScore, LossPattern, TestReport, Why


class Command(Struct, frozen=True, kw_only=True):
    """Every command says why it is given."""

    cause: Cause


class Register(Command, frozen=True, kw_only=True):
    strategy: str
    description: str


class AuthorVersion(Command, frozen=True, kw_only=True):
    """Record a source that parses; it trades only once it is activated."""

    source_sha: str
    parameters: dict[str, float]
    timeframe: str
    author: Author
    parent: str | None = None
    hypothesis: str = ""
    tokens: int = 0
    cost: Decimal = Decimal(0)


class ActivateVersion(Command, frozen=True, kw_only=True):
    version: str
    from_bar: int
    mode: Mode = "paper"


class RejectVersion(Command, frozen=True, kw_only=True):
    version: str
    stage: str
    reasons: tuple[str, ...]


class MarkReady(Command, frozen=True, kw_only=True):
    """Mark the version ready if its own trades in sleeve B pass the gate for the first time."""

    version: str
    tally: Tally
    ruined: bool
    account: str | None = None  # the live account it goes to at once; None: an operator is asked
    open_nets: tuple[Decimal, ...] = ()  # of what is still open, where it goes live at once
    gate: Gate = Gate()


class RequestPromotion(Command, frozen=True, kw_only=True):
    """Ask for the champion to go live; the gate answers, and the answer is recorded in full."""

    reason: str
    account: str  # the live account it would trade
    tally: Tally  # of the champion's sleeve B
    open_nets: tuple[Decimal, ...]  # of its open positions, as if closed at the last mark
    ruined: bool
    gate: Gate = Gate()


class Pause(Command, frozen=True, kw_only=True):
    reason: str
    until: int | None = None  # ms; None: until somebody resumes it


class Resume(Command, frozen=True, kw_only=True):
    """Resume: an INPUT from an operator, DERIVED where a timed pause ran out."""

    reason: str
    kind: Kind = "input"


class Flatten(Command, frozen=True, kw_only=True):
    """Close all that the strategy holds, and keep entries off until it is resumed."""

    reason: str
    scope: Scope = "strategy"


class Demote(Command, frozen=True, kw_only=True):
    """Demote: an INPUT from an operator, DERIVED where the live watch demanded it."""

    reason: str
    kind: Kind = "input"


class Retire(Command, frozen=True, kw_only=True):
    reason: str


class RequestRecode(Command, frozen=True, kw_only=True):
    """Tell what the champion loses by, and ask an author for something better."""

    why: Why
    start: int  # of the history; the losses are told of its part before `split`
    split: int
    test_from: int
    end: int
    closed: int  # trades of the champion's sleeve B
    trades: int  # analysed
    losses: int
    net: Decimal
    patterns: tuple[LossPattern, ...]
    report_sha: str


class Draft(Struct, frozen=True, kw_only=True):
    """A candidate as it is authored."""

    source_sha: str
    parameters: dict[str, float]
    timeframe: str
    hypothesis: str


class AnswerRecode(Command, frozen=True, kw_only=True):
    """Record what an author wrote."""

    number: int
    author: Author
    drafts: tuple[Draft, ...]
    refused: tuple[str, ...]
    scored: int
    tokens: int
    cost: Decimal


class FailRecode(Command, frozen=True, kw_only=True):
    """Record that no candidate came of a request."""

    number: int
    author: Author
    code: str
    reason: str
    refused: tuple[str, ...] = ()
    scored: int
    tokens: int
    cost: Decimal


class RecordTest(Command, frozen=True, kw_only=True):
    """Record a candidate's verdict; one that failed is rejected with it."""

    number: int
    version: str
    failures: tuple[str, ...]
    report: TestReport
    digest: str


class RetireVersion(Command, frozen=True, kw_only=True):
    """Take a replaced version out of the market, by and by."""

    version: str
    reason: Literal["trades", "crowded"]


class OpenHoldout(Command, frozen=True, kw_only=True):
    """Open the sealed end of a run for this strategy, once."""

    start: int
    end: int
    rows: dict[str, int]
    sha256: dict[str, str]


class ScoreHoldout(Command, frozen=True, kw_only=True):
    scores: tuple[HoldoutScore, ...]
