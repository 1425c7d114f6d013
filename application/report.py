"""What a backtest tells: what was run, on what, and what came out.

`metrics` are the figures that a sweep and the read models give too; `figures` all the others. A
report is plain data: whoever prints it, writes it as JSON or draws it adds nothing to it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from application.report_figures import Figures, Trials
from application.report_ledger import Marks
from application.terms import Sizing
from domain.limits import Limits
from kernels.metrics.trades import Trade


class BacktestMetrics(Struct, frozen=True, kw_only=True):
    trades: int
    wins: int
    win_rate: Decimal | None  # wins / trades
    win_rate_low: Decimal | None  # Wilson 95 % lower bound
    profit_factor: Decimal | None
    net_profit: Decimal  # quote, closed trades
    max_drawdown: Decimal  # quote, at base-bar closes
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    ruined: bool


class BacktestReport(Struct, frozen=True, kw_only=True):
    """What was run, on what, and what came out."""

    strategy: str
    description: str  # as its author wrote it
    venue: str
    symbol: str  # all of them, where there are several
    symbols: tuple[str, ...]  # in the account's order
    timeframe: str
    note: str  # of the feed: what a reader should know of the bars
    data_digest: str
    sleeve: str
    capital: Decimal  # quote, that the account began with
    leverage: int
    bars: int  # of all symbols together
    start: int = 0  # open of the first bar, ms
    end: int = 0  # open of the last
    params: dict[str, float]
    version_sha: str
    backend: str
    device: str  # what the backend ran on
    research: bool  # sizing or limits are not those of trading
    sizing: str | None  # what took the place of the strategy's own, METHOD=VALUE
    sized_by: str  # what trades were sized by, METHOD=VALUE
    limits: Literal["on", "off"]
    held_to: Limits
    trips: dict[str, int]  # breakers that tripped, by code
    refusals: dict[str, int]  # entries that were refused, by the code of the limit
    costs: dict[str, Decimal]  # maker, taker: fraction of notional; slippage: of price; "maker X"
    #                            is of symbol X alone, where symbols differ
    costs_of: str | None  # venue whose profile they are from, but for those asked for one by one
    maintenance: Decimal  # margin, fraction of notional: the highest of the symbols'
    dynamic: bool  # whether slippage only begins from that, and follows order and bar
    metrics: BacktestMetrics
    figures: Figures
    trades_digest: str
    state_digest: str
    seconds: float  # kernel and reading, without compiling and without figures
    compile_seconds: float
    bar_steps_per_second: float  # kernel alone


class Chart(Struct, frozen=True, kw_only=True):
    """A symbol's prices, to be drawn."""

    symbol: str
    candles: Any  # dtype report_candles.CANDLE
    width: int  # of a candle, ms


class BacktestRun(Struct, frozen=True, kw_only=True):
    """A report, and what it was made of."""

    report: BacktestReport
    trades: tuple[Trade, ...]  # closed, in the order they closed
    left_in: Any  # int64 per trade: open of the bar it was left in, ms
    marks: Marks  # with the capital before them and the last close after them
    charts: tuple[Chart, ...]  # one a symbol


class Request(Struct, frozen=True, kw_only=True):
    """What is asked of a run, besides strategy, bars and limits.

    `costs` take the place of the instrument's own (maker, taker, slippage). For research, `sizing`
    is what the program was compiled with in place of its own.
    """

    parameters: Mapping[str, float]
    sleeve: str
    start: int | None = None  # ms; bars with start ≤ timestamp < end
    end: int | None = None
    backend: str = "numba"
    costs: Mapping[str, Decimal] = {}
    sizing: Sizing | None = None
    trials: Trials = Trials()
    regimes: bool = False  # whether trades are labelled with the market's regime
