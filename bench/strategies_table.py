"""What every shipped strategy did on real candles: the tables of docs/strategies.md.

Each strategy runs at its first parameters, with trading's own costs and (unless told otherwise) its
limits, over the first 80 % of the bars and over the last 20 %, each with a fresh account, so that
nothing of one part lives on in the other. Every cell says `first / last`. The trades must be the
same on every backend: digests are compared, not figures.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from application.backtest import backtest
from application.kernel_rows import Row, limits_row, market_row
from application.ports import FeedFinished
from application.report import BacktestReport
from bench.candles import Bars, data_directory, machine
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits, effective
from domain.money import to_units
from domain.timeframe import milliseconds
from infrastructure.feeds.recorded import open_recorded
from kernels.errors import UnknownBackend
from kernels.program import BACKENDS, Program, compile_strategy
from kernels.runner import LaneSpec, Runner
from kernels.trades import TradeTape

FOLDER = Path(__file__).parent.parent / "strategies"
SHARE = 0.8  # of the bars in the first part
BLOCK = 65_536  # bars read at once
PATIENCE = 60.0  # seconds a block may take
REFERENCE = "numba"
COLUMNS = (
    "strategy",
    "trades",
    "win rate",
    "profit factor",
    "Sharpe",
    "drawdown",
    "net",
    "ruined",
    "digests",
)


@dataclass(frozen=True)
class Market:
    """Recorded candles of one symbol."""

    venue: str
    symbol: str
    timeframe: str
    words: str


MARKETS = (
    Market("binance", "BTC/USDT", "1m", "spot"),
    Market("binanceusdm", "BTC/USDT:USDT", "5m", "perpetual, with funding"),
)


@dataclass(frozen=True)
class Part:
    """Bars with start ≤ timestamp < end (ms); None: to the end."""

    bars: Bars
    start: int
    end: int | None


def loaded(directory: Path, market: Market, most: int) -> tuple[Instrument, Bars]:
    """Read a market's bars, the last `most` of them."""
    feed = open_recorded(directory, market.venue, market.symbol, market.timeframe)
    parts: list[Bars] = []
    after = -1
    try:
        while True:
            parts.append(feed.read(after, BLOCK, PATIENCE).copy())
            after = int(parts[-1]["timestamp"][-1])
    except FeedFinished:
        return feed.describe().instruments[0], np.concatenate(parts)[-most:]
    finally:
        feed.close()


def parts_of(bars: Bars) -> tuple[Part, Part]:
    cut = int(len(bars) * SHARE)
    first, middle = (int(bars["timestamp"][at]) for at in (0, cut))
    return Part(bars[:cut], first, middle), Part(bars[cut:], middle, None)


def report(
    directory: Path, market: Market, program: Program, part: Part, limits: Limits, sleeve: str
) -> BacktestReport:
    feed = open_recorded(directory, market.venue, market.symbol, market.timeframe)
    try:
        instrument = feed.describe().instruments[0]
        return backtest(
            program,
            feed,
            instrument,
            limits,
            parameters={},
            sleeve=sleeve,
            start=part.start,
            end=part.end,
        )
    finally:
        feed.close()


def digests(
    program: Program, market: Row, limits: Limits, base_ms: int, part: Part, backend: str
) -> list[str]:
    """Trade digests of both sleeves; raises UnknownBackend where there is no device."""
    bounds, capital = limits_row(limits), float(to_units(SLEEVE_CAPITAL))
    lanes = [LaneSpec(leverage, capital, bounds) for leverage in SLEEVE_LEVERAGE.values()]
    runner = Runner(program, {}, market, base_ms, lanes, backend)
    block = runner.run(part.bars, [0] * len(lanes))
    found: list[str] = []
    for records in block.records:
        tape = TradeTape(base_ms)
        tape.add(records, part.bars["timestamp"])
        found.append(tape.digest())
    return found


def compared(
    program: Program, market: Row, limits: Limits, base_ms: int, parts: Sequence[Part]
) -> tuple[list[list[str]], str]:
    """The reference's digests by part and sleeve, and what the other backends gave."""
    reference = [digests(program, market, limits, base_ms, part, REFERENCE) for part in parts]
    wrong: list[str] = []
    for backend in BACKENDS:
        try:
            found = [digests(program, market, limits, base_ms, part, backend) for part in parts]
        except (UnknownBackend, RuntimeError) as error:
            wrong.append(f"{backend} did not run")
            print(f"{program.name}: {backend}: {error}", file=sys.stderr)
            continue
        if found != reference:
            wrong.append(f"{backend} differs")
    return reference, "; ".join(wrong) or "equal"


def line(name: str, found: Sequence[BacktestReport], verdict: str) -> str:
    cells = [
        [f"{r.metrics.trades:,}" for r in found],
        [percent(r.metrics.win_rate) for r in found],
        [figure(r.metrics.profit_factor) for r in found],
        [figure(r.figures.curve.sharpe) for r in found],
        [percent(r.figures.drawdown.fraction if r.figures.drawdown else 0) for r in found],
        [f"{r.metrics.net_profit:,.0f}".replace("-", "−") for r in found],
        ["yes" if r.metrics.ruined else "no" for r in found],
    ]
    return row([name, *(" / ".join(cell) for cell in cells), verdict])


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def percent(value: object) -> str:
    return "–" if value is None else f"{float(str(value)):.1%}".replace("%", " %")


def figure(value: object) -> str:
    return "–" if value is None else f"{float(str(value)):.2f}".replace("-", "−")


def tables(
    directory: Path, market: Market, names: Sequence[str], limits: Limits, most: int
) -> Iterator[str]:
    """Each sleeve's table of one market, line by line."""
    instrument, bars = loaded(directory, market, most)
    parts = parts_of(bars)
    base_ms = milliseconds(market.timeframe)
    lines: dict[str, list[str]] = {sleeve: [] for sleeve in SLEEVE_LEVERAGE}
    for name in names:
        program = compile_strategy((FOLDER / f"{name}.py").read_text(encoding="utf-8"), name)
        reference, verdict = compared(program, market_row(instrument), limits, base_ms, parts)
        for n, sleeve in enumerate(SLEEVE_LEVERAGE):
            found = [report(directory, market, program, part, limits, sleeve) for part in parts]
            told = verdict
            if [r.trades_digest for r in found] != [of_part[n] for of_part in reference]:
                told = f"{verdict}; the backtest's own differ"
            lines[sleeve].append(line(name, found, told))
        print(f"{market.symbol} {name}: {verdict}", file=sys.stderr)
    days = np.array([part.start for part in parts]).astype("datetime64[ms]").astype("M8[D]")
    last = bars["timestamp"][-1].astype("datetime64[ms]").astype("M8[D]")
    for sleeve, leverage in SLEEVE_LEVERAGE.items():
        what = f"{market.venue} {market.symbol} {market.timeframe}, {market.words}"
        yield f"### {what}: sleeve {sleeve}, {leverage}×"
        yield f"\n{len(bars):,} bars: {days[0]} to {days[1]} / {days[1]} to {last}."
        yield from ("", row(COLUMNS), "|---" * len(COLUMNS) + "|", *lines[sleeve], "")


def main() -> None:
    """Print the tables as markdown; what goes on is told on stderr."""
    shipped = sorted(path.stem for path in FOLDER.glob("*.py"))
    words = argparse.ArgumentParser(description="Tables of docs/strategies.md.")
    words.add_argument("--strategy", action="append", choices=shipped, help="this one alone")
    words.add_argument("--bars", type=int, default=10**9, help="the last so many bars")
    words.add_argument("--limits", choices=("on", "off"), default="on", help="off: research")
    given = words.parse_args()
    limits = replace(effective(), enforced=given.limits == "on")
    directory = data_directory()
    if directory is None:
        sys.exit("no recorded candles: set PERPETUA_DATA to a directory that holds them")
    print(f"{machine()}\n")
    for market in MARKETS:
        for text in tables(directory, market, given.strategy or shipped, limits, given.bars):
            print(text)


if __name__ == "__main__":
    main()
