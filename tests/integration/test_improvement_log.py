"""The log of a home that improves: a function of bars and answers, however it was come by.

Blocks may be cut anywhere and the process killed anywhere: what the log says when all bars are
taken is the same bytes, and it follows from its own inputs with no author at hand.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.improvement.authoring import Brief
from application.replay import reproduce
from domain.llm import LlmCalled
from domain.strategy.events import VersionActivated, VersionAuthored, VersionRejected
from domain.strategy.improvement import (
    LossesAnalysed,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionTested,
)
from tests.improvement_fakes import (
    AGAIN,
    CHEAP,
    FOLLOW,
    HOUR,
    LOOK,
    NOTHING,
    OTHER,
    SEED,
    SMALL,
    WIN,
    ImprovingHome,
    ScriptedAuthor,
    answered,
    called,
    midnight,
    swings,
    written,
)
from tests.trading_fakes import START

# An hour is missing before the first look's midnight, and some around the second's.
GONE = [24 * LOOK - 2, *range(24 * AGAIN - 1, 24 * AGAIN + 2), 24 * AGAIN + 9]
BARS = np.delete(swings(AGAIN + 2), GONE)
FROM = 24 * LOOK - 30  # bars before the first look
SCRIPT = {1: WIN, 2: NOTHING}


def scripted() -> ImprovingHome:
    return ImprovingHome(ScriptedAuthor(SCRIPT))


def fed(*cuts: int) -> ImprovingHome:
    home = scripted()
    home.feed(BARS, cuts)
    return home


@pytest.fixture(scope="module")
def begun() -> ImprovingHome:
    """A home a little before its first look."""
    home = scripted()
    home.feed(BARS[:FROM])
    return home


@pytest.fixture(scope="module")
def whole() -> ImprovingHome:
    return fed()


@pytest.fixture(scope="module")
def lines(whole: ImprovingHome) -> list[bytes]:
    return whole.lines()


def test_log_when_a_look_is_won_then_says_why_by_whom_and_what_followed(
    whole: ImprovingHome,
) -> None:
    kinds = (
        LossesAnalysed,
        RecodeRequested,
        RecodeAnswered,
        RecodeFailed,
        VersionAuthored,
        VersionTested,
        VersionRejected,
        VersionActivated,
    )
    told = [type(e) for e in whole.events if isinstance(e, kinds)][2:]  # the seed's own
    test = [VersionTested, VersionTested, VersionRejected, VersionTested, VersionRejected]
    looked = [LossesAnalysed, RecodeRequested]
    assert told[:2] == looked
    assert told[2:6] == [RecodeAnswered, *[VersionAuthored] * 3]
    assert told[6:12] == [*test, VersionActivated]
    assert [e.version for e in whole.told(VersionActivated)] == ["v1", "v2"]
    first, _ = whole.told(RecodeRequested)
    assert first.end == first.occurred_at == midnight(LOOK)
    (answer,) = whole.told(RecodeAnswered)
    assert answer.effective_at == whole.told(VersionActivated)[1].from_bar == midnight(LOOK)


def test_log_when_a_winner_is_activated_then_its_own_test_is_the_cause(
    whole: ImprovingHome,
) -> None:
    activated = whole.told(VersionActivated)[1]
    tested = next(e for e in whole.told(VersionTested) if e.version == "v2")
    assert activated.causation_id == tested.event_id


def test_log_when_replayed_then_there_is_no_difference_and_nobody_is_asked(
    whole: ImprovingHome,
) -> None:
    asked = len(whole.author.briefs)
    whole.assert_replays()
    assert len(whole.author.briefs) == asked == 2


def test_log_when_replayed_up_to_any_event_of_a_look_then_there_is_no_difference(
    whole: ImprovingHome,
) -> None:
    correlated = [
        n + 1
        for n, e in enumerate(whole.events)
        if isinstance(e, LossesAnalysed | RecodeRequested) or e.correlation_id.startswith("recode/")
    ]
    for to in correlated[:: len(correlated) // 5]:
        told = whole.replay(to=to)
        assert (told.first_difference, told.count) == (None, to)


@settings(max_examples=4)
@given(st.sets(st.integers(1, len(BARS) - FROM - 1), max_size=6))
def test_log_when_bars_come_in_any_blocks_then_is_the_same(
    begun: ImprovingHome, lines: list[bytes], cuts: set[int]
) -> None:
    home = begun.copy()
    home.open()
    home.feed(BARS[FROM:], cuts)
    assert home.lines() == lines


def test_log_when_bars_come_one_at_a_time_then_is_the_same(
    begun: ImprovingHome, lines: list[bytes]
) -> None:
    home = begun.copy()
    home.open()
    home.feed(BARS[FROM:], range(1, 60))
    assert home.lines() == lines


class Killed(BaseException):
    """The process is gone."""


def test_log_when_killed_between_request_and_answer_then_goes_on_as_if_undisturbed(
    begun: ImprovingHome, lines: list[bytes]
) -> None:
    home = begun.copy()
    home.author = ScriptedAuthor(SCRIPT, heed=die)
    home.open()
    with pytest.raises(Killed):
        home.feed(BARS[FROM:])
    assert isinstance(home.events[-1], RecodeRequested)
    assert home.journal.last() == BARS["timestamp"][-1]  # in the middle of a block
    for lost in (False, True):
        again = home.copy()
        again.author = ScriptedAuthor(SCRIPT)
        if lost:
            again.log.saved = None
        again.open()
        assert again.lines() == lines


def die(brief: Brief, bench: object) -> None:
    raise Killed


@pytest.mark.parametrize("bars", [0, 30, 31, 100])
@pytest.mark.parametrize("lost", [False, True])
def test_log_when_killed_at_any_bar_then_goes_on_as_if_undisturbed(
    begun: ImprovingHome, lines: list[bytes], bars: int, lost: bool
) -> None:
    home = begun.copy()
    home.open()
    home.feed(BARS[FROM : FROM + bars])
    again = home.copy()
    again.journal.append((BARS[FROM + bars : FROM + bars + 40],))  # journalled, not stepped
    if lost:
        again.log.saved = None
    again.open()
    again.feed(again.left(BARS))
    assert again.lines() == lines


def test_log_when_an_operator_comes_while_an_answer_is_out_then_no_bar_is_taken_without_it(
    begun: ImprovingHome, lines: list[bytes]
) -> None:
    home = begun.copy()
    home.author = ScriptedAuthor(SCRIPT, heed=die)
    home.open()
    with pytest.raises(Killed):
        home.feed(BARS[FROM:])
    for lost in (False, True):
        idle = home.copy()
        idle.policy = None  # opened for a command, by a process without an author
        if lost:
            idle.log.saved = None
        idle.open()
        assert idle.trader.last_bar == midnight(LOOK) - HOUR
        assert idle.lines() == home.lines()
        idle.author, idle.policy = ScriptedAuthor(SCRIPT), SMALL
        idle.open()
        assert idle.lines() == lines


def test_log_when_the_champion_changed_before_the_answer_then_nobody_is_asked_and_it_is_void(
    whole: ImprovingHome,
) -> None:
    home = scripted()
    home.author = ScriptedAuthor(SCRIPT, heed=die_at_the_second)
    home.open()
    with pytest.raises(Killed):
        home.feed(BARS)
    home.policy = None
    home.open()
    assert home.say("rollback", "back", version="v1").accepted
    home.author, home.policy = ScriptedAuthor(SCRIPT), SMALL
    home.open()
    (failed,) = home.told(RecodeFailed)
    assert (failed.number, failed.code, failed.scored) == (2, "CHAMPION_CHANGED", 0)
    assert home.author.briefs == []
    home.feed(home.left(BARS))
    assert home.trader.last_bar == BARS["timestamp"][-1]
    home.assert_replays()


def die_at_the_second(brief: Brief, bench: object) -> None:
    if brief.number == 2:
        raise Killed


def test_log_of_two_strategies_when_a_part_is_replayed_then_there_is_no_difference() -> None:
    cost = called("a prompt", "a response")
    author = ScriptedAuthor({1: replace(WIN, author="llm", calls=(cost, cost))}, kind="llm")
    home = ImprovingHome(author, sources=(SEED, OTHER))
    home.feed(BARS[: 24 * 22], [300])
    assert {e.stream for e in home.told(VersionTested)} == {"strategy/other", "strategy/swing"}
    assert [e.stream_version for e in home.told(LlmCalled)] == [1, 2, 3, 4]
    home.assert_replays()
    for name in ("other", "swing"):
        told = reproduce(home.log, home.journal, strategies=[name])
        assert told.first_difference is None
        assert told.count > 100
    (answer, _) = home.told(RecodeAnswered)
    assert (answer.tokens, answer.cost) == (2 * 30, cost.cost * 2)
    shared = [e for e in home.told(VersionAuthored, answer.stream) if e.author == "llm"]
    assert sum(e.tokens for e in shared) == answer.tokens
    assert sum(e.cost for e in shared) == answer.cost


def test_log_when_an_answer_in_it_was_changed_then_the_replay_differs(
    whole: ImprovingHome,
) -> None:
    home = whole.copy()
    at = next(
        n for n, e in enumerate(home.events) if getattr(e, "author", "") == "search" and n > 9
    )
    authored = next(
        n for n, e in enumerate(home.events) if isinstance(e, VersionAuthored) and e.version == "v2"
    )
    assert at < authored
    changed = replace(
        home.events[authored], parameters={**home.events[authored].parameters, "lean": FOLLOW}
    )
    home.log.entries[authored] = replace(home.log.entries[authored], event=changed)
    found = home.replay().first_difference
    assert found is not None
    assert isinstance(found.recorded, VersionTested)


def test_log_of_two_symbols_when_cut_anywhere_then_is_the_same_and_replays() -> None:
    second = replace(CHEAP, symbol="ETH-USDT")
    stretch = (BARS, np.delete(swings(31, seed=2), slice(100, 160)))
    stretch = tuple(bars[bars["timestamp"] < midnight(22)] for bars in stretch)
    logs = []
    for edges in ((), (400, 505, 510)):
        home = ImprovingHome(instruments=(CHEAP, second))
        times = np.unique(np.concatenate([bars["timestamp"] for bars in stretch]))
        for first, last in zip(
            (START, *times[list(edges)]), (*times[list(edges)], 2**60), strict=True
        ):
            part = tuple(b[(b["timestamp"] >= first) & (b["timestamp"] < last)] for b in stretch)
            home.trader.step(part).result()
        logs.append(home.lines())
    assert logs[0] == logs[1]
    assert home.told(VersionTested)
    home.assert_replays()


def test_versions_when_counted_then_every_set_ever_scored_is_a_try() -> None:
    script = {
        1: answered(written(FOLLOW, hold=2), written(0.2, hold=3), scored=11),
        2: replace(NOTHING, scored=7),
        3: answered(written(0.1, hold=4), scored=0),
    }
    home = ImprovingHome(ScriptedAuthor(script), replace(SMALL, growth=SMALL.growth / 20))
    home.feed(BARS[: 24 * 25])
    asked = [e.attempts for e in home.told(RecodeRequested)]
    assert asked[:4] == [1, 12, 19, 20]
    assert {(e.number, e.report.tries) for e in home.told(VersionTested)} == {(1, 12), (3, 20)}
    for tested in home.told(VersionTested):
        (rejected,) = [e for e in home.told(VersionRejected) if e.version == tested.version]
        assert (rejected.stage, rejected.reasons) == ("validation", tested.failures)
        assert rejected.causation_id == tested.event_id
    home.assert_replays()
