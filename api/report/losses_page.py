"""The page of a look at losses: what they share, and each of them with its context.

Like every page it loads nothing, and its own policy forbids it any request; it has no script.
"""

from collections.abc import Iterator

from api.report.loss_words import HEAD, MEANINGS, READ, Look, cells, summary
from api.report.markup import Content, Markup, element
from api.report.page import POLICY, asset, titled
from api.report.tables import cell, coloured, table
from api.report.wording import NOTHING, moment, named, number, plain, whole
from application.improvement.losses.analysis import Losses, LossReport, ToldLoss, read_report
from domain.strategy.improvement import LossPattern

LOSS_HEAD = (
    ("Entry, UTC", ""),
    ("Exit, UTC", ""),
    ("Symbol", ""),
    ("Side", ""),
    ("Tag", "of the entry"),
    ("Regime", "at the signal"),
    ("Exit reason", ""),
    ("Net", "quote"),
    ("Net, R", "multiples of the planned risk"),
    ("MAE, R", "worst it stood at, before costs"),
    ("MFE, R", "best it stood at, before costs"),
    ("Bars", "held, of the strategy"),
    ("In at", "as filled"),
    ("Stop", "as planned"),
    ("Target", "the first, as planned"),
    ("Out at", "last exit, as filled"),
    ("Volatility", "ATR(14) / close, over its usual"),
    ("Volume", "over its usual"),
    ("Then best, R", "the price after the exit, from the entry"),
    ("Then worst, R", "the price after the exit, from the entry"),
    ("Target then", "whether it would have been filled after the exit"),
    ("Series", "the strategy's own, at the signal"),
)
WORDS = 7  # columns of words before those of figures
ALIGNED = ("left",) * WORDS + ("right",) * (len(LOSS_HEAD) - WORDS - 1) + ("left",)


def losses_page(look: Look, losses: Losses) -> str:
    """Lay a look at losses out as one HTML document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("meta", name_="viewport", content_="width=device-width, initial-scale=1"),
        element("title", look.title),
        element("style", asset("report.css")),
    )
    body = element("body", element("main", *sections(look, losses)))
    return f'<!doctype html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def sections(look: Look, losses: Losses) -> Iterator[Markup]:
    report = read_report(losses.report)
    yield element(
        "header",
        element("h1", look.title),
        element("p", look.span),
        element("p", summary(losses), class_="lead"),
    )
    yield titled("What they share", *shared(losses))
    yield titled("The losing trades", *listed(report))
    past = "Bars that were traded, looked at again under the rules of paper trading; no promise."
    yield element("footer", element("p", past), element("p", "Perpetua"))


def shared(losses: Losses) -> Iterator[Markup]:
    if not losses.patterns:
        yield element("p", "No trade lost.", class_="quiet")
        return
    yield element("p", READ, class_="quiet")
    yield table(HEAD, map(pattern_row, losses.patterns), id="patterns")


def pattern_row(pattern: LossPattern) -> Markup:
    name, group, *figures, told = cells(pattern)
    return element(
        "tr",
        element("th", name, scope="row", title=MEANINGS[pattern.code]),
        cell(group),
        *map(cell, figures),
        cell(told, "n down" if pattern.significant else "n"),
    )


def listed(report: LossReport) -> Iterator[Markup]:
    if not report.losing:
        yield element("p", "There is none.", class_="quiet")
        return
    told = f"{whole(len(report.losing))}, the latest first"
    if report.left_out:
        told += f"; {whole(report.left_out)} older ones are left out"
    yield element("p", f"{told}.", class_="quiet")
    head = [
        element("th", title, title=meaning or None, scope="col", style=f"text-align:{align}")
        for (title, meaning), align in zip(LOSS_HEAD, ALIGNED, strict=True)
    ]
    yield table(head, map(loss_row, report.losing), class_="trades", id="losses")


def loss_row(loss: ToldLoss) -> Markup:
    then = loss.afterwards
    return element(
        "tr",
        cell(moment(loss.entry_at), "time"),
        cell(moment(loss.exit_at), "time"),
        cell(loss.symbol, None),
        cell(loss.side, None),
        cell(named(loss.tag), None),
        cell(named(loss.regime or NOTHING), None),
        cell(named(loss.reason), None),
        cell(number(loss.net), coloured(loss.net)),
        cell(number(loss.net_r)),
        cell(number(loss.mae_r)),
        cell(number(loss.mfe_r)),
        cell(whole(loss.bars)),
        cell(plain(loss.entry_price)),
        cell(NOTHING if loss.stop is None else plain(loss.stop)),
        cell(NOTHING if loss.target is None else plain(loss.target)),
        cell(plain(loss.exit_price)),
        cell(number(loss.volatility)),
        cell(number(loss.volume)),
        cell(number(None if then is None else then.best)),
        cell(number(None if then is None else then.worst)),
        cell(yes(None if then is None else then.target_reached)),
        cell(series(loss), "time"),
    )


def yes(said: bool | None) -> str:
    return {True: "yes", False: "no", None: NOTHING}[said]


def series(loss: ToldLoss) -> Content:
    figures = (
        f"{name} {NOTHING if value is None else f'{value:g}'}"
        for name, value in loss.series.items()
    )
    return ", ".join(figures)
