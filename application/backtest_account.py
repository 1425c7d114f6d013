"""One paper account of one version, traded block by block over the bars of a feed.

The kernel's time is measured apart from all that only reports need, and the first moment is run
once beforehand, so that compiling is no part of a speed.
"""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from application.backtest_runner import AccountRunner
from application.backtest_sights import Prices, Regimes
from application.kernel_rows import limits_row, market_row
from application.ports import FeedDescription, Stretch, moments, until
from application.report import BacktestMetrics, BacktestReport, BacktestRun, Request
from application.report_figures import Figures, Span, figures_of, with_ends
from application.report_ledger import Ledger, Marks
from application.strategy_sheet import sizing_of
from application.terms import COSTS, spelled
from domain.gate import Gate
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.money import from_units, to_units
from domain.timeframe import milliseconds
from kernels.metrics.trades import Trade, TradeStatistics
from kernels.program import Program
from kernels.runner import LaneSpec
from kernels.trades import TradeTape

Array = np.ndarray[Any, Any]


class Account:
    """One paper account of one version, block by block."""

    def __init__(
        self,
        program: Program,
        feed: FeedDescription,
        instruments: Sequence[Instrument],
        limits: Limits,
        request: Request,
        prices: Prices | None = None,
        regimes: Regimes | None = None,
    ) -> None:
        """Set it up. Whoever brings `prices` and `regimes` adds the bars to them, once for all."""
        self.program, self.feed, self.instruments = program, feed, tuple(instruments)
        self.limits, self.request = limits, request
        self.base_ms = milliseconds(feed.timeframe)
        self.leverage = SLEEVE_LEVERAGE[request.sleeve]
        markets = [market_row(instrument) for instrument in self.instruments]
        lane = LaneSpec(self.leverage, float(to_units(SLEEVE_CAPITAL)), limits_row(limits))
        began = time.perf_counter()
        self.runner, self.warm_up = (
            AccountRunner(program, request.parameters, markets, self.base_ms, lane, request.backend)
            for _ in range(2)
        )
        self.compile_seconds = time.perf_counter() - began
        self.began = time.perf_counter()
        self.kernel_seconds = 0.0
        self.tape = TradeTape(self.base_ms, len(markets))
        self.ledger = Ledger(self.instruments, self.base_ms, program.tags)
        symbols = [instrument.symbol for instrument in self.instruments]
        self.prices = prices or Prices(symbols, self.base_ms)
        self.regimes = regimes
        if regimes is None and request.regimes:
            self.regimes = Regimes(program.timeframe, markets, self.base_ms)
        self.count, self.first = 0, 0

    def trade(self, stretch: Stretch) -> None:
        """Take the next bars, at least one."""
        if self.count == 0:
            self.compile(stretch)
        self.keep(stretch, self.step(stretch))
        self.prices.add(stretch)
        if self.regimes is not None:
            self.regimes.add(stretch)

    def step(self, stretch: Stretch, control: int = 0) -> Array:
        """Run the kernel alone over the next bars; give the records."""
        stepping = time.perf_counter()
        records = self.runner.run(stretch, control)
        self.kernel_seconds += time.perf_counter() - stepping
        return records

    def keep(self, stretch: Stretch, records: Array) -> None:
        """Keep what a block's records tell."""
        times = moments(stretch)
        self.tape.add(records, times)
        self.ledger.add(records, times)
        self.count += sum(map(len, stretch))

    def compile(self, stretch: Stretch) -> None:
        """Run the first moment for nothing, so that all is compiled."""
        compiling = time.perf_counter()
        self.first = int(moments(stretch)[0])
        self.warm_up.run(until(stretch, self.first + 1))
        self.began = time.perf_counter()
        self.compile_seconds += self.began - compiling

    def told(self, last: int) -> BacktestRun:
        """Tell all there is; `last` is the open of the last bar."""
        seconds = time.perf_counter() - self.began
        if self.regimes is not None:
            seconds -= self.regimes.seconds
        span = Span(self.first, last + self.base_ms)
        equity = from_units(self.runner.account()["equity"])
        marks = with_ends(self.ledger.marks(), span, SLEEVE_CAPITAL, equity)
        trades, figures = self.figures(marks, span)
        program, request, feed = self.program, self.request, self.feed
        params = program.resolve(request.parameters)
        symbols = tuple(instrument.symbol for instrument in self.instruments)
        report = BacktestReport(
            strategy=program.name,
            description=program.docstring,
            venue=feed.venue,
            symbol=", ".join(symbols),
            symbols=symbols,
            timeframe=feed.timeframe,
            note=feed.note,
            data_digest=feed.data_digest,
            sleeve=request.sleeve,
            capital=SLEEVE_CAPITAL,
            leverage=self.leverage,
            bars=self.count,
            start=self.first,
            end=last,
            params=params,
            version_sha=program.source_sha,
            backend=request.backend,
            device=self.runner.device,
            research=request.sizing is not None or not self.limits.enforced,
            sizing=None if request.sizing is None else spelled(request.sizing),
            sized_by=sizing_of(program.flat, params),
            limits="on" if self.limits.enforced else "off",
            held_to=self.limits,
            trips=dict(sorted(self.ledger.trips.items())),
            refusals=dict(sorted(self.ledger.refusals.items())),
            costs=charged(self.instruments),
            costs_of=", ".join(sorted({i.costs_of for i in self.instruments} - {""})) or None,
            maintenance=max(instrument.maintenance for instrument in self.instruments),
            dynamic=any(instrument.dynamic for instrument in self.instruments),
            metrics=measure(figures.trades, self.runner),
            figures=figures,
            trades_digest=self.tape.digest(),
            state_digest=self.runner.digest(),
            seconds=seconds,
            compile_seconds=self.compile_seconds,
            bar_steps_per_second=self.count / self.kernel_seconds,
        )
        return BacktestRun(
            report=report,
            trades=trades,
            left_in=self.ledger.left_in(),
            marks=marks,
            charts=self.prices.charts(),
        )

    def figures(self, marks: Marks, span: Span) -> tuple[tuple[Trade, ...], Figures]:
        entries = self.ledger.entries()
        trades = self.ledger.trades(None if self.regimes is None else self.regimes.labels(entries))
        figures = figures_of(
            trades,
            marks,
            span,
            capital=SLEEVE_CAPITAL,
            open_since=self.ledger.open_since(),
            ruined=bool(self.runner.account()["ruined"]),
            gate=Gate(),
            trials=self.request.trials,
        )
        return trades, figures


def charged(instruments: Sequence[Instrument]) -> dict[str, Decimal]:
    """What trading costs: once where all symbols cost the same, else of each that differs."""
    costs: dict[str, Decimal] = {}
    for name in COSTS:
        each: dict[str, Decimal] = {i.symbol: getattr(i, name) for i in instruments}
        if len(set(each.values())) == 1:
            costs[name] = next(iter(each.values()))
        else:
            costs |= {f"{name} {symbol}": cost for symbol, cost in each.items()}
    return costs


def measure(found: TradeStatistics, runner: AccountRunner) -> BacktestMetrics:
    account = runner.account()
    return BacktestMetrics(
        trades=found.trades,
        wins=found.wins,
        win_rate=found.win_rate,
        win_rate_low=found.win_rate_low,
        profit_factor=found.profit_factor,
        net_profit=found.net,
        max_drawdown=from_units(account["drawdown"]),
        fees=found.fees,
        slippage=found.slippage,
        funding=found.funding,
        ruined=bool(account["ruined"]),
    )
