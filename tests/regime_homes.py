"""Homes on hourly bars whose markets are classified, and a model that says what it is told to."""

import json
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from msgspec.structs import replace

from application.engine_port import Command, CommandReply
from application.improvement.model.budget import Caps
from application.improvement.model.spending import Spending
from application.llm_port import Message, Reply, Schema
from application.ports import Bars, Stretch
from application.replay import Reproduction, reproduce
from application.trading import StrategySource, Trader
from application.trading.classifying import Asker, Classifying, When
from domain.event import Event
from domain.regime import CODES, Layer, RegimeClassified
from tests.fakes import MemoryLog
from tests.kernel_runs import walk
from tests.trading_fakes import DESCRIPTION, INSTRUMENT, START, MemoryJournal

HOUR = 3_600_000
CALLED_AT = 1_767_225_600_000
SYMBOL = INSTRUMENT.symbol
LISTENS = StrategySource(
    "listens",
    '''"""With the bulls, against the bears."""
timeframe("1h")
seen = regime
ruled = market_regime()

def entry():
    if close > open and regime > RANGING:
        return long(tag="bull")
    if close < open and regime < RANGING:
        return short(tag="bear")
    return FLAT

def exits():
    return plan(stop=400, max_bars=5)
''',
)
HOURLY = replace(DESCRIPTION, timeframe="1h")
CAPS = Caps(tokens_per_day=10_000_000)
Says = Callable[[str], str]


def hours(count: int, seed: int = 3) -> Bars:
    """Hourly bars of a random walk."""
    bars = walk(count, seed)
    bars["timestamp"] = START + HOUR * np.arange(count)
    return bars


class Oracle:
    """A model whose answer is a function of what it is asked; it counts how often it is."""

    name = "oracle-1"

    def __init__(self, says: Says | None = None) -> None:
        self.says = says or by_digest
        self.asked = 0

    def now(self) -> int:
        return CALLED_AT

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: Schema | None,
        temperature: float,
        seed: int | None,
        max_tokens: int,
    ) -> Reply:
        self.asked += 1
        text = self.says(messages[-1].content)
        told: dict[str, Any] = {"outcome": "answered", "text": text, "raw": text.encode()}
        if not text:
            told = {"outcome": "failed", "code": "LLM_TIMEOUT", "detail": "no answer"}
        return Reply(
            **told,
            model=self.name,
            temperature=temperature,
            seed=seed,
            prompt_tokens=100,
            completion_tokens=20,
            latency_ms=7,
            called_at=CALLED_AT,
        )


def answer(regime: str) -> str:
    """A model's answer that names a regime."""
    trend = {"bull": "up", "bear": "down"}.get(regime.partition("_")[2], "flat")
    return json.dumps(
        {
            "regime": regime,
            "trend": trend,
            "volatility": "normal",
            "risk_mode": "neutral",
            "confidence": 0.5,
        }
    )


def by_digest(question: str) -> str:
    names = sorted(CODES)
    return answer(names[sha256(question.encode()).digest()[0] % len(names)])


class RegimeHome:
    """One home, opened as often as a test wants."""

    def __init__(
        self,
        layer: Layer | None,
        model: Oracle | None = None,
        when: When = "held",
        caps: Caps = CAPS,
        symbols: Sequence[str] = (SYMBOL,),
    ) -> None:
        self.log = MemoryLog()
        self.journal = MemoryJournal(symbols=symbols)
        self.model, self.when, self.caps = model, when, caps
        instruments = tuple(replace(INSTRUMENT, symbol=symbol) for symbol in symbols)
        self.description = replace(HOURLY, instruments=instruments)
        self.trader = self.open(layer)

    def open(self, layer: Layer | None = None) -> Trader:
        asker = None
        if self.model is not None:
            asker = Asker(model=self.model, caps=self.caps, spent=Spending(self.log))
        self.trader = Trader.open(
            self.log,
            self.journal,
            self.description,
            (LISTENS,),
            START,
            classifying=Classifying(layer=layer, asker=asker, when=self.when),
        )
        return self.trader

    def feed(self, *stretch: Bars, cuts: Iterable[int] = ()) -> None:
        """Feed bars of all symbols, cut before these hours."""
        edges = [START + HOUR * cut for cut in sorted(cuts)]
        for part in split(stretch, edges):
            if any(map(len, part)):
                self.trader.step(part).result()

    def classify(self, command_id: str, symbol: str = "") -> CommandReply:
        return self.trader.execute(
            Command(
                name="classify",
                symbol=symbol,
                actor="operator:ann",
                command_id=command_id,
                reason="a test says so",
            )
        )

    def reproduced(self) -> Reproduction:
        return reproduce(self.log, self.journal)

    def of(self, kind: type[Event]) -> list[Any]:
        return [e.event for e in self.log.entries if isinstance(e.event, kind)]

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.log.entries]


def split(stretch: Sequence[Bars], edges: Sequence[int]) -> list[Stretch]:
    parts = [np.split(bars, np.searchsorted(bars["timestamp"], edges)) for bars in stretch]
    return list(zip(*parts, strict=True))


def holding(said: Sequence[RegimeClassified], symbol: str, close: int) -> int | None:
    """What a bar of this symbol that ends at `close` (ms) is read by, looking at every word."""
    latest: RegimeClassified | None = None
    for each in said:
        if each.symbol == symbol and each.effective_at is not None and each.effective_at < close:
            latest = each
    return CODES[latest.regime] if latest is not None and close <= latest.until else None
