"""How long one look takes: losses analysed, candidates written by the search, tested, judged.

Thirteen months of recorded 5m bars on seven symbols, two thirds of them the author's. The first
row of a strategy finds no compiled code, the second what the first one compiled, as later looks of
a run do. What a model's author adds to it is the model's own time.
"""

import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from application.improvement.authoring import Brief
from application.improvement.losses.analysis import losses_of
from application.improvement.losses.trade_contexts import trades_of
from application.improvement.proving import Ground, Subject
from application.improvement.search.author import SearchAuthor
from application.improvement.studio import Job, work
from application.improvement.study import cut, purge_of
from application.improvement.written import Written
from application.kernel_rows import limits_row, market_row
from application.ports import Bars, FeedFinished, Stretch
from bench.candles import data_directory, machine
from domain.improvement import Policy
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, effective
from domain.money import to_units
from domain.strategy.improvement import LossesAnalysed
from domain.timeframe import DAY
from infrastructure.feeds.recorded import open_recorded
from kernels.program import compile_strategy
from kernels.sweep.trials import TrialSettings

FOLDER = Path(__file__).parent.parent / "strategies"
NAMES = ("vwap_reversion", "ema_trend", "session_breakout")
SYMBOLS = ("ADA", "BNB", "BTC", "DOGE", "ETH", "SOL", "XRP")
BASE = 300_000  # ms
BLOCK = 65_536


def bars_of(directory: Path) -> tuple[Stretch, list[Instrument]]:
    """Every recorded bar of the seven symbols."""
    stretch: list[Bars] = []
    instruments: list[Instrument] = []
    for base in SYMBOLS:
        feed = open_recorded(directory, "binance", f"{base}/USDT", "5m")
        instruments.append(feed.describe().instruments[0])
        parts, after = [], -1
        try:
            while True:
                parts.append(feed.read(after, BLOCK, 0.0))
                after = int(parts[-1]["timestamp"][-1])
        except FeedFinished:
            stretch.append(np.concatenate(parts))
    return tuple(stretch), instruments


def one_look(name: str, stretch: Stretch, instruments: list[Instrument]) -> tuple[float, Written]:
    """Take a look at a strategy at its first parameters; seconds from analysis to verdict."""
    text = (FOLDER / f"{name}.py").read_text()
    program = compile_strategy(text, name)
    parameters = program.resolve({})
    limits, policy = effective(), Policy()
    first = int(stretch[0]["timestamp"][0])
    end = (int(stretch[0]["timestamp"][-1]) + BASE) // DAY * DAY
    began = perf_counter()
    known = cut(policy, first, end, 0)
    part = tuple(bars[bars["timestamp"] < known.split] for bars in stretch)
    trades = trades_of(
        program,
        parameters,
        part,
        instruments,
        limits,
        BASE,
        start=known.start,
        until=known.split,
    )
    losses = losses_of(trades)
    longest = max((trade.exit_at - trade.entry_at for trade in trades), default=0)
    whole = cut(policy, first, end, purge_of(program, longest))
    analysis = LossesAnalysed(
        stream=f"strategy/{name}",
        stream_version=1,
        kind="derived",
        occurred_at=end,
        correlation_id=f"step/{end - BASE}",
        actor="engine",
        number=1,
        version="v1",
        start=whole.start,
        until=whole.split,
        trades=losses.trades,
        losses=losses.losses,
        net=losses.net,
        patterns=losses.patterns,
        report_sha="0" * 64,
    )
    settings = TrialSettings(
        markets=tuple(map(market_row, instruments)),
        limits=limits_row(limits),
        leverage=SLEEVE_LEVERAGE["B"],
        capital=float(to_units(SLEEVE_CAPITAL)),
        base_ms=BASE,
    )
    brief = Brief(
        strategy=name,
        number=1,
        version="v1",
        text=text,
        parameters=parameters,
        analysis=analysis,
        report=losses.report,
        past=(),
        symbols=tuple(each.symbol for each in instruments),
        candidates=policy.candidates,
        seed=policy.seed,
    )
    ground = Ground(whole, stretch, settings, os.cpu_count() or 1)
    job = Job(
        brief=brief, ground=ground, champion=Subject(program, parameters), past=(), attempts=1
    )
    written = work(job, SearchAuthor())
    return perf_counter() - began, written


def main() -> None:
    """Print one table."""
    directory = data_directory()
    if directory is None:
        print("no recorded candles: set PERPETUA_DATA")
        return
    stretch, instruments = bars_of(directory)
    bars = sum(map(len, stretch))
    print(f"{machine()}; {bars:,} bars of {len(stretch)} symbols, {Policy().candidates} candidates")
    print(f"{'':22}{'compiled':>10}{'seconds':>10}{'candidates':>12}{'sets scored':>13}")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PERPETUA_CACHE"] = cache
        for name in NAMES:
            for compiled in ("no", "yes"):
                seconds, written = one_look(name, stretch, instruments)
                counts = f"{len(written.drafts):>12}{written.scored:>13}"
                print(f"{name:22}{compiled:>10}{seconds:>10.2f}{counts}", flush=True)


if __name__ == "__main__":
    main()
