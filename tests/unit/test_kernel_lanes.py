"""The vector backend against the scalar one: every double, bit for bit, wherever a run is cut."""

from pathlib import Path

import numpy as np
import pytest

from kernels import stages
from kernels.backends import lanes_code, lanes_memory
from kernels.backends.fleet import Muster
from kernels.backends.lanes import LanesFleet
from kernels.constants import constants
from kernels.printers.lanes_frames import Alike
from kernels.program import Program, compile_strategy
from kernels.runner import DIGESTED, Block, LaneSpec, Runner, canonical, digest_of, first_desk
from kernels.timeline import Timeline
from tests.indicator_programs import CALLS, named, source
from tests.ir_machine import Machine
from tests.kernel_programs import Author, torn
from tests.kernel_runs import CAPITAL, MINUTE, STRATEGIES, Array, limits, market, program_of, walk

COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1)
LEVERAGE = 8
SHARE, ALL = 6, 200  # random programs


def bits(values: object) -> Array:
    """Doubles as int64; there is one NaN."""
    return canonical(np.asarray(values, np.float64)).view(np.int64)


# Runs of one version


def cut(count: int, seed: int) -> list[slice]:
    """Three parts, cut at random places."""
    places = sorted(np.random.default_rng(seed).integers(1, count, 2).tolist())
    return [slice(a, b) for a, b in zip([0, *places], [*places, count], strict=True) if a < b]


def runner(program: Program, backend: str, accounts: int) -> Runner:
    specs = [LaneSpec(1 + n, CAPITAL, limits(enforced=n % 2 == 0)) for n in range(accounts)]
    return Runner(program, {}, COSTS, MINUTE, specs, backend)


def assert_same(one: Block, other: Block) -> int:
    for mine, theirs in zip(one.records, other.records, strict=True):
        assert np.array_equal(bits(mine), bits(theirs))
    assert np.array_equal(one.closes, other.closes)
    assert np.array_equal(bits(one.series), bits(other.series))
    return sum(map(len, one.records))


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_run_in_lanes_and_cut_then_gives_the_same_bits(path: Path) -> None:
    program, bars, accounts = program_of(path), walk(6000, seed=11), 11
    scalar, lanes = runner(program, "numba", accounts), runner(program, "lanes", accounts)
    written = 0
    for part, word in zip(cut(len(bars), seed=5), (0, 1, 2), strict=True):
        controls = [word if n % 3 == 0 else 0 for n in range(accounts)]
        written += assert_same(lanes.run(bars[part], controls), scalar.run(bars[part], controls))
        assert lanes.state() == scalar.state()
    assert written > 500
    assert [lanes.digest(n) for n in range(accounts)] == [scalar.digest(n) for n in range(accounts)]


def test_lanes_when_restored_from_what_the_scalar_backend_left_then_go_on_alike() -> None:
    program, bars = program_of(STRATEGIES[0]), walk(4000, seed=3)
    scalar, lanes = runner(program, "numba", 3), runner(program, "lanes", 3)
    scalar.run(bars[:1500], [0, 0, 0])
    lanes.restore(scalar.state())
    assert_same(lanes.run(bars[1500:], [0, 0, 0]), scalar.run(bars[1500:], [0, 0, 0]))
    assert lanes.state() == scalar.state()


# Fleets


def drawn(program: Program, accounts: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {
        p.name: np.floor(rng.uniform(p.low, p.high, accounts))
        if p.integer
        else rng.uniform(p.low, p.high, accounts)
        for p in program.parameters
    }


def known(bounds: Array) -> dict[tuple[str, str], float]:
    found = {("market", name): float(COSTS[name][0]) for name in COSTS.dtype.names or ()}
    found |= {("limits", name): float(bounds[name][0]) for name in bounds.dtype.names or ()}
    found |= {("control", "entries_off"): 0.0, ("control", "flatten"): 0.0}
    return found | {("account", "leverage"): float(LEVERAGE)}


def muster(
    program: Program, sets: dict[str, Array], share: slice, bounds: Array, skips: bool = False
) -> Muster:
    """Accounts of these parameter sets, some groups of series shared."""
    flat, accounts = program.flat, len(next(iter(sets.values())))
    table = constants(flat, sets)
    spec = LaneSpec(LEVERAGE, CAPITAL, bounds)
    desk = [first_desk(flat, row, spec, COSTS)[: stages.KEPT] for row in table]
    step = stages.step_over(flat, stages.groups(flat)[share], known(bounds), skips)
    instances, index = [], []
    for unit in step.shared:
        columns = [stages.columns(flat).index(name) for name in sorted(unit.parameters)]
        found = np.unique(table[:, columns], axis=0, return_index=True, return_inverse=True)
        first, which = (found[1], found[2].reshape(-1)) if columns else ([0], [0] * accounts)
        instances.append(table[first])
        index.append(np.array(which, np.int64))
    return Muster(step, table, np.array(desk), instances, index)


def swept(program: Program, gathered: Muster, bars: Array, parts: list[slice]) -> LanesFleet:
    tick = float(COSTS["tick"][0])
    line = Timeline(program.timeframe, program.flat.higher, MINUTE, tick).take(bars)
    fleet = LanesFleet(gathered, threads=2)
    for part in parts:
        fleet.run(line.tape, line.candles, part.start, part.stop)
    return fleet


def of_grid(program: Program, accounts: int) -> dict[str, Array]:
    """Eight accounts that differ only in how far their stop is, then eight others."""
    sets = drawn(program, -(-accounts // 8), seed=2)
    found = {name: np.repeat(values, 8)[:accounts] for name, values in sets.items()}
    return found | {"loss": drawn(program, accounts, seed=3)["loss"]}


@pytest.mark.parametrize("share", [slice(0), slice(None), slice(0, None, 2)], ids=str)
@pytest.mark.parametrize("sets", [lambda p: drawn(p, 19, 4), lambda p: of_grid(p, 24)])
def test_fleet_when_swept_in_parts_then_each_account_is_the_one_that_runs_alone(
    share: slice, sets: object
) -> None:
    program, bars, bounds = program_of(STRATEGIES[-1]), walk(7000, seed=8), limits(enforced=True)
    found = sets(program)  # type: ignore[operator]
    fleet = swept(program, muster(program, found, share, bounds), bars, cut(len(bars), seed=6))
    kept = fleet.kept()
    assert kept[:, stages.DESK["account", "trades"]].sum() > 20
    for n in (0, 7, 8, len(kept) - 1):
        alone = {name: float(values[n]) for name, values in found.items()}
        spec = LaneSpec(LEVERAGE, CAPITAL, bounds)
        single = Runner(program, alone, COSTS, MINUTE, [spec])
        single.run(bars, [0])
        assert digest_of(kept[n]) == single.digest()


def test_fleet_when_eight_accounts_share_an_instance_then_reads_one_row_for_all() -> None:
    program, bounds = program_of(STRATEGIES[-1]), limits()
    order = np.random.default_rng(1).permutation(24)
    shuffled = {name: values[order] for name, values in of_grid(program, 24).items()}
    reaches = LanesFleet(muster(program, shuffled, slice(None), bounds), 1).reaches
    assert [r.alike for r in reaches] == [True] * len(stages.groups(program.flat))
    single = muster(program, drawn(program, 24, 1), slice(None), bounds)
    assert not all(reach.alike for reach in LanesFleet(single, 1).reaches)


def test_fleet_when_idle_accounts_skip_then_gives_the_same_bits() -> None:
    program, bars = program_of(STRATEGIES[0]), walk(9000, seed=9)
    sets, bounds, whole = drawn(program, 9, 7), limits(), [slice(0, 9000)]
    waking = swept(program, muster(program, sets, slice(0), bounds), bars, whole)
    skipping = swept(program, muster(program, sets, slice(0), bounds, skips=True), bars, whole)
    assert np.array_equal(bits(waking.kept()), bits(skipping.kept()))


def test_fleet_when_taken_back_to_an_earlier_state_then_runs_alike_again() -> None:
    program, bars = program_of(STRATEGIES[0]), walk(3000, seed=2)
    gathered = muster(program, drawn(program, 9, 7), slice(0, 1), limits())
    fleet = swept(program, gathered, bars, [slice(0, 1000)])
    then = fleet.state()
    tick = float(COSTS["tick"][0])
    line = Timeline(program.timeframe, program.flat.higher, MINUTE, tick).take(bars)
    fleet.run(line.tape, line.candles, 1000, 3000)
    once = fleet.kept()
    fleet.restore(then)
    fleet.run(line.tape, line.candles, 1000, 3000)
    assert np.array_equal(bits(fleet.kept()), bits(once))
    with pytest.raises(ValueError, match="must be"):
        fleet.restore(then[8:])


# Indicators, each lane with lookbacks of its own


@pytest.mark.parametrize("family", CALLS)
def test_indicators_when_computed_for_eight_settings_then_give_the_bits_of_a_second_reading(
    family: str,
) -> None:
    program, bars = compile_strategy(source(named(CALLS[family])), family), walk(200, seed=5)
    bars["volume"][100:110] = 0.0
    sets = drawn(program, 8, seed=3)
    step = program.run_step
    unit = step.shared[0]
    given = np.ascontiguousarray(Timeline("1m", (), MINUTE, 0.01).take(bars).candles)
    rows = lanes_memory.aligned((1, len(bars), len(unit.rows), 8))
    table = lanes_memory.grouped(constants(program.flat, sets))
    state = lanes_memory.started(unit, 8)
    places = map(lanes_memory.place, (given, table, state, rows))
    lanes_code.series_of(unit, step, Alike(()))(0, 1, 0, len(bars), *places, rows.size)
    for n in (2, 5):
        alone = {name: float(values[n]) for name, values in sets.items()}
        reading = Machine(program, COSTS, limits(), parameters=alone)
        reading.run(bars)
        assert np.array_equal(bits(rows[0, :, :, n]), bits(reading.rows))


# Random programs, against a second reading of the same flat list


def assert_read_alike(seed: int) -> int:
    program, bars = compile_strategy(Author(seed).text(), f"random_{seed}"), torn(500, seed)
    bounds, accounts = limits(enforced=bool(seed % 2)), 9
    sets = drawn(program, accounts, seed)
    table = constants(program.flat, sets)
    tick = float(COSTS["tick"][0])
    line = Timeline(program.timeframe, program.flat.higher, MINUTE, tick).take(bars)
    n = 1 + seed % 8
    alone = {name: float(values[n]) for name, values in sets.items()}
    reading = Machine(program, COSTS, bounds, LEVERAGE, alone)
    reading.run(bars)
    desk = first_desk(program.flat, table[n], LaneSpec(LEVERAGE, CAPITAL, bounds), COSTS)
    machine = program.machine("lanes", table[n : n + 1], desk[np.newaxis])
    rows = machine.series(line.candles)
    (records,) = machine.step(line.tape, rows)
    assert np.array_equal(bits(rows.T).reshape(-1), bits(reading.rows).reshape(-1))
    assert np.array_equal(bits(records).reshape(-1), bits(reading.written).reshape(-1))
    assert np.array_equal(bits(machine.state()[: len(reading.state)]), bits(reading.state))
    holds = [v for name in ("account", "held", "intents") for v in reading.records[name].values()]
    assert np.array_equal(bits(machine.kept()[0]), bits(holds))
    for share in (slice(0), slice(None), slice(0, None, 2)):
        gathered = muster(program, sets, share, bounds, skips=not seed % 2)
        fleet = swept(program, gathered, bars, cut(len(bars), seed))
        assert np.array_equal(bits(fleet.kept()[n][DIGESTED]), bits(holds)[DIGESTED])
    return len(records)


def test_random_programs_when_run_in_lanes_then_give_the_bits_of_a_second_reading() -> None:
    assert sum(assert_read_alike(seed) for seed in range(SHARE)) > 50


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SHARE, ALL))
def test_random_program_when_run_in_lanes_then_gives_the_bits_of_a_second_reading(
    seed: int,
) -> None:
    assert_read_alike(seed)
