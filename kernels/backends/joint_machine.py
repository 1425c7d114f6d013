"""What a backend must do for accounts on several symbols; the rules are those of `machine`."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from kernels.joint import JointTape

Array = np.ndarray[Any, Any]

RECORDS_PER_BAR = 32  # of a symbol: more than any bar can write


class JointMachine(Protocol):
    """One unit of series for each of S symbols, and accounts that trade on all of them.

    Made from a `joint.JointStep`, constants float64 [1, columns], desk float64 [accounts,
    joint.size(S)] and S.
    """

    device: str  # what it runs on

    def heed(self, controls: Array) -> None:
        """Set every account's control flags, float64 [accounts, 2], for the bars to come."""

    def limit(self, limits: Array) -> None:
        """Set every account's limits, float64 [accounts, len(LIMITS)], for the bars to come."""

    def series(self, symbol: int, candles: Array) -> Array:
        """Take a symbol's strategy bars [m, columns]; give its rows, float64 [rows, m]."""

    def step(self, tape: JointTape, rows: Sequence[Array]) -> Sequence[Array]:
        """Take moments; give each account's records, float64 [n, RECORD_WIDTH], in time order."""

    def state(self) -> Array:
        """The state of the series, float64 [S, slots]."""

    def kept(self) -> Array:
        """What the accounts hold, float64 [accounts, joint.size(S)], their limits included."""

    def restore(self, state: Array, kept: Array) -> None:
        """Go back to what `state()` and `kept()` gave."""


def stacked(rows: Sequence[Array]) -> Array:
    """The symbols' rows as one array, [S, rows, m] with the largest m; what is beyond is unread."""
    length = max(1, *(each.shape[1] for each in rows))
    found = np.zeros((len(rows), max(1, rows[0].shape[0]), length))
    for s, each in enumerate(rows):
        found[s, : each.shape[0], : each.shape[1]] = each
    return found
