"""A desk rebuilt from a log's own inputs, every event compared on the way.

DERIVED is a pure function of INPUT: the desk is run again over the journal's bars, fed the inputs
that the log recorded at the bars where they took effect, and every event it gives is held against
the log's, in order, byte for byte. What was never stored (the state behind the events) is rebuilt
on the way.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from application.ports import BarJournal, EventLog, FeedDescription
from application.trading.checkpoint import compiled
from application.trading.desk import Desk
from application.trading.inputs import Order, command, register
from application.trading.kernel import Kernel
from application.trading.stepping import advance
from domain import home
from domain.event import Event
from domain.home import HomeOpened
from domain.limits import Limits
from domain.strategy.events import (
    DemotedToPaper,
    Paused,
    PromotionRequested,
    Resumed,
    StrategyRegistered,
    VersionAuthored,
)

BLOCK = 1000  # bars at a time
PAGE = 1000  # events at a time

NAMES: dict[type[Event], str] = {
    PromotionRequested: "promote",
    Paused: "pause",
    Resumed: "resume",
    DemotedToPaper: "demote",
}

encode = msgspec.json.encode


class Difference(Struct, frozen=True):
    """The first place where log and replay part."""

    position: int  # in the log, 1, 2, 3 …
    recorded: Event | None  # None: the log ends here
    replayed: Event | None  # None: the replay ends here

    def __str__(self) -> str:
        return (
            f"event {self.position} of the log is {named(self.recorded)}, "
            f"but its inputs give {named(self.replayed)}"
        )


class NotReproducible(Exception):
    """The log does not follow from its own inputs under this kernel."""


class OpeningStopped(Exception):
    """Told to stop before the home was open. What was taken until then is durable or was not begun,
    and the next opening goes on from there."""


class Input(Struct, frozen=True):
    """An input from outside, at the bar where it takes effect."""

    effective_at: int
    event: Event


class Replay:
    """Rebuilds a desk from a log and a journal, comparing every event on the way."""

    def __init__(
        self,
        log: EventLog,
        journal: BarJournal,
        kernel: Kernel,
        limits: Limits,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Read the inputs. Here and in `run`, raises `OpeningStopped` once `stopping` says so."""
        self._log = log
        self._journal = journal
        self._stopping = stopping
        self.count = 0
        self.difference: Difference | None = None
        self.surplus: list[Event] = []  # what follows from bars whose step is not in the log
        self._recorded = self._entries()
        opened, self._inputs = self._read_inputs()
        self.desk = Desk(describe(opened), opened.occurred_at, kernel, limits, journal.records)
        self.desk.written = 1
        self._compare([home.decide(home.Home(), reopening(opened))[0]])

    def run(self) -> Desk:
        """Run to the end of the log, and of the block of bars that it ends in.

        Stops at the first difference. Gives the desk as it then stands.
        """
        while self._inputs and self.difference is None:
            self._bars(self._inputs[0].effective_at)
            if self.difference is None:
                self._compare(self._apply(self._inputs.popleft()))
        if self.difference is None:
            self._bars(None)
        left = next(self._recorded, None) if self.difference is None else None
        if left is not None:
            self.difference = Difference(self.count + 1, left, None)
        return self.desk

    def _read_inputs(self) -> tuple[HomeOpened, deque[Input]]:
        found: deque[Input] = deque()
        opened: HomeOpened | None = None
        for event in self._entries():
            if isinstance(event, HomeOpened):
                opened = event
            elif event.kind == "input" and type(event) in EXTERNAL:
                found.append(Input(event.effective_at or 0, event))
        if opened is None:
            raise NotReproducible("the log is not a home's: it has no home.opened event")
        return opened, found

    def _bars(self, before: int | None) -> None:
        """Take the journal's bars up to the one where the next input takes effect."""
        desk = self.desk
        while self.difference is None and not self.surplus:
            heed(self._stopping)
            after = -1 if desk.last_bar is None else desk.last_bar
            bars = self._journal.read(after, BLOCK)
            if before is not None:
                bars = bars[bars["timestamp"] < before]
            if len(bars) == 0:
                return
            self._compare(advance(desk, bars))

    def _apply(self, item: Input) -> Sequence[Event]:
        event = item.event
        if isinstance(event, StrategyRegistered):
            authored = self._inputs.popleft().event
            if not isinstance(authored, VersionAuthored):
                raise NotReproducible(f"{event.event_id} is not followed by its first version")
            program = compiled(self.desk, self._log, authored.source_sha, event.strategy)
            return register(self.desk, event.strategy, program, event.actor)
        return command(self.desk, as_order(event))

    def _compare(self, events: Sequence[Event]) -> None:
        for event in events:
            recorded = next(self._recorded, None)
            if recorded is None:
                self.surplus.append(event)
            elif type(recorded) is type(event) and encode(recorded) == encode(event):
                self.count += 1
            else:
                self.difference = Difference(self.count + 1, recorded, event)
                return

    def _entries(self) -> Iterator[Event]:
        after = 0
        while page := self._log.read(after, PAGE):
            heed(self._stopping)
            for entry in page:
                yield entry.event
            after = page[-1].position


EXTERNAL = (StrategyRegistered, VersionAuthored, *NAMES)


def rebuild(
    log: EventLog,
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
    return Order(
        name=NAMES[type(event)],
        strategy=event.stream.split("/", 1)[1],
        actor=event.actor,
        command_id=event.correlation_id.split("/", 1)[1],
        reason=getattr(event, "reason", ""),
        until=event.until if isinstance(event, Paused) else None,
    )


def named(event: Event | None) -> str:
    return "nothing" if event is None else f"{event.event_id} {encode(event).decode()}"
