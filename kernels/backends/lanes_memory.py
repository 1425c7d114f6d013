"""Arrays of accounts and instances in groups of eight: one slot of a group is one vector.

The last group is filled up with copies of its last member, which nobody reads.
"""

from typing import Any

import numpy as np

from kernels.printers.lanes_values import LANES
from kernels.stages import Unit

Array = np.ndarray[Any, Any]

LINE = 64  # bytes: every vector lies on its own cache line


def aligned(shape: tuple[int, ...]) -> Array:
    """Doubles that begin on a cache line, with a line around them that a vector may reach into."""
    size = int(np.prod(shape))
    raw = np.empty(size + 3 * LINE // 8)
    start = -raw.ctypes.data % LINE // 8 + LINE // 8
    return raw[start : start + size].reshape(shape)


def grouped(table: Array) -> Array:
    """[n, slots] as [groups, slots, 8]; the last group is filled up with copies."""
    count = -(-len(table) // LANES)
    rows = np.minimum(np.arange(count * LANES), len(table) - 1)
    found = aligned((count, max(1, table.shape[1]), LANES))
    found[:, : table.shape[1]] = table[rows].reshape(count, LANES, -1).transpose(0, 2, 1)
    return found


def flat(groups: Array, count: int) -> Array:
    """[groups, slots, 8] as [count, slots]: what `grouped` was given."""
    return np.array(groups.transpose(0, 2, 1).reshape(-1, groups.shape[1])[:count])


def started(unit: Unit | None, count: int) -> Array:
    """State of `count` instances before their first bar, in groups."""
    initial = unit.initial if unit is not None else ()
    return grouped(np.tile(np.array(initial or (0.0,)), (count, 1)))


def same_columns(table: Array) -> tuple[int, ...]:
    """Columns of which all rows hold the same bits."""
    bits = np.ascontiguousarray(table).view(np.int64)
    return tuple(int(n) for n in np.flatnonzero((bits == bits[0]).all(axis=0)))


def place(array: Array) -> int:
    return int(array.ctypes.data)


def grouped_index(index: Array) -> Array:
    """[accounts] as [groups, 8], filled up like the accounts."""
    count = -(-len(index) // LANES)
    rows = np.minimum(np.arange(count * LANES), len(index) - 1)
    return np.ascontiguousarray(index[rows].reshape(count, LANES).astype(np.int64))
