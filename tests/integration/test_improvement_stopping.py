"""A stop while a model is asked: what was asked is recorded, the look waits, and is asked again."""

from threading import Event
from typing import Any

import pytest

from application.improvement.authoring import Answer
from application.llm_port import STOPPED
from domain.llm import LlmCalled
from domain.strategy.events import VersionActivated
from domain.strategy.improvement import RecodeAnswered, RecodeFailed, RecodeRequested
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
