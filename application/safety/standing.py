"""Which of its accounts' entries a strategy's inputs allow, bar by bar, and when all is closed.

Folded from the strategy's own stream: an input counts from the bar it takes effect at, what follows
from it from the moment it happened.
"""

from collections.abc import Iterator

from domain.event import Event
from domain.strategy.state import Strategy, evolve


class Standing:
    """One account's strategy, up to the bar it was last asked about."""

    def __init__(self, stream: str, events: Iterator[Event], version: str, live: bool) -> None:
        self.state = Strategy(stream=stream)
        self.events = events
        self.version = version
        self.live = live
        self.next = next(events, None)

    def reach(self, bar: int) -> None:
        """Come to the bar that opens at `bar`."""
        while self.next is not None and moment(self.next) <= bar:
            self.state = evolve(self.state, self.next)
            self.next = next(self.events, None)

    @property
    def flattened(self) -> bool:
        """Whether whatever the account holds is to be closed at the open."""
        return self.state.flat or (self.live and self.state.live != self.version)

    @property
    def entries_off(self) -> bool:
        """Whether the inputs allow no entry."""
        if self.flattened or self.state.status in ("paused", "retired"):
            return True
        version = self.state.find(self.version)
        return self.live and (version is None or version.rejected)


def moment(event: Event) -> int:
    return event.occurred_at if event.effective_at is None else event.effective_at
