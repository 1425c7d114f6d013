"""What becomes of what authors write, in a home: refusals, a ruined champion, the search itself."""

import numpy as np
from msgspec.structs import replace

from application.improvement.search.author import SearchAuthor
from application.ports import Bars
from application.trading import StrategySource
from domain.portfolio.events import AccountRuined
from domain.strategy.events import VersionActivated, VersionAuthored, VersionRejected
from domain.strategy.improvement import (
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionTested,
)
from tests.improvement_fakes import (
    AGAIN,
    HOUR,
    LOOK,
    SMALL,
    SWING,
    WIN,
    ImprovingHome,
    ScriptedAuthor,
    answered,
    midnight,
    swings,
    written,
)
from tests.trading_fakes import SOURCE, START, Script, ScriptedKernel, flat_bars

BARS = swings(AGAIN)


def test_candidates_when_they_cannot_be_traded_then_the_others_are_tested_all_the_same() -> None:
    shorter = SWING.replace('timeframe("1h")', 'timeframe("15m")')
    author = ScriptedAuthor(
        {
            1: answered(
                written(text=shorter),
                written(text="import os"),
                written(hold=99),
                written(0.5, least=0.0055),
                written(),
                written(),
            )
        }
    )
    home = ImprovingHome(author)
    home.feed(BARS[: 24 * LOOK])
    (answer,) = home.told(RecodeAnswered)
    assert answer.candidates == ("v2",)
    assert [line.partition(":")[0] for line in answer.refused] == [
        "DOES_NOT_COMPILE",
        "DOES_NOT_COMPILE",
        "PARAMETER",
        "NO_CHANGE",
        "NO_CHANGE",
    ]
    assert 'timeframe("15m"); allowed: a multiple of the feed' in answer.refused[0]
    assert home.told(VersionActivated)[-1].version == "v2"
    home.assert_replays()


def test_candidates_when_none_can_be_traded_then_the_look_has_failed() -> None:
    home = ImprovingHome(ScriptedAuthor({1: answered(written(0.5, least=0.0055), scored=4)}))
    home.feed(BARS[: 24 * LOOK])
    (failed,) = home.told(RecodeFailed)
    assert (failed.code, failed.scored) == ("NO_CANDIDATE", 4)
    assert failed.reason.startswith("NO_CHANGE: against v1")
    assert failed.refused == (failed.reason,)
    home.assert_replays()
    assert not home.told(VersionTested)


def hourly(days: int) -> Bars:
    bars = flat_bars(days * 24)
    bars["timestamp"] = START + HOUR * np.arange(len(bars))
    return bars


def test_champion_when_ruined_then_is_looked_at_for_that_and_no_other_time() -> None:
    kernel, source = ScriptedKernel(Script(ruin_at=3)), SOURCE.text.replace('"1m"', '"1h"')
    home = ImprovingHome(
        ScriptedAuthor(), kernel=kernel, sources=(StrategySource("scripted", source),)
    )
    home.feed(hourly(LOOK + 7))
    (ruin,) = home.told(AccountRuined)
    assert ruin.stream.endswith("/B")
    (rejected,) = home.told(VersionRejected)
    assert (rejected.stage, rejected.version) == ("paper", "v1")
    looks = home.told(RecodeRequested)
    assert [(e.why, e.occurred_at) for e in looks] == [
        ("ruined", midnight(LOOK)),
        ("ruined", midnight(AGAIN)),
    ]
    home.assert_replays()


def test_strategy_when_paused_then_is_improved_and_enters_nothing_until_resumed() -> None:
    home = ImprovingHome(ScriptedAuthor({1: WIN}))
    home.feed(BARS[: 24 * 20])
    assert home.say("pause", "p1").accepted
    home.feed(home.left(BARS[: 24 * 23]))
    assert home.told(VersionActivated)[-1].version == "v2"
    stream = "portfolio/paper/swing/v2/"
    assert not [e for e in home.events if e.stream.startswith(stream) and hasattr(e, "intent")]
    assert home.say("resume", "r1").accepted
    home.feed(home.left(BARS[: 24 * 24]))
    assert [e for e in home.events if e.stream.startswith(stream) and hasattr(e, "intent")]
    home.assert_replays()


def test_search_when_it_improves_a_home_then_the_log_is_the_same_in_any_blocks_and_replays() -> (
    None
):
    policy = replace(SMALL, candidates=4)
    logs = []
    for cuts in ((), (100, 510, 511)):
        home = ImprovingHome(SearchAuthor(), policy)
        home.feed(BARS[: 24 * (LOOK + 1)], cuts)
        logs.append(home.lines())
    assert logs[0] == logs[1]
    (answer,) = home.told(RecodeAnswered)
    assert len(answer.candidates) == 4
    assert answer.scored >= 4
    assert len(home.told(VersionAuthored)) == 5
    assert {e.report.tries for e in home.told(VersionTested)} == {1 + answer.scored}
    home.assert_replays()
