"""What recorded calls of models have used, day by day, read from the log as it grows.

Every call counts, whatever it was for and however it ended, those of runs before this one too, and
those that were made and are not recorded yet. Who shares one asks in turn, so that two askers
cannot both fill what a cap leaves.
"""

from decimal import Decimal
from threading import Lock
from typing import NamedTuple

from msgspec.structs import replace

from application.improvement.authoring import Call
from application.improvement.model.budget import Spent, day_of
from application.ports import LogReader
from domain.llm import STREAM, LlmCalled


class Spending:
    """What was spent on a UTC day, by the log of one home. Any thread that has the turn."""

    def __init__(self, log: LogReader) -> None:
        self.turn = Lock()  # held from the look at what was spent until the call is made
        self._log = log
        self._made: list[Used] = []  # not recorded yet
        self._days: dict[int, Spent] = {}
        self._read = 0  # version of the last call counted

    def __call__(self, day: int) -> Spent:
        """Give what calls made by now have used on a day (days since 1970-01-01)."""
        for event in self._log.stream(STREAM, self._read):
            if isinstance(event, LlmCalled):
                self._count(used_by(event))
            self._read = event.stream_version
        spent = self._days.get(day, Spent())
        for used in self._made:
            if day_of(used.at) == day:
                spent = added(spent, used)
        return spent

    def made(self, call: Call) -> None:
        """Count a call that the log will hold."""
        self._made.append(used_by(call))

    def _count(self, used: "Used") -> None:
        day = day_of(used.at)
        self._days[day] = added(self._days.get(day, Spent()), used)
        for place, made in enumerate(self._made):
            if (made.at, made.tokens) == (used.at, used.tokens):
                del self._made[place]
                return


class Used(NamedTuple):
    """What one call used."""

    at: int  # ms UTC
    tokens: int
    dollars: Decimal


def used_by(call: Call | LlmCalled) -> Used:
    return Used(call.called_at, call.prompt_tokens + call.completion_tokens, call.cost)


def added(spent: Spent, used: Used) -> Spent:
    return replace(
        spent,
        tokens=spent.tokens + used.tokens,
        dollars=spent.dollars + used.dollars,
        latest=max(spent.latest, used.at),
    )
