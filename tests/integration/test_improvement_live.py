"""Authors on live bars: trading goes on, and an answer counts from the bar after it came."""

from collections.abc import Callable
from concurrent.futures import Future

import pytest
from msgspec.structs import replace

from application.ports import Batch
from domain.llm import LlmCalled
from domain.strategy.events import VersionActivated, VersionAuthored
from domain.strategy.improvement import (
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionTested,
)
from tests.fakes import MemoryLog
from tests.improvement_fakes import (
    AGAIN,
    FADE,
    HOUR,
    LOOK,
    NOTHING,
    WIN,
    ImprovingHome,
    ScriptedAuthor,
    SlowAuthor,
    answered,
    called,
    collected,
    midnight,
    swings,
    written,
)

BARS = swings(AGAIN + 1)
FIRST, SECOND = 24 * LOOK, 24 * AGAIN  # bars before the looks


@pytest.fixture(scope="module")
def begun() -> ImprovingHome:
    """A home whose first look has just been asked for, nobody told of it yet."""
    home = ImprovingHome(SlowAuthor({1: WIN}), feed="live")
    home.feed(BARS[:FIRST])
    return home


@pytest.fixture(scope="module")
def improved(begun: ImprovingHome) -> ImprovingHome:
    """A home whose second look has just been asked for; v2 is the champion."""
    home = waited(begun, {1: WIN})
    home.author.told.set()
    collected(home)
    home.feed(home.left(BARS[:SECOND]))
    return home


def waited(home: ImprovingHome, script: dict[int, object]) -> ImprovingHome:
    """Give a home in its own thread of time, its author asked and not yet told to answer."""
    other = home.copy()
    other.author = SlowAuthor(script)
    other.open()
    assert other.trader.tend() is None
    assert other.author.asked.wait(60)
    return other


def test_bars_when_an_author_is_slow_then_none_waits_and_the_answer_counts_when_it_comes(
    begun: ImprovingHome,
) -> None:
    home = waited(begun, {1: WIN})
    for bar in range(FIRST, FIRST + 7):
        home.feed(BARS[bar : bar + 1])
        assert home.trader.tend() is None
    assert home.trader.last_bar == BARS["timestamp"][FIRST + 6]
    home.author.told.set()
    collected(home)
    (answer,) = home.told(RecodeAnswered)
    after = midnight(LOOK) + 7 * HOUR
    assert answer.effective_at == answer.occurred_at == after
    assert home.told(VersionActivated)[1].from_bar == after
    asked = home.told(RecodeRequested)[0]
    assert (asked.end, home.author.briefs[0].number) == (midnight(LOOK), 1)
    home.feed(home.left(BARS[: FIRST + 40]))
    home.assert_replays()
    home.log.saved = None
    lines = home.lines()
    home.open()
    assert home.lines() == lines


def test_author_when_its_request_is_not_durable_then_is_not_asked_yet(
    begun: ImprovingHome,
) -> None:
    home = begun.copy()
    log = SlowLog(home.log)
    home.log, home.author = log, ScriptedAuthor({1: WIN})
    home.open()
    log.waits = True
    home.trader.step((BARS[FIRST : FIRST + 1],))
    assert home.trader.tend() is None
    assert home.author.briefs == []
    log.catch_up()
    collected(home)
    assert [brief.number for brief in home.author.briefs] == [1]


class SlowLog(MemoryLog):
    """A log whose disk takes its time."""

    def __init__(self, before: MemoryLog) -> None:
        super().__init__([entry.event for entry in before.entries])
        self.blobs, self.saved = before.blobs, before.saved
        self.waits = False
        self.left: list[tuple[Batch, Future[int]]] = []

    def submit(self, batch: Batch) -> "Future[int]":
        if not self.waits:
            return super().submit(batch)
        done: Future[int] = Future()
        self.left.append((batch, done))
        return done

    def catch_up(self) -> None:
        self.waits = False
        for batch, done in self.left:
            done.set_result(self.append(batch))


def test_home_when_killed_while_an_answer_is_out_then_asks_again(begun: ImprovingHome) -> None:
    home = waited(begun, {1: WIN})
    home.feed(BARS[FIRST : FIRST + 3])
    for lost in (False, True):
        again = home.copy()
        again.author = ScriptedAuthor({1: WIN})
        if lost:
            again.log.saved = None
        again.open()
        assert again.lines() == home.lines()
        collected(again)
        assert again.told(VersionActivated)[1].from_bar == midnight(LOOK) + 3 * HOUR
        again.assert_replays()
    home.trader.close()
    home.author.told.set()
    assert home.trader.tend() is None  # what was out when it was closed is nobody's


def roll_back(home: ImprovingHome) -> None:
    assert home.say("rollback", "back", version="v1", reason="it frightens me").accepted


def tighten(home: ImprovingHome) -> None:
    assert home.tighten("margin_absolute", "900", "t1").accepted


@pytest.mark.parametrize(
    ("meanwhile", "code"), [(roll_back, "CHAMPION_CHANGED"), (tighten, "LIMITS_CHANGED")]
)
def test_answer_when_what_it_was_asked_under_is_gone_then_is_void_and_its_cost_is_not(
    improved: ImprovingHome, meanwhile: Callable[[ImprovingHome], None], code: str
) -> None:
    cost = called("a prompt", "a response")
    answer = answered(written(FADE, hold=2), written(FADE, hold=3), calls=(cost,))
    home = waited(improved, {2: answer})
    meanwhile(home)
    home.author.told.set()
    before = len(home.told(VersionTested))
    collected(home)
    (failed,) = home.told(RecodeFailed)
    assert (failed.number, failed.code, failed.cost, failed.tokens) == (2, code, cost.cost, 30)
    assert failed.scored == 2
    assert len(home.told(LlmCalled)) == 1
    assert len(home.told(VersionTested)) == before
    attempts = home.told(RecodeRequested)[1].attempts
    rolled = len([e for e in home.told(VersionAuthored) if e.author == "operator"])
    home.feed(home.left(BARS))
    (strategy,) = (s for s in home.trader._desk.strategies.values())
    assert strategy.attempts == attempts + rolled + failed.scored
    home.assert_replays()


def test_author_when_the_champion_changed_before_it_was_asked_then_is_not(
    improved: ImprovingHome,
) -> None:
    home = improved.copy()
    home.author = ScriptedAuthor({2: WIN})
    home.open()
    roll_back(home)
    collected(home)
    (failed,) = home.told(RecodeFailed)
    assert (failed.code, failed.scored) == ("CHAMPION_CHANGED", 0)
    assert home.author.briefs == []
    home.assert_replays()


def test_answer_when_it_came_to_nothing_anyway_then_says_why(improved: ImprovingHome) -> None:
    home = waited(improved, {2: replace(NOTHING, code="TIMED_OUT")})
    tighten(home)
    home.author.told.set()
    collected(home)
    assert [failed.code for failed in home.told(RecodeFailed)] == ["TIMED_OUT"]


def test_author_when_it_raises_then_its_look_fails_and_trading_goes_on(
    begun: ImprovingHome,
) -> None:
    home = begun.copy()
    home.author = ScriptedAuthor({1: WIN}, heed=lambda brief, bench: 1 // 0)
    home.open()
    collected(home)
    (failed,) = home.told(RecodeFailed)
    assert failed.code == "AUTHOR_RAISED"
    assert "ZeroDivisionError" in failed.reason
    home.feed(home.left(BARS[: FIRST + 24]))
    home.assert_replays()


def test_answer_when_nothing_comes_of_it_then_its_code_is_recorded_and_nothing_scored(
    begun: ImprovingHome,
) -> None:
    home = begun.copy()
    home.author = ScriptedAuthor({1: replace(NOTHING, scored=3)})
    home.open()
    collected(home)
    (failed,) = home.told(RecodeFailed)
    assert (failed.code, failed.reason, failed.scored) == ("NOTHING", "nothing came to mind", 3)
    assert not home.told(VersionTested)
    assert home.told(VersionActivated)[-1].version == "v1"
