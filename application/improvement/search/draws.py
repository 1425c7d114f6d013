"""Draws of a search: counted, so that the same brief gives the same draws on every machine.

Uniform numbers are those of `kernels.sweep.sets`: SplitMix64 at a counter, of a stream keyed by a
seed and a name. Only arithmetic that every machine rounds alike is done with them.
"""

import numpy as np

from kernels.sweep.sets import mixed, stream


class Draws:
    """One stream of draws."""

    def __init__(self, seed: int, name: str) -> None:
        self._stream = stream(seed, name)
        self._count = 0

    def uniform(self) -> float:
        """Draw a number from 0 up to, not including, 1."""
        drawn = mixed(self._stream, np.array([self._count]))
        self._count += 1
        return float(drawn[0]) * 2.0**-53

    def below(self, count: int) -> int:
        """Draw a whole number from 0 to count − 1."""
        return min(int(self.uniform() * count), count - 1)

    def order(self, count: int) -> list[int]:
        """Draw an order: 0 … count − 1, shuffled."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order
