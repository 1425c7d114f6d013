"""Names and ids as pure functions of what they name.

The same inputs always give the same ids: a replay cites the same causes, and an order sent twice is
recognisably one order. Nothing here is random and nothing reads a clock.
"""

from datetime import UTC, datetime
from hashlib import sha256

HEX = 32  # 128 bits: no collision in any imaginable log, and short enough for most venues

STEP = "step/"
COMMAND = "command/"
RECODE = "recode/"
REGIME = "regime/"
HOLDOUT = "holdout"  # correlates the opening of a run's sealed end


def strategy_stream(strategy: str) -> str:
    """Name the stream of one strategy."""
    return f"strategy/{strategy}"


def signals_stream(strategy: str, bar: int) -> str:
    """Name the stream of one strategy's signals in the UTC month of `bar` (ms)."""
    moment = datetime.fromtimestamp(bar // 1000, UTC)
    return f"signals/{strategy}/{moment:%Y-%m}"


def paper_account(strategy: str, version: str, sleeve: str) -> str:
    """Name the stream of one version's paper account."""
    return f"portfolio/paper/{strategy}/{version}/{sleeve}"


def live_account(strategy: str) -> str:
    """Name a strategy's live account as `PromotedToLive` records it: simulated, and says so."""
    return f"live/sim/{strategy}"


def account_stream(account: str) -> str:
    """Name the stream of a live account."""
    return f"portfolio/{account}"


def step_correlation(bar: int) -> str:
    """Correlate everything that happens in the step of the base bar opening at `bar` (ms)."""
    return f"{STEP}{bar}"


def command_correlation(command_id: str) -> str:
    """Correlate everything that one command brought about."""
    return f"{COMMAND}{command_id}"


def recode_correlation(strategy: str, number: int) -> str:
    """Correlate an author's answer to one look, and everything that came of it."""
    return f"{RECODE}{strategy}/{number}"


def regime_correlation(symbol: str, at: int) -> str:
    """Correlate a classification of a symbol's regime at a moment (ms)."""
    return f"{REGIME}{symbol}/{at}"


def step_bar(correlation_id: str) -> int | None:
    """Tell the bar of a step's correlation id; None for anything else."""
    digits = correlation_id.removeprefix(STEP)
    return int(digits) if digits != correlation_id and digits.isdecimal() else None


def order_id(portfolio: str, bar: int, symbol: str, intent: str, attempt: int) -> str:
    """Derive the client order id of the order decided in the step of `bar`."""
    return digest(f"order|{portfolio}|{bar}|{symbol}|{intent}|{attempt}")


def position_id(portfolio: str, bar: int, symbol: str) -> str:
    """Derive the id of the position opened in the step of `bar`."""
    return digest(f"position|{portfolio}|{bar}|{symbol}")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:HEX]
