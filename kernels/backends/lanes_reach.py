"""How groups of accounts reach the shared rows they read: one instance, neighbours, or any.

Rows of a unit lie [groups, bars, rows, 8]. Accounts stand sorted by what they share, so a group
mostly reads one instance, or two; or neighbours do read neighbouring instances, and a few vectors
laid over one another hold them all.
"""

from typing import Any

import numpy as np

from kernels.backends.lanes_memory import grouped_index
from kernels.printers.lanes import MASKS
from kernels.printers.lanes_frames import MOST_PIECES, Reach
from kernels.printers.lanes_values import LANES

Array = np.ndarray[Any, Any]

SPAN = 2 * LANES  # a run may begin up to seven lanes before its group, and as many after


class Pieces:
    """Where the pieces of a unit's rows begin for every group, and which lanes each has.

    `index` [accounts] are the accounts' instances, of any of which the last group's empty lanes
    may read the rows.
    """

    def __init__(self, index: Array) -> None:
        lanes = np.arange(LANES)
        groups = grouped_index(index)
        rows = groups // LANES * SPAN + groups % LANES
        empty = np.arange(rows.size).reshape(rows.shape) >= len(index)
        alike, beside = (np.where(empty, k[:, :1], k) for k in (rows, rows - lanes))
        self.reach, keys = Reach("row", most(alike)), alike
        if most(beside) < self.reach.pieces:
            self.reach, keys = Reach("run", most(beside)), beside
        if self.reach.pieces > MOST_PIECES:
            self.reach, keys = Reach("each", LANES), rows
        self.keys = keys[:, : self.reach.pieces].copy()
        self.masks = np.zeros(rows.shape, np.int64)
        if self.reach.kind == "each":
            return
        left = np.ones(rows.shape, bool)
        for piece in range(self.reach.pieces):
            # a group with fewer pieces has the first once more, for no lane
            first = left.argmax(axis=1)[:, np.newaxis]
            self.keys[:, piece] = np.take_along_axis(keys, first, axis=1)[:, 0]
            its = left & (keys == self.keys[:, piece : piece + 1])
            self.masks[:, MASKS + piece] = (its << lanes).sum(axis=1)
            left &= ~its

    def table(self, stride: int) -> Array:
        """[groups, 8] for a step: where pieces begin in rows of `stride` doubles a group."""
        table = self.masks.copy()
        # the lanes before a group's first count down from it
        within = (self.keys + LANES - 1) % SPAN - (LANES - 1)
        table[:, : self.keys.shape[1]] = (self.keys - within) // SPAN * stride + within
        return table


def most(keys: Array) -> int:
    """The most distinct values that a group has."""
    return int((np.diff(np.sort(keys, axis=1), axis=1) != 0).sum(axis=1).max(initial=0)) + 1
