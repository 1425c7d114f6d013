"""What machines and fleets ask of a device that runs printed C, whichever driver is behind it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


PROGRAMS = 64  # that a device keeps ready; a process may see thousands of strategy versions


class DeviceRefused(RuntimeError):
    """A device cannot run kernels, or cannot be trusted with them: which one, and why."""


class Programs(dict[str, Any]):
    """Built programs by source, the latest PROGRAMS of them; a kernel keeps its own alive."""

    def of(self, source: str, build: Callable[[str], Any]) -> Any:
        """Give the program of a source, built the first time."""
        program = self.pop(source, None)
        self[source] = build(source) if program is None else program
        if len(self) > PROGRAMS:
            del self[next(iter(self))]
        return self[source]


class Accelerator(Protocol):
    """A device with memory of its own. Buffers and kernels are opaque; work is done in order."""

    name: str  # platform / device / driver
    memory: int  # bytes
    largest: int  # bytes of one buffer
    is_gpu: bool  # not the processor itself

    def kernel(self, source: str, name: str) -> Any:
        """Build a source and give one of its kernels; raises DeviceRefused."""

    def buffer(self, size: int) -> Any:
        """Set aside at least `size` bytes."""

    def write(self, buffer: Any, array: Array) -> None:
        """Copy an array to the beginning of a buffer."""

    def read(self, buffer: Any, array: Array, offset: int = 0) -> None:
        """Fill an array from a buffer, `offset` bytes in, when all work before is done."""

    def launch(self, kernel: Any, items: int, arguments: Sequence[Any]) -> None:
        """Start a kernel over 0 … items − 1; whole numbers among the arguments are 64 bits wide."""
