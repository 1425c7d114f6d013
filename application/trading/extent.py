"""Which part of a log is run again: up to where, and of which strategies.

Strategies do not look at one another: each has streams and accounts of its own, and what is common
(the home, the market's bars) depends on none of them. So the events of some strategies can be
recomputed without the others, in the same order and to the same bytes.
"""

from collections.abc import Sequence

from msgspec import Struct

from application.ports import LogEntry


class Extent(Struct, frozen=True):
    """A part of a log; without arguments all of it."""

    to: int | None = None  # the last position; None: where the log ends
    strategies: frozenset[str] | None = None  # None: all of them

    def holds(self, entry: LogEntry) -> bool:
        """Tell whether an entry is in this part."""
        return self.reaches(entry.position) and self.concerns(entry.event.stream)

    def reaches(self, position: int) -> bool:
        """Tell whether a position is in this part."""
        return self.to is None or position <= self.to

    def concerns(self, stream: str) -> bool:
        """Tell whether a stream is in this part: a strategy's own, or one of no strategy."""
        if self.strategies is None:
            return True
        owner = strategy_of(stream)
        return owner is None or owner in self.strategies


def strategy_of(stream: str) -> str | None:
    """Tell whose stream this is; None for those of the home and of markets."""
    parts: Sequence[str] = stream.split("/")
    match parts:
        case ["strategy" | "signals", name, *_]:
            return name
        case ["portfolio", "paper", name, *_] | ["portfolio", "live", "sim", name]:
            return name
    return None
