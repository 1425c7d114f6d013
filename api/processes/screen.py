"""What `perpetua run` shows: a live table on a terminal, plain lines otherwise, JSON for programs.

Everything shown is read from the read models; the screen knows nothing of its own.
"""

import sys
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

import msgspec
from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from api.processes.glance import Glance, Line
from api.processes.wire import Chosen, Finished, Serving, Started
from projections.models import plain

PIPE = 160  # characters a line may have where there is no terminal
WIDE = 124  # columns of characters that the whole table needs
COLUMNS = (
    *("strategy", "version", "mode", "sleeve", "status"),
    *("trades", "win rate", "net", "equity", "open"),
)
FIGURES = frozenset(("trades", "win rate", "net", "equity", "open"))
LEFT_OUT = frozenset(("version", "status", "open"))  # where there is no room


class Screen(Protocol):
    """Where a run is shown. Every call may come at any time before `close`."""

    def chosen(self, message: Chosen) -> None: ...

    def started(self, message: Started) -> None: ...

    def serving(self, message: Serving) -> None: ...

    def show(self, glance: Glance) -> None: ...

    def finished(self, message: Finished, glance: Glance) -> None: ...

    def warn(self, text: str) -> None: ...

    def close(self) -> None:
        """Leave the screen tidy. May be called twice."""


class JsonScreen:
    """One JSON object a line, for programs."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def chosen(self, message: Chosen) -> None:
        self._line("chosen", message)

    def started(self, message: Started) -> None:
        self._line("started", message)

    def serving(self, message: Serving) -> None:
        self._line("serving", message)

    def show(self, glance: Glance) -> None:
        self._line("progress", glance)

    def finished(self, message: Finished, glance: Glance) -> None:
        self._line("finished", {**plain(glance), **plain(message)})

    def warn(self, text: str) -> None:
        self._line("warning", {"message": text})

    def close(self) -> None:
        self._out.flush()

    def _line(self, event: str, content: Any) -> None:
        body = {"event": event, **plain(content)}
        self._out.write(msgspec.json.encode(body).decode() + "\n")
        self._out.flush()


class TableScreen:
    """A table that is redrawn in place on a terminal, and printed once at the end elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._console = Console(file=out, highlight=False, soft_wrap=not out.isatty())
        if not self._console.is_terminal:  # a pipe has no width to fit into
            self._console.width = PIPE
        self._live: Live | None = None
        self._last: Glance | None = None
        self._url = ""

    def chosen(self, message: Chosen) -> None:
        symbols = ", ".join(message.symbols)
        self._console.print(
            f"Feed: [bold]{message.feed}[/]: {escape(message.reason)}."
            f" {message.venue} {symbols} {message.timeframe}, home {escape(message.home)}"
        )

    def started(self, message: Started) -> None:
        if message.last_bar is not None:
            self._console.print(
                f"Going on after {moment(message.last_bar)} (position {message.position:,})"
            )
        for notice in message.notices:
            self._console.print(f"[yellow]{escape(notice)}[/]")

    def serving(self, message: Serving) -> None:
        self._url = message.url
        self._console.print(f"GraphQL: {message.url}/graphql")

    def show(self, glance: Glance) -> None:
        self._last = glance
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(render(glance, self._url, self._console.width), refresh=True)

    def finished(self, message: Finished, glance: Glance) -> None:
        self.show(glance)
        self.close()
        self._console.print(
            f"Finished: {message.bars:,} bars in {message.seconds:.1f} s, log position"
            f" {message.position:,}, all projected"
        )

    def warn(self, text: str) -> None:
        self._console.print(f"[yellow]perpetua: {escape(text)}[/]")

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        elif self._last is not None and not self._console.is_terminal:
            self._console.print(render(self._last, self._url, self._console.width))
        self._last = None


def open_screen(json: bool, out: TextIO | None = None) -> Screen:
    """The screen fit for `out`, standard output by default."""
    out = out if out is not None else sys.stdout
    return JsonScreen(out) if json else TableScreen(out)


def render(glance: Glance, url: str, width: int) -> RenderableType:
    """The table and its two lines of figures, for a screen of `width` characters."""
    names = [name for name in COLUMNS if width >= WIDE or name not in LEFT_OUT]
    wide = width >= WIDE
    table = Table(box=HEAVY_HEAD if wide else SIMPLE_HEAD, pad_edge=wide, collapse_padding=not wide)
    for name in names:
        table.add_column(name, justify="right" if name in FIGURES else "left", no_wrap=True)
    for line in glance.strategies:
        shown = cells(line)
        table.add_row(*(shown[name] for name in names))
    last = moment(glance.last_bar) if glance.last_bar is not None else "–"
    rate = f" · {glance.bars_per_second:,.0f} bars/s" if glance.state == "trading" else ""
    figures = Text(
        f"{glance.state} · last bar {last} · {glance.bars:,} bars{rate}"
        f" · position {glance.position:,} · lag {glance.lag:,}"
    )
    return Group(table, figures, Text(f"GraphQL {url}/graphql" if url else "GraphQL starting …"))


def cells(line: Line) -> dict[str, str]:
    return {
        "strategy": line.strategy,
        "version": line.version,
        "mode": line.mode,
        "sleeve": line.sleeve,
        "status": line.status,
        "trades": f"{line.trades:,}",
        "win rate": f"{line.win_rate:.1%}" if line.win_rate is not None else "–",
        "net": f"{line.net:,.2f}",
        "equity": f"{line.equity:,.2f}",
        "open": f"{line.open_pnl:+,.2f}" if line.open_pnl else "",
    }


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
