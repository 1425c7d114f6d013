"""Breakers, the cut, and what they leave alone: judged to the 1e-8 on hand-drawn candles."""

from typing import Any

import numpy as np
import pytest

from kernels import dtypes as d
from kernels.program import compile_strategy
from tests.kernel_runs import (
    NO_BREAKERS,
    START,
    Array,
    bars_of,
    limits,
    market,
    of_kind,
    runner_of,
)

# Volume is the script: 2 asks for a long, anything else for nothing.
TEXT = '''"""Does what the volume says."""
timeframe("1m")
hold = param(1, 1, 10000)
sizing("notional", 10000)

def entry():
    return LONG if volume == 2 else FLAT

def exits():
    return plan(stop=90, max_bars=hold)
'''.replace(
    "    return LONG if volume == 2 else FLAT",
    "    if volume == 2:\n        return LONG\n    return FLAT",
)
PROGRAM = compile_strategy(TEXT, "scripted")
DAY = 1440
Rows = list[tuple[float, ...]]


def flat(price: float, count: int) -> Rows:
    return [(price, price, price, price, 1.0)] * count


def asked(price: float) -> Rows:
    return [(price, price, price, price, 2.0)]


def trade(enter: float, leave: float) -> Rows:
    """Four bars: a signal, its entry, which is left at the next open, and a quiet one."""
    return [*asked(enter), *flat(enter, 1), *flat(leave, 2)]


def play(rows: Rows, bounds: Array, start: int = START, **parameters: float) -> Any:
    bars = bars_of(rows)
    bars["timestamp"] += start - START
    costs = market(min_notional=1e8)
    return runner_of(PROGRAM, (8,), costs, bounds, **parameters).run(bars, [0])


def breakers(**changes: float) -> Array:
    return limits(
        True, **(NO_BREAKERS | {"margin_absolute": 1e12, "margin_fraction": 1.0} | changes)
    )


def entries(block: Any) -> list[int]:
    """Bars at whose close an entry was ordered."""
    orders = of_kind(block, d.ORDER)
    return [int(o[d.BAR_INDEX]) for o in orders if o[d.B] == d.ENTRY]


def test_losses_in_a_row_when_three_then_entries_pause_for_an_hour() -> None:
    rows = trade(100.0, 99.0) * 3
    rows += trade(100.0, 99.0) + flat(100.0, 60) + trade(100.0, 99.0)
    block = play(rows, breakers(losses=3.0))
    (tripped,), (cleared,) = of_kind(block, d.TRIPPED), of_kind(block, d.CLEARED)
    assert (tripped[d.BAR_INDEX], tripped[d.A], tripped[d.C]) == (10, d.LOSSES, 3.0)
    assert tripped[d.D] == START + 11 * 60_000 + 3_600_000
    (refused,) = of_kind(block, d.REFUSED)
    assert (refused[d.BAR_INDEX], refused[d.A], refused[d.B], refused[d.C]) == (12, d.LOSSES, 3, 3)
    assert (cleared[d.BAR_INDEX], cleared[d.A]) == (71, d.LOSSES)
    assert entries(block) == [0, 4, 8, 76]


def test_losses_in_a_row_when_a_win_comes_between_then_are_counted_anew() -> None:
    rows = trade(100.0, 99.0) * 2 + trade(100.0, 101.0) + trade(100.0, 99.0) * 2
    assert len(of_kind(play(rows, breakers(losses=3.0)), d.TRIPPED)) == 0
    rows = trade(100.0, 99.0) * 2 + trade(100.0, 100.0)  # nothing won is a loss
    assert len(of_kind(play(rows, breakers(losses=3.0)), d.TRIPPED)) == 1


def test_losses_in_a_row_when_they_tripped_once_then_three_more_are_needed() -> None:
    rows: Rows = []
    for _ in range(3):
        rows += trade(100.0, 99.0) * 3 + flat(100.0, 70)
    tripped = of_kind(play(rows, breakers(losses=3.0)), d.TRIPPED)
    assert [t[d.BAR_INDEX] for t in tripped] == [10, 92, 174]


@pytest.mark.parametrize("fall", [1.99, 2.0])
def test_rapid_loss_when_equity_falls_below_the_highest_mark_of_an_hour_then_trips(
    fall: float,
) -> None:
    # 100 lots of value: 10,000 / 100 = 100 units, so a fall of 2 is $200
    rows = [*asked(100.0), *flat(100.0, 8), *flat(100.0 - fall, 3), *flat(100.0, 1)]
    block = play(rows, breakers(rapid_loss=200e8), hold=10_000)
    tripped = of_kind(block, d.TRIPPED)
    assert len(tripped) == (fall == 2.0)
    for trip in tripped:
        assert (trip[d.BAR_INDEX], trip[d.A], trip[d.C]) == (9, d.RAPID_LOSS, 200e8)
        assert trip[d.D] == START + 10 * 60_000 + 3_600_000


def test_rapid_loss_when_equity_falls_slowly_then_old_marks_are_forgotten() -> None:
    # $10 every five minutes: $110 in eleven marks, $120 from a mark that is no longer looked at
    slow = [price for n in range(60) for price in [100.0 - 0.1 * n] * 5]
    rows = [*asked(100.0), *[row for price in slow for row in flat(price, 1)]]
    least = play(rows, breakers(rapid_loss=119e8), hold=10_000)
    assert len(of_kind(least, d.TRIPPED)) > 0
    block = play(rows, breakers(rapid_loss=130.01e8), hold=10_000)
    assert len(of_kind(block, d.TRIPPED)) == 0


@pytest.mark.parametrize(
    ("name", "code", "begin", "ends"),
    [
        # 2024-01-01 was a Monday; 2024-02-28 a Wednesday before a leap day
        ("daily_loss", d.DAILY_LOSS, "2024-01-03", "2024-01-04"),
        ("weekly_loss", d.WEEKLY_LOSS, "2024-01-06", "2024-01-08"),
        ("weekly_loss", d.WEEKLY_LOSS, "2024-01-07", "2024-01-08"),
        ("monthly_loss", d.MONTHLY_LOSS, "2024-02-27", "2024-03-01"),
        ("monthly_loss", d.MONTHLY_LOSS, "2023-02-28", "2023-03-01"),
        ("monthly_loss", d.MONTHLY_LOSS, "2023-12-31", "2024-01-01"),
    ],
)
def test_period_loss_when_reached_then_blocks_entries_until_the_period_is_over(
    name: str, code: int, begin: str, ends: str
) -> None:
    start, end = (int(np.datetime64(day, "ms").astype(np.int64)) for day in (begin, ends))
    rows = trade(100.0, 90.0) + asked(100.0) + flat(100.0, (end - start) // 60_000 - 5)
    rows += trade(100.0, 101.0)
    block = play(rows, breakers(**{name: 1000e8}), start=start)
    (tripped,), (cleared,) = of_kind(block, d.TRIPPED), of_kind(block, d.CLEARED)
    assert (tripped[d.BAR_INDEX], tripped[d.A], tripped[d.C]) == (2, code, 1000e8)
    assert tripped[d.D] == end
    assert (cleared[d.BAR_INDEX], cleared[d.A]) == ((end - start) // 60_000, code)
    (refused,) = of_kind(block, d.REFUSED)
    assert (refused[d.A], refused[d.B], refused[d.C]) == (code, 1000e8, 1000e8)
    assert entries(block) == [0, (end - start) // 60_000]


def test_breakers_when_several_hold_then_each_is_over_in_its_own_time() -> None:
    rows = trade(100.0, 90.0) + flat(90.0, DAY)
    bounds = breakers(daily_loss=1000e8, weekly_loss=900e8, rapid_loss=500e8, losses=1.0)
    block = play(rows + flat(90.0, 6 * DAY), bounds)
    assert [t[d.A] for t in of_kind(block, d.TRIPPED)] == [
        d.DAILY_LOSS,
        d.WEEKLY_LOSS,
        d.LOSSES,
        d.RAPID_LOSS,
    ]
    cleared = of_kind(block, d.CLEARED)
    assert [c[d.A] for c in cleared] == [d.LOSSES, d.RAPID_LOSS, d.DAILY_LOSS, d.WEEKLY_LOSS]
    assert [c[d.BAR_INDEX] for c in cleared] == [63, 63, DAY, 7 * DAY]


def test_size_when_losses_follow_one_another_then_is_cut_by_a_quarter_each_down_to_one() -> None:
    rows = trade(100.0, 99.0) * 5 + trade(100.0, 101.0) + trade(100.0, 101.0)
    block = play(rows, breakers())
    lots = [o[d.C] for o in of_kind(block, d.ORDER) if o[d.B] == d.ENTRY]
    whole = 10_000_000.0  # 10,000 / 100 in lots of 1e-5
    assert lots == [whole * share for share in (1.0, 0.75, 0.5, 0.25, 0.25, 0.25, 1.0)]
    free = play(rows, limits(False))
    assert {o[d.C] for o in of_kind(free, d.ORDER) if o[d.B] == d.ENTRY} == {whole}


def test_positions_when_none_is_allowed_then_the_entry_is_refused() -> None:
    (refused,) = of_kind(play(trade(100.0, 99.0), breakers(positions=0.0)), d.REFUSED)
    assert (refused[d.A], refused[d.B], refused[d.C]) == (d.POSITIONS, 0.0, 1.0)
