"""Reading a home's views from the command line, with or without a reader running."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from api.cli.context import settings_of, used_home, working
from api.home_log import read_log
from api.processes.home import Home
from application.ports import LogReader
from projections.models import Page
from projections.paging import LARGEST_PAGE, Paging
from projections.queries import Queries
from projections.start import open_runner
from projections.tracking import LostRace

T = TypeVar("T")


class UnknownName(LookupError):
    """There is no strategy, version or call of that name."""


def known(queries: Queries, strategy: str | None) -> None:
    """Refuse a name that no strategy has: an empty list would look like one without trades."""
    if strategy is not None and queries.strategy(strategy) is None:
        names = ", ".join(found.id for found in queries.strategies()) or "none"
        raise UnknownName(f"strategy was {strategy!r}, must be one of: {names}")


@contextmanager
def reading(named: Path | None) -> Iterator[tuple[Home, Queries]]:
    """The home's read models, brought up to the log first: no reader need be running."""
    home = used_home(named, settings_of("show"))
    log = read_log(home)
    try:
        catch_up(log, home)
        with Queries(home.views, log, connections=1) as queries:
            yield home, queries
    finally:
        log.close()


def catch_up(log: LogReader, home: Home) -> None:
    """Bring the read models to where the log stood when asked, and no further."""
    head = log.head()
    runner = open_runner(log, home.views)
    try:
        with working("Projecting the log …"):
            while runner.resume().position < head:
                with suppress(LostRace):  # a reader is at it too: see how far it got
                    while runner.position < head:
                        runner.advance()
    finally:
        runner.engine.dispose()


def newest(page: "Callable[[Paging], Page[T]]", limit: int | None) -> Sequence[T]:
    """The newest `limit` items, or all, oldest first."""
    items: list[T] = []
    after = None
    while limit is None or len(items) < limit:
        first = LARGEST_PAGE if limit is None else min(LARGEST_PAGE, limit - len(items))
        found = page(Paging(first=first, after=after, newest=True))
        items += found.items
        after = found.cursor
        if not found.more:
            break
    return items[::-1]
