"""What `analyse` prints: a look at losses for people, and the same as JSON for programs."""

from typing import Any

from msgspec import to_builtins
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.report.loss_words import HEAD, MEANINGS, READ, Look, cells, summary
from api.report.wording import moment, named, number, whole
from application.improvement.losses.analysis import Losses, read_report

SHOWN = 10  # losing trades
WIDTH = 160  # columns where nobody's terminal limits them
LOSS_HEAD = (
    "Entry, UTC", "Symbol", "Side", "Tag", "Regime", "Exit", "Net", "Net, R", "MAE, R", "MFE, R",
    "Then best, R", "Then worst, R",
)  # fmt: skip


def told(look: Look, losses: Losses, width: int = WIDTH) -> str:
    """Tell a look at losses as text without colours, `width` columns wide."""
    console = Console(width=width, highlight=False, color_system=None, force_terminal=False)
    with console.capture() as captured:
        show(console, look, losses)
    return captured.get()


def show(console: Console, look: Look, losses: Losses) -> None:
    """Print what losing trades share, and the latest of them."""
    console.print(f"[bold]{escape(look.title)}[/]\n{escape(look.span)}\n{escape(summary(losses))}")
    if not losses.patterns:
        console.print("No trade lost.")
        return
    console.print(patterns_table(losses))
    console.print(escape(READ))
    for pattern in losses.patterns:
        if pattern.significant:
            of = f" {named(pattern.group)}" if pattern.group else ""
            name = f"{named(pattern.code).lower()}{of}"
            console.print(f"[bold]{escape(name)}[/]: {escape(MEANINGS[pattern.code])}")
    console.print(losses_table(losses))


def patterns_table(losses: Losses) -> Table:
    table = Table()
    for place, title in enumerate(HEAD):
        table.add_column(title, justify="right" if 2 <= place <= 5 else "left")
    for pattern in losses.patterns:
        style = "bold" if pattern.significant else ""
        table.add_row(*map(escape, cells(pattern)), style=style)
    return table


def losses_table(losses: Losses) -> Table:
    report = read_report(losses.report)
    shown = report.losing[:SHOWN]
    title = f"The latest {whole(len(shown))} of {whole(report.losses)} losing trades"
    table = Table(title=title, title_justify="left")
    for place, head in enumerate(LOSS_HEAD):
        table.add_column(head, justify="right" if place >= 6 else "left")
    for loss in shown:
        then = loss.afterwards
        texts = (loss.symbol, loss.side, named(loss.tag), named(loss.regime or "–"))
        figures = (loss.net, loss.net_r, loss.mae_r, loss.mfe_r)
        after = (None, None) if then is None else (then.best, then.worst)
        table.add_row(
            moment(loss.entry_at),
            *map(escape, (*texts, named(loss.reason))),
            *map(number, (*figures, *after)),
        )
    return table


def content(look: Look, losses: Losses) -> dict[str, Any]:
    """Give all of it as plain values, the losing trades with all that is known of them."""
    report = read_report(losses.report)
    return {
        "strategy": look.strategy,
        "version": look.version,
        "symbols": look.symbols,
        "from": look.start,
        "until": look.until,
        "trades": losses.trades,
        "losses": losses.losses,
        "net": losses.net,
        "patterns": [to_builtins(each) for each in losses.patterns],
        "left_out": report.left_out,
        "losing": [to_builtins(each) for each in report.losing],
    }
