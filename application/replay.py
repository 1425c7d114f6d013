"""Proof that a log follows from its own inputs.

What was decided in the past can be shown to be what this kernel decides from the same bars and
commands: every event is recomputed and held against the log's, byte for byte. The bars are those of
the journal, and only if they are the ones that were sealed.
"""

import os
import time
from collections.abc import Callable, Collection

from msgspec import Struct

from application.ports import BarJournal, LogReader
from application.sealed import changed_day
from application.trading.difference import Difference
from application.trading.extent import Extent
from application.trading.kernel import EngineKernel, Kernel
from application.trading.rebuild import NotReproducible, Replay
from domain.ids import strategy_stream
from domain.limits import Limits, effective

__all__ = ["Difference", "NotReproducible", "Reproduction", "UnknownStrategies", "reproduce"]


class UnknownStrategies(LookupError):
    """The log holds no strategy of that name."""


class PositionInvalid(ValueError):
    """The log has no such position."""


class Reproduction(Struct, frozen=True, kw_only=True):
    """How far a log follows from its inputs."""

    to: int  # the last position compared, where all is equal
    bars: int  # base bars taken
    count: int  # events that were equal
    derived: int  # of them, DERIVED ones; the others are INPUT
    first_difference: Difference | None
    seconds: float


def reproduce(
    log: LogReader,
    journal: BarJournal,
    *,
    kernel: Kernel | None = None,
    limits: Limits | None = None,
    strategies: Collection[str] = (),
    to: int | None = None,
    progress: Callable[[int], None] = lambda position: None,
    holdout: BarJournal | None = None,
) -> Reproduction:
    """Recompute the events of a log from its inputs and its journal's bars, and compare.

    All of them, or up to position `to`, or those of some `strategies` beside the home's and the
    market's own. What the log and the journal gain meanwhile is left out; open the journal after
    the log, so that it holds at least the log's bars. `progress` is told positions; `holdout` holds
    the bars of a sealed end that was opened. Memory does not grow with the log.

    Raises `PositionInvalid`, `UnknownStrategies`, and `NotReproducible` where the log lacks what it
    should be recomputed from.
    """
    began = time.perf_counter()
    extent = extent_of(log, strategies, to)
    changed = changed_bars(log, journal, extent)
    if changed is not None:
        return Reproduction(
            to=extent.to or 0,
            bars=0,
            count=0,
            derived=0,
            first_difference=changed,
            seconds=time.perf_counter() - began,
        )
    replay = Replay(
        log,
        journal,
        kernel or EngineKernel(),
        limits or effective(),
        extent=extent,
        progress=progress,
        threads=os.cpu_count() or 1,
        holdout=holdout,
    )
    replay.run()
    return Reproduction(
        to=extent.to or 0,
        bars=replay.bars,
        count=replay.count,
        derived=replay.derived,
        first_difference=replay.difference,
        seconds=time.perf_counter() - began,
    )


def extent_of(log: LogReader, strategies: Collection[str], to: int | None) -> Extent:
    head = log.head()
    if to is not None and not 1 <= to <= head:
        raise PositionInvalid(f"to was {to}, must be a position of the log, 1 to {head}")
    for name in strategies:
        if next(log.stream(strategy_stream(name)), None) is None:
            prefix = strategy_stream("")
            known = ", ".join(stream.removeprefix(prefix) for stream in log.streams(prefix))
            raise UnknownStrategies(f"strategy was {name!r}, must be one of: {known or 'none'}")
    return Extent(head if to is None else to, frozenset(strategies) or None)


def changed_bars(log: LogReader, journal: BarJournal, extent: Extent) -> Difference | None:
    """Find the first day whose bars in the journal are not those that were sealed."""
    changed = changed_day(log, journal, extent.reaches)
    if changed is None:
        return None
    return Difference(changed.position, changed.sealed, changed.found, str(changed))
