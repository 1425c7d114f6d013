"""One paper account of one version, traded block by block over the bars of a feed.

The kernel's time is measured apart from all that only reports need, and the first bar is run once
beforehand, so that compiling is no part of a speed.
"""

import time

from application.kernel_rows import limits_row, market_row
from application.ports import Bars, FeedDescription
from application.report import BacktestMetrics, BacktestReport, BacktestRun, Request
from application.report_figures import Figures, Span, figures_of, with_ends
from application.report_ledger import Ledger, Marks
from application.report_regimes import RegimeTape
from application.strategy_sheet import sizing_of
from application.terms import COSTS, spelled
from domain.gate import Gate
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.money import from_units, to_units
from domain.timeframe import milliseconds
from kernels.metrics.trades import Trade, TradeStatistics
from kernels.program import Program
from kernels.runner import LaneSpec, Runner
from kernels.trades import TradeTape


class Account:
    """One paper account of one version, block by block."""

    def __init__(
        self,
        program: Program,
        feed: FeedDescription,
        instrument: Instrument,
        limits: Limits,
        request: Request,
    ) -> None:
        self.program, self.feed, self.instrument = program, feed, instrument
        self.limits, self.request = limits, request
        self.base_ms = milliseconds(feed.timeframe)
        self.leverage = SLEEVE_LEVERAGE[request.sleeve]
        market = market_row(instrument)
        lane = LaneSpec(self.leverage, float(to_units(SLEEVE_CAPITAL)), limits_row(limits))
        began = time.perf_counter()
        self.runner, self.warm_up = (
            Runner(program, request.parameters, market, self.base_ms, [lane], request.backend)
            for _ in range(2)
        )
        self.compile_seconds = time.perf_counter() - began
        self.began = time.perf_counter()
        self.kernel_seconds = 0.0
        self.tape = TradeTape(self.base_ms)
        self.ledger = Ledger(instrument, self.base_ms, program.tags)
        self.regimes = None
        if request.regimes:
            self.regimes = RegimeTape(program.timeframe, market, self.base_ms)
        self.count, self.first = 0, 0

    def trade(self, bars: Bars) -> None:
        """Take the next bars."""
        if self.count == 0:
            self.compile(bars)
        stepping = time.perf_counter()
        block = self.runner.run(bars, [0])
        self.kernel_seconds += time.perf_counter() - stepping
        self.tape.add(block.records[0], bars["timestamp"])
        self.ledger.add(block.records[0], bars)
        if self.regimes is not None:
            self.regimes.add(bars)
        self.count += len(bars)

    def compile(self, bars: Bars) -> None:
        compiling = time.perf_counter()
        self.warm_up.run(bars[:1], [0])
        self.began = time.perf_counter()
        self.compile_seconds += self.began - compiling
        self.first = int(bars["timestamp"][0])

    def told(self, last: int) -> BacktestRun:
        """Tell all there is; `last` is the open of the last bar."""
        seconds = time.perf_counter() - self.began
        if self.regimes is not None:
            seconds -= self.regimes.seconds
        span = Span(self.first, last + self.base_ms)
        equity = from_units(float(self.runner.account(0)["equity"]))
        marks = with_ends(self.ledger.marks(), span, SLEEVE_CAPITAL, equity)
        trades, figures = self.figures(marks, span)
        program, request, feed = self.program, self.request, self.feed
        params = program.resolve(request.parameters)
        report = BacktestReport(
            strategy=program.name,
            description=program.docstring,
            venue=feed.venue,
            symbol=self.instrument.symbol,
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
            device=self.runner.machine.device,
            research=request.sizing is not None or not self.limits.enforced,
            sizing=None if request.sizing is None else spelled(request.sizing),
            sized_by=sizing_of(program.flat, params),
            limits="on" if self.limits.enforced else "off",
            held_to=self.limits,
            trips=dict(sorted(self.ledger.trips.items())),
            refusals=dict(sorted(self.ledger.refusals.items())),
            costs={name: getattr(self.instrument, name) for name in COSTS},
            costs_of=self.instrument.costs_of or None,
            maintenance=self.instrument.maintenance,
            dynamic=self.instrument.dynamic,
            metrics=measure(figures.trades, self.runner),
            figures=figures,
            trades_digest=self.tape.digest(),
            state_digest=self.runner.digest(0),
            seconds=seconds,
            compile_seconds=self.compile_seconds,
            bar_steps_per_second=self.count / self.kernel_seconds,
        )
        prices = self.ledger.prices.candles()
        return BacktestRun(
            report=report,
            trades=trades,
            left_in=self.ledger.left_in(),
            marks=marks,
            prices=prices,
            prices_width=self.ledger.prices.width,
        )

    def figures(self, marks: Marks, span: Span) -> tuple[tuple[Trade, ...], Figures]:
        entries = self.ledger.entries()
        labels = None if self.regimes is None else self.regimes.at(entries[:, 0])
        trades = self.ledger.trades(labels)
        figures = figures_of(
            trades,
            marks,
            span,
            capital=SLEEVE_CAPITAL,
            open_since=entries[len(trades) :, 0].tolist(),
            ruined=bool(self.runner.account(0)["ruined"]),
            gate=Gate(),
            trials=self.request.trials,
        )
        return trades, figures


def measure(found: TradeStatistics, runner: Runner) -> BacktestMetrics:
    account = runner.account(0)
    return BacktestMetrics(
        trades=found.trades,
        wins=found.wins,
        win_rate=found.win_rate,
        win_rate_low=found.win_rate_low,
        profit_factor=found.profit_factor,
        net_profit=found.net,
        max_drawdown=from_units(float(account["drawdown"])),
        fees=found.fees,
        slippage=found.slippage,
        funding=found.funding,
        ruined=bool(account["ruined"]),
    )
