"""Our table behind the eventsourcing library's recorder interface.

The library's `EventStore` and `Repository` run on it as on any recorder of its own. Writes go
through the same appender as everything else, so the chain and the guards hold whoever writes.
"""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    StoredEvent,
    Subscription,
)

from infrastructure.store.appender import Appender, Write
from infrastructure.store.mapper import CorrelatedEvent, Row
from infrastructure.store.reader import SqliteLogReader

POLL_SECONDS = 0.01  # how often a waiting subscription looks; a look costs microseconds
SUBSCRIPTION_PAGE = 500
NO_END = 2**63 - 1


class SqliteRecorder(ApplicationRecorder):
    """Record and select the library's stored events. Safe to use from several threads."""

    def __init__(self, appender: Appender, reader: SqliteLogReader) -> None:
        self._appender = appender
        self.reader = reader

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Append in one transaction and give the positions.

        Raises `StreamConflict` (the library's `IntegrityError`) and `StoreFailed`.
        """
        rows = [row_of(event) for event in stored_events]
        (outcome,) = self._appender.append([Write(rows)])
        if isinstance(outcome, Exception):
            raise outcome
        return list(range(outcome - len(rows) + 1, outcome + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Give one stream's events with gt < version ≤ lte."""
        order = "DESC" if desc else "ASC"
        select = (
            "SELECT stream_id, version, topic, state FROM events "  # noqa: S608
            "WHERE stream_id = ? AND version > ? AND version <= ? "
            f"ORDER BY version {order} LIMIT ?"
        )
        first = -1 if gt is None else gt
        last = NO_END if lte is None else lte
        most = -1 if limit is None else limit
        with self.reader.lend() as db:
            rows = db.execute(select, (str(originator_id), first, last, most)).fetchall()
        return [StoredEvent(*row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Give events by position, from `start` to `stop`, of the given topics where given."""
        first = (start or 0) + (0 if inclusive_of_start else 1)
        wanted = f"AND topic IN ({','.join('?' * len(topics))})" if topics else ""
        with self.reader.lend() as db:
            rows = db.execute(
                "SELECT stream_id, version, topic, state, position FROM events "  # noqa: S608
                f"WHERE position >= ? AND position <= ? {wanted} ORDER BY position LIMIT ?",
                (first, NO_END if stop is None else stop, *topics, limit),
            ).fetchall()
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        """Give the last position, None for an empty log."""
        return self.reader.head() or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> "Subscription[ApplicationRecorder]":
        """Follow the log: iterate over what is there after `gt`, then over what comes."""
        return PollingSubscription(self, gt, topics)


class PollingSubscription(Subscription[SqliteRecorder]):
    """Iterate over notifications, waiting for new ones until stopped (from another thread)."""

    def __init__(
        self, recorder: SqliteRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._page: list[Notification] = []

    def __next__(self) -> Notification:
        while not self._page and not self._has_been_stopped:
            self._page = list(reversed(self._next_page()))
            if not self._page:
                time.sleep(POLL_SECONDS)
        if self._has_been_stopped:
            raise StopIteration
        notification = self._page.pop()
        self._last_notification_id = notification.id
        return notification

    def _next_page(self) -> Sequence[Notification]:
        return self._recorder.select_notifications(
            self._last_notification_id,
            SUBSCRIPTION_PAGE,
            topics=self._topics,
            inclusive_of_start=False,
        )


def row_of(event: StoredEvent) -> Row:
    correlation = event.correlation_id if isinstance(event, CorrelatedEvent) else ""
    stream = str(event.originator_id)
    return Row(stream, event.originator_version, event.topic, event.state, correlation)
