"""Hand-written stand-ins at the ports, for tests that need no disk or no engine."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import reduce
from hashlib import sha256

from application.engine_port import Command, CommandReply, EngineUnavailable
from application.ports import (
    Batch,
    Checkpoint,
    Conflict,
    Fold,
    Folded,
    LogEntry,
    LogFailed,
    State,
)
from domain.event import Event

FIRST_RECORDED_AT = 1_700_000_000_000_000  # µs; one µs more per event, so that runs are equal


class MemoryLog:
    """The whole EventLog port in memory: what is submitted is durable at once."""

    def __init__(self, events: Sequence[Event] = ()) -> None:
        self.entries: list[LogEntry] = []
        self.by_stream: dict[str, list[Event]] = defaultdict(list)
        self.by_correlation: dict[str, list[LogEntry]] = defaultdict(list)
        self.blobs: dict[str, bytes] = {}
        self.saved: Checkpoint | None = None
        self.closed = False
        if events:
            self.append(Batch(events=events))

    def submit(self, batch: Batch) -> "Future[int]":
        future: Future[int] = Future()
        try:
            future.set_result(self.append(batch))
        except (Conflict, LogFailed) as error:
            future.set_exception(error)
        return future

    def append(self, batch: Batch) -> int:
        if self.closed:
            raise LogFailed("the log is closed")
        self.refuse_conflicts(batch.events)
        for digest, content in batch.blobs.items():
            if sha256(content).hexdigest() != digest:
                raise LogFailed(f"blob {digest} is not the sha256 of its content")
        self.blobs.update(batch.blobs)
        for event in batch.events:
            position = len(self.entries) + 1
            entry = LogEntry(position, FIRST_RECORDED_AT + position, event)
            self.entries.append(entry)
            self.by_stream[event.stream].append(event)
            self.by_correlation[event.correlation_id].append(entry)
        if batch.checkpoint is not None:
            self.saved = batch.checkpoint
        return len(self.entries)

    def refuse_conflicts(self, events: Sequence[Event]) -> None:
        reached: dict[str, int] = {}
        for event in events:
            found = reached.get(event.stream, len(self.by_stream.get(event.stream, ())))
            if event.stream_version != found + 1:
                raise Conflict(
                    f"{event.stream} is at version {found}, expected {event.stream_version - 1}"
                )
            reached[event.stream] = event.stream_version

    def head(self) -> int:
        return len(self.entries)

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[LogEntry]:
        return self.entries[after : after + limit]

    def stream(self, stream: str, after: int = 0) -> Iterator[Event]:
        return iter(self.by_stream.get(stream, [])[after:])

    def correlated(self, correlation_id: str) -> Sequence[LogEntry]:
        return tuple(self.by_correlation.get(correlation_id, ()))

    def streams(self, prefix: str) -> Sequence[str]:
        return sorted(name for name in self.by_stream if name.startswith(prefix))

    def blob(self, sha256: str) -> bytes:
        return self.blobs[sha256]

    def load(self, stream: str, fold: Fold[State]) -> Folded[State]:
        events = self.by_stream.get(stream, [])
        return Folded(stream, len(events), reduce(fold.evolve, events, fold.initial))

    def checkpoint(self) -> Checkpoint | None:
        return self.saved

    def close(self) -> None:
        self.closed = True


class ScriptedEngine:
    """An engine that answers as told, and remembers what it was asked.

    `replies` maps a command name to its reply; a name without one finds no engine running.
    """

    def __init__(self, replies: dict[str, CommandReply] | None = None) -> None:
        self.replies = replies or {}
        self.asked: list[Command] = []

    def send(self, command: Command) -> CommandReply:
        self.asked.append(command)
        if command.name not in self.replies:
            raise EngineUnavailable("no engine is running on this home")
        return self.replies[command.name]
