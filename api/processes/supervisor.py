"""`perpetua run`: one engine, one reader, and one screen.

Trading and reading are two processes so that a busy API never slows a step. The supervisor keeps
them: a reader that dies is started again, since it holds nothing that cannot be rebuilt; one that
never could serve, or an engine that dies, ends the run with its reason. Either way what is durable
is in the log, and the next run goes on from there.
"""

import contextlib
import queue
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import msgspec

from api.processes.command_socket import SocketEngineClient
from api.processes.glance import Glance, take
from api.processes.home import Home
from api.processes.offspring import Ended, Offspring, Said
from api.processes.options import RunOptions
from api.processes.screen import Screen
from api.processes.wire import Chosen, Finished, Message, Serving, Started
from application.engine import Progress
from application.engine_port import EngineUnavailable
from projections.database import QueryTooSlow, ViewsMissing
from projections.queries import Queries

GLANCE_SECONDS = 1.0
STOP_SECONDS = 60.0  # what an engine may need to finish the block in flight
BACKOFF_FIRST = 0.5  # seconds before a dead reader is started again, doubled each time
BACKOFF_LONGEST = 30.0
STEADY_SECONDS = 60.0  # a reader that lived so long starts again at the first backoff
READER_TRIES = 6  # how often a run that must end waits for a reader that keeps dying


class RunFailed(Exception):
    """The run cannot go on: the engine's own reason, or the reader's where the run awaits it."""


class Supervisor:
    """Start, watch and stop the two processes of one run."""

    def __init__(self, options: RunOptions, port: int | None, screen: Screen) -> None:
        self._options = options
        self._port = port
        self._screen = screen
        self._events: queue.Queue[Said | Ended] = queue.Queue()
        self._engine: Offspring | None = None
        self._reader: Offspring | None = None
        self._home: Home | None = None
        self._queries: Queries | None = None
        self._progress = Progress()
        self._finished: Finished | None = None
        self._reasons: dict[str, str] = {}  # by child: why it says that it is about to exit
        self._served = False
        self._stopping = False
        self._deaths = 0
        self._restart_at: float | None = None
        self._broken: RunFailed | None = None

    def run(self) -> None:
        """Run until stopped or, with `until_end`, until all is durable and projected.

        Raises `RunFailed` with the reason in one line.
        """
        with self._signals():
            self._engine = Offspring.start(
                "engine", ["_engine", msgspec.json.encode(self._options).decode()], self._events
            )
            try:
                self._watch()
            finally:
                self._stop_all()
        if self._broken is not None:
            raise self._broken

    def _watch(self) -> None:
        next_glance = 0.0
        while self._broken is None and not self._stopping:
            with contextlib.suppress(queue.Empty):
                self._handle(self._events.get(timeout=0.1))
                continue
            now = time.monotonic()
            if self._restart_at is not None and now >= self._restart_at:
                self._start_reader()
            if now >= next_glance:
                next_glance = now + GLANCE_SECONDS
                glance = self._glance()
                if glance is not None and self._done(glance):
                    return

    def _handle(self, event: Said | Ended) -> None:
        if isinstance(event, Said):
            self._hear(event.name, event.message)
        elif event.name == "engine":
            self._engine_ended(event)
        else:
            self._reader_ended(event)

    def _hear(self, name: str, message: Message) -> None:
        if isinstance(message, Chosen):
            self._home = Home(Path(message.home))
            self._screen.chosen(message)
        elif isinstance(message, Started):
            self._screen.started(message)
            self._start_reader()
        elif isinstance(message, Serving):
            self._port = message.port
            self._served = True
            if self._queries is None:
                self._queries = Queries(self._started_home().views, connections=1)
            self._screen.serving(message)
        elif isinstance(message, Finished):
            self._finished = message
            self._progress = Progress(
                state="finished",
                bars=message.bars,
                last_bar=message.last_bar,
                position=message.position,
            )
        else:
            self._reasons[name] = message.message

    def _engine_ended(self, event: Ended) -> None:
        if self._stopping or (event.code == 0 and self._finished is not None):
            return
        self._broken = RunFailed(self._reasons.get("engine") or f"the engine {event.reason()}")

    def _reader_ended(self, event: Ended) -> None:
        if self._stopping:
            return
        why = self._reasons.pop("reader", "")
        if why and not self._served:  # it never could: its port is taken, its views are not ours
            self._broken = RunFailed(why)
            return
        how = f"{event.reason()}: {why}" if why else event.reason()
        self._deaths = 1 if event.lived > STEADY_SECONDS else self._deaths + 1
        if self._options.until_end and self._deaths >= READER_TRIES:
            self._broken = RunFailed(f"the reader {how}, {self._deaths} times in a row")
            return
        delay = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2.0 ** (self._deaths - 1))
        self._restart_at = time.monotonic() + delay
        self._screen.warn(f"the reader {how}; starting it again in {delay:g} s")

    def _start_reader(self) -> None:
        self._restart_at = None
        arguments = ["_reader", "--home", str(self._started_home().directory)]
        if self._port is not None:
            arguments += ["--port", str(self._port)]
        self._reader = Offspring.start("reader", arguments, self._events)

    def _glance(self) -> Glance | None:
        """Show where things stand; None while there is nothing to show."""
        if self._home is None or self._queries is None:
            return None
        with contextlib.suppress(EngineUnavailable):
            self._progress = SocketEngineClient(self._home.socket, timeout=1.0).progress()
        try:
            glance = take(self._queries, self._progress)
        except (ViewsMissing, QueryTooSlow):  # being built, or swapped: the next look will do
            return None
        self._screen.show(glance)
        return glance

    def _done(self, glance: Glance) -> bool:
        """Whether everything the engine made durable is in the read models too."""
        done = self._finished
        if not self._options.until_end or done is None or glance.projected < done.position:
            return False
        self._screen.finished(done, glance)
        return True

    def _started_home(self) -> Home:
        if self._home is None:
            raise RunFailed("the engine started before it had said on which home")
        return self._home

    def _stop_all(self) -> None:
        self._stopping = True
        for child in (self._engine, self._reader):
            if child is not None and not child.stop(STOP_SECONDS):
                self._screen.warn(f"the {child.name} did not stop in {STOP_SECONDS:g} s; killed")
        if self._queries is not None:
            self._queries.close()
        self._screen.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(number: int, frame: FrameType | None) -> None:
            self._stopping = True

        before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            sys.stdout.flush()
