"""The page itself: what was run, what came of it, and every trade, in one file.

It loads nothing: style, scripts and data are in it, and its own policy forbids any request. What is
bounded (trades listed, points drawn) says what it leaves out, so its size does not grow with the
run, and a reader is never shown a part as the whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

from api.report.chart_data import LISTED, AnyRun, chart_data
from api.report.drawings import distribution, excursions
from api.report.groups import (
    COMPONENTS,
    AnyReport,
    Figure,
    component_figure,
    figure_groups,
    key_figures,
    reason,
    verdict,
)
from api.report.markup import Content, Markup, element, embedded
from api.report.tables import breakdown_table, definition_table, month_table, trade_table
from api.report.wording import date, duration, moment, named, number, percent, plain, whole
from application.portfolio_report import PortfolioRun
from application.report import BacktestReport, BacktestRun
from domain.timeframe import milliseconds

ASSETS = Path(__file__).parent / "assets"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " img-src data: blob:; base-uri 'none'; form-action 'none'"
)
LIBRARY = "https://www.tradingview.com/"
NAMED = 3  # symbols of a title
RESEARCH = "Research: sizing or limits are not those of trading."


def page(run: BacktestRun) -> str:
    """Lay a run out as one HTML document."""
    report = run.report
    title = f"{report.strategy} on {on_symbols(report.symbols)}"
    return document(title, sections(run, title), run)


def document(title: str, content: Iterable[Markup], run: AnyRun) -> str:
    """Put the sections of a page into one document that needs no other."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("meta", name_="viewport", content_="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", asset("report.css")),
    )
    body = element("body", element("main", *content), *scripts(run))
    return f'<!doctype html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def on_symbols(symbols: Sequence[str]) -> str:
    """Name a few symbols, count many."""
    return ", ".join(symbols) if len(symbols) <= NAMED else f"{len(symbols)} symbols"


def sections(run: BacktestRun, title: str) -> Iterator[Markup]:
    report = run.report
    yield header(report, title)
    yield element("section", *map(tile, key_figures(report)), class_="tiles")
    yield judgement(report)
    yield from told_of(run)
    yield footer(report)


def told_of(run: AnyRun, *between: Markup) -> Iterator[Markup]:
    """Lay out what a run of any kind tells; `between` comes after the equity."""
    report = run.report
    yield chart("equity", "Equity and drawdown", "at its marks, about hourly")
    yield from between
    yield titled("Monthly returns", month_table(report.figures.months))
    yield price_chart(run)
    yield element("section", distribution(run.trades), excursions(run.trades), class_="pair")
    yield titled("Figures", columns(map(definition_table, figure_groups(report))))
    cuts = report.figures.breakdowns.items()
    tables = [breakdown_table(name, groups) for name, groups in cuts if groups]
    if tables:
        yield titled("Breakdowns", columns(tables, "wide"))
    yield titled("Trades", *trades(run))


def header(report: BacktestReport, title: str) -> Markup:
    days = report.figures.curve.days
    timing = f"{date(report.start)} to {date(report.end)}, {whole(days)} days"
    where = f"{report.venue} · {report.timeframe} bars · {timing} · sleeve {report.sleeve}"
    research = element("p", RESEARCH, class_="warning") if report.research else None
    note = element("p", f"Bars: {report.note}.", class_="quiet") if report.note else None
    first, *more = paragraphs(report.description)
    lead = element("p", first, class_="lead")
    logic = None
    if more:
        rest = [element("p", text) for text in more]
        logic = element("details", element("summary", "In its author's words"), *rest)
    facts = element("details", element("summary", "What was run"), ran(report), open=True)
    heading = element("h1", title)
    return element("header", heading, element("p", where), lead, research, note, facts, logic)


def paragraphs(text: str) -> list[str]:
    """Split text at empty lines; lines of a paragraph are joined, as they were only broken."""
    return [" ".join(part.split()) for part in text.split("\n\n")]


def ran(report: BacktestReport) -> Markup:
    pairs: list[tuple[str, Content]] = [
        ("Symbols", ", ".join(report.symbols)),
        ("Parameters", ", ".join(f"{k} = {v:g}" for k, v in report.params.items()) or "none"),
        ("Bars", f"{whole(report.bars)}, {moment(report.start)} to {moment(report.end)} UTC"),
        ("Costs", costs_text(report)),
        ("Sizing", report.sized_by + ("" if report.sizing is None else ", for research")),
        ("Account", f"{number(report.capital, 0)} quote, leverage {report.leverage}×"),
        ("Limits", limits_text(report)),
        ("Backend", f"{report.backend} on {report.device}"),
        ("Version", code(report.version_sha)),
        ("Data", code(report.data_digest)),
        ("Trades digest", code(report.trades_digest)),
        ("State digest", code(report.state_digest)),
    ]
    items = [(element("dt", name), element("dd", value)) for name, value in pairs]
    return element("dl", *items)


def costs_text(report: AnyReport) -> str:
    told = ", ".join(f"{name} {percent(cost, 3)}" for name, cost in report.costs.items())
    whose = "" if report.costs_of is None else f"; costs of {report.costs_of}"
    return f"{told}{', dynamic' if report.dynamic else ''}{whose}"


def limits_text(report: AnyReport) -> str:
    if report.limits == "off":
        return "off"
    held_to = report.held_to
    names = [name for name in held_to.__struct_fields__ if name != "enforced"]
    figures = {name: spelled(getattr(held_to, name)) for name in names}
    figures["pause"] = duration(held_to.pause)
    return ", ".join(f"{named(name)} {figure}" for name, figure in figures.items())


def spelled(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    return whole(value) if isinstance(value, int) else str(value)


def code(text: str) -> Markup:
    return element("code", text)


def tile(figure: Figure) -> Markup:
    class_ = {True: "up", False: "down", None: ""}[figure.good]
    return element(
        "div",
        element("h2", figure.label),
        element("p", figure.text, class_=f"figure {class_}"),
        element("p", figure.note, class_="quiet"),
        class_="tile",
    )


def judgement(report: BacktestReport) -> Markup:
    found = report.figures
    ready = found.readiness.ready
    reasons = [element("li", reason(short)) for short in found.readiness.shortfalls]
    parts = [
        element(
            "tr",
            element("th", COMPONENTS[part.name], scope="row"),
            element("td", component_figure(part), class_="n"),
            element("td", element("meter", value=round(part.score, 4), min=0, max=1)),
            element("td", f"{number(part.points, 1)} of {part.weight}", class_="n"),
        )
        for part in found.quality.components
    ]
    left = element(
        "section",
        element("h2", verdict(report), class_="ready" if ready else "unready"),
        element("ul", *reasons) if reasons else element("p", "Nothing falls short."),
        class_="card",
    )
    right = element(
        "section",
        element("h2", f"Quality {number(found.quality.score, 0)} of 100"),
        element("table", *parts, class_="quality"),
        class_="card",
    )
    return element("section", left, right, class_="pair")


def chart(name: str, title: str, note: str, chooser: Markup | None = None) -> Markup:
    head = element(
        "div", element("h2", title), chooser, element("p", note, class_="quiet"), class_="head"
    )
    legend = element("p", "", class_="legend", id=f"{name}-legend", aria_live="off")
    canvas = element("div", class_="chart", id=f"{name}-chart")
    without = element("noscript", element("p", "The charts need JavaScript; all else does not."))
    return element("section", head, legend, canvas, without, class_="card", id=name)


def price_chart(run: AnyRun) -> Markup:
    chooser = None
    if len(run.charts) > 1:
        options = [element("option", each.symbol, value=n) for n, each in enumerate(run.charts)]
        chooser = element("select", *options, id="prices-symbol", aria_label="Symbol")
    return chart("prices", "Trades on the price", prices_note(run), chooser)


def prices_note(run: AnyRun) -> str:
    widest = max(run.charts, key=lambda each: each.width)
    width = duration(widest.width)
    most = max(len(each.candles) for each in run.charts)
    kind = "bars" if widest.width == milliseconds(run.report.timeframe) else "candles"
    told = f"{whole(most)} {kind} of {width}"
    if len(run.charts) > 1:
        told = f"up to {told} of each of {len(run.charts)} symbols"
    return f"{told}; {listed(run)}; arrows enter, dots leave; wheel or pinch to zoom, drag to move"


def listed(run: AnyRun) -> str:
    count = len(run.trades)
    if count > LISTED:
        return f"the last {whole(LISTED)} of {whole(count)} trades"
    return "no trades" if count == 0 else f"all {whole(count)} trades"


def trades(run: AnyRun) -> Iterator[Markup]:
    count = len(run.trades)
    if count == 0:
        yield element("p", "No trade was closed.", class_="quiet")
        return
    shown = run.trades[-LISTED:]
    told = f"Shown: {listed(run)}. Gross − fees − slippage − funding = net, to the last digit."
    yield element("p", told, class_="quiet")
    yield trade_table(shown, count - len(shown) + 1, apart(run))
    yield element("p", "On paper, the last 50 are printed.", class_="quiet print")


def apart(run: AnyRun) -> list[str]:
    """What tells the trades of a run apart."""
    strategies = isinstance(run, PortfolioRun)
    return ["strategy"] * strategies + ["symbol"] * (len(run.charts) > 1)


def footer(report: BacktestReport) -> Markup:
    return made(f"version {report.version_sha[:12]} · trades {report.trades_digest[:12]}")


def made(of: str) -> Markup:
    """Make the foot of a page: what it is, of what, and whose charts it draws."""
    credit = element(
        "span",
        "Charts: ",
        element("a", "TradingView Lightweight Charts™", href=LIBRARY, rel="noreferrer"),
        ", © 2026 TradingView, Inc., Apache License 2.0",
    )
    past = "A backtest: what would have been, under the rules of paper trading; no promise."
    perpetua = element("p", f"Perpetua · {of}")
    return element("footer", element("p", past), perpetua, element("p", credit))


def titled(title: str, *content: Content) -> Markup:
    return element("section", element("h2", title), *content)


def columns(content: Content, class_: str = "") -> Markup:
    return element("div", content, class_=f"columns {class_}".strip())


def scripts(run: AnyRun) -> Iterator[Markup]:
    yield embedded("data", chart_data(run))
    yield element("script", asset("lightweight-charts.js"))
    yield element("script", asset("report.js"))


@cache
def asset(name: str) -> Markup:
    return Markup((ASSETS / name).read_text(encoding="utf-8"))
