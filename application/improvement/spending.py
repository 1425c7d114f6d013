"""What recorded calls of models have used, day by day, read from the log as it grows.

Every call counts, whatever it was for and however it ended, those of runs before this one too.
"""

from msgspec.structs import replace

from application.improvement.budget import Spent, day_of
from application.ports import LogReader
from domain.llm import STREAM, LlmCalled


class Spending:
    """What was spent on a UTC day, by the log of one home."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._days: dict[int, Spent] = {}
        self._read = 0  # version of the last call counted

    def __call__(self, day: int) -> Spent:
        """Give what calls recorded by now have used on a day (days since 1970-01-01)."""
        for event in self._log.stream(STREAM, self._read):
            if isinstance(event, LlmCalled):
                self._count(event)
            self._read = event.stream_version
        return self._days.get(day, Spent())

    def _count(self, call: LlmCalled) -> None:
        day = day_of(call.called_at)
        spent = self._days.get(day, Spent())
        self._days[day] = replace(
            spent,
            tokens=spent.tokens + call.prompt_tokens + call.completion_tokens,
            dollars=spent.dollars + call.cost,
            latest=max(spent.latest, call.called_at),
        )
