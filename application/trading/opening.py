"""What a home is opened with, and what it may not be opened without."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from application.ports import BarJournal, FeedDescription
from application.trading import inputs
from application.trading.asking import AuthorsDesk
from application.trading.classifying import Classifiers
from application.trading.desk import Desk
from application.trading.kernel import Kernel, Program
from domain import home
from domain.event import Event


class StrategySource(Struct, frozen=True):
    """A strategy file: its name is its identity, its text is data."""

    name: str
    text: str


class LogLost(Exception):
    """The journal holds bars that were traded, and the log says that nothing was."""


class BarsLost(Exception):
    """The journal ends before the log does."""


class Aids(Struct, frozen=True):
    """Who and what a trader has beside its desk, log and journal."""

    authors: AuthorsDesk | None  # None: nobody answers requests for candidates
    classifiers: Classifiers
    holdout: BarJournal | None  # of the sealed end of a recorded run
    holds: bool  # whether answers hold the feed


def open_home(description: FeedDescription, first_bar: int) -> home.OpenHome:
    return home.OpenHome(
        feed=description.feed,
        venue=description.venue,
        timeframe=description.timeframe,
        data_digest=description.data_digest,
        instruments=description.instruments,
        at=first_bar,
    )


def refuse_lost_log(journal: BarJournal) -> None:
    last = journal.last()
    if last is not None:
        raise LogLost(
            f"the log is empty, but the journal holds bars up to {last}: put the log back, or start"
            " in another home"
        )


def compile_all(kernel: Kernel, sources: Sequence[StrategySource]) -> dict[str, Program]:
    programs: dict[str, Program] = {}
    for source in sources:
        if source.name in programs:
            raise ValueError(f"strategy {source.name!r} was given twice, names must be unique")
        programs[source.name] = kernel.compile(source.text, source.name)
    return programs


def take_up(
    desk: Desk, sources: Sequence[StrategySource], programs: Mapping[str, Program]
) -> tuple[list[Event], tuple[str, ...]]:
    """Register the files that the home does not know; also notice those that changed."""
    events: list[Event] = desk.take_events()
    notices: list[str] = []
    for source in sorted(sources, key=lambda s: s.name):
        program = programs[source.name]
        known = desk.strategies.get(source.name)
        if known is None:
            events += inputs.register(desk, source.name, program, "seed")
            desk.keep(source.text.encode())
        elif all(version.source_sha != program.source_sha for version in known.versions):
            notices.append(
                f"strategy {source.name}: the file changed since this home recorded it; "
                f"the recorded version {known.champion} goes on, the file is not used"
            )
    return events, tuple(notices)
