"""What was said of the regimes of a desk's symbols, and of which symbols something is to be said.

Every run reads the same words, as of each close. What is kept is what the log says: a checkpoint
holds no classification, since those are read from their streams again.
"""

from collections.abc import Iterable

from msgspec import Struct

from domain import regime
from domain.event import Event
from domain.regime import CODES, Layered, RegimeClassified
from domain.timeframe import DAY
from kernels.told import Told, told_of

RECENT = 40 * DAY  # a strategy bar that a gap kept open so long is read by the rule

Row = tuple[
    int, int, int
]  # first close (ms) that it holds at, the first at which it no longer does


class Asked(Struct):
    """What is to be classified, and since when: all of it a function of bars and inputs."""

    span: int = -1  # start of the span that was last seen to
    waiting: dict[str, str] = {}  # symbol -> what an operator asked by; "" where it fell due


class Regimes:
    """One desk's. `application.trading.classified` writes events into it."""

    def __init__(self, venue: str, symbols: Iterable[str], base_ms: int) -> None:
        self.venue = venue
        self.symbols = tuple(symbols)
        self.base_ms = base_ms
        self.layered = Layered()
        self.asked = Asked()
        self.versions: dict[str, int] = {}  # symbol -> of its stream
        self.said: dict[str, list[Row]] = {symbol: [] for symbol in self.symbols}

    @property
    def length(self) -> int:
        """How long (ms) what is said holds at most."""
        return max(regime.SPAN, self.base_ms)

    @property
    def waiting(self) -> list[str]:
        """Symbols that wait to be classified, in the order of the markets."""
        return [symbol for symbol in self.symbols if symbol in self.asked.waiting]

    def fall_due(self, at: int) -> None:
        """See what falls due before the bar that opens at `at` (ms), a step being over."""
        if self.layered.layer == "kernel":
            return
        span = regime.until(at, self.base_ms) - self.length
        if span <= self.asked.span:
            return
        self.asked.span = span
        for symbol in self.symbols:
            if not self.holds(symbol, at):
                self.asked.waiting.setdefault(symbol, "")

    def next_due(self) -> int | None:
        """Give the moment (ms) from which on something falls due; None: nothing ever does."""
        if self.layered.layer == "kernel":
            return None
        return 0 if self.asked.span < 0 else self.asked.span + self.length

    def holds(self, symbol: str, at: int) -> bool:
        """Tell whether something is said for the bar that opens at `at` (ms)."""
        said = self.said[symbol]
        return bool(said) and at + 1 < said[-1][1]

    def take(self, event: Event) -> None:
        """Fold one classification; it is over with what waited for it."""
        if not isinstance(event, RegimeClassified):
            return
        self.versions[event.symbol] = event.stream_version
        self.asked.waiting.pop(event.symbol, None)
        add(self.said[event.symbol], row_of(event))

    def recent(self, symbol: str) -> Told:
        """Give what bars to come are read by."""
        said = self.said[symbol]
        since = said[-1][1] - RECENT if said else 0
        first = len(said)
        while first and said[first - 1][1] > since:
            first -= 1
        return told_of(said[first:])

    def told(self) -> tuple[Told, ...]:
        """Give all that was said of each symbol."""
        return tuple(told_of(self.said[symbol]) for symbol in self.symbols)


def row_of(event: RegimeClassified) -> Row:
    """Give the closes that a classification holds at.

    It is there from before the first bar that it holds for, so the first close that can be read by
    it is after its start; the last is that of the bar which ends as it does.
    """
    start = event.occurred_at if event.effective_at is None else event.effective_at
    return start + 1, max(event.until, start) + 1, CODES[event.regime]


def add(said: list[Row], row: Row) -> None:
    """Put a classification behind the others, joined to one that says the same until it begins."""
    while said and said[-1][0] >= row[0]:  # nobody can have read it
        said.pop()
    if said and said[-1][2] == row[2] and said[-1][1] >= row[0]:
        said[-1] = (said[-1][0], row[1], row[2])
    else:
        said.append(row)
