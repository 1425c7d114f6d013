"""What was said of a market, as events: the call of a model, and the words that hold from then on.

All of it is INPUT and comes back from the log as it is: replay asks nobody, and makes no figure.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from application.improvement.authoring import Call
from application.improvement.regimes.by_model import Classified
from application.llm_port import STOPPED
from application.trading.desk import Desk
from application.trading.recoding import note
from domain import regime
from domain.cause import Cause
from domain.event import Event
from domain.ids import regime_correlation
from domain.llm import LlmCalled
from domain.regime import RegimeClassified

RULE, LLM = "classifier:rule", "classifier:llm"  # actors


class Words(Struct, frozen=True, kw_only=True):
    """What came of classifying a symbol. The last that was said counts."""

    symbol: str
    said: tuple[Classified, ...] = ()  # empty: nothing is known of the market yet
    call: Call | None = None  # of a model; what it said is the last

    @property
    def given_up(self) -> bool:
        """Whether the model was told to stop before it said anything: the symbol waits on."""
        return self.call is not None and self.call.code == STOPPED


def classified(desk: Desk, words: Words) -> list[Event]:
    """Record what was said of a symbol, for the bars from the next one on."""
    at, regimes = desk.next_bar, desk.regimes
    asked_by = regimes.asked.waiting.get(words.symbol, "")
    if not words.given_up:
        regimes.asked.waiting.pop(words.symbol, None)
    actor = RULE if regimes.layered.layer == "rule" else LLM
    correlation = regime_correlation(words.symbol, at)
    cause = Cause(correlation, asked_by, actor, at, at)
    if words.call is not None:
        note(desk, words.call, cause, symbol=words.symbol)
    if words.given_up:
        return desk.take_events()
    for each in words.said:
        own = words.call if each.by != "rule" else None
        event = RegimeClassified(
            stream=regime.stream(regimes.venue, words.symbol),
            stream_version=regimes.versions.get(words.symbol, 0) + 1,
            kind="input",
            occurred_at=at,
            effective_at=at,
            causation_id=asked_by,
            correlation_id=correlation,
            actor=actor,
            venue=regimes.venue,
            symbol=words.symbol,
            regime=each.regime,
            trend=each.trend,
            volatility=each.volatility,
            risk_mode=each.risk_mode,
            confidence=each.confidence,
            by=each.by,
            until=regime.until(at, desk.base_ms),
            forced=bool(asked_by),
            tokens=0 if own is None else own.prompt_tokens + own.completion_tokens,
            cost=Decimal(0) if own is None else own.cost,
        )
        regimes.take(event)
        desk.write(event)
    desk.tell(words.symbol)
    return desk.take_events()


def recorded(desk: Desk, events: Iterable[Event]) -> list[Event]:
    """Take what was said of a symbol as the log has it."""
    for event in events:
        if isinstance(event, LlmCalled):
            desk.llm_calls += 1
        desk.regimes.take(event)
        desk.write(event)
        if isinstance(event, RegimeClassified):
            desk.tell(event.symbol)
    return desk.take_events()
