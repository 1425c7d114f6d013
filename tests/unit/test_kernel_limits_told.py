"""Limits told to a run between two blocks hold from the next bar, on every backend alike."""

import numpy as np
import pytest

from kernels import dtypes as d
from kernels.backends import opencl_choice
from kernels.program import BACKENDS, compile_strategy
from kernels.runner import LaneSpec, Runner
from tests.kernel_runs import NO_BREAKERS, Array, bars_of, limits, market

TEXT = '''"""In the market at every other bar."""
timeframe("1m")
sizing("notional", 1000)

def entry():
    if volume == 2:
        return LONG
    return FLAT

def exits():
    return plan(stop=90, max_bars=1)
'''
PROGRAM = compile_strategy(TEXT, "busy")
BARS = bars_of([(100.0, 100.0, 100.0, 100.0, 2.0 if n % 4 == 0 else 1.0) for n in range(80)])
LOOSE = limits(True, **(NO_BREAKERS | {"margin_absolute": 1e12, "margin_fraction": 1.0}))


def tight(**changes: float) -> Array:
    row = LOOSE.copy()
    for name, value in changes.items():
        row[name] = value
    return row


def runner_on(backend: str) -> Runner:
    try:
        if backend == "opencl":
            opencl_choice.chosen()
    except opencl_choice.NoDevice as missing:
        pytest.skip(str(missing))
    lanes = [LaneSpec(8, 17_000e8, LOOSE) for _ in range(3)]
    return Runner(PROGRAM, {}, market(min_notional=1e8), 60_000, lanes, backend)


def refused(records: Array) -> list[tuple[float, float]]:
    rows = records[records[:, d.KIND] == d.REFUSED]
    return [(row[d.BAR_INDEX], row[d.A]) for row in rows]


@pytest.mark.parametrize("backend", BACKENDS)
def test_limits_when_told_between_blocks_then_hold_from_the_next_bar_for_their_lane(
    backend: str,
) -> None:
    runner = runner_on(backend)
    first = runner.run(BARS[:40], [0, 0, 0])
    assert [refused(rows) for rows in first.records] == [[], [], []]
    kept = runner.machine.kept()
    runner.limit([LOOSE, tight(positions=0.0), tight(margin_absolute=10e8)])
    assert np.array_equal(runner.machine.kept(), kept, equal_nan=True)
    second = runner.run(BARS[40:], [0, 0, 0])
    signals = [float(n) for n in range(0, 40, 4)]
    assert [refused(rows) for rows in second.records] == [
        [],
        [(bar, d.POSITIONS) for bar in signals],
        [(bar, d.MARGIN_ABSOLUTE) for bar in signals],
    ]
    one_go = runner_on(backend).run(BARS, [0, 0, 0]).records[0]
    rest = one_go[one_go[:, d.BAR_INDEX] >= 40]
    rest[:, d.BAR_INDEX] -= 40
    rest[rest[:, d.KIND] == d.SIGNAL, d.D] -= 40
    assert np.array_equal(second.records[0], rest, equal_nan=True)


def test_limits_when_not_one_for_each_lane_then_are_refused_by_number() -> None:
    with pytest.raises(ValueError, match="limits were 2, must be one per lane: 3"):
        runner_on("numba").limit([LOOSE, LOOSE])


def test_state_when_restored_then_limits_are_what_was_told_last() -> None:
    runner = runner_on("numba")
    saved = runner.state()
    runner.limit([tight(positions=0.0)] * 3)
    runner.restore(saved)
    block = runner.run(BARS[:8], [0, 0, 0])
    assert [code for _, code in refused(block.records[0])] == [d.POSITIONS] * 2
