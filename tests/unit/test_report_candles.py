"""The candles of a chart: bounded, true to the bars, and the same however the bars came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.report_candles import WIDTHS, CandleTape, wider
from tests.kernel_runs import MINUTE, Array, walk

BARS = walk(3000, seed=5)


def taped(bars: Array, limit: int, cuts: list[int]) -> tuple[Array, int]:
    tape = CandleTape(MINUTE, limit)
    for block in np.split(bars, sorted(cuts)):
        tape.add(block)
    return tape.candles(), tape.width


@given(st.lists(st.integers(0, 3000), max_size=12), st.integers(1, 4000))
def test_candles_when_bars_come_in_any_blocks_then_are_the_same(
    cuts: list[int], limit: int
) -> None:
    whole, width = taped(BARS, limit, [])
    found, found_width = taped(BARS, limit, cuts)
    assert found.tobytes() == whole.tobytes()
    assert found_width == width
    assert 0 < len(found) <= limit


@pytest.mark.parametrize("limit", [1, 7, 50, 300, 2999, 3000, 10_000])
def test_candles_when_merged_then_are_what_one_would_draw_by_hand(limit: int) -> None:
    found, width = taped(BARS, limit, [1000, 2000])
    buckets: dict[int, list[tuple[float, ...]]] = {}
    for bar in BARS:
        at = int(bar["timestamp"]) // width * width
        buckets.setdefault(at, []).append(tuple(bar)[1:5])
    drawn = [
        (at, of[0][0], max(row[1] for row in of), min(row[2] for row in of), of[-1][3])
        for at, of in buckets.items()
    ]
    assert found.tolist() == drawn


def test_candles_when_bars_are_few_then_are_the_bars() -> None:
    found, width = taped(BARS[:10], 10, [])
    assert width == MINUTE
    for name in ("open", "high", "low", "close"):
        assert found[name].tolist() == BARS[name][:10].tolist()


def test_candles_when_there_is_no_bar_then_there_is_none() -> None:
    assert len(CandleTape(MINUTE).candles()) == 0


def test_widths_when_asked_for_the_next_then_each_holds_whole_ones_of_the_last() -> None:
    width, seen = MINUTE, [MINUTE]
    for _ in range(14):
        assert wider(width) % width == 0
        width = wider(width)
        seen.append(width)
    assert list(WIDTHS) == seen[: len(WIDTHS)]
    assert seen[len(WIDTHS)] == 2 * WIDTHS[-1]
