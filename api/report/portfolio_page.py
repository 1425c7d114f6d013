"""The page of several strategies on one venue account: what they came to together, and each alone.

Its charts, figures and trades are those of the page of one strategy, taken of all.
"""

from collections.abc import Iterator

from api.report.groups import UNJUDGED, key_figures
from api.report.markup import Content, Markup, element
from api.report.page import (
    RESEARCH,
    code,
    costs_text,
    document,
    limits_text,
    made,
    on_symbols,
    tile,
    titled,
    told_of,
)
from api.report.tables import cell, coloured, table
from api.report.wording import date, moment, named, number, percent, whole
from application.portfolio_report import MemberReport, PortfolioReport, PortfolioRun

HEAD = (
    "Strategy",
    "Trades",
    "Win rate",
    "Profit factor",
    "Costs",
    "Net",
    "Deepest fall",
    "Refused by its own limits",
    "Refused across accounts",
    "Withdrawn",
)


def portfolio_page(run: PortfolioRun) -> str:
    """Lay a portfolio's run out as one HTML document."""
    report = run.report
    title = f"{whole(len(report.strategies))} strategies on {on_symbols(report.symbols)}"
    return document(title, sections(run, title), run)


def sections(run: PortfolioRun, title: str) -> Iterator[Markup]:
    report = run.report
    yield header(report, title)
    yield element("section", *map(tile, key_figures(report)), class_="tiles")
    rows = [member_row(member) for member in report.accounts]
    yield from told_of(run, titled("Strategies", table(HEAD, rows, id="strategies")))
    yield made(f"{len(report.strategies)} accounts · trades {report.trades_digest[:12]}")


def header(report: PortfolioReport, title: str) -> Markup:
    days = report.figures.curve.days
    timing = f"{date(report.start)} to {date(report.end)}, {whole(days)} days"
    where = f"{report.venue} · {report.timeframe} bars · {timing} · sleeve {report.sleeve}"
    research = element("p", RESEARCH, class_="warning") if report.research else None
    note = element("p", f"Bars: {report.note}.", class_="quiet") if report.note else None
    facts = element("details", element("summary", "What was run"), ran(report), open=True)
    lead = element("p", judged(report), class_="lead")
    return element("header", element("h1", title), element("p", where), lead, research, note, facts)


def judged(report: PortfolioReport) -> str:
    """Say what was judged across accounts, and what could not be."""
    words = [f"{plainly(limit)}, because {UNJUDGED[limit]}" for limit in report.unjudged]
    left_out = "; ".join(words)
    return (
        "Each strategy trades an account of its own; entries are judged across all of them as on"
        f" one live venue account. Not judged: {left_out}."
    )


def plainly(limit: str) -> str:
    return named(limit.removeprefix("RISK_")).lower()


def ran(report: PortfolioReport) -> Markup:
    each = report.capital / len(report.strategies)
    accounts = f"{number(each, 0)} quote each, {number(report.capital, 0)} together"
    pairs: list[tuple[str, Content]] = [
        ("Strategies", ", ".join(report.strategies)),
        ("Symbols", ", ".join(report.symbols)),
        ("Bars", f"{whole(report.bars)}, {moment(report.start)} to {moment(report.end)} UTC"),
        ("Costs", costs_text(report)),
        ("Accounts", f"{accounts}, leverage {report.leverage}×"),
        ("Limits", limits_text(report)),
        ("Backend", f"{report.backend} on {report.device}"),
        ("Data", code(report.data_digest)),
        ("Trades digest", code(report.trades_digest)),
    ]
    return element("dl", *((element("dt", name), element("dd", value)) for name, value in pairs))


def member_row(member: MemberReport) -> Markup:
    report = member.report
    found = report.figures.trades
    return element(
        "tr",
        element("th", report.strategy, scope="row", title=f"version {report.version_sha[:12]}"),
        cell(whole(found.trades)),
        cell(percent(found.win_rate, 1)),
        cell(number(found.profit_factor)),
        cell(number(found.fees + found.slippage + found.funding)),
        cell(number(found.net, signed=True), coloured(found.net)),
        cell(number(report.metrics.max_drawdown)),
        cell(whole(sum(report.refusals.values()))),
        cell(whole(sum(member.joint_refusals.values()))),
        cell(whole(member.withdrawn)),
    )
