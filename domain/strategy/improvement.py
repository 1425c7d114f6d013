"""Facts of a strategy's way to a better version: what it lost by, who was asked, what was tried.

A look at the losses and every verdict are DERIVED: pure functions of bars and of the answers before
them. What an author answered, model or search or operator, is INPUT: replay asks nobody again.
Figures that are no money are rounded to eight places, from exact sums.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from domain.event import Event, topic
from domain.strategy.events import Author

Why = Literal["losses", "watch", "ruined"]


class LossPattern(Struct, frozen=True, kw_only=True):
    """Something that losing trades have in common."""

    code: str  # e.g. STOP_TOO_TIGHT
    group: str  # what it is about, e.g. ranging, 14 (hour); "" where the code says all
    count: int  # losses that show it
    share: Decimal  # count / losses
    effect: Decimal | None  # difference of two rates, as the code defines it; None: not to be told
    low: Decimal | None  # its 95 % interval
    high: Decimal | None
    significant: bool  # after all patterns looked at are taken into account


@topic("strategy.losses_analysed/1")
class LossesAnalysed(Event, frozen=True, kw_only=True):
    """The champion's trades over the bars that an author may know, and what the losses share."""

    number: int  # of the look: 1, 2, 3 …
    version: str  # the champion
    start: int  # open of the first bar looked at
    until: int  # every trade looked at, and all that is told of what came after it, was before
    trades: int
    losses: int
    net: Decimal
    patterns: tuple[LossPattern, ...]
    report_sha: str  # blob, JSON: every losing trade with its context


@topic("strategy.recode_requested/1")
class RecodeRequested(Event, frozen=True, kw_only=True):
    """An author is to write candidates. It may know bars before `split`; they are tested on
    those from `test_from` to `end`."""

    number: int
    version: str  # the champion, which candidates have to beat
    why: Why
    start: int  # open of the first bar of the history (ms)
    split: int
    test_from: int  # a purge later than `split`
    end: int  # exclusive
    closed: int  # trades that the champion's sleeve B had closed
    attempts: int  # parameter sets scored for the strategy until now


@topic("strategy.recode_answered/1")
class RecodeAnswered(Event, frozen=True, kw_only=True):
    """What an author wrote; its candidates are the versions authored right behind it."""

    number: int
    author: Author
    candidates: tuple[str, ...]  # versions, in the author's order
    refused: tuple[str, ...]  # why others became none: CODE: words
    scored: int  # parameter sets scored on the way, those of the candidates included
    tokens: int
    cost: Decimal  # dollars


@topic("strategy.recode_failed/2")
class RecodeFailed(Event, frozen=True, kw_only=True):
    """No candidate came of a request: nothing is scored, nothing changes."""

    number: int
    author: Author
    code: str
    reason: str
    refused: tuple[str, ...]  # why what it wrote became no candidate: CODE: words
    scored: int
    tokens: int
    cost: Decimal


class TestReport(Struct, frozen=True, kw_only=True):
    """Every figure that a verdict was made from. Ratios are annualised; None: not to be told."""

    days: int  # of the test
    trades: int
    wins: int
    net: Decimal
    sharpe: Decimal | None
    fit_trades: int  # before the split
    fit_net: Decimal
    fit_sharpe: Decimal | None
    champion_trades: int
    champion_net: Decimal
    champion_sharpe: Decimal | None
    slipped_net: Decimal | None  # at twice the slippage; None: refused before it was asked
    neighbours: int  # parameter sets a tenth away; 0: refused before they were asked
    neighbours_lost: int  # of them, without a profit
    neighbours_net: Decimal | None  # the median of their nets
    p_value: Decimal | None  # of being no better than the champion
    deflated: Decimal | None  # probability of skill, after all tries
    tries: int  # parameter sets ever scored for the strategy
    overfitting: Decimal | None  # probability, of this choice among these candidates


@topic("strategy.version_tested/1")
class VersionTested(Event, frozen=True, kw_only=True):
    """A candidate's verdict on bars that its author did not know."""

    number: int
    version: str
    passed: bool
    failures: tuple[str, ...]  # codes, in the order they are judged
    report: TestReport
    digest: str  # sha256 of the daily money it was judged by


@topic("strategy.version_retired/1")
class VersionRetired(Event, frozen=True, kw_only=True):
    """A replaced version has been judged: it enters nothing more, and closes what it holds."""

    version: str
    reason: Literal["trades", "crowded"]  # enough of them; or too many younger ones


@topic("strategy.holdout_opened/1")
class HoldoutOpened(Event, frozen=True, kw_only=True):
    """The sealed end of a recorded run is looked at: once, after which nothing is improved."""

    start: int  # open of its first bar
    end: int
    rows: dict[str, int]  # bars, by symbol
    sha256: dict[str, str]  # of their records, by symbol


class HoldoutScore(Struct, frozen=True, kw_only=True):
    """What one version did on bars that nobody had seen, in sleeve B."""

    version: str
    trades: int
    wins: int
    net: Decimal
    net_low: Decimal | None  # 95 % interval of the net
    net_high: Decimal | None
    sharpe: Decimal | None  # annualised
    sharpe_low: Decimal | None
    sharpe_high: Decimal | None
    passes_gate: bool  # by its closed trades


@topic("strategy.holdout_scored/1")
class HoldoutScored(Event, frozen=True, kw_only=True):
    scores: tuple[HoldoutScore, ...]  # the first version, and the last champion if it is another
