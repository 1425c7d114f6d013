"""The digests of a backtest do not depend on the backend, nor on where its run is cut.

Over recorded minutes where there are any, two years of them in the long run, and over made ones.
"""

from pathlib import Path

import numpy as np
import pytest

from application.backtest import BacktestReport, backtest
from application.kernel_rows import limits_row, market_row
from application.ports import BAR, Bars, Feed, FeedFinished
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, effective
from domain.money import to_units
from infrastructure.feeds.recorded import open_recorded
from infrastructure.feeds.synthetic import open_synthetic
from kernels.program import Program
from kernels.runner import LaneSpec
from kernels.trades import TradeTape
from tests import kernel_parity as parity
from tests.kernel_runs import MINUTE, STRATEGIES, program_of
from tests.kernel_trials import Trial, somewhere
from tests.sweep_runs import wants

OTHERS = ("lanes", "opencl")
BACKENDS = ("numba", *OTHERS)
WHOLE = 1_051_200  # bars: two years of minutes
PART, MADE = 200_000, 50_000
SLEEVE = "B"
Digests = tuple[str, str]  # of the trades, of the account


def recorded(directory: Path, bars: int) -> Feed:
    """The last `bars` of the recorded two years, which begin and end at midnight."""
    feed = open_recorded(directory, "binance", "BTC/USDT", "1m")
    total = feed.describe().total
    assert total == WHOLE
    if bars == WHOLE:
        return feed
    first = int(feed.read(-1, 1, 60.0)["timestamp"][0])
    feed.close()
    start = first + (WHOLE - bars) * MINUTE
    return open_recorded(directory, "binance", "BTC/USDT", "1m", start)


def all_bars(feed: Feed) -> Bars:
    parts = [np.empty(0, BAR)]
    last = -1
    while True:
        try:
            parts.append(feed.read(last, 65_536, 60.0).copy())
        except FeedFinished:
            return np.concatenate(parts)
        last = int(parts[-1]["timestamp"][-1])


def reported(program: Program, feed: Feed, values: dict[str, float], backend: str) -> Digests:
    report = backtested(program, feed, values, backend)
    return report.trades_digest, report.state_digest


def backtested(
    program: Program, feed: Feed, values: dict[str, float], backend: str
) -> BacktestReport:
    (instrument,) = feed.describe().instruments
    return backtest(
        program, feed, instrument, effective(), parameters=values, sleeve=SLEEVE, backend=backend
    )


def in_three(trial: Trial, backend: str, rng: np.random.Generator) -> Digests:
    """Run a trial in three parts cut at random, each in a runner that knows only the state."""
    given = parity.run(trial, backend, fresh=somewhere(trial, rng, 2))
    tape = TradeTape(MINUTE)
    tape.add(given.records[0], trial.bars["timestamp"])
    return tape.digest(), given.digests[0]


def assert_digests_alike(path: Path, feed: Feed, least: int) -> None:
    """Compare digests of two parameter sets; `least`: trades that the first must close."""
    program = program_of(path)
    rng = np.random.default_rng(20)
    (instrument,) = feed.describe().instruments
    spec = LaneSpec(
        SLEEVE_LEVERAGE[SLEEVE], float(to_units(SLEEVE_CAPITAL)), limits_row(effective())
    )
    bars, seen = all_bars(feed), set()
    for values in ({p.name: p.default for p in program.parameters}, modest(program, rng)):
        report = backtested(program, feed, values, "numba")
        assert report.bars == len(bars)
        assert report.metrics.trades >= least
        expected = report.trades_digest, report.state_digest
        for backend in OTHERS:
            assert reported(program, feed, values, backend) == expected, (backend, values)
        trial = Trial(program, values, bars, market_row(instrument), (spec,), ((0, (0,)),))
        for backend in BACKENDS:
            assert in_three(trial, backend, rng) == expected, (backend, values)
        seen.add(expected)
    assert len(seen) == 2


def modest(program: Program, rng: np.random.Generator) -> dict[str, float]:
    """Every parameter moved by up to a fifth of the way to the ends of its range."""
    found: dict[str, float] = {}
    for p in program.parameters:
        end = p.low if rng.random() < 0.5 else p.high
        value = p.default + 0.2 * rng.random() * (end - p.default)
        found[p.name] = float(round(value)) if p.integer else value
    return found


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_digests_when_made_bars_are_traded_then_are_the_same_on_all_backends_and_cuts(
    path: Path,
) -> None:
    wants("opencl")
    feed = open_synthetic(seed=3, bars=MADE)
    assert_digests_alike(path, feed, least=10)
    feed.close()


@pytest.mark.parametrize(
    ("bars", "least"), [(PART, 20), pytest.param(WHOLE, 100, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_digests_when_recorded_bars_are_traded_then_are_the_same_on_all_backends_and_cuts(
    path: Path, bars: int, least: int, real_data: Path
) -> None:
    wants("opencl")
    feed = recorded(real_data, bars)
    assert_digests_alike(path, feed, least)
    feed.close()
