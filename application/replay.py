"""Proof that a log follows from its own inputs.

What was decided in the past can be shown to be what this kernel decides from the same bars and
commands: every event is recomputed and held against the log's, byte for byte.
"""

from msgspec import Struct

from application.ports import BarJournal, EventLog
from application.trading.kernel import Kernel, NumbaKernel
from application.trading.rebuild import Difference, NotReproducible, Replay
from domain.limits import Limits, effective

__all__ = ["Difference", "NotReproducible", "Reproduction", "reproduce"]


class Reproduction(Struct, frozen=True):
    """How far a log follows from its inputs."""

    count: int  # events that were equal
    first_difference: Difference | None


def reproduce(
    log: EventLog,
    journal: BarJournal,
    *,
    kernel: Kernel | None = None,
    limits: Limits | None = None,
) -> Reproduction:
    """Recompute every event of a log from its inputs and its journal's bars, and compare.

    Events that the journal's last bars give beyond the end of the log (a crash between the two) are
    no difference. Memory does not grow with the log.
    """
    replay = Replay(log, journal, kernel or NumbaKernel(), limits or effective())
    replay.run()
    return Reproduction(replay.count, replay.difference)
