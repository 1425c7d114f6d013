"""Every figure of a run, from what its account recorded.

Definitions are those of `kernels.metrics`; this says what each is taken of. The daily curve and the
drawdown come from the marks, with the capital before them and the last close after them. Nothing
unfinished is hidden: a position still open counts, as if closed at the last mark, in the verdict.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf

import numpy as np
from msgspec import Struct

from application.report_ledger import Marks
from domain.gate import Gate
from domain.money import from_units, to_units
from kernels.metrics.breakdowns import Group, breakdowns
from kernels.metrics.curve import (
    CurveStatistics,
    MonthlyReturn,
    curve_statistics,
    daily,
    monthly_returns,
)
from kernels.metrics.drawdown import Drawdown, drawdown
from kernels.metrics.quality import Quality, quality
from kernels.metrics.readiness import Bar, Readiness, readiness
from kernels.metrics.sharpe import SharpeEvidence, evidence
from kernels.metrics.tallies import EXACT
from kernels.metrics.trades import (
    Trade,
    TradeStatistics,
    exposure,
    trade_statistics,
    yearly_turnover,
)


class TrialsInvalid(ValueError):
    """There cannot have been so many trials, or so varied ones: names the figure."""


class Trials(Struct, frozen=True):
    """How many parameter sets were tried, this one included, and how their Sharpe ratios vary.

    Raises `TrialsInvalid`.
    """

    count: int = 1
    variance: float | None = None  # of their daily ratios; None: not known

    def __post_init__(self) -> None:
        if self.count < 1:
            raise TrialsInvalid(f"trials was {self.count}, must be at least 1")
        if self.variance is not None and not 0 <= self.variance < inf:
            raise TrialsInvalid(
                f"trial variance was {self.variance}, must be finite and at least 0"
            )


class Figures(Struct, frozen=True, kw_only=True):
    """What a run came to, group by group."""

    trades: TradeStatistics
    exposure: Decimal | None  # share of the time with a position
    yearly_turnover: Decimal | None  # times the capital
    open_net: Decimal | None  # of the position still open, closed at the last mark; None: flat
    curve: CurveStatistics  # of equity at UTC midnights
    drawdown: Drawdown | None  # of equity at its marks; None: it never fell
    sharpe: SharpeEvidence
    quality: Quality
    readiness: Readiness
    months: tuple[MonthlyReturn, ...]
    breakdowns: Mapping[str, tuple[Group, ...]]


class Span(Struct, frozen=True):
    """From the open of the first bar to the close of the last, ms."""

    start: int
    end: int


def figures_of(
    trades: Sequence[Trade],
    marks: Marks,
    span: Span,
    *,
    capital: Decimal,
    open_since: Sequence[int],
    ruined: bool,
    gate: Gate,
    trials: Trials,
) -> Figures:
    """Take every figure. `marks` have their ends, `open_since` are the entries still open (ms)."""
    first = float(to_units(capital))
    days = daily(marks.at, marks.equity, start=span.start, end=span.end, capital=first)
    statistics, curve = trade_statistics(trades), curve_statistics(days)
    proof = evidence(days.returns(), trials.count, trials.variance)
    fall = drawdown(marks.at, marks.equity)
    open_net = None
    if open_since:
        equity = from_units(float(marks.equity[-1]))
        open_net = EXACT.subtract(EXACT.subtract(equity, capital), statistics.net)
    nets = [trade.net for trade in trades]
    held = [(trade.entry_at, trade.exit_at) for trade in trades]
    return Figures(
        trades=statistics,
        exposure=exposure(
            [*held, *((entry, span.end) for entry in open_since)], span.start, span.end
        ),
        yearly_turnover=yearly_turnover(statistics.turnover, capital, span.end - span.start),
        open_net=open_net,
        curve=curve,
        drawdown=fall,
        sharpe=proof,
        quality=quality(statistics, curve, proof),
        readiness=readiness(
            nets if open_net is None else [*nets, open_net],
            bar_of(gate),
            probabilistic_sharpe=proof.probabilistic,
            drawdown=0.0 if fall is None else fall.fraction,
            days=curve.days,
            ruined=ruined,
        ),
        months=monthly_returns(days),
        breakdowns=breakdowns(trades),
    )


def with_ends(marks: Marks, span: Span, capital: Decimal, equity: Decimal) -> Marks:
    """Put the capital before the marks and the last close after them."""
    first, last = float(to_units(capital)), float(to_units(equity))
    return Marks(
        np.concatenate([[span.start], marks.at, [span.end]]).astype(np.int64),
        np.concatenate([[first], marks.equity, [last]]),
    )


def bar_of(gate: Gate) -> Bar:
    """The gate's bar for trades, with the rest of what readiness asks for."""
    return Bar(
        trades=gate.trades,
        win_rate=gate.win_rate,
        profit_factor=gate.profit_factor,
        net=gate.net,
    )
