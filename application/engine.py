"""The engine's loop: bars in, durable steps out, commands between blocks.

One thread does all of it, so that a command acts between two blocks and never inside one. At most
`IN_FLIGHT` blocks are submitted but not yet durable: the loop cannot run ahead of its own log, and
what it reports as done is durable. A command is answered after its commit.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from application.engine_port import Command, CommandReply, EngineUnavailable
from application.ports import FeedFinished, MarketFeed, Stretch, moments

BLOCK = 1000  # moments in one transaction at most
IN_FLIGHT = 2  # blocks submitted and not yet durable
PATIENCE = 0.05  # seconds to wait for a bar before looking for commands again
WAITING_COMMANDS = 256  # more than this and a client is told to come back
RATE_WINDOW = 2.0  # seconds over which the rate is taken

EngineState = Literal["opening", "trading", "finished", "stopped"]


class Steps(Protocol):
    """What the loop needs of a `Trader`."""

    @property
    def last_bar(self) -> int | None:
        """Open time of the last bar stepped, ms UTC."""

    def step(self, stretch: Stretch) -> "Future[int]": ...

    def tend(self) -> "Future[int] | None":
        """See to what came from outside between two steps, if anything did."""

    def execute(self, command: Command) -> CommandReply: ...


class Progress(Struct, frozen=True, kw_only=True):
    """What is durable, and how fast it became so."""

    state: EngineState = "opening"
    bars: int = 0  # moments made durable by this process: base bars, where there is one symbol
    last_bar: int | None = None  # open of the last durable bar, ms UTC
    position: int = 0  # of the log, durable
    bars_per_second: float = 0.0


class Inbox:
    """Commands on their way from any thread to the loop."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Command, Future[CommandReply]]] = queue.Queue(
            WAITING_COMMANDS
        )
        self._lock = threading.Lock()
        self._closed = False

    def put(self, command: Command) -> "Future[CommandReply]":
        """Hand in a command; the future holds its reply once durable.

        Raises `EngineUnavailable` when the engine is stopping or too many commands wait.
        """
        reply: Future[CommandReply] = Future()
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the engine is stopping and takes no more commands")
            try:
                self._waiting.put_nowait((command, reply))
            except queue.Full:
                raise EngineUnavailable(
                    f"{WAITING_COMMANDS} commands are waiting already; try again"
                ) from None
        return reply

    def answer(self, execute: Callable[[Command], CommandReply], patience: float = 0.0) -> None:
        """Execute what waits, in order; wait up to `patience` seconds for the first."""
        while True:
            try:
                command, reply = (
                    self._waiting.get(timeout=patience)
                    if patience
                    else (self._waiting.get_nowait())
                )
            except queue.Empty:
                return
            patience = 0.0
            try:
                reply.set_result(execute(command))
            except BaseException as error:
                reply.set_exception(error)
                raise

    def close(self) -> None:
        """Refuse what still waits and all that comes later. May be called twice."""
        with self._lock:
            self._closed = True
        while True:
            try:
                _, reply = self._waiting.get_nowait()
            except queue.Empty:
                return
            reply.set_exception(EngineUnavailable("the engine stopped before it took the command"))


class Engine:
    """Drive one `Trader` from one feed until told to stop.

    Errors of the feed, the log and the trader end the loop and are raised by `run`: a trading
    engine that cannot record or cannot read its market has nothing it may go on doing.
    """

    def __init__(
        self,
        trader: Steps,
        feed: MarketFeed,
        inbox: Inbox,
        monotonic: Callable[[], float],
        *,
        position: int = 0,
        block: int = BLOCK,
        at_end: Callable[[], int] | None = None,
    ) -> None:
        """`at_end` is called once, when the feed has ended and all of it is durable."""
        self._at_end = at_end
        self._trader = trader
        self._feed = feed
        self._inbox = inbox
        self._block = block
        self._in_flight: deque[tuple[int, int, Future[int]]] = deque()
        self._rate = Rate(monotonic)
        self.progress = Progress(last_bar=trader.last_bar, position=position)

    def run(self, stop: threading.Event, *, until_end: bool = False) -> Progress:
        """Trade until `stop` is set or, with `until_end`, until the feed is finished.

        The block in flight is finished first, so everything begun is durable on return. Raises
        `FeedError`, `LogFailed` and what the trader raises.
        """
        self._show("trading")
        try:
            while not stop.is_set():
                self._inbox.answer(self._execute)
                self._tend()
                if self._advance():
                    continue
                if until_end:
                    break
                self._inbox.answer(self._execute, PATIENCE)
            self._settle(0)
        finally:
            self._inbox.close()
        self._show("finished" if self.progress.state == "finished" else "stopped")
        return self.progress

    def _execute(self, command: Command) -> CommandReply:
        reply = self._trader.execute(command)
        self._show_position(reply.position)
        return reply

    def _tend(self) -> None:
        done = self._trader.tend()
        if done is not None:
            self._show_position(done.result())

    def _show_position(self, position: int) -> None:
        if position > self.progress.position:
            self.progress = msgspec.structs.replace(self.progress, position=position)

    def _advance(self) -> bool:
        """Take the next block; False once the feed has no more."""
        if self.progress.state == "finished":
            return False
        after = self._trader.last_bar
        try:
            stretch = self._feed.read(-1 if after is None else after, self._block, PATIENCE)
        except FeedFinished:
            self._settle(0)
            if self._at_end is not None:
                self._show_position(self._at_end())
            self._show("finished")
            return False
        opens = moments(stretch)
        if len(opens) == 0:
            self._settle(0)
            self._show("trading")
            return True
        done = self._trader.step(stretch)
        self._in_flight.append((len(opens), int(opens[-1]), done))
        self._settle(IN_FLIGHT - 1)
        return True

    def _settle(self, allowed: int) -> None:
        """Wait until at most `allowed` blocks are not durable."""
        while len(self._in_flight) > allowed or (self._in_flight and self._in_flight[0][2].done()):
            count, last_bar, done = self._in_flight.popleft()
            position = done.result()
            self._rate.add(count)
            self.progress = Progress(
                state="trading",
                bars=self.progress.bars + count,
                last_bar=last_bar,
                position=position,
                bars_per_second=self._rate.value(),
            )

    def _show(self, state: EngineState) -> None:
        self.progress = msgspec.structs.replace(
            self.progress, state=state, bars_per_second=self._rate.value()
        )


class Rate:
    """Bars per second over the last `RATE_WINDOW` seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._began = monotonic()
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        self._counts.append((self._now(), count))
        self._forget()

    def value(self) -> float:
        self._forget()
        seconds = min(RATE_WINDOW, self._now() - self._began)
        return sum(count for _, count in self._counts) / seconds if seconds > 0 else 0.0

    def _forget(self) -> None:
        horizon = self._now() - RATE_WINDOW
        while self._counts and self._counts[0][0] < horizon:
            self._counts.popleft()
