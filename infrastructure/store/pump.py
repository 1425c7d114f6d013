"""The queue between whoever submits and the one thread that writes.

Batches that wait together commit together (group commit): one fsync for many. The queue is bounded,
so a writer that falls behind slows its callers down instead of filling memory. Order is kept: what
was submitted first is durable first.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from application.ports import Batch

MOST_WAITING = 64  # batches in the queue before `submit` blocks
MOST_EVENTS = 20_000  # events in the queue before `submit` blocks
GROUP_EVENTS = 4_096  # a transaction takes batches until it holds so many events


class Job(NamedTuple):
    batch: Batch
    future: "Future[int]"


class Pump:
    """Hand groups of jobs to `write`, on a thread of its own.

    `write` must settle every future and raise nothing; should it raise all the same, the futures of
    its group get the exception.
    """

    def __init__(self, write: Callable[[Sequence[Job]], None]) -> None:
        self._write = write
        self._waiting: deque[Job] = deque()
        self._events = 0
        self._changed = threading.Condition()
        self._closing = False
        self._writing = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> "Future[int] | None":
        """Queue a batch, blocking while the queue is full; None once the pump is closing.

        The writer's own thread (a future's callback) is never blocked, since nobody else could make
        room.
        """
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()  # a batch on its way cannot be called back
        with self._changed:
            while self._full() and not self._closing:
                self._changed.wait()
            if self._closing:
                return None
            self._waiting.append(Job(batch, future))
            self._events += len(batch.events)
            self._changed.notify_all()
        return future

    def run(self, batch: Batch) -> "Future[int] | None":
        """Write a batch by the calling thread where nothing is before it, else queue it.

        Two thread switches cost as much as a commit on a quick disk. None once the pump is closing.
        """
        with self._changed:
            idle = not (self._waiting or self._writing or self._closing)
            self._writing = self._writing or idle
        if not idle:
            return self.submit(batch)
        own: Future[int] = Future()
        own.set_running_or_notify_cancel()
        self._settle([Job(batch, own)])
        return own

    def close(self) -> None:
        """Write what waits, then stop. May be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _full(self) -> bool:
        if threading.current_thread() is self._thread:
            return False
        return len(self._waiting) >= MOST_WAITING or self._events >= MOST_EVENTS

    def _run(self) -> None:
        while group := self._next_group():
            self._settle(group)

    def _settle(self, group: Sequence[Job]) -> None:
        try:
            self._write(group)
        except BaseException as error:
            for job in group:
                if not job.future.done():
                    job.future.set_exception(error)
        finally:
            with self._changed:
                self._writing = False
                if self._waiting or self._closing:  # waking a thread for nothing costs 40 µs
                    self._changed.notify_all()

    def _next_group(self) -> list[Job]:
        group: list[Job] = []
        with self._changed:
            while self._writing or not (self._waiting or self._closing):
                self._changed.wait()
            events = 0
            while self._waiting and events < GROUP_EVENTS:
                job = self._waiting.popleft()
                group.append(job)
                events += len(job.batch.events)
            self._events -= events
            self._writing = bool(group)
            self._changed.notify_all()
        return group
