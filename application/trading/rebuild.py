"""A desk rebuilt from a log's own inputs, every event compared on the way.

DERIVED is a pure function of INPUT: the desk is run again over the journal's bars, fed the inputs
that the log recorded at the bars where they took effect, and every event it gives is held against
the log's, in order, byte for byte. What was never stored (the state behind the events) is rebuilt
on the way.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from application.ports import BarJournal, FeedDescription, LogEntry, LogReader, moments, until
from application.trading import classified
from application.trading.checkpoint import compiled
from application.trading.desk import Desk
from application.trading.difference import Difference, same
from application.trading.extent import Extent, strategy_of
from application.trading.inputs import classify_by, command, improve, register
from application.trading.kernel import Kernel, Program
from application.trading.recoding import recoded
from application.trading.recorded import Input, as_order, gathered, written_of
from application.trading.stepping import advance, awaited
from application.trading.unsealing import unseal
from domain import home
from domain.event import Event
from domain.home import HomeOpened
from domain.improvement import ImprovementSet, policy_of
from domain.limits import Limits
from domain.regime import RegimeLayerSet
from domain.strategy.events import StrategyRegistered, VersionAuthored
from domain.strategy.improvement import HoldoutOpened
from kernels.errors import StrategyError

BLOCK = 1000  # bars at a time
PAGE = 1000  # events at a time


class NotReproducible(Exception):
    """The log does not follow from its own inputs under this kernel."""


class OpeningStopped(Exception):
    """Told to stop before the home was open. What was taken until then is durable or was not begun,
    and the next opening goes on from there."""


class Replay:
    """Rebuilds a desk from a log and a journal, comparing every event on the way."""

    def __init__(
        self,
        log: LogReader,
        journal: BarJournal,
        kernel: Kernel,
        limits: Limits,
        stopping: Callable[[], bool] = lambda: False,
        extent: Extent | None = None,
        progress: Callable[[int], None] = lambda position: None,
        holds: bool = False,
        threads: int = 1,
        holdout: BarJournal | None = None,
        classifies: Callable[[Desk], bool] = lambda desk: False,
    ) -> None:
        """Read the inputs. Here and in `run`, raises `OpeningStopped` once `stopping` says so.

        `progress` is told, between blocks, the position of the event that is due next. Where
        answers of authors hold the feed, or of whoever classifies markets, no bar is taken beyond
        what the log ends waiting for.
        """
        self._holds, self._classifies, self._holdout = holds, classifies, holdout
        self._log = log
        self._journal = journal
        self._stopping = stopping
        self._extent = extent or Extent()
        self._progress = progress
        self.bars = 0  # moments taken: base bars, where there is one symbol
        self.count = 0  # events that were equal
        self.derived = 0  # of them, those that follow from the others
        self.difference: Difference | None = None
        self.surplus: list[Event] = []  # what follows from bars whose step is not in the log
        self.blobs: dict[str, bytes] = {}  # that it names
        self._recorded = (entry for entry in self._entries() if self._extent.holds(entry))
        opened, self._inputs = self._read_inputs()
        self.desk = Desk(describe(opened), opened.occurred_at, kernel, limits, journal)
        self.desk.written, self.desk.threads = 1, threads
        self._next = next(self._recorded, None)
        self._compare([home.decide(home.Home(), reopening(opened))[0]])

    def run(self) -> Desk:
        """Run to the end of the log, and of the block of bars that it ends in.

        Stops at the first difference, and where the extent ends. Gives the desk as it then stands.
        """
        while self._inputs and self.difference is None:
            self._bars(self._inputs[0].effective_at)
            if self.difference is None:
                self._compare(self._apply(self._inputs.popleft()))
        if self.difference is None:
            self._bars(None)
        if self._next is not None and self.difference is None:
            self._differs(None)
        return self.desk

    def _read_inputs(self) -> tuple[HomeOpened, deque[Input]]:
        found = deque(gathered(self._entries(), self._extent))
        opened = found.popleft().event if found else None
        if not isinstance(opened, HomeOpened):
            raise NotReproducible("the log is not a home's: it has no home.opened event")
        return opened, found

    def _bars(self, before: int | None) -> None:
        """Take the journal's bars up to the one where the next input takes effect."""
        desk = self.desk
        while self.difference is None and not self.surplus and not self._reached_end():
            heed(self._stopping)
            classifies = self._classifies(desk)
            if self._next is None and awaited(desk, self._holds, classifies):
                return
            after = -1 if desk.last_bar is None else desk.last_bar
            stretch = self._journal.read(after, BLOCK)
            if before is not None:
                stretch = until(stretch, before)
            count = len(moments(stretch))
            if count == 0:
                return
            self._compare(advance(desk, stretch, holds=self._holds, classifies=classifies))
            self.bars += len(moments(until(stretch, desk.next_bar)))
            if self.surplus:
                self.blobs |= desk.take_blobs()
            desk.take_blobs()  # the log has them
            if self._next is not None:
                self._progress(self._next.position)

    def _reached_end(self) -> bool:
        return self._extent.to is not None and self._next is None

    def _apply(self, item: Input) -> Sequence[Event]:
        event, desk = item.event, self.desk
        if isinstance(event, StrategyRegistered):
            if not item.rest:
                raise NotReproducible(f"{event.event_id} is not followed by its first version")
            program = self._compiled(item.rest[0], event.strategy)
            return register(desk, event.strategy, program, event.actor)
        if isinstance(event, ImprovementSet):
            return improve(desk, policy_of(event), event.actor)
        if isinstance(event, HoldoutOpened):
            if self._holdout is None:
                raise NotReproducible(f"{event.event_id} needs the bars of the holdout")
            name = strategy_of(event.stream) or ""
            return unseal(
                desk, name, self._holdout, lambda v: self._program(v.source_sha, name), event.actor
            )
        if isinstance(event, RegimeLayerSet):
            return classify_by(desk, event.layer, event.actor)
        if item.says:
            return classified.recorded(desk, [event, *item.rest])
        if item.answers:
            return recoded(desk, written_of(item, self._compiled))
        return command(desk, as_order(event, self._compiled))

    def _compiled(self, authored: Event, strategy: str) -> Program:
        if not isinstance(authored, VersionAuthored):
            raise NotReproducible(f"{authored.event_id} is no version of {strategy}")
        return self._program(authored.source_sha, strategy)

    def _program(self, source_sha: str, strategy: str) -> Program:
        try:
            return compiled(self.desk, self._log, source_sha, strategy)
        except KeyError:
            reason = f"its source {source_sha} is not in the log"
        except StrategyError as error:
            reason = f"its source does not compile: {error}"
        raise NotReproducible(f"{strategy} cannot be run again: {reason}")

    def _compare(self, events: Sequence[Event]) -> None:
        for event in events:
            if self._next is None:
                self.surplus.append(event)
                continue
            if not same(self._next.event, event):
                self._differs(event)
                return
            self.count += 1
            self.derived += event.kind == "derived"
            self._next = next(self._recorded, None)

    def _differs(self, event: Event | None) -> None:
        if self._next is not None:
            self.difference = Difference(self._next.position, self._next.event, event)

    def _entries(self) -> Iterator[LogEntry]:
        after = 0
        while page := self._log.read(after, PAGE):
            heed(self._stopping)
            yield from page
            after = page[-1].position


def rebuild(
    log: LogReader,
    journal: BarJournal,
    kernel: Kernel,
    limits: Limits,
    stopping: Callable[[], bool],
    holds: bool = False,
    threads: int = 1,
    holdout: BarJournal | None = None,
    classifies: Callable[[Desk], bool] = lambda desk: False,
) -> tuple[Desk, list[Event], dict[str, bytes]]:
    """Rebuild the desk of a log; also give what the bars of its last block add beyond its end.

    That is events, and the blobs they name. Raises `NotReproducible` naming the first event that
    differs, and `OpeningStopped`.
    """
    replay = Replay(
        log,
        journal,
        kernel,
        limits,
        stopping,
        holds=holds,
        threads=threads,
        holdout=holdout,
        classifies=classifies,
    )
    desk = replay.run()
    if replay.difference is not None:
        why = "this program decides otherwise than the one that wrote the log"
        if replay.difference.replayed is None:
            why = "bars that were used are not in the journal"
        raise NotReproducible(f"{replay.difference}; {why}")
    return desk, replay.surplus, replay.blobs


def heed(stopping: Callable[[], bool]) -> None:
    """Raise `OpeningStopped` if it is time to stop."""
    if stopping():
        raise OpeningStopped("told to stop before the home was open")


def describe(opened: HomeOpened) -> FeedDescription:
    return FeedDescription(
        feed=opened.feed,
        venue=opened.venue,
        timeframe=opened.timeframe,
        data_digest=opened.data_digest,
        instruments=opened.instruments,
    )


def reopening(opened: HomeOpened) -> home.OpenHome:
    return home.OpenHome(
        feed=opened.feed,
        venue=opened.venue,
        timeframe=opened.timeframe,
        data_digest=opened.data_digest,
        instruments=opened.instruments,
        at=opened.occurred_at,
    )
