"""What a portfolio's backtest tells: every account's report, and what they come to together.

Together means: all trades in the order they closed, and the sum of the accounts' equity wherever
all of them were marked. Every figure is taken as for one account, of these.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any, Literal

import numpy as np
from msgspec import Struct

from application.joint_limits import JointRefusal
from application.report import BacktestMetrics, BacktestReport, BacktestRun, Chart
from application.report_figures import Figures, Span, Trials, figures_of
from application.report_ledger import Marks
from domain.gate import Gate
from domain.limits import Limits
from domain.money import from_units
from kernels.metrics.tallies import total
from kernels.metrics.trades import Trade

Array = np.ndarray[Any, Any]

SPREAD = "RISK_SPREAD"
JOINT = (
    "RISK_FIGURE_MISSING",
    SPREAD,
    "RISK_ACCOUNTS_PER_DIRECTION",
    "RISK_ACCOUNTS_PER_SYMBOL",
    "RISK_CORRELATED",
)


class MemberReport(Struct, frozen=True, kw_only=True):
    """One strategy's account, and what the others kept it from."""

    joint_refusals: dict[str, int]  # entries refused across accounts, by code
    withdrawn: int  # entries that went, those refused included
    report: BacktestReport


class PortfolioReport(Struct, frozen=True, kw_only=True):
    """What was run, on what, and what came out of all accounts together."""

    strategies: tuple[str, ...]  # in the order they are judged
    venue: str
    symbols: tuple[str, ...]
    timeframe: str
    note: str
    data_digest: str
    sleeve: str
    capital: Decimal  # quote, of all accounts
    leverage: int
    bars: int  # of all symbols, each counted once
    start: int
    end: int
    backend: str
    device: str
    research: bool
    sizing: str | None
    limits: Literal["on", "off"]
    held_to: Limits  # each account
    trips: dict[str, int]  # breakers of all accounts that tripped, by code
    refusals: dict[str, int]  # entries that their own account refused, by code
    joint_refusals: dict[str, int]  # entries refused across accounts, by code
    withdrawn: int  # entries that went, those refused included
    unjudged: tuple[str, ...]  # limits across accounts that could not be judged
    costs: dict[str, Decimal]
    costs_of: str | None
    maintenance: Decimal
    dynamic: bool
    metrics: BacktestMetrics  # max_drawdown: at the marks of `figures`
    figures: Figures  # of all trades, and of the sum of equity where all accounts were marked
    accounts: tuple[MemberReport, ...]
    trades_digest: str  # sha256 over "NAME DIGEST\n" of each account, in order
    seconds: float
    compile_seconds: float
    bar_steps_per_second: float  # kernel alone: bars of all accounts


class PortfolioRun(Struct, frozen=True, kw_only=True):
    """A report, and what it was made of."""

    report: PortfolioReport
    runs: tuple[BacktestRun, ...]  # one an account
    refused: tuple[JointRefusal, ...]  # in the order they were judged
    trades: tuple[Trade, ...]  # of all accounts, in the order they closed
    left_in: Any  # int64 per trade: open of the bar it was left in, ms
    marks: Marks  # of all accounts together
    charts: tuple[Chart, ...]


def portfolio_run(
    runs: Sequence[BacktestRun],
    refused: Sequence[JointRefusal],
    open_since: Sequence[int],
    end: int,
    seconds: float,
    trials: Trials,
) -> PortfolioRun:
    """Put accounts together; `end` is the close of the last bar (ms), `seconds` are of all."""
    reports = [run.report for run in runs]
    first = reports[0]
    trades, left_in = merged(runs)
    marks = together([run.marks for run in runs])
    capital = total(report.capital for report in reports)
    figures = figures_of(
        trades,
        marks,
        Span(first.start, end),
        capital=capital,
        open_since=open_since,
        ruined=any(report.metrics.ruined for report in reports),
        gate=Gate(),
        trials=trials,
    )
    codes = Counter(refusal.code for refusal in refused)
    report = PortfolioReport(
        strategies=tuple(report.strategy for report in reports),
        venue=first.venue,
        symbols=first.symbols,
        timeframe=first.timeframe,
        note=first.note,
        data_digest=first.data_digest,
        sleeve=first.sleeve,
        capital=capital,
        leverage=first.leverage,
        bars=first.bars,
        start=first.start,
        end=first.end,
        backend=first.backend,
        device=first.device,
        research=first.research,
        sizing=first.sizing,
        limits=first.limits,
        held_to=first.held_to,
        trips=summed(report.trips for report in reports),
        refusals=summed(report.refusals for report in reports),
        joint_refusals=dict(sorted(codes.items())),
        withdrawn=sum(len(refusal.withdrawn) for refusal in refused),
        unjudged=(SPREAD,) if first.limits == "on" else JOINT,
        costs=first.costs,
        costs_of=first.costs_of,
        maintenance=first.maintenance,
        dynamic=first.dynamic,
        metrics=metrics_of(figures, marks, reports),
        figures=figures,
        accounts=tuple(member(report, refused) for report in reports),
        trades_digest=digest(reports),
        seconds=seconds,
        compile_seconds=sum(report.compile_seconds for report in reports),
        bar_steps_per_second=speed(reports),
    )
    return PortfolioRun(
        report=report,
        runs=tuple(runs),
        refused=tuple(refused),
        trades=trades,
        left_in=left_in,
        marks=marks,
        charts=runs[0].charts,
    )


def member(report: BacktestReport, refused: Iterable[JointRefusal]) -> MemberReport:
    own = [refusal for refusal in refused if refusal.account == report.strategy]
    return MemberReport(
        joint_refusals=dict(sorted(Counter(refusal.code for refusal in own).items())),
        withdrawn=sum(len(refusal.withdrawn) for refusal in own),
        report=report,
    )


def merged(runs: Sequence[BacktestRun]) -> tuple[tuple[Trade, ...], Array]:
    """Put the trades of all accounts in the order they closed, those of one moment by account."""
    trades = [replace(t, strategy=run.report.strategy) for run in runs for t in run.trades]
    left_in = np.concatenate([run.left_in for run in runs])
    order = np.argsort([trade.exit_at for trade in trades], kind="stable")
    return tuple(trades[place] for place in order.tolist()), left_in[order]


def together(marks: Sequence[Marks]) -> Marks:
    """Add up equity wherever every account was marked: about hourly, and at both ends."""
    times = reduce(np.intersect1d, (each.at for each in marks))
    lasts = [np.searchsorted(each.at, times, side="right") - 1 for each in marks]
    equity = sum(each.equity[last] for each, last in zip(marks, lasts, strict=True))
    return Marks(times, np.asarray(equity))


def metrics_of(
    figures: Figures, marks: Marks, reports: Sequence[BacktestReport]
) -> BacktestMetrics:
    found = figures.trades
    deepest = np.max(np.maximum.accumulate(marks.equity) - marks.equity)
    return BacktestMetrics(
        trades=found.trades,
        wins=found.wins,
        win_rate=found.win_rate,
        win_rate_low=found.win_rate_low,
        profit_factor=found.profit_factor,
        net_profit=found.net,
        max_drawdown=from_units(float(deepest)),
        fees=found.fees,
        slippage=found.slippage,
        funding=found.funding,
        ruined=any(report.metrics.ruined for report in reports),
    )


def summed(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for each in counts:
        added.update(each)
    return dict(sorted(added.items()))


def digest(reports: Iterable[BacktestReport]) -> str:
    lines = (f"{report.strategy} {report.trades_digest}\n" for report in reports)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def speed(reports: Sequence[BacktestReport]) -> float:
    """Bars of all accounts a second of the kernel."""
    return sum(r.bars for r in reports) / sum(r.seconds for r in reports)
