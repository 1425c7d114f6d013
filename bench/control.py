"""Whether the improvement loop tells luck from skill, on markets where the truth is known.

`--market walk`: a random walk, where whatever is activated is an error, a version that passes the
gate more so. `--market leaping`: an edge of a net Sharpe ratio of about 2 a year is there, and the
champion begins without it: is it found (a version passes its test and is activated), kept (the
champion at the end is such a version, and has earned money on paper) and promoted (it passed the
gate by its own paper trades)? Everything is as shipped: policy, search, tests, gate, limits, a
real log and journal. `--truth` measures the edge itself.
"""

import argparse
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from math import comb
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np

from application.improvement.search.author import SearchAuthor
from application.kernel_rows import limits_row, market_row
from application.ports import Bars, FeedDescription
from application.trading import Improving, StrategySource, Trader
from bench.candles import machine
from bench.made_markets import FADE, START, leaping, walk
from domain.event import Event
from domain.improvement import Policy
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, effective
from domain.money import to_units
from domain.portfolio.events import AccountRuined, PositionClosed
from domain.strategy.events import MarkedReady, PromotedToLive, VersionActivated, VersionRejected
from domain.strategy.improvement import RecodeRequested, VersionTested
from domain.timeframe import DAY
from infrastructure.home_journal import open_journal
from infrastructure.store import SqliteEventLog
from kernels.metrics.daily_money import annual, sharpe_of
from kernels.program import compile_strategy
from kernels.sweep.sets import parameter_sets
from kernels.sweep.trials import Span, TrialSettings, trials

FOLDER = Path(__file__).parent.parent / "strategies"
ON_WALKS = (
    "bollinger_reversion",
    "donchian_breakout",
    "ema_trend",
    "keltner_squeeze",
    "macd_momentum",
    "rsi_extremes",
    "session_breakout",
    "supertrend_follow",
    "vwap_reversion",
)
YEARS = {"walk": 1.0, "leaping": 16.0}
BLOCK = 1000
PAGE = 5000
INSTRUMENT = Instrument(
    symbol="BTC-USDT",
    market="spot",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_notional=Decimal(5),
    maker=Decimal("0.0002"),
    taker=Decimal("0.0005"),
    slippage=Decimal("0.001"),
    maintenance=Decimal("0.005"),
)


@dataclass
class Outcome:
    """What became of one seed."""

    seed: int
    strategy: str
    looks: int = 0
    tested: int = 0
    activated: list[str] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)
    promoted: list[str] = field(default_factory=list)
    ruined: int = 0
    net: dict[str, Decimal] = field(default_factory=dict)  # of sleeve B on paper, by version
    seconds: float = 0.0

    @property
    def champion(self) -> str:
        return self.activated[-1] if self.activated else "v1"

    @property
    def kept(self) -> bool:
        """Whether a version that was found trades at the end, and has earned money."""
        return bool(self.activated) and self.net.get(self.champion, Decimal(0)) > 0


def run(market: str, seed: int) -> Outcome:
    """Improve one strategy over one made-up market."""
    years = YEARS[market]
    if market == "walk":
        name, bars, timeframe = ON_WALKS[seed % len(ON_WALKS)], walk(seed, years), "15m"
        text = (FOLDER / f"{name}.py").read_text()
    else:
        name, text, bars, timeframe = "fade", FADE, leaping(seed, years), "1h"
    began = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        events = list(traded(Path(folder), name, text, bars, timeframe))
    outcome = Outcome(seed, name)
    for event in events:
        take(outcome, event)
    outcome.seconds = perf_counter() - began
    return outcome


def traded(folder: Path, name: str, text: str, bars: Bars, timeframe: str) -> Iterator[Event]:
    """Trade, and give every event of the strategy and its accounts."""
    log = SqliteEventLog(folder / "log.db")
    journal = open_journal(folder, [INSTRUMENT.symbol])
    description = FeedDescription(
        feed="synthetic",
        venue="synthetic",
        timeframe=timeframe,
        data_digest="0" * 64,
        instruments=(INSTRUMENT,),
    )
    improving = Improving(Policy(auto_promote=True), SearchAuthor(), holds=True)
    source = StrategySource(name, text)
    trader = Trader.open(log, journal, description, [source], START, improving=improving)
    try:
        for first in range(0, len(bars), BLOCK):
            trader.step((bars[first : first + BLOCK],)).result()
        position = 0
        while page := log.read(position, PAGE):
            yield from (entry.event for entry in page)
            position = page[-1].position
    finally:
        trader.close()
        journal.close()
        log.close()


def take(outcome: Outcome, event: Event) -> None:
    match event:
        case RecodeRequested():
            outcome.looks += 1
        case VersionTested():
            outcome.tested += 1
        case VersionActivated(mode="paper", version=version) if version != "v1":
            outcome.activated.append(version)
        case MarkedReady(version=version):
            outcome.ready.append(version)
        case PromotedToLive(version=version):
            outcome.promoted.append(version)
        case VersionRejected(stage="paper") | AccountRuined():
            outcome.ruined += 1
        case PositionClosed() if event.stream.endswith("/B"):
            version = event.stream.split("/")[3]
            outcome.net[version] = outcome.net.get(version, Decimal(0)) + event.net
        case _:
            return


def upper(errors: int, seeds: int) -> float:
    """Give the exact one-sided 95 % upper bound of a rate (Clopper and Pearson, 1934)."""
    low, high = errors / seeds, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        tail = sum(comb(seeds, k) * rate**k * (1 - rate) ** (seeds - k) for k in range(errors + 1))
        low, high = (rate, high) if tail > 0.05 else (low, rate)
    return high


def truth() -> None:
    """Print what random parameters of the fading strategy earn over twenty years of the edge."""
    program, years = compile_strategy(FADE, "fade"), 20
    bars = leaping(7, years)
    sets = parameter_sets(program.parameters, draws=512, seed=1)
    settings = TrialSettings(
        markets=(market_row(INSTRUMENT),),
        limits=limits_row(effective()),
        leverage=SLEEVE_LEVERAGE["B"],
        capital=float(to_units(SLEEVE_CAPITAL)),
        base_ms=int(bars["timestamp"][1] - bars["timestamp"][0]),
    )
    table = sets.table(0, sets.count)
    spans = [Span(START + 365 * DAY * n, START + 365 * DAY * (n + 1)) for n in range(years)]
    told = trials(program, [bars], table, settings, spans, threads=2)
    ratios = np.array([annual(sharpe_of(days) or 0.0) for days in told.pnl.astype(np.int64)])
    best = np.argsort(-ratios)
    print(f"512 random sets, {years} years: net Sharpe of the best ten", end=" ")
    print(", ".join(f"{ratios[n]:.2f}" for n in best[:10]))
    for level in (0.0, 1.0, 1.5, 2.0):
        print(f"  above {level}: {(ratios > level).mean():.1%} of the sets")
    for n in best[:5]:
        each, wins = told.trades[n].sum(), told.wins[n].sum()
        factor = told.profit[n].sum() / max(told.loss[n].sum(), 1.0)
        print(
            f"  {ratios[n]:.2f}: {each / years:.0f} trades a year, {wins / max(each, 1):.0%} won, "
            f"profit factor {factor:.1f}"
        )


def main() -> None:
    """Print a row for every seed, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", choices=sorted(YEARS), default="walk")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--truth", action="store_true")
    asked = parser.parse_args()
    if asked.truth:
        truth()
        return
    print(f"{machine()}; {asked.market}, {YEARS[asked.market]:g} years, {asked.seeds} seeds")
    print(f"{'seed':>5} {'strategy':20}{'looks':>6}{'tested':>8}  activated, ready, promoted, net")
    outcomes: list[Outcome] = []
    seeds = range(asked.first, asked.first + asked.seeds)
    with ProcessPoolExecutor(asked.jobs, get_context("spawn")) as pool:
        for outcome in pool.map(run, [asked.market] * len(seeds), seeds):
            outcomes.append(outcome)
            net = outcome.net.get(outcome.champion, Decimal(0))
            print(
                f"{outcome.seed:>5} {outcome.strategy:20}{outcome.looks:>6}{outcome.tested:>8}  "
                f"{' '.join(outcome.activated) or '-'}; {' '.join(outcome.ready) or '-'}; "
                f"{' '.join(outcome.promoted) or '-'}; {outcome.champion} {net:.0f}"
                f"  ({outcome.seconds:.0f} s)",
                flush=True,
            )
    summary(asked.market, outcomes)


def summary(market: str, outcomes: list[Outcome]) -> None:
    count = len(outcomes)
    found = sum(bool(each.activated) for each in outcomes)
    promoted = sum(bool(each.promoted) for each in outcomes)
    looks, tested = (sum(getattr(each, n) for each in outcomes) for n in ("looks", "tested"))
    print(f"{count} seeds, {looks:,} looks, {tested:,} candidates tested")
    if market == "walk":
        for words, errors in (("activated a version", found), ("promoted one live", promoted)):
            print(f"  {words}: {errors} ({errors / count:.1%}; at most {upper(errors, count):.2%})")
        return
    kept = sum(each.kept for each in outcomes)
    for words, seen in (("found", found), ("kept", kept), ("promoted", promoted)):
        print(f"  {words}: {seen} of {count} ({seen / count:.0%})")


if __name__ == "__main__":
    main()
