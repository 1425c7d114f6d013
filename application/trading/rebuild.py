"""A desk rebuilt from a log's own inputs, every event compared on the way.

DERIVED is a pure function of INPUT: the desk is run again over the journal's bars, fed the inputs
that the log recorded at the bars where they took effect, and every event it gives is held against
the log's, in order, byte for byte. What was never stored (the state behind the events) is rebuilt
on the way.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from application.ports import BarJournal, FeedDescription, LogEntry, LogReader, moments, until
from application.trading.checkpoint import compiled
from application.trading.desk import Desk
from application.trading.difference import Difference, same
from application.trading.extent import Extent, strategy_of
from application.trading.inputs import Order, command, register
from application.trading.kernel import Kernel, Program
from application.trading.stepping import advance
from domain import home
from domain.event import Event
from domain.home import HomeOpened
from domain.limits import Limits
from domain.strategy.events import (
    DemotedToPaper,
    Flattened,
    Paused,
    PromotionRequested,
    Resumed,
    StrategyRegistered,
    VersionAuthored,
)
from domain.tightening import LimitTightened
from kernels.errors import StrategyError

BLOCK = 1000  # bars at a time
PAGE = 1000  # events at a time

NAMES: dict[type[Event], str] = {
    PromotionRequested: "promote",
    Paused: "pause",
    Resumed: "resume",
    DemotedToPaper: "demote",
    Flattened: "flatten",
    LimitTightened: "tighten",
}


class NotReproducible(Exception):
    """The log does not follow from its own inputs under this kernel."""


class OpeningStopped(Exception):
    """Told to stop before the home was open. What was taken until then is durable or was not begun,
    and the next opening goes on from there."""


class Input(Struct, frozen=True):
    """An input from outside, at the bar where it takes effect."""

    effective_at: int
    event: Event
    authored: VersionAuthored | None = None  # the first version of a strategy just registered


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
    ) -> None:
        """Read the inputs. Here and in `run`, raises `OpeningStopped` once `stopping` says so.

        `progress` is told, between blocks, the position of the event that is due next.
        """
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
        self._recorded = (entry for entry in self._entries() if self._extent.holds(entry))
        opened, self._inputs = self._read_inputs()
        self.desk = Desk(describe(opened), opened.occurred_at, kernel, limits, journal.records)
        self.desk.written = 1
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
        found: deque[Input] = deque()
        opened: HomeOpened | None = None
        registered: StrategyRegistered | None = None
        for entry in self._entries():
            event = entry.event
            if registered is not None:
                found.append(registration(registered, event))
                registered = None
            elif not self._extent.reaches(entry.position):
                break
            elif isinstance(event, HomeOpened):
                opened = event
            elif not self._extent.concerns(event.stream):
                continue
            elif isinstance(event, StrategyRegistered):
                registered = event
            elif event.kind == "input" and type(event) in NAMES and not told(event, found):
                found.append(Input(event.effective_at or 0, event))
        if opened is None:
            raise NotReproducible("the log is not a home's: it has no home.opened event")
        return opened, found

    def _bars(self, before: int | None) -> None:
        """Take the journal's bars up to the one where the next input takes effect."""
        desk = self.desk
        while self.difference is None and not self.surplus and not self._reached_end():
            heed(self._stopping)
            after = -1 if desk.last_bar is None else desk.last_bar
            stretch = self._journal.read(after, BLOCK)
            if before is not None:
                stretch = until(stretch, before)
            count = len(moments(stretch))
            if count == 0:
                return
            self.bars += count
            self._compare(advance(desk, stretch))
            if self._next is not None:
                self._progress(self._next.position)

    def _reached_end(self) -> bool:
        return self._extent.to is not None and self._next is None

    def _apply(self, item: Input) -> Sequence[Event]:
        event, authored = item.event, item.authored
        if isinstance(event, StrategyRegistered) and authored is not None:
            program = self._compiled(authored, event.strategy)
            return register(self.desk, event.strategy, program, event.actor)
        return command(self.desk, as_order(event))

    def _compiled(self, authored: VersionAuthored, strategy: str) -> Program:
        try:
            return compiled(self.desk, self._log, authored.source_sha, strategy)
        except KeyError:
            reason = f"its source {authored.source_sha} is not in the log"
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
) -> tuple[Desk, list[Event]]:
    """Rebuild the desk of a log; also give what the bars of its last block add beyond its end.

    Raises `NotReproducible` naming the first event that differs, and `OpeningStopped`.
    """
    replay = Replay(log, journal, kernel, limits, stopping)
    desk = replay.run()
    if replay.difference is not None:
        why = "this program decides otherwise than the one that wrote the log"
        if replay.difference.replayed is None:
            why = "bars that were used are not in the journal"
        raise NotReproducible(f"{replay.difference}; {why}")
    return desk, replay.surplus


def told(event: Event, found: Sequence[Input]) -> bool:
    """Tell whether an event is the rest of a command that is among the inputs already."""
    if not isinstance(event, Flattened) or event.scope != "home" or not found:
        return False
    return found[-1].event.correlation_id == event.correlation_id


def registration(registered: StrategyRegistered, event: Event) -> Input:
    if not isinstance(event, VersionAuthored):
        raise NotReproducible(f"{registered.event_id} is not followed by its first version")
    return Input(registered.effective_at or 0, registered, event)


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


def as_order(event: Event) -> Order:
    everything = isinstance(event, Flattened) and event.scope == "home"
    return Order(
        name=NAMES[type(event)],
        strategy="" if everything else strategy_of(event.stream) or "",
        actor=event.actor,
        command_id=event.correlation_id.split("/", 1)[1],
        reason=getattr(event, "reason", ""),
        until=event.until if isinstance(event, Paused) else None,
        limit=event.name if isinstance(event, LimitTightened) else "",
        value=event.new if isinstance(event, LimitTightened) else None,
    )
