"""What somebody said about the market's regime, and until when it holds: an INPUT.

A symbol's latest classification holds for the bars that open from `effective_at` to before `until`;
the kernel reads it as of each close, so replay decides by the same words. Outside of one the
kernel's own rule stands. Who classifies a home's markets, and what an operator had classified out
of turn, are INPUTs too, on a stream of their own.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from domain.cause import Cause
from domain.errors import Forbidden
from domain.event import Event, topic

STREAM = "regime"
SPAN = 7_200_000  # ms; classifications end at multiples of it, in UTC

Regime = Literal["strong_bull", "weak_bull", "ranging", "weak_bear", "strong_bear"]
Trend = Literal["up", "down", "flat"]
Volatility = Literal["low", "normal", "high"]
RiskMode = Literal["on", "neutral", "off"]
Layer = Literal["kernel", "rule", "llm"]  # kernel: nothing is classified

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


@topic("regime.layer_set/1")
class RegimeLayerSet(Event, frozen=True, kw_only=True):
    layer: Layer


@topic("regime.refresh_asked/1")
class RegimeRefreshAsked(Event, frozen=True, kw_only=True):
    """An operator wants symbols classified before what was said of them is over."""

    symbols: tuple[str, ...]
    everything: bool  # asked for without naming one
    reason: str


class Layered(Struct, frozen=True):
    """Who classifies; `version` 0: nobody ever said."""

    version: int = 0
    layer: Layer = "kernel"


class SetLayer(Struct, frozen=True, kw_only=True):
    cause: Cause
    layer: Layer


class AskRefresh(Struct, frozen=True, kw_only=True):
    cause: Cause
    symbols: tuple[str, ...]
    everything: bool
    reason: str


class NothingClassified(Forbidden):
    code = "REGIME_NOT_CLASSIFIED"

    def __init__(self) -> None:
        super().__init__(
            "regimes of this home were by the kernel's own rule, must be by rule or llm:"
            " perpetua run --regimes"
        )


def decide(state: Layered, command: SetLayer | AskRefresh) -> tuple[Event, ...]:
    """Set who classifies, nothing where it is so; or ask for a refresh.

    Raises `NothingClassified` for a refresh where nobody classifies.
    """
    cause, version = command.cause, state.version + 1
    if isinstance(command, SetLayer):
        if command.layer == state.layer:
            return ()
        return (layer_set(cause, version, command.layer),)
    if state.layer == "kernel":
        raise NothingClassified
    return (
        RegimeRefreshAsked(
            stream=STREAM,
            stream_version=version,
            kind="input",
            occurred_at=cause.occurred_at,
            effective_at=cause.effective_at,
            causation_id=cause.causation_id,
            correlation_id=cause.correlation_id,
            actor=cause.actor,
            symbols=command.symbols,
            everything=command.everything,
            reason=command.reason,
        ),
    )


def layer_set(cause: Cause, version: int, layer: Layer) -> RegimeLayerSet:
    return RegimeLayerSet(
        stream=STREAM,
        stream_version=version,
        kind="input",
        occurred_at=cause.occurred_at,
        effective_at=cause.effective_at,
        causation_id=cause.causation_id,
        correlation_id=cause.correlation_id,
        actor=cause.actor,
        layer=layer,
    )


def evolve(state: Layered, event: Event) -> Layered:
    """Apply one event of the stream."""
    layer = event.layer if isinstance(event, RegimeLayerSet) else state.layer
    return Layered(event.stream_version, layer)


def until(at: int, base_ms: int) -> int:
    """Give the end (ms) of a classification made at `at`, however late that is in its span."""
    span = max(SPAN, base_ms)
    return (at // span + 1) * span


def stream(venue: str, symbol: str) -> str:
    """Name the stream of one symbol's regimes on one venue."""
    return f"regime/{venue}/{symbol}"
