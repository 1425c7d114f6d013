"""One number from 0 to 100 for ordering results, with every part of it shown.

It is Perpetua's own and decides nothing: the gate and the readiness verdict judge by figures. Each
component is a bounded, monotone function of one figure, 0 where that figure has no meaning, so no
single figure, however extreme, can carry a result that the others do not support.
"""

from dataclasses import dataclass
from decimal import Decimal

from kernels.metrics.curve import CurveStatistics
from kernels.metrics.sharpe import SharpeEvidence
from kernels.metrics.trades import TradeStatistics

WORTHLESS, EXCELLENT = 0.25, 0.75  # win rates, at the lower bound, worth nothing and everything
HALF_TRADES = 50  # trades worth half of what any number could be worth
WEIGHTS = {  # points of 100
    "deflated_sharpe": 30,
    "profit_factor": 20,
    "calmar": 20,
    "win_rate_low": 15,
    "trades": 15,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What one figure contributes."""

    name: str
    figure: float | None  # as it is reported
    score: float  # 0 … 1
    weight: int  # points at score 1
    points: float  # score · weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The score, 0 … 100, and its components."""

    score: float
    components: tuple[Component, ...]


def quality(trades: TradeStatistics, curve: CurveStatistics, evidence: SharpeEvidence) -> Quality:
    """Score a run.

    deflated Sharpe: itself. Profit factor p: 1 − 1/p above 1, else 0 (2 gives a half). Calmar c:
    c / (1 + c) above 0, else 0 (1 gives a half); without any fall, 1 if equity grew. Win rate:
    from 25 % to 75 %, linearly, at the lower bound of its interval. Trades n: n / (n + 50) if they
    gained together, else 0: losing often is no merit.
    """
    scores = {
        "deflated_sharpe": (evidence.deflated, evidence.deflated or 0.0),
        "profit_factor": (number(trades.profit_factor), factor_score(trades)),
        "calmar": (curve.calmar, calmar_score(curve)),
        "win_rate_low": (number(trades.win_rate_low), win_rate_score(trades)),
        "trades": (float(trades.trades), trades_score(trades)),
    }
    components = tuple(
        Component(name=name, figure=figure, score=score, weight=weight, points=score * weight)
        for name, weight in WEIGHTS.items()
        for figure, score in [scores[name]]
    )
    return Quality(score=sum(part.points for part in components), components=components)


def number(figure: Decimal | None) -> float | None:
    return None if figure is None else float(figure)


def factor_score(trades: TradeStatistics) -> float:
    if trades.net <= 0:
        return 0.0
    return float(trades.net / trades.profit)  # (profit − loss) / profit = 1 − 1 / profit factor


def trades_score(trades: TradeStatistics) -> float:
    return trades.trades / (trades.trades + HALF_TRADES) if trades.net > 0 else 0.0


def calmar_score(curve: CurveStatistics) -> float:
    gained, fallen = curve.annual_return, curve.max_drawdown
    if gained is None or fallen is None or gained <= 0:
        return 0.0
    return gained / (gained + fallen)


def win_rate_score(trades: TradeStatistics) -> float:
    low = 0.0 if trades.win_rate_low is None else float(trades.win_rate_low)
    return min(max((low - WORTHLESS) / (EXCELLENT - WORTHLESS), 0.0), 1.0)
