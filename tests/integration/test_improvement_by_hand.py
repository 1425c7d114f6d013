"""What an operator writes: submitted and tested, rolled back to, or refused and not written."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from application.trading.checkpoint import usable
from domain.strategy.events import VersionActivated, VersionAuthored, VersionRejected
from domain.strategy.improvement import VersionRetired, VersionTested
from kernels.frontend.source import MAX_BYTES
from tests.improvement_fakes import (
    AGAIN,
    FADE,
    FOLLOW,
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

BARS = swings(AGAIN + 3)
BETTER = {"lean": FADE, "least": 0.002}
PLAIN = replace(SMALL, least_days=10_000)  # nobody is asked


@pytest.fixture(scope="module")
def traded() -> ImprovingHome:
    """A home that has traded its seed for four weeks."""
    home = ImprovingHome(ScriptedAuthor(), PLAIN)
    home.feed(BARS[: 24 * AGAIN])
    return home


@pytest.fixture(scope="module")
def improved() -> ImprovingHome:
    """A home that an author has improved: v2 is the champion, v3 and v4 were rejected."""
    home = ImprovingHome(ScriptedAuthor({1: WIN}))
    home.feed(BARS[: 24 * (LOOK + 2)])
    return home


def opened(home: ImprovingHome) -> ImprovingHome:
    other = home.copy()
    other.author = ScriptedAuthor()
    other.open()
    return other


def test_submission_when_it_holds_then_takes_over_from_the_next_bar(traded: ImprovingHome) -> None:
    home = opened(traded)
    said: dict[str, Any] = {"source": SWING, "parameters": BETTER, "reason": "fade: they turn"}
    reply = home.say("submit", "s1", **said)
    assert (reply.accepted, reply.code) == (True, "")
    authored, tested, activated = (
        home.told(kind)[-1] for kind in (VersionAuthored, VersionTested, VersionActivated)
    )
    assert (authored.version, authored.author, authored.parent) == ("v2", "operator", "v1")
    assert authored.hypothesis == "submitted by hand: fade: they turn"
    assert authored.parameters == {"lean": FADE, "least": 0.002, "reach": 0.05, "hold": 1.0}
    assert (tested.passed, tested.report.tries, tested.number) == (True, 2, 0)
    assert (activated.version, activated.from_bar) == ("v2", midnight(AGAIN))
    assert activated.causation_id == tested.event_id
    assert home.say("submit", "s1", **said) == reply
    home.feed(home.left(BARS))
    assert home.say("submit", "s1", **said) == reply
    home.assert_replays()
    home.log.saved = None
    lines = home.lines()
    home.open()
    assert home.lines() == lines


def test_submission_when_its_id_was_used_for_another_then_is_refused(traded: ImprovingHome) -> None:
    home = opened(traded)
    home.say("submit", "s1", source=SWING, parameters=BETTER)
    other = SWING.replace("above 0 with", "over 0 with")
    for more in (
        {"source": other, "parameters": BETTER},
        {"source": SWING, "parameters": {**BETTER, "hold": 2.0}},
    ):
        reply = home.say("submit", "s1", **more)
        assert (reply.accepted, reply.code) == (False, "COMMAND_ID_REUSED")


def test_submission_when_it_does_not_hold_then_all_is_recorded_and_nothing_changes(
    traded: ImprovingHome,
) -> None:
    home = opened(traded)
    reply = home.say("submit", "s1", source=SWING, parameters={"least": 0.002})
    assert (reply.accepted, reply.code) == (False, "TEST_NOT_PASSED")
    tested = home.told(VersionTested)[-1]
    assert tested.failures
    assert reply.message == f"swing v2: {', '.join(tested.failures)}"
    assert len(reply.events) == 3
    assert home.told(VersionRejected)[-1].reasons == tested.failures
    assert [e.version for e in home.told(VersionActivated)] == ["v1"]
    assert home.say("submit", "s1", source=SWING, parameters={"least": 0.002}) == reply
    home.feed(home.left(BARS))
    home.assert_replays()


def test_submission_when_no_day_was_traded_then_fails_its_test() -> None:
    for bars in (0, 5):
        home = ImprovingHome(ScriptedAuthor(), PLAIN, first_bar=midnight(0) + 3 * HOUR)
        home.feed(swings(1, start=midnight(0) + 3 * HOUR)[:bars])
        reply = home.say("submit", "s1", source=SWING, parameters=BETTER)
        assert (reply.code, reply.message[:20]) == ("TEST_NOT_PASSED", "swing v2: TEST_TRADE")
        home.feed(home.left(swings(2, start=midnight(0) + 3 * HOUR)))
        home.assert_replays()


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"strategy": "nobody"}, "UNKNOWN_STRATEGY", "must be one of: swing"),
        ({"source": "import os\n"}, "DOES_NOT_COMPILE", "source was refused: 1:1 found"),
        ({"source": ""}, "DOES_NOT_COMPILE", "source was refused"),
        ({"source": "(" * 5_000}, "DOES_NOT_COMPILE", "source was refused"),
        ({"source": "#" * (MAX_BYTES + 1)}, "DOES_NOT_COMPILE", "at most 65,536 bytes"),
        (
            {"source": SWING.replace('("1h")', '("15m")')},
            "DOES_NOT_COMPILE",
            'source was refused: 5:1 found timeframe("15m"); allowed: a multiple of the feed\'s 60',
        ),
        ({"parameters": {"speed": 1.0}}, "PARAMETER_INVALID", "'speed' is unknown to swing"),
        ({"parameters": {"hold": 9.0}}, "PARAMETER_INVALID", "hold was 9, must be a whole number"),
        ({"parameters": {}}, "NO_CHANGE", "version was as swing v1, must trade otherwise"),
        ({"parameters": {"lean": 0.501}}, "NO_CHANGE", "must be at least"),
        (
            {"source": SWING.replace("Go with", "Run with"), "parameters": {}},
            "NO_CHANGE",
            "the compiled rules are the same",
        ),
    ],
)
def test_submission_when_it_cannot_be_tested_then_says_why_and_nothing_is_written(
    traded: ImprovingHome, more: dict[str, Any], code: str, words: str
) -> None:
    home = opened(traded)
    head, blobs = home.log.head(), set(home.log.blobs)
    reply = home.say("submit", "s1", **{"source": SWING, "parameters": BETTER, **more})
    assert (reply.accepted, reply.code, reply.position) == (False, code, head)
    assert words in reply.message
    home.feed(home.left(BARS[: 24 * AGAIN + 1]))
    assert set(home.log.blobs) == blobs
    assert not home.told(VersionAuthored)[1:]


@pytest.mark.parametrize("to", ["v1", "v3"])
def test_rollback_when_to_any_version_then_it_trades_again_untested(
    improved: ImprovingHome, to: str
) -> None:
    home = opened(improved)
    reply = home.say("rollback", "b1", version=to, reason="rolled back to what I know")
    assert reply.accepted
    authored = home.told(VersionAuthored)[-1]
    assert (authored.version, authored.parent) == ("v5", to)
    assert authored.hypothesis == f"rolled back to {to}: rolled back to what I know"
    before = next(e for e in home.told(VersionAuthored) if e.version == to)
    assert (authored.source_sha, authored.parameters) == (before.source_sha, before.parameters)
    activated = home.told(VersionActivated)[-1]
    assert (activated.version, activated.from_bar) == ("v5", midnight(LOOK + 2))
    assert activated.causation_id == authored.event_id
    assert home.say("rollback", "b1", version=to) == reply
    home.feed(home.left(BARS))
    home.assert_replays()


def test_rollback_when_it_is_wrong_then_says_why_and_nothing_is_written(
    improved: ImprovingHome,
) -> None:
    home = opened(improved)
    head = home.log.head()
    for version, code, words in (
        ("v2", "NO_CHANGE", "version was as swing v2"),
        ("v9", "UNKNOWN_VERSION", "version of swing was 'v9', must be one of: v1, v2, v3, v4"),
        ("", "UNKNOWN_VERSION", "was ''"),
    ):
        reply = home.say("rollback", version or "none", version=version)
        assert (reply.accepted, reply.code, reply.position) == (False, code, head)
        assert words in reply.message
    reply = home.say("rollback", "other", strategy="nobody", version="v1")
    assert reply.code == "UNKNOWN_STRATEGY"


def test_rollback_when_the_version_was_forgotten_then_its_source_is_in_the_log() -> None:
    many = answered(*(written(FOLLOW, least=0.003 + 0.001 * n) for n in range(30)))
    policy = replace(SMALL, candidates=30)
    home = ImprovingHome(ScriptedAuthor({1: many}), policy)
    home.feed(BARS[: 24 * LOOK])
    strategy = home.trader._desk.strategies["swing"]
    assert len(home.told(VersionRejected)) > 24
    assert strategy.find("v31") is None
    home.open()
    assert home.say("rollback", "b1", version="v31").accepted
    home.feed(home.left(BARS[: 24 * (LOOK + 1)]))
    home.assert_replays()


def test_versions_when_many_are_replaced_then_the_oldest_enter_no_more_and_are_let_go(
    improved: ImprovingHome,
) -> None:
    home = opened(improved)
    for n in range(12):
        assert home.say("rollback", f"b{n}", version=("v1", "v3")[n % 2]).accepted
        home.feed(home.left(BARS)[:2])
    crowded = [e.version for e in home.told(VersionRetired) if e.reason == "crowded"]
    assert len(crowded) == 13 - 8
    assert not set(crowded) & set(trading(home, crowded))
    home.feed(home.left(BARS)[: 24 * 3])
    saved = usable(home.log.saved, home.trader._desk.kernel.identity, home.log.head())
    assert saved is not None
    assert len(saved.runs) == 9
    assert not set(crowded) & {run.version for run in saved.runs}
    assert len({id(run.live) for run in home.trader._desk.runs}) == 1
    dismissed = crowded[0]
    assert home.say("rollback", "again", version=dismissed).code in ("", "NO_CHANGE")
    home.feed(home.left(BARS)[:30])
    home.assert_replays()
    lines, home.log.saved = home.lines(), None
    home.open()
    assert home.lines() == lines


def trading(home: ImprovingHome, versions: Sequence[str]) -> list[str]:
    """Name those that entered something after they were retired."""
    found = []
    for version in versions:
        retired = next(e for e in home.told(VersionRetired) if e.version == version)
        stream = f"portfolio/paper/swing/{version}/"
        orders = [e for e in home.events if e.stream.startswith(stream)]
        found += [
            version
            for e in orders
            if getattr(e, "intent", "") == "entry" and e.occurred_at > retired.occurred_at
        ]
    return found


def test_version_when_replaced_after_enough_trades_then_enters_nothing_more(
    improved: ImprovingHome,
) -> None:
    home = opened(improved)
    assert home.say("rollback", "b1", version="v3").accepted  # it trades much, and loses
    home.feed(home.left(BARS[: 24 * AGAIN + 48]))
    assert home.trader._desk.run_of("swing", "v5").gated.portfolio.tally.trades >= 50
    assert home.say("rollback", "b2", version="v1").accepted
    retired = home.told(VersionRetired)[-1]
    assert (retired.version, retired.reason) == ("v5", "trades")
    home.feed(home.left(BARS))
    assert trading(home, ["v5"]) == []
    assert "v5" not in [run.version for run in home.trader._desk.runs]
    home.assert_replays()
