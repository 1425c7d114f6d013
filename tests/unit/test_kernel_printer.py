"""What numba runs against a second reading of the same flat list: every double, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from kernels.program import Program, compile_strategy
from tests.ir_machine import Machine
from tests.kernel_programs import Author, torn
from tests.kernel_runs import STRATEGIES, Array, limits, market, program_of, runner_of, walk

COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1)
SHARE, ALL = 2, 100  # random programs: compiling one takes seconds


def bits(values: object) -> Array:
    """Doubles as int64; there is one NaN."""
    found = np.array(values, np.float64).reshape(-1)
    found[np.isnan(found)] = np.nan
    return found.view(np.int64)


def assert_read_alike(program: Program, bars: Array, leverage: int, bounds: Array) -> Machine:
    runner = runner_of(program, (leverage,), COSTS, bounds)
    block = runner.run(bars, [0])
    machine = Machine(program, COSTS, bounds, leverage)
    machine.run(bars)
    assert np.array_equal(bits(block.records[0]), bits(machine.written))
    rows = list(machine.unit.rows)
    named = [rows.index(name) for name in program.series_names]
    series = np.array(machine.rows).reshape(-1, len(rows))[:, named].T
    assert np.array_equal(bits(block.series), bits(series))
    state = runner.machine.state()
    assert np.array_equal(bits(state[: len(machine.state)]), bits(machine.state))
    kept = [*machine.records["account"].values(), *machine.records["intents"].values()]
    assert np.array_equal(bits(runner.machine.kept()[0]), bits(kept))
    return machine


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_read_a_second_way_then_gives_the_same_bits(path: Path) -> None:
    machine = assert_read_alike(program_of(path), walk(4000, seed=11), 8, limits(enforced=True))
    assert len(machine.written) > 50


def read_random_program(seed: int) -> int:
    program = compile_strategy(Author(seed).text(), f"random_{seed}")
    return len(assert_read_alike(program, torn(1200, seed), 8, limits(bool(seed % 2))).written)


@pytest.mark.parametrize("seed", range(SHARE))
def test_random_program_when_read_a_second_way_then_gives_the_same_bits(seed: int) -> None:
    read_random_program(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SHARE, ALL))
def test_random_program_when_read_many_more_times_then_gives_the_same_bits(seed: int) -> None:
    read_random_program(seed)
