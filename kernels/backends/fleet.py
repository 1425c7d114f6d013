"""What a backend must do for a sweep: step many accounts, each with parameters of its own.

Series that few parameters decide are computed once per distinct choice of them and read by all the
accounts that made it; the others are computed beside the account. The bits are the same, and so are
those of a machine that runs one of the accounts alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from kernels.stages import TAPE, Step

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Muster:
    """The accounts of a fleet before their first bar.

    For every shared unit of the step, in order: the constants of its instances, float64
    [instances, columns], and which instance each account reads, int64 [accounts].
    """

    step: Step
    constants: Array  # float64 [accounts, columns]
    desk: Array  # float64 [accounts, KEPT]
    instances: Sequence[Array]
    index: Sequence[Array]


class Fleet(Protocol):
    """Many accounts of one strategy, stepped together over the same bars."""

    device: str  # what it runs on

    def run(self, tape: Array, candles: Array, start: int, stop: int) -> None:
        """Take the base bars start … stop − 1 of the tape, wherever the run before ended.

        `tape` and `candles` are those of the whole data (or of a part that begins where the first
        call began); the tape's `index` and `wake` count within them.
        """

    def kept(self) -> Array:
        """What the accounts hold, float64 [accounts, KEPT]."""

    def state(self) -> bytes:
        """All that the next bar depends on."""

    def restore(self, data: bytes) -> None:
        """Go back to what `state()` gave; raises ValueError for state of another shape."""


def strategy_bars(tape: Array, start: int, stop: int) -> tuple[int, int]:
    """The strategy bars [b0, b1) that close within the base bars [start, stop) of a tape."""
    closed = tape[start:stop, TAPE["closed"]]
    at = np.flatnonzero(closed)
    if len(at) == 0:
        return 0, 0
    first, last = start + at[0], start + at[-1]
    begin = tape[first, TAPE["index"]] + 1 - tape[first, TAPE["closed"]]
    return int(begin), int(tape[last, TAPE["index"]]) + 1


def parts_of(data: bytes, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Cut the bytes of a fleet's state into its arrays; raises ValueError for another size."""
    values = np.frombuffer(data)
    sizes = [prod(shape) for shape in shapes]
    if len(values) != sum(sizes):
        raise ValueError(f"state held {len(values)} numbers, must be {sum(sizes)}")
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
