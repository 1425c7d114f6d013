"""What a model may use in a day, and what it has used: tokens and dollars, by UTC day.

A call is made only where even its dearest outcome stays within both caps, so that no answer that is
no longer than was allowed can break one. Costs are exact.
"""

from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from domain.timeframe import DAY

MILLION = Decimal(1_000_000)


class Caps(Struct, frozen=True, kw_only=True):
    """What may be used in one UTC day, and what it costs."""

    tokens_per_day: int
    dollars_per_day: Decimal | None = None  # None: no cap but that of tokens
    price_in: Decimal = Decimal(0)  # dollars per million tokens of a prompt
    price_out: Decimal = Decimal(0)  # of an answer


class Spent(Struct, frozen=True, kw_only=True):
    """What calls made on one UTC day have used, by their `called_at`."""

    tokens: int = 0
    dollars: Decimal = Decimal(0)
    latest: int = 0  # `called_at` of the last call that is counted (ms); later ones are not


def day_of(moment: int) -> int:
    """Give the UTC day of a moment (ms): days since 1970-01-01."""
    return moment // DAY


def cost(caps: Caps, prompt_tokens: int, completion_tokens: int) -> Decimal:
    """Price tokens, in dollars."""
    return (caps.price_in * prompt_tokens + caps.price_out * completion_tokens) / MILLION


def over(caps: Caps, spent: Spent, prompt_tokens: int, completion_tokens: int, now: int) -> str:
    """Say which cap a call of at most so many tokens could break at `now` (ms UTC); "" if none."""
    opens = datetime.fromtimestamp((day_of(now) + 1) * DAY // 1000, UTC)
    again = f"calls open again at {opens:%Y-%m-%d %H:%M} UTC"
    tokens = prompt_tokens + completion_tokens
    if spent.tokens + tokens > caps.tokens_per_day:
        return (
            f"tokens today were {spent.tokens:,} and the next call may take {tokens:,}, "
            f"must be at most {caps.tokens_per_day:,} (PERPETUA_LLM_TOKENS_PER_DAY); {again}"
        )
    dollars = cost(caps, prompt_tokens, completion_tokens)
    if caps.dollars_per_day is not None and spent.dollars + dollars > caps.dollars_per_day:
        return (
            f"dollars today were {spent.dollars:f} and the next call may cost {dollars:f}, "
            f"must be at most {caps.dollars_per_day:f} (PERPETUA_LLM_DOLLARS_PER_DAY); {again}"
        )
    return ""
