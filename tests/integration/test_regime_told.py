"""What was said of the market is told to all who run a strategy again: looks, tests, new versions.

So a candidate is judged, and a loss explained, by the words that paper traded by.
"""

import pytest

from application.improvement.losses.trade_contexts import trades_of
from application.trading.desk import Desk
from application.trading.kernel import EngineKernel, as_kernel
from application.trading.rebuild import rebuild
from application.trading.recoding import settings_of, warm
from domain.limits import effective
from domain.portfolio.events import PositionClosed
from domain.regime import CODES, RegimeClassified
from kernels.dtypes import ENTRIES_OFF
from kernels.sweep.trials import Span, trials
from tests.regime_homes import HOUR, LISTENS, SYMBOL, Oracle, RegimeHome, holding, hours
from tests.trading_fakes import DAY, START

COUNT = 240  # ten days
ACCOUNT = "portfolio/paper/listens/v1/B"


@pytest.fixture(scope="module")
def home() -> RegimeHome:
    home = RegimeHome("llm", Oracle())
    home.feed(hours(COUNT))
    return home


@pytest.fixture(scope="module")
def desk(home: RegimeHome) -> Desk:
    desk, _, _ = rebuild(home.log, home.journal, EngineKernel(), effective(), lambda: False)
    return desk


def test_losses_when_told_then_are_those_of_the_trades_that_paper_made(
    home: RegimeHome, desk: Desk
) -> None:
    (run,) = desk.runs
    paper = [e for e in home.of(PositionClosed) if e.stream == ACCOUNT]
    asked = {"start": START, "until": START + COUNT * HOUR}
    ground = (as_kernel(run.program), {}, tuple(home.journal.stretch), home.description.instruments)

    told = trades_of(*ground, desk.limits, desk.base_ms, told=desk.regimes.told(), **asked)
    untold = trades_of(*ground, desk.limits, desk.base_ms, **asked)

    assert [each.trade.net for each in told] == [trade.net for trade in paper]
    assert len(told) > 5
    assert [each.trade.net for each in untold] != [each.trade.net for each in told]


def test_test_when_told_then_counts_the_trades_that_paper_made(
    home: RegimeHome, desk: Desk
) -> None:
    (run,) = desk.runs
    paper = [e for e in home.of(PositionClosed) if e.stream == ACCOUNT]

    found = trials(
        as_kernel(run.program),
        home.journal.stretch,
        {},
        settings_of(desk),
        [Span(START, START + COUNT // 24 * DAY)],
        told=desk.regimes.told(),
    )

    assert found.trades.tolist() == [[len(paper)]]
    assert found.wins.tolist() == [[sum(trade.net > 0 for trade in paper)]]


def test_version_when_it_is_warmed_then_its_series_were_told_as_of_each_close(
    home: RegimeHome, desk: Desk
) -> None:
    version = desk.strategies[LISTENS.name].versions[0]
    at = START + 200 * HOUR
    run = warm(desk, LISTENS.name, version, desk.runs[0].program, at)
    desk.runs, kept = [], desk.runs
    desk.add(run)
    (bars,) = home.journal.stretch
    block = run.runner.run((bars[200:],), [ENTRIES_OFF] * 3)
    desk.runs = kept
    seen, ruled = block.series[0].tolist()
    said = home.of(RegimeClassified)

    assert len(seen) == COUNT - 200
    for hour, code in enumerate(seen, 201):
        told = holding(said, SYMBOL, START + hour * HOUR)
        assert told is not None
        assert code == told
    assert seen != ruled
    assert set(seen) <= set(CODES.values())
