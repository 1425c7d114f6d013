"""What a backend must do: run the series and the accounts of one version, and hand back all bits.

Every machine holds the state of one unit of series and of its accounts, and gives the same bytes as
every other, wherever a run is cut. The runner feeds it blocks; nothing else knows which one it is.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

RECORDS_PER_BAR = 32  # more than any bar can write


class Machine(Protocol):
    """One unit of series and some accounts that trade on it, all of one parameter set.

    Made from a step that emits (`stages.whole`), constants float64 [1, columns] and desk float64
    [accounts, len(DESK)].
    """

    device: str  # what it runs on

    def heed(self, controls: Array) -> None:
        """Set every account's control flags, float64 [accounts, 2], for the bars to come."""

    def limit(self, limits: Array) -> None:
        """Set every account's limits, float64 [accounts, len(LIMITS)], for the bars to come."""

    def series(self, candles: Array) -> Array:
        """Take strategy bars [m, columns]; give the unit's rows, float64 [rows, m]."""

    def step(self, tape: Array, rows: Array) -> Sequence[Array]:
        """Take base bars; give each account's records, float64 [n, RECORD_WIDTH], in time order."""

    def state(self) -> Array:
        """The state of the series, float64 [slots]."""

    def kept(self) -> Array:
        """What the accounts hold, float64 [accounts, KEPT]."""

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to what `state()` and `kept()` gave."""
