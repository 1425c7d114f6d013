"""The parts of a sweep: what its finished batches gave, and what a stopped one held.

A part that is not what it was when it was kept is as good as none: its batch is run again, and
gives the same bytes.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from msgspec import Struct

from application.ports import SweepColumn, SweepParts
from application.sweep_results import SweepRow, columns_of, row_of
from kernels.sweep.cut import Cut, CutInvalid
from kernels.sweep.figures import FIGURES, best, rank
from kernels.sweep.run import Finished, Sweep

Array = np.ndarray[Any, Any]

HEAD = struct.Struct("<d32sH")  # of a finished batch: seconds, sha256 of the rest, bytes of device
STOPPED = "stopped"  # the part of the batch that was stopped


class SweepStopped(Exception):
    """The sweep was asked to stop; what is finished is kept."""


class Summed(Struct, frozen=True):
    """What all parts come to."""

    seconds: float
    device: str
    state_digest: str
    top: tuple[SweepRow, ...]


class Kept:
    """A sweep and the parts that hold what it gave."""

    def __init__(self, parts: SweepParts, running: Sweep) -> None:
        self.parts = parts
        self.running = running

    def run_all(self, stop: Callable[[], bool], progress: Callable[[int], None]) -> None:
        """Run every batch that is not there yet. Raises SweepStopped."""
        for number in range(self.running.batches):
            if self.finished(number) is not None:
                progress(self.running.size(number) * self.running.bars)
                continue
            if stop():
                raise self.stopped(number)
            done = self.run_one(number, stop, progress)
            if isinstance(done, Cut):
                self.parts.write(STOPPED, done.data)
                raise self.stopped(number)
            self.parts.write(part_name(number), packed(done))
            self.parts.drop(STOPPED)

    def run_one(
        self, number: int, stop: Callable[[], bool], progress: Callable[[int], None]
    ) -> Finished | Cut:
        left = self.parts.read(STOPPED)
        if left is not None:
            try:
                return self.running.run(number, Cut(left), stop, progress)
            except CutInvalid:  # of a batch that was finished since, or torn: from its first bar
                self.parts.drop(STOPPED)
        return self.running.run(number, None, stop, progress)

    def stopped(self, number: int) -> SweepStopped:
        return SweepStopped(
            f"stopped with {number} of {self.running.batches} batches finished; the same command"
            " goes on from there"
        )

    def finished(self, number: int) -> Finished | None:
        """What a batch gave; None where it is not there, or not what it was."""
        content = self.parts.read(part_name(number))
        return None if content is None else unpacked(content)

    def all(self) -> Iterator[tuple[int, Mapping[str, Array], Finished]]:
        """The first id, the parameters and the figures of every batch, in order."""
        for number in range(self.running.batches):
            done = self.finished(number)
            if done is None:
                raise OSError(f"{part_name(number)} of the sweep was there and is gone or changed")
            yield number * self.running.plan.batch, self.running.table(number), done

    def columns(self) -> Iterator[list[SweepColumn]]:
        """All results as columns, a batch at a time."""
        whole = {p.name: p.integer for p in self.running.program.parameters}
        for first, table, done in self.all():
            yield columns_of(first, table, whole, done.figures)

    def summed(self, top: int) -> Summed:
        """Sum up what the parts hold."""
        seconds, total, devices = 0.0, hashlib.sha256(), {}
        leading: list[tuple[float, SweepRow]] = []
        for first, table, done in self.all():
            seconds += done.seconds
            devices[done.device] = True
            total.update(np.ascontiguousarray(done.figures["digest"]).tobytes())
            net = rank(done.figures)
            for at in best(done.figures, top):
                chosen = {name: float(values[at]) for name, values in table.items()}
                row = row_of(first + int(at), chosen, done.figures[at])
                leading.append((float(net[at]), row))
            leading = sorted(leading, key=lambda pair: (-pair[0], pair[1].id))[:top]
        return Summed(
            seconds=seconds,
            device="; ".join(devices),
            state_digest=total.hexdigest(),
            top=tuple(row for _, row in leading),
        )


def part_name(number: int) -> str:
    return f"batch-{number:06d}"


def packed(done: Finished) -> bytes:
    device = done.device.encode()
    body = device + done.figures.tobytes()
    return HEAD.pack(done.seconds, hashlib.sha256(body).digest(), len(device)) + body


def unpacked(content: bytes) -> Finished | None:
    if len(content) < HEAD.size:
        return None
    seconds, checksum, width = HEAD.unpack_from(content)
    body = content[HEAD.size :]
    if hashlib.sha256(body).digest() != checksum:
        return None
    return Finished(np.frombuffer(body, FIGURES, offset=width), seconds, body[:width].decode())
