"""Every call of a language model, and their sums by day, purpose and look: `llm_log`, `llm_totals`.

Dollars are summed here, in `Decimal`, so that no query has to add them up call by call.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from domain.event import Event
from domain.llm import LlmCalled
from projections.columns import plain
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sums:
    """What the calls of one day, purpose and look amount to."""

    def __init__(self, day: str, purpose: str, number: int, strategy: str) -> None:
        self.key = (day, purpose, number, strategy)
        self.id = f"{day}/{purpose}/{number}/{strategy}"
        self.outcomes = {"answered": 0, "refused": 0, "failed": 0}
        self.prompt_tokens = self.completion_tokens = self.latency_ms = 0
        self.cost = Decimal(0)

    def add(self, event: LlmCalled) -> None:
        self.outcomes[event.outcome] += 1
        self.prompt_tokens += event.prompt_tokens
        self.completion_tokens += event.completion_tokens
        self.latency_ms += event.latency_ms
        self.cost += event.cost

    def row(self) -> Row:
        return (
            self.id,
            *self.key,
            *self.outcomes.values(),
            self.prompt_tokens,
            self.completion_tokens,
            plain(self.cost),
            self.latency_ms,
        )


class LlmCalls:
    """Folds the calls."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.log = rows.added["llm_log"]
        self.sums: dict[str, Sums] = {}

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {LlmCalled: self.called}

    def called(self, position: int, event: LlmCalled) -> None:
        day = day_of(event.called_at)
        self.log.append(
            (
                position,
                event.event_id,
                event.purpose,
                event.outcome,
                event.code,
                event.detail,
                event.strategy,
                event.number,
                event.symbol,
                event.model,
                event.temperature,
                event.seed,
                event.prompt_sha,
                event.response_sha,
                event.prompt_tokens,
                event.completion_tokens,
                plain(event.cost),
                event.latency_ms,
                event.called_at,
                day,
                event.occurred_at,
            )
        )
        fresh = Sums(day, event.purpose, event.number, event.strategy)
        sums = self.sums.setdefault(fresh.id, fresh)
        sums.add(event)
        self.rows.touch("llm_totals", sums.id, sums.row)

    def load(self, connection: Connection, tables: Tables) -> None:
        self.sums.clear()
        for stored in connection.execute(tables["llm_totals"].select()):
            self.sums[stored.id] = sums_of(stored)


def sums_of(stored: Any) -> Sums:
    sums = Sums(stored.day, stored.purpose, stored.number, stored.strategy)
    for outcome in sums.outcomes:
        sums.outcomes[outcome] = getattr(stored, outcome)
    sums.prompt_tokens = stored.prompt_tokens
    sums.completion_tokens = stored.completion_tokens
    sums.latency_ms = stored.latency_ms
    sums.cost = stored.cost
    return sums


def day_of(ms: int) -> str:
    try:
        return f"{EPOCH + timedelta(milliseconds=ms):%Y-%m-%d}"
    except OverflowError:  # no clock says so, but a fold never raises
        return ""
