"""The lengths a candle may have.

Few on purpose: every one divides the next and a UTC day, so a smaller bar always belongs to exactly
one larger bar and a day holds whole bars.
"""

from collections.abc import Mapping
from types import MappingProxyType

MINUTE = 60_000  # ms
DAY = 1440 * MINUTE
LATEST = 253_402_300_799_999  # ms UTC: the last of the year 9999; no moment is later

TIMEFRAMES: Mapping[str, int] = MappingProxyType(
    {
        "1m": MINUTE,
        "5m": 5 * MINUTE,
        "15m": 15 * MINUTE,
        "1h": 60 * MINUTE,
        "4h": 240 * MINUTE,
        "1d": DAY,
    }
)


class UnknownTimeframe(ValueError):
    """The timeframe is not one that candles may have."""


def milliseconds(timeframe: str) -> int:
    """Turn a timeframe such as `15m` into its length in ms. Raises `UnknownTimeframe`."""
    length = TIMEFRAMES.get(timeframe)
    if length is None:
        raise UnknownTimeframe(
            f"timeframe was {timeframe!r}, must be one of {', '.join(TIMEFRAMES)}"
        )
    return length


def name(length: int) -> str:
    """Turn a length in ms into the timeframe's name. Raises `UnknownTimeframe`."""
    for timeframe, candidate in TIMEFRAMES.items():
        if candidate == length:
            return timeframe
    raise UnknownTimeframe(
        f"timeframe was {length} ms, must be one of {', '.join(map(str, TIMEFRAMES.values()))}"
    )
