"""`perpetua analyse`: what a strategy's losing trades share, over the bars of a home.

Only reads: it works beside a running engine. The trades are those of one account of sleeve B that
trades the version from the first bar to the last, under the limits that are now in force.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.backend import BackendOption
from api.cli.context import (
    HomeOption,
    JsonOption,
    moment,
    print_json,
    settings_of,
    used_home,
    working,
)
from api.processes.home import Home, HomeUnused

if TYPE_CHECKING:
    from api.report.loss_words import Look
    from application.improvement.losses.analysis import Losses
    from application.ports import LogReader, Stretch
    from domain.home import Home as Opened
    from domain.limits import Limits
    from domain.strategy.state import Version

BLOCK = 65_536  # moments read at a time


class UnknownVersion(LookupError):
    """A home has no strategy, or a strategy no version, of that name."""


class NoBars(ValueError):
    """There is no bar between the two moments."""


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(analyse)


def analyse(
    strategy: Annotated[str, typer.Argument(help="Its name, as perpetua strategies lists it.")],
    version: Annotated[
        str | None, typer.Option("--version", help="E.g. v2; the champion if left out.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First bar traded; the home's first if left out.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Look at nothing from then on, e.g. 2026-01-31.")
    ] = None,
    backend: BackendOption = "lanes",
    report: Annotated[
        Path | None, typer.Option(help="FILE.html: a page with every losing trade.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """What a strategy's losing trades have in common, and each of them with its context."""
    from rich.console import Console

    from api.cli.losses_text import WIDTH, content, show
    from api.cli.research import place_for
    from api.report.losses_page import losses_page

    found = used_home(home, settings_of("analyse"))
    span = tuple(None if text is None else moment(text) for text in (start, until))
    with place_for(report) as write:
        look, losses = looked_at(found, strategy, version, span, backend)
        if write is not None:
            write(losses_page(look, losses))
    if json:
        print_json(content(look, losses))
        return
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = WIDTH
    show(console, look, losses)


def looked_at(
    home: Home,
    strategy: str,
    version: str | None,
    span: "tuple[int | None, ...]",
    backend: str,
) -> "tuple[Look, Losses]":
    """Trade a version over a home's bars, and look at what it lost.

    `span` is its first bar and its end, ms, None for those of the home. Raises `HomeUnused`,
    `UnknownVersion`, `NoBars`.
    """
    from api.home_log import opened_with
    from api.report.loss_words import Look
    from application.improvement.losses.analysis import losses_of
    from application.improvement.losses.trade_contexts import trades_of
    from application.ports import moments
    from domain.timeframe import milliseconds
    from kernels.program import compile_strategy

    opened = opened_with(home)
    if opened.version == 0:
        raise HomeUnused(f"home {home.directory} has not traded yet: start with perpetua run")
    base_ms = milliseconds(opened.timeframe)
    with reading(home) as log:
        chosen = version_of(log, strategy, version)
        program = compile_strategy(log.blob(chosen.source_sha).decode(), strategy)
        limits = in_force(log)
    with working("Trading …"):
        stretch = bars_of(home, opened)
        times = moments(stretch)
        if len(times) == 0:
            raise NoBars(f"home {home.directory} holds no bar yet: start with perpetua run")
        first, last = int(times[0]), int(times[-1]) + base_ms
        start = first if span[0] is None else max(span[0], first)
        until = last if span[1] is None else min(span[1], last)
        if start >= until:
            raise NoBars(f"from was {start} and until {until}, must lie within {first} to {last}")
        trades = trades_of(
            program,
            chosen.parameters,
            stretch,
            opened.instruments,
            limits,
            base_ms,
            start=start,
            until=until,
            backend=backend,
        )
        losses = losses_of(trades)
    symbols = tuple(instrument.symbol for instrument in opened.instruments)
    name = chosen.name
    return Look(strategy=strategy, version=name, symbols=symbols, start=start, until=until), losses


@contextmanager
def reading(home: Home) -> "Iterator[LogReader]":
    from api.home_log import read_log

    with closing(read_log(home)) as log:
        yield log


def version_of(log: "LogReader", strategy: str, version: str | None) -> "Version":
    """Find a version of a strategy, the champion where none is named."""
    from domain.ids import strategy_stream
    from domain.strategy.state import Strategy, evolve

    stream = strategy_stream(strategy)
    state = reduce(evolve, log.stream(stream), Strategy(stream=stream))
    if state.version == 0:
        prefix = strategy_stream("")
        names = ", ".join(each.removeprefix(prefix) for each in log.streams(prefix)) or "none"
        raise UnknownVersion(f"strategy was {strategy!r}, must be one of: {names}")
    wanted = version if version is not None else state.champion
    found = state.find(wanted)
    if found is None:
        names = ", ".join(each.name for each in state.versions) or "none"
        raise UnknownVersion(f"version was {wanted!r}, must be one of: {names}")
    return found


def in_force(log: "LogReader") -> "Limits":
    """Give the limits as operators have tightened them."""
    from domain import tightening
    from domain.limits import effective

    first = tightening.InForce(effective())
    return reduce(tightening.evolve, log.stream(tightening.STREAM), first).limits


def bars_of(home: Home, opened: "Opened") -> "Stretch":
    """Read every bar that a home has used."""
    import numpy as np

    from application.ports import BAR, moments
    from infrastructure.home_journal import open_journal

    symbols = [instrument.symbol for instrument in opened.instruments]
    parts: list[Stretch] = [tuple(np.empty(0, BAR) for _ in symbols)]
    with closing(open_journal(home.directory, symbols, read_only=True)) as journal:
        after = -1
        while len(times := moments(part := journal.read(after, BLOCK))):
            parts.append(part)
            after = int(times[-1])
    return tuple(np.concatenate(of_symbol) for of_symbol in zip(*parts, strict=True))
