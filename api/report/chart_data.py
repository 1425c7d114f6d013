"""What the page's charts are drawn from: bounded, however long the run was.

Equity keeps the last and the lowest mark of each of at most `POINTS` equal stretches of time, so
that no fall is lost; prices are the candles of the run, a chart a symbol; of the trades the last
`LISTED` are marked, those of the table. Times are in seconds UTC, as the chart library counts.
"""

from typing import Any

import numpy as np

from api.report.wording import named
from application.portfolio_report import PortfolioRun
from application.report import BacktestRun
from application.report_ledger import Marks
from kernels.metrics.drawdown import falls
from kernels.metrics.trades import Trade

Array = np.ndarray[Any, Any]
AnyRun = BacktestRun | PortfolioRun

POINTS = 2_000
LISTED = 1_000  # trades of the table and of the chart
UNITS = 1e8  # of a quote
SECOND = 1_000  # ms


def chart_data(run: AnyRun) -> dict[str, Any]:
    """Give all that the charts need, as JSON-ready values."""
    return {
        "capital": float(run.report.capital),
        "equity": equity_points(run.marks),
        "charts": [
            {
                "symbol": chart.symbol,
                "prices": price_points(chart.candles),
                "digits": price_digits(chart.candles),
            }
            for chart in run.charts
        ],
        "trades": trade_points(run),
    }


def equity_points(marks: Marks) -> list[list[float]]:
    """Give [seconds, equity at the end, percent below the peak at the lowest] of each stretch."""
    at, equity = marks.at, marks.equity
    stretch = max(-(-int(at[-1] - at[0] + 1) // POINTS), SECOND)
    places = (at - at[0]) // stretch
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    ends = np.append(starts[1:], len(at)) - 1
    deepest = np.maximum.reduceat(falls(equity), starts)
    return [
        [int(at[end]) // SECOND, round(float(equity[end]) / UNITS, 2), 0.0 - round(100.0 * fall, 4)]
        for end, fall in zip(ends.tolist(), deepest.tolist(), strict=True)
    ]


def price_points(prices: Array) -> list[list[float]]:
    """Give [seconds, open, high, low, close] of each candle."""
    names = ("open", "high", "low", "close")
    columns = [prices["at"] // SECOND, *(prices[name] for name in names)]
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def price_digits(prices: Array) -> int:
    """Say how many decimals the prices need, at most eight."""
    closes = prices["close"][-50:]
    return next((n for n in range(8) if np.all(np.abs(closes - closes.round(n)) < 1e-9)), 8)


def trade_points(run: AnyRun) -> list[list[Any]]:
    """Give [chart, entry candle, exit candle, side, in at, out at, net, tag, reason] of each trade.

    Charts and candles are told by their places.
    """
    trades, left_in = run.trades[-LISTED:], run.left_in[-LISTED:]
    charts = {chart.symbol: place for place, chart in enumerate(run.charts)}
    entered = np.array([trade.entry_at for trade in trades], np.int64)
    owners = np.array([charts[trade.symbol] for trade in trades], np.int64)
    places = np.empty((len(trades), 2), np.int64)
    for place, chart in enumerate(run.charts):
        own = owners == place
        for side, times in enumerate((entered, left_in)):
            found = np.searchsorted(chart.candles["at"], times[own], side="right") - 1
            places[own, side] = found
    rows = zip(trades, owners.tolist(), places.tolist(), strict=True)
    return [[chart, *candles, *trade_point(trade)] for trade, chart, candles in rows]


def trade_point(trade: Trade) -> list[Any]:
    prices = float(trade.entry_price), float(trade.exit_price)
    tag = named(trade.tag)
    whose = tag if trade.strategy is None else f"{trade.strategy} {tag}".rstrip()
    words = whose, named(trade.reason)
    return [trade.side, *prices, round(float(trade.net), 2), *words]
