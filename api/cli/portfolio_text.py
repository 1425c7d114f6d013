"""What `backtest --portfolio` prints: all accounts together, and each, for people and programs."""

import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from api.cli.backtest_text import (
    content_of,
    print_breakdown,
    print_group,
    print_table,
    print_trades,
    told,
    trades_told,
)
from api.cli.context import print_fields, print_json
from api.cli.research import RESEARCH
from api.report.groups import UNJUDGED, figure_groups
from api.report.wording import number, percent, whole
from application.portfolio_report import MemberReport, PortfolioReport, PortfolioRun

NOT_SHOWN = ("metrics", "figures", "held_to", "note", "accounts", "unjudged")
SHOWN_CUTS = ("strategy", "symbol", "side", "reason", "regime")
COLUMNS = (
    "strategy",
    "trades",
    "win rate",
    "profit factor",
    "costs",
    "net",
    "deepest fall",
    "refused",
    "refused across",
    "withdrawn",
    "trades digest",
)
DIGITS = 12  # of a digest


def show_json(run: PortfolioRun, with_trades: bool) -> None:
    """Print one JSON object; under `trades`, if asked for, every trade and every joint refusal."""
    content = content_of(run.report)
    content["accounts"] = [account_told(account) for account in run.report.accounts]
    if with_trades:
        content["trades"] = trades_told(run.trades)
        content["refused"] = told(run.refused)
    print_json(content)


def account_told(account: MemberReport) -> dict[str, Any]:
    return content_of(account.report) | {
        "joint_refusals": account.joint_refusals,
        "withdrawn": account.withdrawn,
    }


def show_text(run: PortfolioRun, with_trades: bool) -> None:
    """Print what was run, what all came to, and each strategy."""
    report = run.report
    if report.research:
        sys.stdout.write(RESEARCH)
    content = content_of(report)
    print_fields({name: value for name, value in content.items() if name not in NOT_SHOWN})
    print_fields(content["metrics"])
    print_fields({f"not judged: {code}": UNJUDGED[code] for code in report.unjudged})
    print_table(COLUMNS, account_cells(report))
    console = Console(highlight=False, soft_wrap=True)
    for group in figure_groups(report):
        print_group(console, group)
    for cut in SHOWN_CUTS:
        print_breakdown(cut, report.figures.breakdowns.get(cut, ()))
    if with_trades:
        print_trades(run.trades, ("strategy", "symbol"))


def account_cells(report: PortfolioReport) -> Iterator[tuple[str, ...]]:
    for account in report.accounts:
        own, found = account.report, account.report.figures.trades
        yield (
            own.strategy,
            whole(found.trades),
            percent(found.win_rate, 1),
            number(found.profit_factor),
            number(found.fees + found.slippage + found.funding),
            number(found.net, signed=True),
            number(own.metrics.max_drawdown),
            whole(sum(own.refusals.values())),
            whole(sum(account.joint_refusals.values())),
            whole(account.withdrawn),
            own.trades_digest[:DIGITS],
        )
