"""How far equity fell from its own peak, how long that lasted, and where it stood each time.

A fall is told as a fraction of the peak it fell from. The finer the curve, the deeper the falls it
shows, so every figure is one of a curve, and says of which.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """The deepest fall of a curve, as a fraction of its peak, and the longest. Times are ms UTC."""

    fraction: float  # (peak − trough) / peak
    peak_at: int  # when equity last stood at that peak
    trough_at: int
    recovered_at: int | None  # when it first stood there again; None: not by the end
    duration_ms: int  # from the peak to the recovery, or to the end
    longest_ms: int  # longest time below a peak, of any fall, likewise


def falls(equity: Array) -> Array:
    """Give (peak so far − equity) / peak so far, ≥ 0; equity must begin above 0."""
    peaks = np.maximum.accumulate(equity)
    fallen: Array = (peaks - equity) / peaks
    return fallen


def drawdown(at: Array, equity: Array) -> Drawdown | None:
    """Look for the deepest fall of a curve: times (ms, ascending) and equity; None without one.

    Of equally deep falls the first counts. Raises ValueError for a curve that does not begin above
    0: nothing can be told as a fraction of such a peak.
    """
    if len(at) != len(equity):
        raise ValueError(f"at and equity were {len(at)} and {len(equity)} long, must be equally so")
    if len(equity) and not equity[0] > 0:
        raise ValueError(f"equity began at {equity[0]}, must be above 0")
    fallen = falls(equity)
    if not np.any(fallen > 0):
        return None
    trough = int(np.argmax(fallen))
    peaks, recoveries = episodes(fallen > 0)
    ends = np.where(recoveries < len(at), recoveries, len(at) - 1)
    episode = int(np.searchsorted(peaks, trough, side="right")) - 1
    lasted = at[ends] - at[peaks]
    recovery = int(recoveries[episode])
    return Drawdown(
        fraction=float(fallen[trough]),
        peak_at=int(at[peaks[episode]]),
        trough_at=int(at[trough]),
        recovered_at=int(at[recovery]) if recovery < len(at) else None,
        duration_ms=int(lasted[episode]),
        longest_ms=int(lasted.max()),
    )


def episodes(below: Array) -> tuple[Array, Array]:
    """Where each time below a peak began (at the peak) and ended; the length where it did not."""
    edges = np.diff(below.astype(np.int8), append=0)
    peaks = np.flatnonzero(edges > 0)
    recoveries = np.flatnonzero(edges < 0) + 1
    return peaks, recoveries
