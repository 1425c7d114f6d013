"""Portfolios to test: strategies that do what a script says, and a slow simulation of the rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from application.backtest_portfolio import run_portfolio
from application.correlations import CloseTape
from application.joint_limits import JointRefusal
from application.kernel_rows import limits_row, market_row
from application.portfolio_report import PortfolioRun
from application.ports import Stretch, moments
from application.report import Request
from domain.entries import Refused
from domain.limits import SLEEVE_CAPITAL, Limits, effective
from domain.money import from_units, to_units
from domain.venue_limits import Holding, judge_across
from domain.venue_limits import Market as Known
from kernels import dtypes as d
from kernels import joint
from kernels.joint_runner import JointRunner
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec
from kernels.trades import TradeTape
from tests.kernel_runs import MINUTE, Array, bars_of
from tests.report_markets import MemoryMarket, instrument_of
from tests.report_runs import SOURCE

QUIET = (100.0, 100.0, 100.0, 100.0)


def scripted(name: str, longs: Sequence[int], shorts: Sequence[int], notional: int) -> Program:
    """Goes long, or short, where the volume is one of these; leaves after a few bars."""
    up, down = (" or ".join(f"volume == {n}" for n in each) for each in (longs, shorts))
    text = f'''"""Does what the volume says."""
timeframe("1m")
sizing("notional", {notional})

def entry():
    if {up}:
        return LONG
    if {down}:
        return SHORT
    return FLAT

def exits():
    return plan(stop=10, max_bars=6)
'''
    return compile_strategy(text, name)


def script(volumes: Mapping[int, float], count: int = 20) -> Array:
    """Minutes at one price; the volume of some of them says what to do."""
    return bars_of([(*QUIET, volumes.get(n, 1.0)) for n in range(count)])


def crossing(name: str, fast: int, slow: int, notional: int = 7_000) -> Program:
    """Another cross of two averages: it trades often, and differs from its kind."""
    text = SOURCE.replace("param(5, ", f"param({fast}, ").replace("param(15, ", f"param({slow}, ")
    return compile_strategy(f'{text}\nsizing("notional", {notional})\n', name)


CROSSES = tuple(
    crossing(name, *lengths)
    for name, lengths in (
        ("calm", (8, 30)),
        ("brisk", (3, 9)),
        ("usual", (5, 15)),
        ("late", (12, 50)),
    )
)


def together(
    programs: Sequence[Program], stretch: Stretch, limits: Limits | None = None, **asked: Any
) -> PortfolioRun:
    """Trade programs on bars in memory, as a portfolio."""
    names = [f"S{n:02}-USDT" for n in range(len(stretch))]
    market = MemoryMarket(stretch, MemoryMarket(stretch[:1]).describe())
    block = {"block": asked.pop("block")} if "block" in asked else {}
    request = Request(**{"parameters": {}, "sleeve": "B"} | asked)
    instruments = [instrument_of(name) for name in names]
    return run_portfolio(programs, market, instruments, limits or effective(), request, **block)


class Slow:
    """The rules moment by moment: no block, no step back, and figures read off the kernel."""

    def __init__(self, programs: Sequence[Program], stretch: Stretch) -> None:
        self.stretch = stretch
        self.symbols = [f"S{n:02}-USDT" for n in range(len(stretch))]
        markets = [market_row(instrument_of(symbol)) for symbol in self.symbols]
        lane = LaneSpec(8, float(to_units(SLEEVE_CAPITAL)), limits_row(effective()))
        self.names = sorted(program.name for program in programs)
        named = {program.name: program for program in programs}
        self.runners = {
            name: JointRunner(named[name].on_several, {}, markets, MINUTE, [lane])
            for name in self.names
        }
        self.tapes = {name: TradeTape(MINUTE, len(stretch)) for name in self.names}
        self.off: dict[str, set[int]] = {name: set() for name in self.names}
        self.unit, self.tick = float(markets[0]["unit"][0]), float(markets[0]["tick"][0])
        self.closes: dict[int, float] = {}
        self.refused: list[tuple[int, str, str, str, tuple[str, ...]]] = []
        self.correlations = CloseTape(self.symbols, MINUTE)
        for symbol, bars in zip(self.symbols, stretch, strict=True):
            self.correlations.take(symbol, bars["timestamp"] + MINUTE, self.whole(bars["close"]))

    def whole(self, prices: Array) -> Array:
        found: Array = np.floor(prices / self.tick + 0.5)
        return found

    def read(self, name: str, record: str, field: str, symbol: int) -> float:
        kept = self.runners[name].machine.kept()[0]
        return float(kept[joint.slot(record, field, symbol)])

    def holding(self, name: str, symbol: int, lots: float) -> Holding:
        notional = from_units(abs(lots) * self.closes[symbol] * self.unit)
        return Holding(name, self.symbols[symbol], "long" if lots > 0 else "short", notional)

    def run(self) -> "Slow":
        for time in moments(self.stretch).tolist():
            now = tuple(bars[bars["timestamp"] == time] for bars in self.stretch)
            for symbol, bars in enumerate(now):
                if len(bars):
                    self.closes[symbol] = float(self.whole(bars["close"])[0])
            placed = {name: self.step(name, now) for name in self.names}
            self.judge(time + MINUTE, placed)
        return self

    def step(self, name: str, now: Stretch) -> list[int]:
        """One moment; gives the symbols in which an entry was placed at its close."""
        word = d.ENTRIES_OFF if self.off[name] else 0
        records = self.runners[name].run(now, [word]).records[0]
        self.tapes[name].add(records, moments(now))
        self.off[name] = {s for s in self.off[name] if not len(now[s])}
        entry = (records[:, d.KIND] == d.ORDER) & (records[:, d.B] == d.ENTRY)
        return [int(symbol) for symbol in records[entry, d.SYMBOL]]

    def judge(self, at: int, placed: Mapping[str, list[int]]) -> None:
        approved: list[Holding] = []
        for name in self.names:
            waits = {}
            for symbol in range(len(self.symbols)):
                if lots := self.read(name, "held", "position", symbol):
                    approved.append(self.holding(name, symbol, lots))
                if lots := self.read(name, "intents", "entry_lots", symbol):
                    waits[symbol] = lots
            before = [s for s in waits if s not in placed[name] and s not in self.off[name]]
            approved += [self.holding(name, symbol, waits[symbol]) for symbol in before]
        for name in self.names:
            for symbol in sorted(placed[name]):
                lots = self.read(name, "intents", "entry_lots", symbol)
                entry = self.holding(name, symbol, lots)
                judged = judge_across(entry, approved, self.known(at, entry, approved))
                if not isinstance(judged, Refused):
                    approved.append(entry)
                    continue
                self.refuse(at, name, symbol, judged, approved)
                break

    def refuse(
        self, at: int, name: str, symbol: int, judged: Refused, approved: list[Holding]
    ) -> None:
        gone = {s for s in range(len(self.symbols)) if self.read(name, "intents", "entry_lots", s)}
        self.off[name] = gone
        names = tuple(self.symbols[s] for s in sorted(gone))
        self.refused.append((at, name, self.symbols[symbol], judged.code, names))
        held = {s for s in range(len(self.symbols)) if self.read(name, "held", "position", s)}
        kept = [
            h
            for h in approved
            if h.account != name
            or any(h == self.holding(name, s, self.read(name, "held", "position", s)) for s in held)
        ]
        approved[:] = kept

    def known(self, at: int, entry: Holding, approved: Sequence[Holding]) -> Known:
        equity = sum(runner.account(0)["equity"] for runner in self.runners.values())
        others = sorted({held.symbol for held in approved})
        found = self.correlations.all_of(entry.symbol, others, at)
        return Known(from_units(equity), from_units(0), found)


def told(refused: Sequence[JointRefusal]) -> list[tuple[int, str, str, str, tuple[str, ...]]]:
    return [(r.at, r.account, r.symbol, r.code, r.withdrawn) for r in refused]
