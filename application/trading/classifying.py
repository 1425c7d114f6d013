"""Who classifies a home's markets, and when: at once, or in a thread of its own.

The rule answers at once. So does a model on recorded bars, where it holds the feed: the run is a
function of its inputs, however long that takes. On live bars a thread of its own asks, and what is
said counts from the bar after it came. Where a model says nothing of use, the rule has said it.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Literal

from msgspec import Struct

from application.improvement.model.budget import Caps, Spent
from application.improvement.regimes.by_model import (
    Classified,
    Figures,
    classify,
    regime_by_rule,
)
from application.improvement.regimes.figures import Gauge, look_back
from application.kernel_rows import market_row
from application.llm_port import ChatModel
from application.trading.aside import aside
from application.trading.classified import Words
from application.trading.desk import Desk
from domain.regime import Layer

logger = logging.getLogger("perpetua.trading")

When = Literal["held", "background", "asked"]


class Asker(Struct, frozen=True, kw_only=True):
    """A model, and what it may cost."""

    model: ChatModel
    caps: Caps
    spent: Callable[[int], Spent]
    temperature: float = 0.0
    seed: int | None = None


class Classifying(Struct, frozen=True, kw_only=True):
    """Who is to classify a home's markets; `layer` None: whoever does."""

    layer: Layer | None = None
    asker: Asker | None = None
    when: When = "held"  # the model is asked; asked: for an operator alone


class Classifiers:
    """Answers for the symbols that wait. One thread at a time."""

    def __init__(self, classifying: Classifying | None = None) -> None:
        given = classifying or Classifying()
        self._asker, self._when = given.asker, given.when
        self._aside = self._asker is not None and self._when == "background"
        self._done: Future[Words] | None = None
        self._gauges: dict[str, Gauge] = {}
        self.stopped = False  # a question was given up, and nobody is asked any more

    def holds(self, desk: Desk) -> bool:
        """Tell whether no bar is taken while a symbol waits."""
        layer = desk.regimes.layered.layer
        return layer == "rule" or (
            layer == "llm" and self._asker is not None and self._when == "held"
        )

    def stop(self, desk: Desk, recorded: bool) -> bool:
        """Tell whether no bar is taken behind a symbol that waits, be it to leave it to a process
        that can ask: on `recorded` bars."""
        return self.holds(desk) or (recorded and self.asks(desk))

    def asks(self, desk: Desk) -> bool:
        """Tell whether a model is asked, who must be told what calls have cost."""
        return desk.regimes.layered.layer == "llm"

    def answer(self, desk: Desk) -> Words:
        """Have the first symbol that waits answered now."""
        return words_of(*self._question(desk, desk.regimes.waiting[0]))

    def refresh(self, desk: Desk) -> Words | None:
        """Have the next symbol answered now that an operator wants answered, if that can be."""
        asked = desk.regimes.asked.waiting
        wanted = [symbol for symbol in desk.regimes.waiting if asked[symbol]]
        if not wanted or self._aside or (self.asks(desk) and self._asker is None):
            return None
        if self.stopped:
            return None
        return words_of(*self._question(desk, wanted[0]))

    def collect(self, desk: Desk) -> Words | None:
        """Give an answer that has come; begin with the next symbol where one waits."""
        if not self._aside or self.stopped:
            return None
        if self._done is None:
            if self.asks(desk) and (waiting := desk.regimes.waiting):
                question = self._question(desk, waiting[0])
                self._done = aside("classifier", partial(words_of, *question))
            return None
        if not self._done.done():
            return None
        words, self._done = self._done.result(), None
        return words

    def last(self, desk: Desk, seconds: float) -> Words | None:
        """Give an answer that comes soon; any other is asked for again when the home is opened."""
        if self._done is not None:
            wait([self._done], seconds)
            if self._done.done():
                return self.collect(desk)
        self._done = None
        return None

    def heed(self, words: Words) -> None:
        """Ask nobody any more where a question was given up."""
        self.stopped = self.stopped or words.given_up

    def _question(self, desk: Desk, symbol: str) -> tuple[str, Figures | None, Asker | None]:
        return symbol, self._figures(desk, symbol), self._asker if self.asks(desk) else None

    def _figures(self, desk: Desk, symbol: str) -> Figures | None:
        at, base = desk.next_bar, desk.base_ms
        place = desk.regimes.symbols.index(symbol)
        gauge = self._gauges.get(symbol)
        if gauge is None:
            gauge = Gauge(market_row(desk.markets[place].instrument), base)
            self._gauges[symbol] = gauge
        stretch = desk.recent.between(max(at - look_back(base), 0), at)
        return gauge.figures(stretch[place], at)


def words_of(symbol: str, known: Figures | None, asker: Asker | None) -> Words:
    """Classify a symbol: by the rule, and by a model where there is one to ask.

    What the rule says stands first, so that it can be told how often both say the same.
    """
    ruled = None if known is None else regime_by_rule(known)
    if known is None or ruled is None:
        return Words(symbol=symbol)
    if asker is None:
        return Words(symbol=symbol, said=(ruled,))
    told, call = classify(
        asker.model,
        known,
        symbol,
        asker.caps,
        asker.spent,
        temperature=asker.temperature,
        seed=asker.seed,
    )
    if isinstance(told, Classified):
        return Words(symbol=symbol, said=(ruled, told), call=call)
    logger.warning(
        "a model classified nothing, the rule did",
        extra={"symbol": symbol, "code": told.code, "reason": told.reason},
    )
    return Words(symbol=symbol, said=(ruled,), call=call)
