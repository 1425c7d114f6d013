"""OpenCL gives the bits that numba gives, wherever a run is cut; runs on any device that passes."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import dtypes, ir, stages
from kernels.backends import opencl_choice
from kernels.backends.fleet import Muster
from kernels.backends.opencl import OpenClMachine
from kernels.backends.opencl_accelerator import Accelerator
from kernels.backends.opencl_device import opencl_devices
from kernels.backends.opencl_fleet import OpenClFleet
from kernels.backends.scalar import ScalarMachine
from kernels.constants import constants
from kernels.frontend.flat import Parameter
from kernels.program import Program
from kernels.runner import Block, LaneSpec, Runner, canonical, digest_of, first_desk
from kernels.stages import DESK, KEPT, TAPE, Step, Unit
from kernels.timeline import Timeline
from tests.kernel_runs import CAPITAL, MINUTE, STRATEGIES, Array, limits, market, program_of, walk

COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1)
BOUNDS = limits(enforced=True)
LANES = [LaneSpec(leverage, CAPITAL, BOUNDS) for leverage in (1, 8)]
BARS = np.delete(walk(6000, seed=23), np.s_[3005:3044])  # the next bar closes two of 15 minutes
BARS["funding"][::480] = 1e-4


@pytest.fixture(scope="module")
def device() -> Accelerator:
    if not opencl_devices():
        pytest.skip(f"no OpenCL device: {opencl_choice.ADVICE}")
    return opencl_choice.chosen()


def bits(values: Array) -> Array:
    return canonical(values).view(np.int64)


def runner(program: Program, backend: str, parameters: dict[str, float]) -> Runner:
    return Runner(program, parameters, COSTS, MINUTE, LANES, backend)


def in_pieces(
    program: Program, backends: Sequence[str], cuts: Sequence[int], **parameters: float
) -> tuple[list[Array], Array, bytes]:
    """Run stretches on one backend after another: records with bars counted from 0, series, state.

    Every stretch begins in a fresh runner, from the state that the one before gave.
    """
    blocks: list[Block] = []
    state = None
    for backend, (begin, end) in zip(backends, pairwise((0, *cuts, len(BARS))), strict=True):
        current = runner(program, backend, parameters)
        if state is not None:
            current.restore(state)
        block = current.run(BARS[begin:end], [0] * len(LANES))
        closed = sum(len(b.closes) for b in blocks)
        for records in block.records:
            records[:, dtypes.BAR_INDEX] += begin
            records[records[:, dtypes.KIND] == dtypes.SIGNAL, dtypes.D] += closed
        blocks.append(block)
        state = current.state()
    assert state is not None
    joined = [np.concatenate([b.records[n] for b in blocks]) for n in range(len(LANES))]
    return joined, np.concatenate([b.series for b in blocks], axis=1), state


def drawn(parameter: Parameter, chance: float) -> float:
    value = parameter.low + chance * (parameter.high - parameter.low)
    return float(round(value)) if parameter.integer else value


def waiting_exit(records: Array) -> int:
    """The bar after the first exit that was decided at a close, where there is one."""
    late = np.isin(records[:, dtypes.B], [dtypes.TIME_LIMIT, dtypes.REVERSE])
    orders = records[(records[:, dtypes.KIND] == dtypes.ORDER) & late]
    return int(orders[0, dtypes.BAR_INDEX]) + 1 if len(orders) else len(BARS) // 2


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_run_whole_or_cut_then_gives_the_bits_of_numba(
    path: Path, device: Accelerator
) -> None:
    program = program_of(path)
    rng = np.random.default_rng(7)
    elsewhere = {p.name: drawn(p, rng.random()) for p in program.parameters}
    for chosen in ({}, elsewhere):
        whole = in_pieces(program, ["numba"], [], **chosen)
        pending = waiting_exit(whole[0][0])
        cuts = sorted({pending, int(rng.choice(np.setdiff1d(np.arange(1, len(BARS)), pending)))})
        for backends, where in ((["opencl"], []), (["opencl", "numba", "opencl"], cuts)):
            records, series, state = in_pieces(program, backends, where, **chosen)
            for ours, theirs in zip(whole[0], records, strict=True):
                assert np.array_equal(bits(ours), bits(theirs))
            assert np.array_equal(bits(whole[1]), bits(series))
            assert whole[2] == state
    assert len(whole[0][0]) > 50


def test_control_flags_when_set_then_close_the_position_as_numba_does(device: Accelerator) -> None:
    program = program_of(STRATEGIES[0])
    words = [dtypes.FLATTEN | dtypes.ENTRIES_OFF, 0]
    gave = []
    for backend in ("numba", "opencl"):
        current = runner(program, backend, {})
        current.run(BARS[:3000], [0, 0])
        block = current.run(BARS[3000:4000], words)
        gave.append((block.records, current.state()))
    for ours, theirs in zip(gave[0][0], gave[1][0], strict=True):
        assert np.array_equal(bits(ours), bits(theirs))
    assert gave[0][1] == gave[1][1]
    assert not np.isin(gave[0][0][0][:, dtypes.KIND], [dtypes.OPENED]).any()


# Fleets


def mustered(program: Program, accounts: int, shared: int) -> tuple[Muster, list[dict[str, float]]]:
    """Accounts of random parameters, the first `shared` groups of series computed once for all."""
    flat = program.flat
    rng = np.random.default_rng(3)
    sets = [{p.name: drawn(p, rng.random()) for p in program.parameters} for _ in range(accounts)]
    named = {p.name: np.array([chosen[p.name] for chosen in sets]) for p in program.parameters}
    table = constants(flat, named)
    desk = np.array([first_desk(flat, row, LANES[1], COSTS)[:KEPT] for row in table])
    known = {("market", n): float(COSTS[n][0]) for n in dtypes.MARKET.names or ()}
    known |= {("limits", n): float(BOUNDS[n][0]) for n in dtypes.LIMITS.names or ()}
    known |= {("control", n): 0.0 for n in dtypes.CONTROL.names or ()}
    known["account", "leverage"] = float(LANES[1].leverage)
    step = stages.step_over(flat, stages.groups(flat)[:shared], known, skips=False)
    instances, index = [], []
    for unit in step.shared:
        columns = [stages.columns(flat).index(name) for name in sorted(unit.parameters)]
        _, first, inverse = np.unique(
            table[:, columns], axis=0, return_index=True, return_inverse=True
        )
        instances.append(table[first])
        index.append(inverse.reshape(-1).astype(np.int64))
    return Muster(step, table, desk, instances, index), sets


@pytest.mark.parametrize(("path", "shared"), list(zip(STRATEGIES, (0, 99, 1), strict=False)))
def test_fleet_when_cut_into_launches_and_restored_then_gives_the_digests_of_single_runs(
    path: Path, shared: int, device: Accelerator
) -> None:
    program = program_of(path)
    muster, sets = mustered(program, accounts=21, shared=shared)
    timeline = Timeline(program.timeframe, program.flat.higher, MINUTE, float(COSTS["tick"][0]))
    data = timeline.take(BARS)
    short = OpenClFleet(device, muster, steps=21 * 700, budget=1 << 14)
    short.run(data.tape, data.candles, 0, 1234)
    resumed = OpenClFleet(device, muster)
    resumed.restore(short.state())
    resumed.run(data.tape, data.candles, 1234, len(BARS))
    short.run(data.tape, data.candles, 1234, len(BARS))
    kept = resumed.kept()
    assert np.array_equal(bits(kept), bits(short.kept()))
    assert kept[:, DESK["account", "trades"]].sum() > 5
    for n in range(0, 21, 5):
        single = Runner(program, sets[n], COSTS, MINUTE, LANES[1:])
        single.run(BARS, [0])
        assert digest_of(kept[n]) == single.digest()


def test_fleet_when_cut_into_launches_then_none_is_longer_or_larger_than_allowed(
    device: Accelerator,
) -> None:
    program = program_of(STRATEGIES[0])
    muster, _ = mustered(program, accounts=21, shared=99)
    timeline = Timeline(program.timeframe, program.flat.higher, MINUTE, float(COSTS["tick"][0]))
    tape = timeline.take(BARS).tape
    row = 8 * sum(
        len(instances) * len(unit.rows)
        for unit, instances in zip(muster.step.shared, muster.instances, strict=True)
    )
    for steps, budget in ((21 * 700, 1 << 30), (1 << 29, 5 * row), (1, 1)):
        fleet = OpenClFleet(device, muster, steps=steps, budget=budget)
        found = list(fleet.stretches(tape, 100, 5000))
        assert [begin for begin, _ in found] == [100, *(end for _, end in found[:-1])]
        assert found[-1][1] == 5000
        for begin, end in found:
            assert end - begin <= max(1, steps // 21)
            closed = tape[begin:end, TAPE["closed"]].sum()
            assert closed * row <= budget or end - begin == 1 or closed <= 2
        if budget == 5 * row:
            assert max(tape[b:e, TAPE["closed"]].sum() for b, e in found) == 5


def test_fleet_when_larger_than_the_device_then_says_how_large_it_may_be(
    device: Accelerator,
) -> None:
    class Small:
        name, memory, largest, is_gpu = "a small device", 1 << 20, 1 << 18, False

        def __getattr__(self, name: str) -> object:
            return getattr(device, name)

    muster, _ = mustered(program_of(STRATEGIES[0]), accounts=5000, shared=0)
    with pytest.raises(ValueError, match=r"accounts were 5000, which take \d+ MB; sweep fewer"):
        OpenClFleet(Small(), muster)  # type: ignore[arg-type]


def test_fleet_when_given_another_state_then_refuses_it(device: Accelerator) -> None:
    muster, _ = mustered(program_of(STRATEGIES[0]), accounts=2, shared=0)
    with pytest.raises(ValueError, match="state held 2 numbers, must be"):
        OpenClFleet(device, muster).restore(bytes(16))


# Corners


def corners() -> Step:
    """Branches in branches, windows read at indexes that may be garbage, loops of any count."""
    x, y = (ir.Field("candle", name, ir.SERIES) for name in "xy")
    at, seen = ir.State(0), ir.State(1)
    count, total = ir.Var("m_count", "num", ir.SERIES), ir.Var("m_total", "num", ir.SERIES)
    step, flag = ir.Var("m_i", "num", ir.SERIES), ir.Var("m_flag", "bool", ir.SERIES)
    inside = ir.Binary("and", ir.Binary(">=", y, ir.Num(0.0)), ir.Binary("<", y, ir.Num(8.0)))
    cell = ir.Cell(2, ir.Unary("floor", y))  # y may be NaN, infinite, or far outside
    nested = ir.If(
        ir.Binary("<", x, y),
        (ir.Set(flag, ir.Binary("or", flag, inside)), ir.Set(count, x)),
        (ir.If(flag, (ir.Set(seen, ir.Binary("/", seen, x)),), (ir.Set(count, y),)),),
    )
    body = (
        ir.Set(flag, ir.Binary("!=", x, x)),
        ir.Set(count, ir.Num(3.0)),
        ir.If(inside, (ir.Set(cell, x), ir.Set(at, y)), ()),
        nested,
        ir.Set(count, ir.Select(ir.Binary("<=", count, ir.Num(8.0)), count, ir.Num(math.nan))),
        ir.Set(total, ir.Num(-0.0)),
        ir.Loop(step, count, (ir.Set(total, ir.Binary("+", total, ir.Cell(2, step))),)),
        ir.Set(seen, ir.Select(ir.Binary("==", seen, seen), seen, ir.Num(-0.0))),
    )
    rows: dict[str, ir.Expr] = {
        "total": total,
        "cell": ir.Select(inside, cell, ir.Unary("-", y)),
        "at": ir.Cell(2, ir.Unary("floor", at)),
        "seen": seen,
        "flag": flag,
        "root": ir.Unary("sqrt", ir.Binary("*", x, ir.Num(5e-324))),
        "limits": ir.Binary("-", ir.Num(math.inf), ir.Binary("*", x, ir.Num(-math.inf))),
    }
    unit = Unit(frozenset(), body, (0.0, 1.0, *[-0.0] * 8), {2: 8}, rows)
    equity, cash = (ir.Field("account", name, ir.ACCOUNT) for name in ("equity", "cash"))
    idle = (ir.Set(equity, cash),)
    return Step(idle, idle, (unit,), None, (), ("x", "y"), emits=True, skips=False)


DOUBLES = st.floats(allow_subnormal=True) | st.sampled_from([0.0, -0.0, 3.5, 7.0, 8.0, 2.0**63])


@pytest.fixture(scope="module")
def both(device: Accelerator) -> tuple[ScalarMachine, OpenClMachine]:
    step, nothing, desk = corners(), np.zeros((1, 1)), np.zeros((1, len(DESK)))
    return ScalarMachine(step, nothing, desk), OpenClMachine(device, step, nothing, desk)


@given(rows=st.lists(st.tuples(DOUBLES, DOUBLES), min_size=1, max_size=40))
@settings(max_examples=100)
def test_corner_program_when_fed_any_doubles_then_gives_the_bits_of_numba(
    both: tuple[ScalarMachine, OpenClMachine], rows: list[tuple[float, float]]
) -> None:
    table = np.array(rows)
    initial = np.array(corners().shared[0].initial)
    for machine in both:
        machine.restore(initial, np.zeros((1, KEPT)))
    ours, theirs = (machine.series(table) for machine in both)
    assert np.array_equal(bits(ours), bits(theirs))
    assert np.array_equal(bits(both[0].state()), bits(both[1].state()))


def test_machine_when_nothing_closed_then_gives_empty_series(
    both: tuple[ScalarMachine, OpenClMachine],
) -> None:
    assert both[1].series(np.zeros((0, 2))).shape == both[0].series(np.zeros((0, 2))).shape
