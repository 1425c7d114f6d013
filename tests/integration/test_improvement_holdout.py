"""The sealed end of a run: in nothing before it is opened, opened once, and verified by replay."""

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace

from application.improvement.authoring import Bench, Brief
from application.ports import Bars, Stretch
from application.replay import NotReproducible
from domain.strategy.events import VersionAuthored
from domain.strategy.improvement import HoldoutOpened, HoldoutScored, RecodeRequested
from infrastructure.bar_records import seal
from kernels.program import compile_strategy
from tests.improvement_fakes import (
    FADE,
    LOOK,
    OTHER,
    SEED,
    SMALL,
    SWING,
    WIN,
    ImprovingHome,
    ScriptedAuthor,
    midnight,
    swings,
)
from tests.trading_fakes import MemoryJournal

SEALED_FROM = LOOK + 3
BARS = swings(SEALED_FROM + 12)
OPEN, SEALED = BARS[: 24 * SEALED_FROM], np.delete(BARS[24 * SEALED_FROM :], 5)
POLICY = replace(SMALL, holdout_from=midnight(SEALED_FROM))


def blocks(bars: Bars = SEALED, size: int = 50) -> Iterator[Stretch]:
    for first in range(0, len(bars), size):
        yield (bars[first : first + size],)


def traded() -> ImprovingHome:
    author = ScriptedAuthor({1: WIN})
    home = ImprovingHome(author, POLICY, sources=(SEED, OTHER), holdout=MemoryJournal())
    home.feed(OPEN)
    return home


@pytest.fixture(scope="module")
def sealed() -> ImprovingHome:
    return traded()


@pytest.fixture(scope="module")
def opened(sealed: ImprovingHome) -> ImprovingHome:
    home = sealed.copy()
    home.open()
    home.trader.unseal(blocks())
    return home


def test_holdout_when_not_opened_then_its_bars_are_nowhere(sealed: ImprovingHome) -> None:
    assert sealed.journal.last() == midnight(SEALED_FROM) - 3_600_000
    assert sealed.holdout is not None
    assert sealed.holdout.last() is None
    assert not sealed.told(HoldoutOpened)
    assert max(e.end for e in sealed.told(RecodeRequested)) <= midnight(SEALED_FROM)


def test_holdout_when_opened_then_tells_what_the_first_and_the_last_version_did(
    opened: ImprovingHome,
) -> None:
    for name in ("other", "swing"):
        (opening,) = opened.told(HoldoutOpened, f"strategy/{name}")
        assert (opening.start, opening.end) == (midnight(SEALED_FROM), midnight(SEALED_FROM + 12))
        assert opening.rows == {"BTC-USDT": len(SEALED)}
        assert len(opening.sha256["BTC-USDT"]) == 64
        (scored,) = opened.told(HoldoutScored, f"strategy/{name}")
        assert scored.causation_id == opening.event_id
        first, last = scored.scores
        assert (first.version, last.version) == ("v1", "v2")
        assert first.net < 0 < last.net
        assert (first.passes_gate, last.passes_gate) == (False, True)
        for score in scored.scores:
            assert score.net_low <= score.net <= score.net_high
            assert score.sharpe_low <= score.sharpe_high


def test_holdout_when_traded_alone_then_the_same_trades_are_scored(opened: ImprovingHome) -> None:
    """A run over all bars trades the sealed ones as the score says, but for what came before."""
    alone = ImprovingHome(
        ScriptedAuthor(),
        replace(SMALL, least_days=10_000),
        sources=(replace(SEED, text=faded(SWING)),),
    )
    alone.feed(np.concatenate([OPEN, SEALED]))
    gated = alone.trader._desk.runs[0].gated.portfolio
    before = ImprovingHome(ScriptedAuthor(), alone.policy, sources=alone.sources)
    before.feed(OPEN)
    earlier = before.trader._desk.runs[0].gated.portfolio
    score = opened.told(HoldoutScored)[0].scores[1]
    assert score.trades == gated.tally.trades - earlier.tally.trades
    assert score.wins == gated.tally.wins - earlier.tally.wins


def faded(text: str) -> str:
    changed = text.replace("param(0.5, -1", f"param({FADE}, -1").replace("0.0055", "0.002")
    assert compile_strategy(changed, "swing").parameters[0].default == FADE
    return changed


def test_holdout_when_opened_again_then_is_not_and_nothing_is_improved(
    opened: ImprovingHome,
) -> None:
    for lost in (False, True):
        home = opened.copy()
        if lost:
            home.log.saved = None
        home.open()
        head, lines = home.log.head(), home.lines()
        assert home.trader.unseal(blocks()) == head
        assert home.lines() == lines
        for reply in (
            home.say("submit", "s", source=SWING, parameters={"hold": 2.0, "lean": FADE}),
            home.say("rollback", "b", version="v1"),
        ):
            assert (reply.accepted, reply.code, reply.position) == (False, "HOLDOUT_OPENED", head)
        home.feed(swings(20, start=midnight(SEALED_FROM)))  # as if a feed went on
        assert [e.number for e in home.told(RecodeRequested, "strategy/swing")] == [1]
        assert len(home.told(VersionAuthored, "strategy/swing")) == 4


def test_holdout_when_replayed_then_is_verified_to_its_last_bar(opened: ImprovingHome) -> None:
    opened.assert_replays()
    changed = opened.copy()
    assert changed.holdout is not None
    changed.holdout.bars["close"][-1] += 0.01
    found = changed.replay().first_difference
    assert found is not None
    assert isinstance(found.recorded, HoldoutOpened)
    changed.holdout = None
    with pytest.raises(NotReproducible, match="needs the bars of the holdout"):
        changed.replay()


class Cut(BaseException):
    """The process is gone."""


def cut_short(count: int) -> Iterator[Stretch]:
    for n, stretch in enumerate(blocks()):
        if n == count:
            raise Cut
        yield stretch


@pytest.mark.parametrize("count", [0, 2])
def test_holdout_when_killed_while_it_is_opened_then_is_opened_whole(
    sealed: ImprovingHome, opened: ImprovingHome, count: int
) -> None:
    home = sealed.copy()
    home.open()
    with pytest.raises(Cut):
        home.trader.unseal(cut_short(count))
    again = home.copy()
    again.open()
    again.trader.unseal(blocks(size=37))
    assert again.lines() == opened.lines()
    assert again.holdout is not None
    assert seal(again.holdout.bars) == seal(SEALED)


def test_holdout_when_there_is_no_sealed_bar_then_nothing_is_opened(sealed: ImprovingHome) -> None:
    home = sealed.copy()
    home.open()
    head = home.log.head()
    assert home.trader.unseal(iter(())) == head


class Blind:
    """Keeps all that an author may know, as bytes."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def heed(self, brief: Brief, bench: Bench) -> None:
        asked = repr(replace(brief, report=b"")).encode() + brief.report
        scores = bench.score(bench.compile(brief.text), [brief.parameters, {"lean": FADE}])
        self.seen.append(asked + scores.pnl.tobytes() + scores.trades.tobytes())


def test_author_when_bars_after_the_split_change_then_is_told_the_very_same() -> None:
    told = []
    split = 0
    for seed in (1, 2):
        blind = Blind()
        home = ImprovingHome(ScriptedAuthor({1: WIN}, heed=blind.heed))
        bars = swings(LOOK)
        if seed != 1:
            after = bars["timestamp"] >= split
            bars[after] = swings(LOOK, seed=seed)[after]
        home.feed(bars)
        (asked,) = home.told(RecodeRequested)
        split = asked.split
        told.append((blind.seen, home.told(type(asked))[0].test_from))
        assert len(blind.seen) == 1
    assert told[0] == told[1]
