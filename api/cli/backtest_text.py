"""What `backtest` prints: a run for people, and the same run as JSON for programs."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.cli.context import iso, print_fields, print_json
from api.cli.research import RESEARCH
from api.report.groups import (
    COMPONENTS,
    AnyReport,
    FigureGroup,
    component_figure,
    figure_groups,
    reason,
    verdict,
)
from api.report.tables import TITLES, group_name
from api.report.wording import number, percent, whole
from application.report import BacktestRun
from kernels.metrics.breakdowns import SIDES, Group
from kernels.metrics.trades import Trade

SHOWN_CUTS = ("side", "tag", "reason", "regime")  # the others are in the JSON and in the report
NOT_SHOWN = (
    "metrics",
    "figures",
    "description",
    "held_to",
    "note",
    "symbols",
)  # long, or told elsewhere
WIDEST = max(map(len, COMPONENTS.values()))
PIPE = 240  # columns where nobody's terminal limits them
TRADE_COLUMNS = (
    "entry",
    "exit",
    "side",
    "tag",
    "reason",
    "quantity",
    "in at",
    "out at",
    "gross",
    "fees",
    "slippage",
    "funding",
    "net",
)


def show_json(run: BacktestRun, with_trades: bool) -> None:
    """Print one JSON object; every closed trade with all its costs under `trades` if asked for."""
    content = content_of(run.report)
    if with_trades:
        content["trades"] = trades_told(run.trades)
    print_json(content)


def trades_told(trades: Sequence[Trade]) -> list[Any]:
    """Tell every trade as plain values."""
    return [told(trade) | {"side": SIDES[trade.side]} for trade in trades]


def content_of(report: AnyReport) -> dict[str, Any]:
    """Take a report apart into plain values, its range under the names of the options."""
    content: dict[str, Any] = told(report)
    content["from"], content["to"] = content.pop("start"), content.pop("end")
    return content


def told(value: Any) -> Any:
    """Take records apart into mappings and sequences of plain values."""
    if isinstance(value, Struct):
        return {name: told(getattr(value, name)) for name in value.__struct_fields__}
    if is_dataclass(value):
        return {field.name: told(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: told(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [told(each) for each in value]
    return value


def show_text(run: BacktestRun, with_trades: bool) -> None:
    """Print what was run, its figures by group, and the verdict."""
    report = run.report
    if report.research:
        sys.stdout.write(RESEARCH)
    content = content_of(report)
    print_fields({name: value for name, value in content.items() if name not in NOT_SHOWN})
    print_fields(content["metrics"])
    console = Console(highlight=False, soft_wrap=True)
    for group in figure_groups(report):
        print_group(console, group)
    several = len(report.symbols) > 1
    for cut in ("symbol", *SHOWN_CUTS) if several else SHOWN_CUTS:
        print_breakdown(cut, report.figures.breakdowns.get(cut, ()))
    if with_trades:
        print_trades(run.trades, ("symbol",) if several else ())
    console.print(f"\n[bold]Quality[/]  {number(report.figures.quality.score, 1)} of 100")
    for part in report.figures.quality.components:
        points = f"{number(part.points, 1):>5} of {part.weight}"
        label, figure = COMPONENTS[part.name], component_figure(part)
        console.print(f"  {label:<{WIDEST}}  {points}  ({figure})")
    console.print(f"\n[bold]{escape(verdict(report))}[/]")
    for short in report.figures.readiness.shortfalls:
        console.print(f"  {escape(reason(short))}")


def print_group(console: Console, group: FigureGroup) -> None:
    console.print(f"\n[bold]{escape(group.title)}[/]")
    width = max(len(row.label) for row in group.rows)
    for row in group.rows:
        meaning = f"  [dim]{escape(row.meaning)}[/]" if row.meaning else ""
        console.print(f"  {escape(row.label):<{width}}  {escape(row.text)}{meaning}")


def print_breakdown(cut: str, groups: Sequence[Group]) -> None:
    if not groups:
        return
    head = (TITLES[cut], "trades", "win rate", "profit factor", "gross", "costs", "net")
    rows = (
        (
            group_name(cut, group),
            whole(group.trades),
            percent(group.win_rate, 1),
            number(group.profit_factor),
            number(group.gross),
            number(group.fees + group.slippage + group.funding),
            number(group.net, signed=True),
        )
        for group in groups
    )
    print_table(head, rows)


def print_trades(trades: Sequence[Trade], also: Sequence[str]) -> None:
    """Print every trade, beginning with the fields that tell them apart."""
    rows = ((*(getattr(trade, name) for name in also), *trade_cells(trade)) for trade in trades)
    print_table((*also, *TRADE_COLUMNS), rows)


def trade_cells(trade: Trade) -> tuple[str, ...]:
    money = (trade.gross, trade.fees, trade.slippage, trade.funding, trade.net)
    sizes = (trade.quantity, trade.entry_price, trade.exit_price)
    return (
        *(iso(at) for at in (trade.entry_at, trade.exit_at)),
        SIDES[trade.side],
        trade.tag,
        trade.reason,
        *(format(figure, "f") for figure in (*sizes, *money)),
    )


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    console = Console(highlight=False)
    table = Table(*head)
    for row in rows:
        table.add_row(*map(escape, row))
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = PIPE
    console.print(table)
