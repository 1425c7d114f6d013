"""Where a log and what its own inputs give part.

Two events are equal when their stored bytes are: a figure that merely compares equal is not enough.
"""

from msgspec import Struct
from msgspec.json import encode

from domain.event import Event
from domain.ids import step_bar


def same(recorded: Event, replayed: Event) -> bool:
    """Tell whether two events are of one type and the same bytes."""
    return type(recorded) is type(replayed) and encode(recorded) == encode(replayed)


class Difference(Struct, frozen=True):
    """The first place where log and replay part."""

    position: int  # in the log, 1, 2, 3 …
    recorded: Event
    replayed: Event | None  # None: the replay gives no further event
    why: str = ""  # where the cause is known

    @property
    def bar(self) -> int:
        """Open of the base bar in whose step it is (ms), or from which an input acts."""
        event = self.recorded
        step = step_bar(event.correlation_id)
        return step if step is not None else event.effective_at or event.occurred_at

    def __str__(self) -> str:
        why = f"; {self.why}" if self.why else ""
        return (
            f"event {self.position} of the log is {named(self.recorded)}, "
            f"but its inputs give {named(self.replayed)}{why}"
        )


def named(event: Event | None) -> str:
    return "nothing" if event is None else f"{event.event_id} {encode(event).decode()}"
