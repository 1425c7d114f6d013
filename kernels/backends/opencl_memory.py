"""Tables on a device: neighbours in a column are neighbours in memory, so that work items that run
together read together.
"""

from typing import Any

import numpy as np

from kernels.backends.opencl_accelerator import Accelerator

Array = np.ndarray[Any, Any]


class Held:
    """A table [n, slots] that lives on the device as [slots][n]."""

    def __init__(self, on: Accelerator, table: Array) -> None:
        self.on = on
        self.shape = table.shape
        self.buffer = on.buffer(table.nbytes)
        self.put(table)

    def put(self, table: Array) -> None:
        self.on.write(self.buffer, np.ascontiguousarray(table.T))

    def get(self) -> Array:
        columns = np.empty(self.shape[::-1])
        self.on.read(self.buffer, columns)
        return np.ascontiguousarray(columns.T)


class Space:
    """Room on the device that grows when more is asked for."""

    def __init__(self, on: Accelerator) -> None:
        self.on = on
        self.size = -1
        self.buffer: Any = None

    def of(self, size: int) -> Any:
        if size > self.size:
            self.buffer = None  # given back before more is taken
            self.buffer, self.size = self.on.buffer(size), size
        return self.buffer

    def holding(self, array: Array) -> Any:
        buffer = self.of(array.nbytes)
        self.on.write(buffer, array)
        return buffer


def kept_on(on: Accelerator, table: Array) -> Any:
    """A table [n, columns] (or a list [n]) that is never read back, as [columns][n]."""
    buffer = on.buffer(table.nbytes)
    on.write(buffer, np.ascontiguousarray(table.T))
    return buffer
