"""What every event of an account begins with."""

from typing import Any

from domain.cause import Cause
from domain.portfolio.state import Portfolio


def head(state: Portfolio, cause: Cause) -> dict[str, Any]:
    """Give the common fields of the account's next event: all of them are DERIVED."""
    return {
        "stream": state.stream,
        "stream_version": state.version + 1,
        "kind": "derived",
        "occurred_at": cause.occurred_at,
        "causation_id": cause.causation_id,
        "correlation_id": cause.correlation_id,
        "actor": cause.actor,
    }
