"""The queue keeps order, groups what waits, and bounds what it holds."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from application.ports import Batch
from infrastructure.store.pump import MOST_EVENTS, MOST_WAITING, Job, Pump
from tests.store_samples import marks

BATCH = Batch(events=marks(1, 2))


class Writer:
    """Settles each job with its turn; holds every group back while the gate is shut."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def write(self, jobs: Sequence[Job]) -> None:
        assert self.gate.wait(10)
        done = sum(self.groups)
        self.groups.append(len(jobs))
        for turn, job in enumerate(jobs, start=done + 1):
            job.future.set_result(turn)


def wait_until(pump: Pump, enough: Callable[[int], bool]) -> None:
    deadline = time.monotonic() + 10
    while not enough(len(pump._waiting)):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_pump_when_batches_wait_together_then_writes_them_together_in_order() -> None:
    writer = Writer()
    pump = Pump(writer.write)
    writer.gate.clear()
    futures = [pump.submit(BATCH) for _ in range(20)]
    writer.gate.set()
    assert [future.result(10) for future in futures if future] == list(range(1, 21))
    assert len(writer.groups) <= 2
    pump.close()


def test_pump_when_idle_then_run_writes_on_the_calling_thread() -> None:
    threads: list[str] = []

    def write(jobs: Sequence[Job]) -> None:
        threads.append(threading.current_thread().name)
        for job in jobs:
            job.future.set_result(1)

    pump = Pump(write)
    future = pump.run(BATCH)
    assert future is not None
    assert future.done()
    assert threads == [threading.current_thread().name]
    pump.close()


def test_pump_when_something_waits_then_run_takes_its_turn() -> None:
    writer = Writer()
    pump = Pump(writer.write)
    writer.gate.clear()
    first = [pump.submit(BATCH) for _ in range(5)]
    last = pump.run(BATCH)
    assert last is not None
    assert not last.done()
    writer.gate.set()
    assert last.result(10) == 6
    assert [future.result(10) for future in first if future] == [1, 2, 3, 4, 5]
    pump.close()


@pytest.mark.parametrize(
    ("batch", "fits"),
    [(BATCH, MOST_WAITING), (Batch(events=marks(1, 3000)), -(-MOST_EVENTS // 3000))],
)
def test_pump_when_full_then_submit_blocks_until_there_is_room(batch: Batch, fits: int) -> None:
    writer = Writer()
    pump = Pump(writer.write)
    writer.gate.clear()
    pump.submit(batch)
    deadline = time.monotonic() + 10
    while pump._waiting:  # the first is being written, and held there
        assert time.monotonic() < deadline
        time.sleep(0.001)
    for _ in range(fits):
        pump.submit(batch)

    late = threading.Thread(target=pump.submit, args=(batch,))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    assert len(pump._waiting) == fits

    writer.gate.set()
    late.join(10)
    assert not late.is_alive()
    pump.close()
    assert sum(writer.groups) == fits + 2


def test_pump_when_callback_submits_while_full_then_does_not_deadlock() -> None:
    writer = Writer()
    pump = Pump(writer.write)
    writer.gate.clear()
    first = pump.submit(BATCH)
    assert first is not None
    followed = threading.Event()
    first.add_done_callback(lambda _: (pump.submit(BATCH), followed.set()))  # type: ignore[func-returns-value]
    wait_until(
        pump, lambda waiting: waiting == 0
    )  # the writer has taken it, and stands at the gate
    filler = threading.Thread(target=lambda: [pump.submit(BATCH) for _ in range(MOST_WAITING)])
    filler.start()
    wait_until(pump, lambda waiting: waiting >= MOST_WAITING - 1)
    writer.gate.set()
    assert followed.wait(10)
    filler.join(10)
    pump.close()
    assert sum(writer.groups) == MOST_WAITING + 2


def test_pump_when_closed_then_writes_what_waits_and_takes_no_more() -> None:
    writer = Writer()
    pump = Pump(writer.write)
    writer.gate.clear()
    futures = [pump.submit(BATCH) for _ in range(10)]
    writer.gate.set()
    pump.close()
    pump.close()
    assert all(future is not None and future.done() for future in futures)
    assert pump.submit(BATCH) is None
    assert pump.run(BATCH) is None


def test_pump_when_writer_breaks_then_its_futures_raise_and_the_pump_goes_on() -> None:
    calls = []

    def write(jobs: Sequence[Job]) -> None:
        calls.append(len(jobs))
        if len(calls) == 1:
            raise MemoryError("no room")
        for job in jobs:
            job.future.set_result(1)

    pump = Pump(write)
    broken = pump.submit(BATCH)
    assert broken is not None
    with pytest.raises(MemoryError):
        broken.result(10)
    after = pump.submit(BATCH)
    assert after is not None
    assert after.result(10) == 1
    pump.close()
