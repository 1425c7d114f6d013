"""Who classifies the markets of a home: what was asked for, or what its home goes on with.

A home goes on with whoever its log names. The rule needs nothing; a model is put together from the
settings, and what it costs counts with all other calls of the home.
"""

from collections.abc import Callable
from functools import reduce

import domain.regime
from api.authors import caps_of, model_of, never
from application.improvement.model.spending import Spending
from application.llm_port import Ledger
from application.ports import LogReader
from application.trading import Asker, Classifying
from application.trading.classifying import When
from domain.regime import Layer, Layered
from infrastructure.settings import Settings


def layer_of(log: LogReader) -> Layer:
    """Tell who classifies a home's markets, by its log."""
    return reduce(domain.regime.evolve, log.stream(domain.regime.STREAM), Layered()).layer


def classifying(
    asked: Layer | None,
    settings: Settings,
    log: LogReader,
    spending: Spending,
    stopped: Callable[[], bool],
    *,
    holds: bool,
) -> Classifying:
    """Put together who classifies in a run; a model's answers may hold its feed.

    Raises `SettingInvalid` where there is no model to ask.
    """
    if (asked or layer_of(log)) != "llm":
        return Classifying(layer=asked)
    when: When = "held" if holds else "background"
    return Classifying(layer=asked, asker=asker_of(settings, spending, stopped), when=when)


def classifying_idle(settings: Settings, log: LogReader, ledger: Ledger) -> Classifying:
    """Put together who classifies where no engine runs: a model is asked for an operator alone.

    Raises `SettingInvalid` where there is no model to ask.
    """
    if layer_of(log) != "llm":
        return Classifying()
    return Classifying(asker=asker_of(settings, Spending(log, ledger)), when="asked")


def asker_of(settings: Settings, spending: Spending, stopped: Callable[[], bool] = never) -> Asker:
    return Asker(
        model=model_of(settings, stopped),
        caps=caps_of(settings.llm),
        spent=spending,
        seed=settings.llm.seed,
    )
