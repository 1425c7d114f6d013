"""The trader: bars in, durable events out, and nothing lost on the way.

Bars are in the journal before the step that uses them; a step's events and the checkpoint after it
commit together. So after any crash the log ends at a whole step, the journal holds at least its
bars, and the next opening takes the steps that the journal has and the log has not. An operator's
command is an INPUT event at once, effective from the next base bar, and is answered when it is
durable.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from application.engine_port import Command, CommandReply
from application.ports import (
    BarJournal,
    Batch,
    EventLog,
    FeedDescription,
    Stretch,
    moments,
)
from application.trading import inputs, replies
from application.trading.arriving import check
from application.trading.checkpoint import agrees, restore, save, usable
from application.trading.desk import Desk
from application.trading.kernel import EngineKernel, Kernel, Program
from application.trading.rebuild import heed, rebuild
from application.trading.stepping import advance
from domain import home
from domain.errors import Forbidden
from domain.event import Event
from domain.ids import command_correlation
from domain.limits import Limits, effective

BLOCK = 1000  # moments in one transaction at most

logger = logging.getLogger("perpetua.trading")


class StrategySource(Struct, frozen=True):
    """A strategy file: its name is its identity, its text is data."""

    name: str
    text: str


class TraderFailed(RuntimeError):
    """An earlier step failed half way: what is in memory is no longer what the log says."""


class LogLost(Exception):
    """The journal holds bars that were traded, and the log says that nothing was."""


class BarsLost(Exception):
    """The journal ends before the log does."""


class Trader:
    """Trades one home. One thread at a time."""

    def __init__(self, log: EventLog, journal: BarJournal, desk: Desk) -> None:
        self._log = log
        self._journal = journal
        self._desk = desk
        self._failure: BaseException | None = None
        self.notices: tuple[str, ...] = ()  # what an operator should know about this opening

    @classmethod
    def open(
        cls,
        log: EventLog,
        journal: BarJournal,
        description: FeedDescription,
        sources: Sequence[StrategySource],
        first_bar: int,
        limits: Limits | None = None,
        kernel: Kernel | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> "Trader":
        """Open a home, new or used, and take the steps that a crash left behind.

        A new home begins at `first_bar` (open, ms). A used home goes on with the versions, the grid
        and the costs that its log recorded: a new file is registered at the next bar, a changed
        file is noticed and not used. Raises `domain.home.WrongFeed` for another feed,
        `kernels.errors.StrategyError` for a file that does not compile, `NotReproducible` where log
        and kernel part, `LogLost` and `BarsLost` where log and journal do, `LogFailed`, and
        `OpeningStopped` once `stopping` says so, which it is asked between blocks.
        """
        limits = limits or effective()
        kernel = kernel or EngineKernel()
        state = home.Home()
        for event in log.stream(home.STREAM):
            state = home.evolve(state, event)
        opening = home.decide(state, open_home(description, first_bar))
        if not opening:  # what it was opened at holds, whatever the feed says of costs by now
            description = replace(description, instruments=state.instruments)
        programs = compile_all(kernel, sources)
        if opening:
            refuse_lost_log(journal)
            desk = Desk(description, first_bar, kernel, limits, journal.records)
            desk.write(opening[0])
            trader = cls(log, journal, desk)
        else:
            trader = cls.reopen(log, journal, description, kernel, limits, stopping)
        trader._take_up(sources, programs)
        return trader

    @classmethod
    def reopen(
        cls,
        log: EventLog,
        journal: BarJournal,
        description: FeedDescription,
        kernel: Kernel,
        limits: Limits,
        stopping: Callable[[], bool],
    ) -> "Trader":
        """Stand where the journal ends: by the log's checkpoint, else by replaying it."""
        saved = usable(log.checkpoint(), kernel.identity, log.head())
        if saved is None or not agrees(saved, log, limits):
            desk, surplus = rebuild(log, journal, kernel, limits, stopping)
            log.append(Batch(events=surplus, checkpoint=save(desk)))
        else:
            refuse_lost_bars(journal, saved.last_bar)
            desk = Desk(description, saved.first_bar, kernel, limits, journal.records)
            restore(desk, saved, log)
        trader = cls(log, journal, desk)
        trader._recover(stopping)
        return trader

    @property
    def last_bar(self) -> int | None:
        """Open of the last base bar stepped, ms UTC."""
        return self._desk.last_bar

    def step(self, stretch: Stretch) -> "Future[int]":
        """Journal the bars, take their steps, submit what followed.

        The future gives the log position once durable. Raises `BadBars`, having done nothing;
        after any other failure the trader takes nothing more (`TraderFailed`) and the home must be
        opened again.
        """
        desk = self._desk
        check(stretch, [m.symbol for m in desk.markets], desk.last_bar, desk.base_ms)
        with self._whole():
            self._journal.append(stretch)
        return self._step(stretch)

    def execute(self, command: Command) -> CommandReply:
        """Carry out an operator's command and wait until it is durable.

        A command id that the log knows is answered from the log. A forbidden command is answered,
        not raised, and writes nothing. Raises `LogFailed`.
        """
        correlation = command_correlation(command.command_id)
        recorded = self._log.correlated(correlation)
        try:
            if recorded:
                return replies.recorded(command, recorded)
            with self._whole():
                events = inputs.command(self._desk, order(command))
                position = self._log.append(Batch(events=events, checkpoint=save(self._desk)))
        except Forbidden as refusal:
            reply = replies.forbidden(refusal, self._log.head())
        else:
            reply = replies.carried_out(command, events, position)
        logger.info(
            "command answered",
            extra={
                "command": command.name,
                "strategy": command.strategy,
                "accepted": reply.accepted,
                "code": reply.code,
                "correlation_id": correlation,
            },
        )
        return reply

    def _recover(self, stopping: Callable[[], bool]) -> None:
        """Take the steps of journalled bars that the log has not."""
        waiting: deque[Future[int]] = deque()
        while True:
            heed(stopping)
            after = -1 if self._desk.last_bar is None else self._desk.last_bar
            stretch = self._journal.read(after, BLOCK)
            if len(moments(stretch)) == 0:
                break
            waiting.append(self._step(stretch))
            if len(waiting) > 1:
                waiting.popleft().result()
        for done in waiting:
            done.result()

    def _step(self, stretch: Stretch) -> "Future[int]":
        with self._whole():
            events = advance(self._desk, stretch)
            return self._log.submit(Batch(events=events, checkpoint=save(self._desk)))

    @contextmanager
    def _whole(self) -> Iterator[None]:
        if self._failure is not None:
            raise TraderFailed(
                f"an earlier step failed ({self._failure}); the home must be opened again"
            )
        try:
            yield
        except Forbidden:
            raise
        except BaseException as error:
            self._failure = error
            raise

    def _take_up(self, sources: Sequence[StrategySource], programs: Mapping[str, Program]) -> None:
        """Register the files that the home does not know; notice those that changed."""
        desk = self._desk
        events: list[Event] = desk.take_events()
        blobs: dict[str, bytes] = {}
        notices: list[str] = []
        for source in sorted(sources, key=lambda s: s.name):
            program = programs[source.name]
            known = desk.strategies.get(source.name)
            if known is None:
                events += inputs.register(desk, source.name, program, "seed")
                blobs[program.source_sha] = source.text.encode()
            elif all(version.source_sha != program.source_sha for version in known.versions):
                notices.append(
                    f"strategy {source.name}: the file changed since this home recorded it; "
                    f"the recorded version {known.champion} goes on, the file is not used"
                )
        self.notices = tuple(notices)
        if events:
            self._log.append(Batch(events=events, blobs=blobs, checkpoint=save(desk)))


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


def refuse_lost_bars(journal: BarJournal, last_bar: int) -> None:
    last = journal.last()
    if last is None or last < last_bar:
        held = "no bar" if last is None else f"bars up to {last}"
        raise BarsLost(
            f"the log holds steps up to {last_bar}, but the journal holds {held}: put it back"
        )


def compile_all(kernel: Kernel, sources: Sequence[StrategySource]) -> dict[str, Program]:
    programs: dict[str, Program] = {}
    for source in sources:
        if source.name in programs:
            raise ValueError(f"strategy {source.name!r} was given twice, names must be unique")
        programs[source.name] = kernel.compile(source.text, source.name)
    return programs


def order(command: Command) -> inputs.Order:
    return inputs.Order(
        name=command.name,
        strategy=command.strategy,
        actor=command.actor,
        command_id=command.command_id,
        reason=command.reason,
        until=command.until,
        limit=command.limit,
        value=command.value,
    )
