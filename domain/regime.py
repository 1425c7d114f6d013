"""What somebody said about the market's regime, and until when it holds: an INPUT.

A symbol's latest classification holds from `effective_at` to before `until`; the kernel reads it as
of each close, so replay decides by the same words. Outside of one the kernel's own rule stands.
"""

from decimal import Decimal
from typing import Literal

from domain.event import Event, topic

Regime = Literal["strong_bull", "weak_bull", "ranging", "weak_bear", "strong_bear"]
Trend = Literal["up", "down", "flat"]
Volatility = Literal["low", "normal", "high"]
RiskMode = Literal["on", "neutral", "off"]

CODES: dict[Regime, int] = {
    "strong_bull": 2,
    "weak_bull": 1,
    "ranging": 0,
    "weak_bear": -1,
    "strong_bear": -2,
}


@topic("regime.classified/1")
class RegimeClassified(Event, frozen=True, kw_only=True):
    venue: str
    symbol: str
    regime: Regime
    trend: Trend
    volatility: Volatility
    risk_mode: RiskMode
    confidence: Decimal  # 0 … 1
    by: str  # rule, or llm:<model>
    until: int  # ms, exclusive
    forced: bool  # asked for before the one before it was over
    tokens: int
    cost: Decimal  # dollars


def stream(venue: str, symbol: str) -> str:
    """Name the stream of one symbol's regimes on one venue."""
    return f"regime/{venue}/{symbol}"
