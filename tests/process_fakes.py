"""Stand-ins at the engine's ports: a feed of numbered bars and a trader that records its calls."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from application.engine_port import Command, CommandReply
from application.ports import BAR, FeedDescription, FeedFinished, Stretch

MINUTE = 60_000


class NumberedFeed:
    """`count` one-minute bars, the first at 0; `ready` may withhold those after a time."""

    def __init__(self, count: int, ready: Callable[[], int] | None = None) -> None:
        self.count = count
        self.ready = ready
        self.closed = False
        self.largest = 0  # most bars asked for at once

    def describe(self) -> FeedDescription:
        return FeedDescription(
            feed="synthetic", venue="fake", timeframe="1m", data_digest="numbers", instruments=()
        )

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        self.largest = max(self.largest, limit)
        first = after // MINUTE + 1 if after >= 0 else 0
        if first >= self.count:
            raise FeedFinished
        end = min(first + limit, self.count)
        if self.ready is not None:
            end = min(end, self.ready())
        bars = np.zeros(max(0, end - first), BAR)
        bars["timestamp"] = np.arange(first, first + len(bars)) * MINUTE
        return (bars,)

    def close(self) -> None:
        self.closed = True


class RecordingTrader:
    """Accepts every step; its futures are completed by `commit`, at once if `eager`."""

    def __init__(self, *, eager: bool = True) -> None:
        self.eager = eager
        self.last_bar: int | None = None
        self.durable_bars = 0
        self.pending: list[tuple[int, Future[int]]] = []
        self.most_pending = 0
        self.calls: list[str] = []
        self.changed = threading.Condition()
        self.failure: Exception | None = None

    def step(self, stretch: Stretch) -> "Future[int]":
        (bars,) = stretch
        time.sleep(0.0005)  # a step takes its time, and lets other threads have theirs
        done: Future[int] = Future()
        with self.changed:
            self.calls.append(f"step {len(bars)}")
            self.last_bar = int(bars["timestamp"][-1])
            self.pending.append((len(bars), done))
            self.most_pending = max(self.most_pending, len(self.pending))
            self.changed.notify_all()
        if self.eager:
            self.commit()
        return done

    def commit(self) -> None:
        """Make the oldest pending block durable, or fail it."""
        with self.changed:
            count, done = self.pending.pop(0)
            if self.failure is None:
                self.durable_bars += count
        if self.failure is not None:
            done.set_exception(self.failure)
        else:
            done.set_result(self.durable_bars)

    def tend(self) -> None:
        """Nobody writes anything here."""

    def execute(self, command: Command) -> CommandReply:
        with self.changed:
            self.calls.append(f"{command.name} {command.strategy}")
            self.changed.notify_all()
        return CommandReply(accepted=True, position=self.durable_bars + 1)


def pause(command_id: str = "c1") -> Command:
    """A command like any other."""
    return Command(name="pause", strategy="vwap", actor="operator:test", command_id=command_id)
