"""The page's tables: figures, months, breakdowns, trades.

Every number is right-aligned in figures of one width, and money of a single trade is shown to its
last digit, so that a reader can add it up.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from api.report.groups import FigureGroup
from api.report.markup import Content, Markup, element
from api.report.wording import exact, moment, named, number, percent, plain, whole
from kernels.metrics.breakdowns import SIDES, Group
from kernels.metrics.curve import MonthlyReturn
from kernels.metrics.trades import Trade

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DEEPEST_TINT = 0.10  # a month's return that has the full colour
PRINTED = 50  # of the trades listed, the last ones, on paper
GROUPS = 200  # of a breakdown
TITLES = {
    "strategy": "Strategy",
    "tag": "Entry tag",
    "side": "Side",
    "reason": "Exit reason",
    "symbol": "Symbol",
    "hour": "Hour of entry, UTC",
    "regime": "Regime at entry",
    "month": "Month of exit",
}
GROUP_HEAD = ("Trades", "Win rate", "Profit factor", "Gross", "Costs", "Net")
TRADE_HEAD = (
    ("#", ""),
    ("Entry, UTC", ""),
    ("Exit, UTC", ""),
    ("Side", ""),
    ("Gross", "at prices before slippage"),
    ("Fees", ""),
    ("Slippage", ""),
    ("Funding", "paid"),
    ("Net", "gross − fees − slippage − funding"),
    ("Tag", "of the entry"),
    ("Exit reason", ""),
    ("Quantity", "base"),
    ("In at", "as filled"),
    ("Out at", "last exit, as filled"),
    ("MAE", "worst it stood at, before costs"),
    ("MFE", "best it stood at, before costs"),
)


def table(head: Iterable[Content], body: Iterable[Markup], **attributes: str) -> Markup:
    """Make a table of head cells and rows, in a box that scrolls where it is too wide."""
    heads = [cell if isinstance(cell, Markup) else heading(cell) for cell in head]
    made = element(
        "table", element("thead", element("tr", *heads)), element("tbody", *body), **attributes
    )
    return element("div", made, class_="scroll", tabindex=0)


def heading(content: Content, meaning: str = "") -> Markup:
    return element("th", content, title=meaning or None, scope="col")


def cell(content: Content, class_: str | None = "n") -> Markup:
    return element("td", content, class_=class_)


def coloured(value: Decimal | float | None) -> str:
    """Give the class of a figure that may be good or bad."""
    if not value:
        return "n"
    return "n up" if value > 0 else "n down"


def definition_table(group: FigureGroup) -> Markup:
    """Make a card of a group of figures."""
    rows = [
        element(
            "tr",
            element("th", row.label, scope="row", title=row.meaning or None),
            cell(row.text),
        )
        for row in group.rows
    ]
    return element(
        "section",
        element("h3", group.title),
        element("table", *rows, class_="facts"),
        class_="card",
    )


def month_table(months: Sequence[MonthlyReturn]) -> Markup:
    """Make the table of monthly returns, a year a row."""
    if not months:
        return element("p", "There are no daily returns to tell.", class_="quiet")
    years: dict[str, dict[int, float]] = {}
    for each in months:
        years.setdefault(each.month[:4], {})[int(each.month[5:])] = each.value
    rows = [
        element(
            "tr",
            element("th", year, scope="row"),
            *(month_cell(found.get(month)) for month in range(1, 13)),
            month_cell(compound(found.values())),
        )
        for year, found in sorted(years.items())
    ]
    return table(("Year", *MONTHS, "Year"), rows, class_="months")


def compound(values: Iterable[float]) -> float:
    grown = 1.0
    for value in values:
        grown *= 1.0 + value
    return grown - 1.0


def month_cell(value: float | None) -> Markup:
    if value is None:
        return element("td", "", class_="n")
    depth = min(abs(value) / DEEPEST_TINT, 1.0) * 0.45
    colour = "26,127,90" if value > 0 else "179,65,47"
    style = f"background:rgba({colour},{depth:.3f})" if value else None
    return element("td", percent(value, 1, signed=True), class_="n", style=style)


def breakdown_table(name: str, groups: Sequence[Group]) -> Markup:
    """Make a card of one breakdown; of very many groups the last ones are shown."""
    shown = groups[-GROUPS:]
    head = (TITLES.get(name, named(name)), *GROUP_HEAD)
    rows = [group_row(name, group) for group in shown]
    left_out = None
    if len(shown) < len(groups):
        told = f"The last {whole(len(shown))} of {whole(len(groups))} are shown."
        left_out = element("p", told, class_="quiet")
    return element("section", table(head, rows), left_out, class_="card")


def group_name(cut: str, group: Group) -> str:
    """Spell a group's key; the name of a file stays as it is."""
    return group.key if cut == "strategy" else named(group.key)


def group_row(name: str, group: Group) -> Markup:
    costs = group.fees + group.slippage + group.funding
    told = f"fees {group.fees:f}, slippage {group.slippage:f}, funding {group.funding:f}"
    return element(
        "tr",
        element("th", group_name(name, group), scope="row"),
        cell(whole(group.trades)),
        cell(percent(group.win_rate, 1)),
        cell(number(group.profit_factor)),
        cell(number(group.gross)),
        element("td", number(costs), class_="n", title=told),
        cell(number(group.net, signed=True), coloured(group.net)),
    )


def trade_table(trades: Sequence[Trade], first: int, also: Sequence[str] = ()) -> Markup:
    """Make the table of trades; `first` is the number of the first one, counted from 1.

    `also` are fields that tell trades apart: strategy, symbol.
    """
    told = [*TRADE_HEAD[:3], *((TITLES[name], "") for name in also), *TRADE_HEAD[3:]]
    head = [heading(title, meaning) for title, meaning in told]
    printed = len(trades) - PRINTED
    rows = [trade_row(each, first + n, n, n < printed, also) for n, each in enumerate(trades)]
    return table(head, rows, class_="trades", id="trades")


def trade_row(trade: Trade, number_: int, place: int, older: bool, also: Sequence[str]) -> Markup:
    link = element("a", whole(number_), href="#prices", data_trade=place, title="Show on the chart")
    return element(
        "tr",
        cell(link),
        cell(moment(trade.entry_at), "time"),
        cell(moment(trade.exit_at), "time"),
        *(cell(getattr(trade, name), None) for name in also),
        cell(SIDES[trade.side], None),
        cell(full(trade.gross)),
        cell(full(trade.fees)),
        cell(full(trade.slippage)),
        cell(full(trade.funding)),
        cell(full(trade.net), coloured(trade.net)),
        cell(named(trade.tag), None),
        cell(named(trade.reason), None),
        cell(plain(trade.quantity)),
        cell(plain(trade.entry_price)),
        cell(plain(trade.exit_price)),
        cell(number(trade.mae)),
        cell(number(trade.mfe)),
        class_="older" if older else None,
    )


def full(value: Decimal) -> Content:
    cents, below = exact(value)
    return (cents, element("i", below))
