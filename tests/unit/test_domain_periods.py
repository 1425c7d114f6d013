"""Days, weeks and months, held against Python's own calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.periods import Periods, begun, over
from domain.timeframe import DAY


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@given(st.integers(0, 2_900_000 * DAY))
def test_periods_when_a_moment_is_given_then_they_are_the_calendars(moment: int) -> None:
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=moment // DAY)
    start, end = begun(moment), over(moment)
    assert start.day <= moment < end.day == start.day + DAY
    assert start.week <= start.day < end.week == start.week + 7 * DAY
    assert start.month <= start.day < end.month
    assert (start.day - start.week) // DAY == date.isocalendar().weekday - 1
    assert (start.day - start.month) // DAY == date.day - 1
    assert begun(end.month).month == end.month
    assert over(end.month - 1).month == end.month


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        ("2024-02-29T23:59:59", ("2024-02-29", "2024-02-26", "2024-02-01"), "2024-03-01"),
        ("2023-02-28T00:00:00", ("2023-02-28", "2023-02-27", "2023-02-01"), "2023-03-01"),
        ("2023-12-31T12:00:00", ("2023-12-31", "2023-12-25", "2023-12-01"), "2024-01-01"),
        ("1970-01-01T00:00:00", ("1970-01-01", "1969-12-29", "1970-01-01"), "1970-02-01"),
    ],
)
def test_periods_when_at_the_edges_of_the_calendar_then_begin_and_end_there(
    moment: str, start: tuple[str, str, str], end: str
) -> None:
    assert begun(ms(moment)) == Periods(*map(ms, start))
    assert over(ms(moment)).month == ms(end)
