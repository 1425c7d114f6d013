"""Why an event happened, threaded through every command.

Ids and times are never made here: they arrive with the command, so the same inputs always give the
same events, to the byte.
"""

from msgspec import Struct


class Cause(Struct, frozen=True):
    """What an event inherits from the thing that brought it about."""

    correlation_id: str  # `step/<bar open ms>`, `command/<id>`, or `home`
    causation_id: str  # `<stream>@<version>` of the cause; "" where the bar itself is the cause
    actor: str  # engine, operator:<name>, seed
    occurred_at: int  # market time, ms
    effective_at: int | None = None  # inputs: open of the first bar they act on
