"""A run's figures in the order a trader asks for them, each with what it means.

The terminal and the page show these same groups, so they cannot disagree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from api.report.wording import NOTHING, duration, moment, named, number, percent, whole
from application.portfolio_report import JOINT, SPREAD, PortfolioReport
from application.report import BacktestReport
from application.report_figures import Figures
from kernels.metrics.quality import Component
from kernels.metrics.readiness import Shortfall

AnyReport = BacktestReport | PortfolioReport


@dataclass(frozen=True)
class Row:
    label: str
    text: str
    meaning: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure to be seen first."""

    label: str
    text: str
    note: str
    good: bool | None = None  # None: neither good nor bad


@dataclass(frozen=True)
class FigureGroup:
    title: str
    rows: Sequence[Row]


REASONS = {
    "GATE_TRADES": "closed trades",
    "GATE_WIN_RATE": "win rate",
    "GATE_PROFIT_FACTOR": "profit factor",
    "GATE_NET": "net profit",
    "GATE_RUINED": "the account was ruined",
    "READY_SHARPE": "probabilistic Sharpe ratio",
    "READY_DRAWDOWN": "deepest fall from a peak",
    "READY_DAYS": "days",
}
COMPONENTS = {
    "deflated_sharpe": "Deflated Sharpe",
    "profit_factor": "Profit factor",
    "calmar": "Calmar",
    "win_rate_low": "Win rate, lower bound",
    "trades": "Trades, if they gained",
}
BARS_ALONE = "bars hold no bid and no ask"
UNJUDGED = dict.fromkeys(JOINT, "limits are off") | {SPREAD: BARS_ALONE}
AT_MOST = {"READY_DRAWDOWN"}
FRACTIONS = {"GATE_WIN_RATE", "READY_SHARPE", "READY_DRAWDOWN"}
COUNTS = {"GATE_TRADES", "READY_DAYS"}


def reason(short: Shortfall) -> str:
    """Say in words why a run is not ready."""
    what = REASONS.get(short.code, named(short.code))
    if short.code == "GATE_RUINED":
        return what
    spelled = percent if short.code in FRACTIONS else number
    if short.code in COUNTS:
        required, observed = f"{short.required:,}", f"{short.observed:,}"
    else:
        required, observed = spelled(short.required), spelled(short.observed)
    bound = "at most" if short.code in AT_MOST else "at least"
    return f"{what} {observed}, must be {bound} {required}"


def verdict(report: BacktestReport) -> str:
    """Say in one line whether the run is ready for allocation."""
    short = report.figures.readiness.shortfalls
    if not short:
        return "Ready for allocation"
    return f"Not ready for allocation: {len(short)} reason{'s' if len(short) > 1 else ''}"


def key_figures(report: AnyReport) -> tuple[Figure, ...]:
    """Give the figures to be seen first."""
    found = report.figures
    trades, curve, fall = found.trades, found.curve, found.drawdown
    return (
        Figure("Net", number(trades.net, signed=True), "closed trades", sign(trades.net)),
        Figure(
            "Return",
            percent(curve.total_return, signed=True),
            f"{percent(curve.annual_return, signed=True)} a year",
            sign(curve.total_return),
        ),
        Figure("Sharpe", number(curve.sharpe), f"Sortino {number(curve.sortino)}"),
        Figure(
            "Drawdown",
            percent(0 if fall is None else fall.fraction),
            f"Calmar {number(curve.calmar)}",
        ),
        Figure("Trades", whole(trades.trades), f"{percent(found.exposure)} of the time"),
        Figure("Win rate", percent(trades.win_rate), interval(found)),
        Figure("Profit factor", number(trades.profit_factor), f"payoff {payoff(found)}"),
        Figure("Quality", number(found.quality.score, 0), "of 100"),
    )


def payoff(found: Figures) -> str:
    return number(found.trades.payoff_ratio)


def sign(value: Decimal | float | None) -> bool | None:
    return None if not value else value > 0


def interval(found: Figures) -> str:
    low, high = found.trades.win_rate_low, found.trades.win_rate_high
    return NOTHING if low is None else f"95 %: {percent(low, 1)} to {percent(high, 1)}"


def figure_groups(report: AnyReport) -> tuple[FigureGroup, ...]:
    """Give every figure of a run, by group."""
    return (
        FigureGroup("Trades", tuple(trade_rows(report.figures))),
        FigureGroup("Costs", tuple(cost_rows(report.figures))),
        FigureGroup("Equity", tuple(curve_rows(report.figures))),
        FigureGroup("Drawdown", tuple(drawdown_rows(report))),
        FigureGroup("Significance", tuple(significance_rows(report.figures))),
        FigureGroup("Limits", tuple(limit_rows(report))),
    )


def trade_rows(figures: Figures) -> Iterator[Row]:
    found = figures.trades
    yield Row("Trades", whole(found.trades), "closed, flat to flat")
    yield Row("Wins, losses", f"{whole(found.wins)}, {whole(found.losses)}", "net above 0, or not")
    yield Row("Win rate", percent(found.win_rate), "wins / trades")
    yield Row("95 % interval", interval(figures).removeprefix("95 %: "), "of it, by Wilson")
    yield Row("Profit factor", number(found.profit_factor), "profit / loss")
    yield Row("Expectancy", number(found.expectancy, signed=True), "net / trades")
    yield Row("Average win", number(found.average_win), "")
    yield Row("Average loss", number(found.average_loss), "")
    yield Row("Payoff ratio", number(found.payoff_ratio), "average win / average loss")
    yield Row("Best, worst", f"{number(found.best)}, {number(found.worst)}", "net of a trade")
    streaks = f"{whole(found.longest_wins)}, {whole(found.longest_losses)}"
    yield Row("Most in a row", streaks, "wins, losses")
    yield Row("Average MAE", number(found.average_mae), "worst a trade stood at, before costs")
    yield Row("Average MFE", number(found.average_mfe), "best a trade stood at, before costs")
    held = f"{duration(found.average_held_ms)}, {number(found.average_bars, 1)} bars"
    yield Row("Average held", held if found.trades else NOTHING, "")
    yield Row("Exposure", percent(figures.exposure), "share of the time with a position")


def cost_rows(figures: Figures) -> Iterator[Row]:
    found = figures.trades
    yield Row("Gross", number(found.gross, signed=True), "at prices before slippage")
    yield Row("Fees", number(found.fees), "")
    yield Row("Slippage", number(found.slippage), "")
    yield Row("Funding", number(found.funding), "paid; negative: received")
    yield Row("Net", number(found.net, signed=True), "gross − fees − slippage − funding")
    yield Row("Turnover", number(found.turnover, 0), "bought and sold, at fill prices")
    yield Row("A year", f"{number(figures.yearly_turnover, 1)} × capital", "turnover / capital")
    if figures.open_net is not None:
        meaning = "of the open position, as if closed at the last mark"
        yield Row("Still open", number(figures.open_net, signed=True), meaning)


def curve_rows(figures: Figures) -> Iterator[Row]:
    found = figures.curve
    yield Row("Days", whole(found.days), "UTC, every one of the year")
    yield Row("Return", percent(found.total_return, signed=True), "")
    yield Row("Annual return", percent(found.annual_return, signed=True), "compound, 365 days")
    yield Row("Annual volatility", percent(found.annual_volatility), "of daily returns · √365")
    yield Row("Sharpe", number(found.sharpe), "mean / deviation of daily returns · √365")
    yield Row("Sortino", number(found.sortino), "mean / downside deviation · √365")
    yield Row("Calmar", number(found.calmar), "annual return / deepest daily fall")
    days = f"{percent(found.best_day, signed=True)}, {percent(found.worst_day, signed=True)}"
    yield Row("Best, worst day", days, "")
    shape = f"{number(found.skewness)}, {number(found.kurtosis)}"
    yield Row("Skewness, kurtosis", shape, "of daily returns; 0 and 3 if normal")


def drawdown_rows(report: AnyReport) -> Iterator[Row]:
    fall, curve = report.figures.drawdown, report.figures.curve
    seen = "at the close of a bar" if isinstance(report, BacktestReport) else "at hourly marks"
    yield Row("Deepest, quote", number(report.metrics.max_drawdown), seen)
    if fall is None:
        yield Row("Deepest", percent(0), "of the peak, at hourly marks")
    else:
        yield Row("Deepest", percent(fall.fraction), "of the peak, at hourly marks")
        yield Row("Peak", moment(fall.peak_at), "UTC")
        yield Row("Trough", moment(fall.trough_at), "UTC")
        yield Row("Recovered", moment(fall.recovered_at), "UTC; –: not by the end")
        yield Row("Lasted", duration(fall.duration_ms), "from the peak to the recovery, or the end")
        yield Row("Longest", duration(fall.longest_ms), "time below a peak")
    yield Row("Deepest, daily", percent(curve.max_drawdown), "of the peak, at UTC midnights")


def significance_rows(figures: Figures) -> Iterator[Row]:
    found = figures.sharpe
    yield Row("Probabilistic Sharpe", percent(found.probabilistic), "likelihood that it is above 0")
    yield Row("Deflated Sharpe", percent(found.deflated), "likelihood that it is no lucky pick")
    yield Row("Tried", whole(found.trials), "parameter sets, this one included")
    yield Row("Luck's best", number(found.expected_best, 3), "daily ratio expected of as many")
    yield Row("Daily ratio", number(found.daily_sharpe, 3), "mean / deviation, not annualised")


def limit_rows(report: AnyReport) -> Iterator[Row]:
    yield Row("Breakers tripped", whole(sum(report.trips.values())), "entries stopped for a time")
    for code, count in report.trips.items():
        yield Row(limit_name(code), whole(count), "")
    refused = sum(report.refusals.values())
    yield Row("Entries refused", whole(refused), "signals that a limit kept from a trade")
    for code, count in report.refusals.items():
        yield Row(limit_name(code), whole(count), "")
    if isinstance(report, PortfolioReport):
        yield from joint_rows(report)
    yield Row("Ruined", "yes" if report.metrics.ruined else "no", "too little for any order")


def joint_rows(report: PortfolioReport) -> Iterator[Row]:
    refused = sum(report.joint_refusals.values())
    yield Row("Refused across accounts", whole(refused), "entries that their own account allowed")
    for code, count in report.joint_refusals.items():
        yield Row(limit_name(code), whole(count), "")
    yield Row("Withdrawn", whole(report.withdrawn), "entries that went, those refused included")
    for code in report.unjudged:
        yield Row(limit_name(code), "not judged", UNJUDGED[code])


def limit_name(code: str) -> str:
    return f"· {named(code.removeprefix('RISK_')).lower()}"


def component_figure(part: Component) -> str:
    """Spell the figure that a component of the quality score is made from."""
    if part.name == "trades" and part.figure is not None:
        return whole(int(part.figure))
    return number(part.figure)
