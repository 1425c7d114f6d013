"""Whether a run would earn money to trade with, and every reason it does not.

The bar of trades (how many, how often won, profit factor, net) is the one between paper and live,
and arrives as an argument; a curve must hold besides: a Sharpe ratio that is no luck, a fall that
could be borne, no ruin, and time enough. Comparisons are exact, and a figure without a meaning
fails: what cannot be told is not good.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kernels.metrics.tallies import EXACT, Summary, summarise


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a run must reach. Money is quote."""

    trades: int
    win_rate: Decimal
    profit_factor: Decimal
    net: Decimal
    probabilistic_sharpe: float = 0.95  # likely enough that the ratio is above 0
    drawdown: float = 0.20  # deepest fall, fraction of the peak, at most
    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """One reason: what was required, and what was seen (None: the figure has no meaning)."""

    code: str
    required: Decimal | float | int
    observed: Decimal | float | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The verdict: ready where nothing falls short."""

    ready: bool
    shortfalls: tuple[Shortfall, ...]


def readiness(
    nets: Sequence[Decimal],
    bar: Bar,
    *,
    probabilistic_sharpe: float | None,
    drawdown: float | None,
    days: int,
    ruined: bool,
) -> Readiness:
    """Judge a run by its nets (quote; open positions as if closed at the last mark) and its curve.

    `drawdown` is the deepest fall as a fraction of the peak, 0 for none, None where it cannot be
    told; `days` those of the curve. A run without a single loss reaches any profit factor once it
    has a profit, as at the gate.
    """
    likely, fall = probabilistic_sharpe, drawdown
    legs = [
        *trade_legs(summarise(nets), bar),
        (
            likely is not None and likely >= bar.probabilistic_sharpe,
            Shortfall(
                code="READY_SHARPE",
                required=bar.probabilistic_sharpe,
                observed=probabilistic_sharpe,
            ),
        ),
        (
            fall is not None and fall <= bar.drawdown,
            Shortfall(code="READY_DRAWDOWN", required=bar.drawdown, observed=drawdown),
        ),
        (days >= bar.days, Shortfall(code="READY_DAYS", required=bar.days, observed=days)),
        (not ruined, Shortfall(code="GATE_RUINED", required=0, observed=1)),
    ]
    short = tuple(shortfall for held, shortfall in legs if not held)
    return Readiness(ready=not short, shortfalls=short)


def trade_legs(found: Summary, bar: Bar) -> Iterator[tuple[bool, Shortfall]]:
    trades, wins = Decimal(found.trades), Decimal(found.wins)
    yield (
        found.trades >= bar.trades,
        Shortfall(code="GATE_TRADES", required=bar.trades, observed=found.trades),
    )
    yield (
        found.trades > 0 and wins >= EXACT.multiply(bar.win_rate, trades),
        Shortfall(code="GATE_WIN_RATE", required=bar.win_rate, observed=found.win_rate),
    )
    yield (
        found.profit > 0 and found.profit >= EXACT.multiply(bar.profit_factor, found.loss),
        Shortfall(
            code="GATE_PROFIT_FACTOR", required=bar.profit_factor, observed=found.profit_factor
        ),
    )
    yield (
        found.net >= bar.net,
        Shortfall(code="GATE_NET", required=bar.net, observed=found.net),
    )
