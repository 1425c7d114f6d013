"""How a history is cut, and read: at midnights, never beyond the split, the same however asked."""

from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from application.improvement.history import History
from application.improvement.study import (
    FIT_WINDOWS,
    LEAST_WINDOW,
    MOST_PURGE,
    UNSEEN_WINDOWS,
    Cut,
    cut,
    first_midnight,
    fit_windows,
    next_look,
    unseen_windows,
    windows,
)
from domain.improvement import Policy
from domain.strategy.improvement import RecodeRequested
from domain.timeframe import DAY
from tests.improvement_fakes import HOUR, swings
from tests.trading_fakes import START, MemoryJournal

POLICY = Policy()
days = st.integers(0, 5000)


def asked(start: int, end: int) -> RecodeRequested:
    whole: dict[str, Any] = {"stream": "strategy/s", "stream_version": 1, "kind": "derived"}
    whole |= {"occurred_at": end, "effective_at": None, "causation_id": "", "actor": "engine"}
    return RecodeRequested(
        **whole,
        correlation_id="",
        number=1,
        version="v1",
        why="losses",
        start=start,
        split=start,
        test_from=start,
        end=end,
        closed=0,
        attempts=1,
    )


@given(st.integers(0, 10**13))
def test_midnight_when_first_at_or_after_a_moment_then_less_than_a_day_away(moment: int) -> None:
    found = first_midnight(moment)
    assert found % DAY == 0
    assert 0 <= found - moment < DAY


@given(days, st.integers(0, DAY - 1), st.integers(1, 5000), st.integers(0, 40 * DAY))
def test_history_when_cut_then_every_part_lies_at_midnights_in_order(
    day: int, offset: int, length: int, purge: int
) -> None:
    first = day * DAY + offset
    end = first_midnight(first) + length * DAY
    found = cut(POLICY, first, end, purge)
    assert all(edge % DAY == 0 for edge in (found.start, found.split, found.test_from, found.end))
    assert first <= found.start <= found.split <= found.test_from <= found.end == end
    assert found.end - found.start == min(length, POLICY.most_days) * DAY
    assert found.split - found.start == (found.end - found.start) // DAY * 2 // 3 * DAY
    assert found.test_from == min(found.split + first_midnight(min(purge, MOST_PURGE)), end)


@given(st.integers(1, 400), st.integers(-400, 400))
def test_history_when_a_model_may_know_some_of_it_then_the_test_comes_after(
    length: int, known: int
) -> None:
    start, end = 1000 * DAY, (1000 + length) * DAY
    until = start + known * DAY + HOUR
    policy = replace(POLICY, author="llm", knows_until=until)
    found = cut(policy, start, end, DAY)
    assert found.test_from >= min(until, end)
    search = cut(replace(policy, author="search"), start, end, DAY)
    assert found.split == search.split
    assert found.test_from == max(search.test_from, min(first_midnight(until), end))


@given(days, st.integers(0, 3000), st.integers(1, 12))
def test_windows_when_cut_then_they_cover_the_whole_in_whole_days(
    day: int, length: int, most: int
) -> None:
    start, end = day * DAY, (day + length) * DAY
    found = windows(start, end, most)
    assert [w.start for w in found[1:]] == [w.end for w in found[:-1]]
    assert len(found) <= most
    if length == 0:
        assert found == ()
        return
    assert (found[0].start, found[-1].end) == (start, end)
    sizes = [w.end - w.start for w in found]
    assert all(size % DAY == 0 for size in sizes)
    assert max(sizes) - min(sizes) <= DAY
    assert len(found) == 1 or min(sizes) >= LEAST_WINDOW - DAY


@given(st.integers(1, 400), st.integers(0, 12 * DAY))
def test_windows_of_a_look_then_the_authors_end_where_it_is_split(length: int, purge: int) -> None:
    found = cut(POLICY, START, START + length * DAY, purge)
    fits, unseen = fit_windows(found), unseen_windows(found)
    assert len(fits) <= FIT_WINDOWS
    assert len(unseen) <= UNSEEN_WINDOWS
    assert all(w.end <= found.split for w in fits)
    assert all(w.start >= found.test_from for w in unseen)


def test_windows_when_there_is_nothing_to_test_on_then_are_none() -> None:
    assert unseen_windows(Cut(0, 10 * DAY, 20 * DAY, 20 * DAY)) == ()


@given(st.integers(1, 3000), st.decimals("0", "1", places=2), st.integers(1, 100))
def test_next_look_when_one_was_had_then_the_history_has_grown_by_its_share(
    length: int, growth: Decimal, bars: int
) -> None:
    policy = replace(POLICY, growth=growth, bars=bars)
    before = asked(START, START + length * DAY)
    found = next_look(policy, START, before, HOUR)
    wanted = max(int(length * DAY * growth), bars * HOUR, DAY)
    assert found % DAY == 0
    assert 0 <= found - (before.end + wanted) < DAY


def test_next_look_when_there_was_none_then_needs_its_least_days_from_the_first_midnight() -> None:
    assert next_look(POLICY, START, None, HOUR) == START + 60 * DAY
    assert next_look(POLICY, START + 1, None, HOUR) == START + 61 * DAY


BARS = swings(160)
GAPPED = np.delete(swings(160, seed=2), slice(700, 1900))


@given(st.lists(st.tuples(st.integers(-30, 170), st.integers(1, 170)), min_size=1, max_size=8))
def test_history_when_asked_in_any_order_then_gives_the_journals_bars(
    spans: list[tuple[int, int]],
) -> None:
    journal = MemoryJournal(BARS, GAPPED, symbols=("A", "B"))
    history = History(journal, HOUR)
    for first, length in spans:
        start, end = START + first * DAY, START + (first + length) * DAY
        for found, bars in zip(history.between(start, end), (BARS, GAPPED), strict=True):
            opens = bars["timestamp"]
            assert np.array_equal(found, bars[(opens >= start) & (opens < end)])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 60))
def test_history_when_the_journal_grows_meanwhile_then_has_the_new_bars(
    steps: list[int], back: int
) -> None:
    journal = MemoryJournal(symbols=("A",))
    history = History(journal, HOUR)
    day = 0
    for step in steps:
        journal.append((swings(step, start=START + day * DAY),))
        day += step
        start = START + max(day - back - 1, 0) * DAY
        (found,) = history.between(start, START + day * DAY)
        opens = journal.bars["timestamp"]
        assert np.array_equal(found, journal.bars[opens >= start])
