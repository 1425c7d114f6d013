"""Threads that share a list of jobs: each takes the next one until none is left.

The calling thread works too, so a list costs one wake-up for each other thread, however many jobs
it has.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from itertools import pairwise

Job = Callable[[], None]


class Hands:
    """So many threads, the calling one among them."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.pool = ThreadPoolExecutor(max(1, threads - 1))

    def do(self, jobs: Sequence[Job]) -> None:
        """Until all are done; raises what any of them raised."""
        left = iter(jobs)
        others = [self.pool.submit(work, left) for _ in range(min(self.threads, len(jobs)) - 1)]
        try:
            work(left)
        finally:
            wait(others)
        for done in others:
            done.result()


def work(left: Iterator[Job]) -> None:
    for job in left:
        job()


def cut(count: int, parts: int, job: Callable[[int, int], None]) -> list[Job]:
    """A job for each part of `count` things: told the first of them, and the one after the last."""
    parts = max(1, min(count, parts))
    cuts = [count * n // parts for n in range(parts + 1)]
    return [partial(job, i, j) for i, j in pairwise(cuts)]
