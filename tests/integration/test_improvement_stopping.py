"""A stop while a model is asked: what was asked is recorded, and asked again when it is opened.

That goes for looks that wait for candidates, and for markets that wait to be classified.
"""

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from application.improvement.authoring import Answer
from application.llm_port import STOPPED, Message, Reply
from domain.llm import LlmCalled
from domain.regime import RegimeClassified
from domain.strategy.events import VersionActivated
from domain.strategy.improvement import RecodeAnswered, RecodeFailed, RecodeRequested
from tests import regime_homes
from tests.improvement_fakes import (
    LOOK,
    WIN,
    ImprovingHome,
    ScriptedAuthor,
    called,
    collected,
    swings,
)

BARS = swings(LOOK + 2)
GIVEN_UP = Answer(author="llm", calls=(called("Write.", ""),), code=STOPPED, reason="told to stop")


def told_to_stop(feed: str = "recorded", **more: Any) -> ImprovingHome:
    author = ScriptedAuthor({1: GIVEN_UP}, kind="llm", **more)
    return ImprovingHome(author, feed=feed)


def with_an_answer(home: ImprovingHome) -> ImprovingHome:
    again = home.copy()
    again.author = ScriptedAuthor({1: WIN})
    again.open()
    return again


def test_look_when_its_author_was_stopped_then_waits_and_is_asked_again_when_opened() -> None:
    home = told_to_stop()
    home.feed(BARS)
    assert len(home.told(RecodeRequested)) == len(home.told(LlmCalled)) == 1
    assert not home.told(RecodeAnswered)
    assert not home.told(RecodeFailed)
    assert home.trader.last_bar == int(BARS["timestamp"][24 * LOOK - 1])  # nothing beyond the look
    assert len(home.author.briefs) == 1
    home.assert_replays()

    again = with_an_answer(home)
    assert again.trader.last_bar == int(BARS["timestamp"][-1])  # the bars were in the journal
    assert [e.number for e in again.told(RecodeAnswered)] == [1]
    assert len(again.told(LlmCalled)) == 1
    assert [e.version for e in again.told(VersionActivated)] == ["v1", "v2"]
    again.assert_replays()
    again.log.saved = None
    lines = again.lines()
    again.open()
    assert again.lines() == lines


def test_look_when_stopped_twice_then_each_call_is_recorded_and_replays() -> None:
    home = told_to_stop()
    home.feed(BARS)
    again = home.copy()
    again.author = ScriptedAuthor({1: GIVEN_UP}, kind="llm")
    again.open()
    assert len(again.told(LlmCalled)) == 2
    assert again.trader.last_bar == home.trader.last_bar
    last = with_an_answer(again)
    assert len(last.told(RecodeAnswered)) == 1
    last.assert_replays()


def test_look_when_stopped_on_live_bars_then_its_calls_are_recorded_as_the_home_closes() -> None:
    begun, stop = Event(), Event()

    def heed(*_: object) -> None:
        begun.set()
        stop.wait(30)

    home = told_to_stop(feed="live", heed=heed)
    home.feed(BARS)
    assert home.trader.tend() is None
    assert begun.wait(30)
    stop.set()
    home.trader.close()
    home.trader.close()
    assert len(home.told(LlmCalled)) == 1
    assert not home.told(RecodeFailed)
    home.assert_replays()

    again = with_an_answer(home)
    assert again.trader.tend() is None
    collected(again)
    assert len(again.told(RecodeAnswered)) == 1
    again.assert_replays()


@pytest.mark.parametrize("kind", ["llm", "search"])
def test_home_when_closed_while_an_author_takes_its_time_then_waits_for_none_that_is_free(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.trading.trader.CLOSING", 0.2)
    stop = Event()
    home = ImprovingHome(
        ScriptedAuthor({1: WIN}, kind=kind, heed=lambda *_: stop.wait(30) and None), feed="live"
    )
    home.feed(BARS)
    home.trader.tend()
    head = home.log.head()
    home.trader.close()
    stop.set()
    assert home.log.head() == head


class Stopping(regime_homes.Oracle):
    """A model that is told to stop when it is asked for the n-th time."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def ask(self, messages: Sequence[Message], **asked: Any) -> Reply:
        told = super().ask(messages, **asked)
        if self.asked < self.at:
            return told
        return replace(told, outcome="failed", code=STOPPED, detail="told to stop", text="")


def said(home: regime_homes.RegimeHome) -> list[tuple[int | None, str, str]]:
    return [(e.effective_at, e.by, e.regime) for e in home.of(RegimeClassified)]


@pytest.mark.parametrize("cuts", [(), range(1, 300, 7)])
def test_market_when_its_classifier_was_stopped_then_waits_and_is_asked_about_when_opened(
    cuts: Sequence[int],
) -> None:
    bars = regime_homes.hours(300)
    whole = regime_homes.RegimeHome("llm", regime_homes.Oracle())
    whole.feed(bars)
    home = regime_homes.RegimeHome("llm", Stopping(5))
    home.feed(bars, cuts=cuts)
    calls = [call.code for call in home.of(LlmCalled)]
    assert calls == ["", "", "", "", STOPPED]
    assert said(home) == said(whole)[: len(said(home))]
    assert home.reproduced().first_difference is None

    home.model = regime_homes.Oracle()
    home.trader.close()
    home.open()
    assert home.model.asked > 0
    assert home.trader.last_bar == whole.trader.last_bar
    assert said(home) == said(whole)
    assert home.reproduced().first_difference is None


def test_market_when_stopped_on_live_bars_then_is_asked_about_when_opened() -> None:
    home = regime_homes.RegimeHome("llm", Stopping(1), when="background")
    home.feed(regime_homes.hours(150))
    assert home.trader.tend() is None
    home.trader.close()
    assert [call.code for call in home.of(LlmCalled)] == [STOPPED]
    assert said(home) == []
    assert home.reproduced().first_difference is None
    home.model = regime_homes.Oracle()
    home.open()
    assert home.trader.tend() is None
    home.trader.close()
    assert [by for _, by, _ in said(home)] == ["rule", f"llm:{home.model.name}"]
    assert home.reproduced().first_difference is None
