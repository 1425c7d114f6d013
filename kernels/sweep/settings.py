"""What a sweep is run under, and how: only the first can change a result."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import fold
from kernels.program import Program
from kernels.sweep.plan import DEFAULT_MEMORY, Share
from kernels.timeline import first_bad, refuse

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Settings:
    """What is the same for all sets of a sweep."""

    market: Array  # one row of dtypes.MARKET
    limits: Array  # one row of dtypes.LIMITS
    leverage: int
    capital: float  # 1e-8 quote
    base_ms: int


@dataclass(frozen=True)
class Ways:
    """How to run a sweep: nothing here changes a bit of its results."""

    backend: str = "auto"  # of kernels.fleets
    threads: int = 1
    memory: int = DEFAULT_MEMORY  # bytes, for the whole process
    share: Share = "auto"
    skips: bool = True  # where it is proved
    batch: int | None = None  # accounts, at most
    tile: int | None = None  # base bars, at most
    collected: bool = False  # whether the figures of all batches stay in memory


def check_bars(program: Program, bars: Array, base_ms: int) -> None:
    """Raise ValueError for bars that cannot be traded on."""
    if program.timeframe_ms % base_ms:
        raise ValueError(
            f"timeframe of {program.name} was {program.timeframe}, must be a multiple of the"
            f" base bars' {base_ms // 1000} s"
        )
    if len(bars) == 0:
        raise ValueError("bars were none, must be at least one")
    if bars["timestamp"][0] < 0:
        raise ValueError(f"first bar was at {bars['timestamp'][0]}, must not be before 1970")
    bad = first_bad(bars)
    if bad >= 0:
        refuse(bars, bad)


def known_fields(settings: Settings) -> fold.Known:
    """What the step of every account has in common, as numbers."""
    known = {("account", "leverage"): float(settings.leverage)}
    known |= {("control", name): 0.0 for name in ("entries_off", "flatten")}
    for record, row in (("market", settings.market), ("limits", settings.limits)):
        known |= {(record, name): float(row[name][0]) for name in row.dtype.names or ()}
    return known
