"""What recorded calls of models have used, day by day, read from the log as it grows.

Every call counts, whatever it was for and however it ended, those of runs before this one too, and
those that were made and are not recorded yet: a ledger outside the log keeps them, so that not even
a crash between a call and its record loosens a cap. Who shares one asks in turn, so that two askers
cannot both fill what a cap leaves.
"""

import logging
from decimal import Decimal
from threading import Lock

from msgspec.structs import replace

from application.improvement.authoring import Call
from application.improvement.model.budget import Spent
from application.llm_port import Ledger, Used
from application.ports import LogReader
from domain.llm import STREAM, LlmCalled

logger = logging.getLogger("perpetua.improvement")


class Spending:
    """What was spent on a UTC day, by the log of one home. Any thread that has the turn."""

    def __init__(self, log: LogReader, ledger: Ledger | None = None) -> None:
        self.turn = Lock()  # held from the look at what was spent until the call is made
        self._log = log
        self._ledger = ledger
        self._made: list[Used] = []  # not recorded yet
        self._loaded = ledger is None
        self._number: int | None = None  # of the call that is being made
        self._days: dict[int, Spent] = {}
        self._read = 0  # version of the last call counted

    def __call__(self, day: int) -> Spent:
        """Give what calls made by now have used on a day (days since 1970-01-01).

        Raises OSError where the ledger cannot be read.
        """
        if self._ledger is not None and not self._loaded:
            self._made += self._ledger.load()
            self._loaded = True
        for event in self._log.stream(STREAM, self._read):
            if isinstance(event, LlmCalled):
                self._count(used_by(event))
            self._read = event.stream_version
        spent = self._days.get(day, Spent())
        for used in self._made:
            if used.day == day:
                spent = added(spent, used)
        return spent

    def may(self, at: int, tokens: int, dollars: Decimal) -> None:
        """Write down the most that a call may use, before it is made at `at` (ms UTC).

        Raises OSError where it cannot be.
        """
        if self._ledger is not None:
            self._number = self._ledger.note(Used(at, tokens, dollars))

    def made(self, call: Call) -> None:
        """Count a call that the log will hold."""
        used = used_by(call)
        self._made.append(used)
        if self._ledger is None:
            return
        try:
            self._ledger.note(used, self._number)
        except OSError as error:  # the most that it might use stands there
            logger.warning("a call's cost was not written down", extra={"reason": str(error)})

    def _count(self, used: Used) -> None:
        self._days[used.day] = added(self._days.get(used.day, Spent()), used)
        for place, made in enumerate(self._made):
            if (made.at, made.tokens) == (used.at, used.tokens):
                del self._made[place]
                return


def used_by(call: Call | LlmCalled) -> Used:
    return Used(call.called_at, call.prompt_tokens + call.completion_tokens, call.cost)


def added(spent: Spent, used: Used) -> Spent:
    return replace(
        spent,
        tokens=spent.tokens + used.tokens,
        dollars=spent.dollars + used.dollars,
        latest=max(spent.latest, used.at),
    )
