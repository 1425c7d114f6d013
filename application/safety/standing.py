"""Which of its accounts' entries a strategy's inputs allow, bar by bar, and when all is closed.

Folded from the strategy's own stream: an input counts from the bar it takes effect at, what follows
from it from the moment it happened. The live account is one version's after another: when another
goes live, what is held is closed first.
"""

from collections.abc import Iterator

from domain.event import Event
from domain.ids import step_bar
from domain.strategy.state import Strategy, evolve


class Standing:
    """One account's strategy, up to the bar it was last asked about."""

    def __init__(self, stream: str, events: Iterator[Event], version: str, live: bool) -> None:
        self.state = Strategy(stream=stream)
        self.events = events
        self.version = version  # whose account it is now
        self.live = live
        self.next = next(events, None)

    def reach(self, bar: int) -> None:
        """Come to the bar that opens at `bar`."""
        while self.next is not None and moment(self.next) <= bar:
            self.state = evolve(self.state, self.next)
            self.next = next(self.events, None)

    def settle(self, bar: int, *, flat: bool) -> None:
        """Come to the end of the step of `bar`: a live account that is flat may change hands."""
        while self.next is not None and step_bar(self.next.correlation_id) == bar:
            self.reach(moment(self.next))
        if self.live and self.state.live and flat:
            self.version = self.state.live

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
        return self.judged or (self.live and (version is None or version.rejected))

    @property
    def judged(self) -> bool:
        """Whether a paper account's version was replaced and enters nothing more."""
        version = self.state.find(self.version)
        if version is None or self.live:
            return False
        replaced = self.version not in (self.state.champion, self.state.live)
        return version.retired or (version.rejected and replaced)


def moment(event: Event) -> int:
    return event.occurred_at if event.effective_at is None else event.effective_at
