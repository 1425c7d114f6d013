"""The UTC day, ISO week and month that a moment belongs to: what losses are counted over.

All are whole days, so whatever began at a moment's day, week or month began at a midnight UTC.
"""

from datetime import UTC, datetime

from msgspec import Struct

from domain.timeframe import DAY

MONDAY = 3  # 1970 began on a Thursday: so many days before, its week began
WEEK = 7  # days


class Periods(Struct, frozen=True):
    """A moment for each period, ms UTC."""

    day: int
    week: int
    month: int


def begun(moment: int) -> Periods:
    """Give when the day, the week and the month of `moment` (ms UTC) began."""
    day = moment // DAY
    week = (day + MONDAY) // WEEK * WEEK - MONDAY
    date = datetime.fromtimestamp(day * DAY // 1000, UTC)
    return Periods(day * DAY, week * DAY, (day - date.day + 1) * DAY)


def over(moment: int) -> Periods:
    """Give when the day, the week and the month of `moment` (ms UTC) are over."""
    start = begun(moment)
    late = begun(start.month + 31 * DAY)  # always in the month after
    return Periods(start.day + DAY, start.week + WEEK * DAY, late.month)
