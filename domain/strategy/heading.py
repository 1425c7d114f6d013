"""What every event of a strategy begins with, and what its decisions look up."""

from typing import Any

from domain import errors
from domain.cause import Cause
from domain.event import Event, Kind
from domain.strategy.state import Strategy, Version

DONE = "done: its holdout was opened"  # what a strategy is whose sealed bars were looked at


def fields(state: Strategy, cause: Cause, kind: Kind, after: int = 0) -> dict[str, Any]:
    return {
        "stream": state.stream,
        "stream_version": state.version + 1 + after,
        "kind": kind,
        "occurred_at": cause.occurred_at,
        "effective_at": cause.effective_at if kind == "input" else None,
        "causation_id": cause.causation_id,
        "correlation_id": cause.correlation_id,
        "actor": cause.actor if kind == "input" else "engine",
    }


def known(state: Strategy, name: str) -> Version:
    version = state.find(name)
    if version is None:
        raise errors.UnknownVersion(state.name, name, (v.name for v in state.versions))
    return version


def caused_by(event: Event, cause: Cause) -> Cause:
    return Cause(cause.correlation_id, event.event_id, "engine", cause.occurred_at)
