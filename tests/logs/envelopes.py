"""What the golden log's examples have in common: when, on which streams, and by whom."""

from typing import Any

NOON = 1_735_732_800_000  # 2025-01-01T12:00:00Z
ACCOUNT = "portfolio/paper/vwap_reversion/v1/B"
STRATEGY = "strategy/vwap_reversion"


def derived(stream: str, cause: str = "") -> dict[str, Any]:
    return {
        "stream": stream,
        "kind": "derived",
        "occurred_at": NOON,
        "causation_id": cause,
        "correlation_id": f"step/{NOON}",
        "actor": "engine",
    }


def asked(stream: str, command: str) -> dict[str, Any]:
    return {
        "stream": stream,
        "kind": "input",
        "occurred_at": NOON,
        "effective_at": NOON + 60_000,
        "correlation_id": f"command/{command}",
        "actor": "operator:ada",
    }
