"""Several strategies as they would stand on one live venue account, over recorded bars.

Each trades an account of its own, held to its limits by the kernel; an entry that they allow is
judged once more across all accounts (`application.joint_limits`), and one that is refused there is
withdrawn before its open by the control word, as a live engine would have it withdrawn. Bars hold
no bid and no ask, so the spread is not judged, and the report says so.
"""

import time
from collections.abc import Callable, Container, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from application.account_book import AccountBook
from application.backtest import (
    check,
    empty,
    first_cursor,
    read_stretch,
    with_all_costs,
)
from application.backtest_account import Account
from application.backtest_sights import Prices, Regimes
from application.correlations import CloseTape
from application.joint_limits import JointLimits, JointRefusal, Stake
from application.kernel_rows import market_row
from application.portfolio_member import Member
from application.portfolio_report import PortfolioRun, portfolio_run
from application.ports import MarketFeed, Stretch, moments
from application.report import Request
from application.terms import refuse_other_sizing
from domain.instrument import Instrument
from domain.limits import Limits
from domain.money import from_units
from domain.timeframe import milliseconds
from domain.venue_limits import Holding
from kernels.program import Program

Array = np.ndarray[Any, Any]

BLOCK = 256  # moments: what an account that is refused an entry runs again at most
UNJUDGED = Decimal(0)  # spread: bars hold none, so none is in the way


class StrategyTwice(ValueError):
    """Two strategies have one name: accounts are told apart, and judged in order, by it."""


def run_portfolio(
    programs: Sequence[Program],
    feed: MarketFeed,
    instruments: Sequence[Instrument],
    limits: Limits,
    request: Request,
    progress: Callable[[int], None] = lambda moments: None,
    block: int = BLOCK,
) -> PortfolioRun:
    """Trade every program in its own account, all on one venue account; tell all about it.

    Figures do not depend on `block`. With limits off nothing is judged across accounts either.
    Raises what `backtest.run_market` raises, and `StrategyTwice`.
    """
    check(request)
    for program in programs:
        refuse_other_sizing(program, request.sizing)
    portfolio = Portfolio(programs, feed, with_all_costs(instruments, request), limits, request)
    last = first_cursor(request)
    while len(times := moments(stretch := read_stretch(feed, last, request.end, block))):
        portfolio.trade(stretch, times)
        last = int(times[-1])
        progress(len(times))
    if last < (request.start or 0):
        raise empty(request, portfolio.instruments)
    return portfolio.told(last)


class Portfolio:
    """The accounts of a venue account, block by block."""

    def __init__(
        self,
        programs: Sequence[Program],
        feed: MarketFeed,
        instruments: Sequence[Instrument],
        limits: Limits,
        request: Request,
    ) -> None:
        described = feed.describe()
        self.instruments, self.limits, self.request = tuple(instruments), limits, request
        self.base_ms = milliseconds(described.timeframe)
        self.symbols = [instrument.symbol for instrument in self.instruments]
        markets = [market_row(instrument) for instrument in self.instruments]
        self.ticks = [float(market["tick"][0]) for market in markets]
        self.prices = Prices(self.symbols, self.base_ms)
        ordered = in_order(programs)
        frames = sorted({program.timeframe for program in ordered}) if request.regimes else []
        self.regimes = {frame: Regimes(frame, markets, self.base_ms) for frame in frames}
        self.members = [
            Member(
                Account(
                    program,
                    described,
                    self.instruments,
                    limits,
                    request,
                    self.prices,
                    self.regimes.get(program.timeframe),
                )
            )
            for program in ordered
        ]
        self.tape = CloseTape(self.symbols, self.base_ms)
        self.joint = JointLimits(self.symbols, self.tape)
        self.closes: dict[int, int] = {}  # ticks of each symbol's last close, those that had one
        self.refused: list[JointRefusal] = []
        self.seconds = 0.0  # trading, without compiling and without what only reports need

    def trade(self, stretch: Stretch, times: Array) -> None:
        """Take the next bars; `times` are their moments."""
        for member in self.members:
            if member.account.count == 0:
                member.account.compile(stretch)
        began = time.perf_counter()
        for member in self.members:
            member.begin(stretch, times)
        ticks = [
            whole(bars["close"] / tick) for bars, tick in zip(stretch, self.ticks, strict=True)
        ]
        for symbol, bars, closes in zip(self.symbols, stretch, ticks, strict=True):
            self.tape.take(symbol, bars["timestamp"] + self.base_ms, closes)
        at = 0
        while self.limits.enforced and (moment := self.next_entry(at)) is not None:
            self.close_up(stretch, ticks, int(times[moment]))
            self.judge(moment, int(times[moment]) + self.base_ms)
            at = moment + 1
        for member in self.members:
            member.finish()
        self.close_up(stretch, ticks, int(times[-1]))
        self.seconds += time.perf_counter() - began
        self.prices.add(stretch)
        for regimes in self.regimes.values():
            regimes.add(stretch)

    def next_entry(self, first: int) -> int | None:
        nexts = (member.next_entry(first) for member in self.members)
        return min((moment for moment in nexts if moment is not None), default=None)

    def close_up(self, stretch: Stretch, ticks: Sequence[Array], opened: int) -> None:
        """Know the closes of the bars that opened at `opened` (ms) or before."""
        for symbol, bars in enumerate(stretch):
            count = int(np.searchsorted(bars["timestamp"], opened, side="right"))
            if count:
                self.closes[symbol] = int(ticks[symbol][count - 1])

    def judge(self, moment: int, at: int) -> None:
        """Judge the entries placed at a moment, whose bars close at `at` (ms)."""
        for member in self.members:
            member.come_to(moment)
        entries: list[Holding] = []
        stakes: list[Stake] = []
        for member in self.members:
            placed = member.placed(moment)
            entries += [self.holding(member, symbol, lots) for symbol, lots in placed.items()]
            stakes += self.stakes(member, placed)
        equity = from_units(sum(member.book.equity(self.closes) for member in self.members))
        spreads = dict.fromkeys(self.symbols, UNJUDGED)
        refusals = self.joint.judge(at, entries, stakes, equity, spreads)
        self.refused += refusals
        gone = {refusal.account for refusal in refusals}
        for member in self.members:
            if member.name in gone:
                member.withdraw(moment)

    def stakes(self, member: Member, placed: Container[int]) -> list[Stake]:
        """Positions and waiting entries of an account, but those that are judged now, or going."""
        book: AccountBook = member.book
        found = [Stake(self.holding(member, s, lots), False) for s, lots in book.lots.items()]
        for symbol, lots in book.waiting.items():
            if symbol not in placed and symbol not in member.withdrawing:
                found.append(Stake(self.holding(member, symbol, lots), True))
        return found

    def holding(self, member: Member, symbol: int, lots: int) -> Holding:
        notional = abs(lots) * self.closes[symbol] * member.book.units[symbol]
        return Holding(
            account=member.name,
            symbol=self.symbols[symbol],
            side="long" if lots > 0 else "short",
            notional=from_units(notional),
        )

    def told(self, last: int) -> PortfolioRun:
        """Tell all there is; `last` is the open of the last bar."""
        runs = [member.told(last) for member in self.members]
        open_since = [since for m in self.members for since in m.account.ledger.open_since()]
        end = last + self.base_ms
        return portfolio_run(
            runs, self.refused, sorted(open_since), end, self.seconds, self.request.trials
        )


def in_order(programs: Sequence[Program]) -> list[Program]:
    names = [program.name for program in programs]
    for name in names:
        if names.count(name) > 1:
            raise StrategyTwice(f"strategy {name!r} was named twice, must be named once")
    return sorted(programs, key=lambda program: program.name)


def whole(figures: Array) -> Array:
    return np.floor(figures + 0.5)
