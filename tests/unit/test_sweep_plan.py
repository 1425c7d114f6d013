"""How a sweep is cut: what is shared, what is skipped, and what it may hold."""

from dataclasses import replace

import numpy as np
import pytest

from kernels import ir, stages
from kernels.constants import constants
from kernels.errors import UnknownBackend
from kernels.stages import TAPE
from kernels.sweep.figures import FIGURES, best
from kernels.sweep.idle import may_skip
from kernels.sweep.plan import (
    GB,
    PROGRAM,
    MemoryTooSmall,
    bar_bytes,
    distinct,
    instance_bytes,
    tiles,
)
from kernels.sweep.run import Sweep
from kernels.sweep.sets import parameter_sets
from kernels.sweep.settings import Settings, Ways, known_fields
from tests import sweep_runs as runs
from tests.kernel_runs import market

FLAT = runs.PROGRAM.flat
GRID = parameter_sets(runs.PROGRAM.parameters, ["fast=3,4", "slow=10,20"], draws=64)
RANDOM = parameter_sets(runs.PROGRAM.parameters, draws=256)


def planned(sets: object = GRID, settings: Settings | None = None, **ways: object) -> Sweep:
    chosen = Ways(**{"backend": "lanes", **ways})  # type: ignore[arg-type]
    return Sweep(runs.PROGRAM, runs.BARS, sets, settings or runs.settings_of(), chosen)  # type: ignore[arg-type]


def shared_parameters(sweep: Sweep) -> set[frozenset[str]]:
    return {group.parameters for group in sweep.plan.shared}


def simulate_of(settings: Settings) -> list[ir.Stmt]:
    return list(stages.step_over(FLAT, [], known_fields(settings), skips=False).simulate)


def test_share_when_many_sets_make_few_choices_then_all_series_are_shared() -> None:
    for backend in ("numba", "lanes", "opencl"):
        assert shared_parameters(planned(backend=backend)) == {
            frozenset(),
            frozenset(["fast"]),
            frozenset(["slow"]),
        }


def test_share_when_every_set_chooses_for_itself_then_cheap_series_are_computed_beside() -> None:
    one_each = parameter_sets(runs.PROGRAM.parameters, ["slow=5:60:56"])
    assert frozenset(["slow"]) not in shared_parameters(planned(one_each))
    assert frozenset(["fast"]) in shared_parameters(planned(one_each))


def test_share_when_told_then_all_or_none() -> None:
    assert len(planned(share="all").plan.shared) == len(stages.groups(FLAT))
    assert planned(share="none").plan.shared == ()


def test_order_when_a_grid_repeats_choices_then_neighbours_share_them() -> None:
    sets = parameter_sets(runs.PROGRAM.parameters, ["stop_atr=1:4:8", "fast=3:10:8", "slow=10,20"])
    sweep = planned(sets, share="all")
    muster, order = sweep.mustered(constants(FLAT, sweep.table(0)))
    assert sorted(order) == list(range(sets.count))
    for index in muster.index:
        eights = index.reshape(-1, 8)
        assert (eights == eights[:, :1]).all()


def test_distinct_when_zeros_differ_in_sign_then_they_are_two_choices() -> None:
    names = stages.columns(FLAT)
    values = np.zeros((3, len(names)))
    values[1, names.index("stop_atr")] = -0.0
    first, inverse = distinct(FLAT, frozenset(["stop_atr"]), values)
    assert len(first) == 2
    assert inverse[0] == inverse[2] != inverse[1]


def test_skip_when_a_lot_may_be_worth_more_than_the_smallest_order_then_nothing_is_skipped() -> (
    None
):
    assert planned().plan.step.skips
    assert not planned(skips=False).plan.step.skips
    dear = market(min_notional=1e6)
    assert not planned(settings=runs.settings_of(costs=dear)).plan.step.skips
    assert not planned(settings=runs.settings_of(enforced=True)).plan.step.skips


@pytest.mark.parametrize(
    "more",
    [
        ir.Set(ir.Field("account", "cash", ir.ACCOUNT), ir.Num(0.0)),
        ir.Set(ir.Field("account", "peak", ir.ACCOUNT), ir.Field("bar", "volume", ir.ACCOUNT)),
        ir.Set(ir.Field("intents", "exit_intent", ir.ACCOUNT), ir.Num(1.0)),
    ],
)
def test_skip_when_a_bar_does_more_than_the_proof_speaks_of_then_nothing_is_skipped(
    more: ir.Stmt,
) -> None:
    settings = runs.settings_of()
    tape = planned().tape
    assert may_skip(simulate_of(settings), tape, settings.market)
    assert not may_skip([*simulate_of(settings), more], tape, settings.market)


def test_tiles_when_room_is_small_then_no_tile_has_more_rows_than_fit() -> None:
    sweep = planned(share="all", memory=2 * GB)
    step = sweep.plan.step
    small = 16 * bar_bytes(step, [2, 2, 1], "lanes") + instance_bytes(step, [2, 2, 1])
    plan = replace(sweep.plan, room=small)
    stops = tiles(plan, [2, 2, 1], "lanes", sweep.tape)
    assert stops[-1] == len(sweep.tape)
    closes = sweep.tape[:, TAPE["closed"]]
    starts = [0, *stops[:-1]]
    held = [int(closes[a:b].sum()) for a, b in zip(starts, stops, strict=True)]
    assert max(held) == 16
    assert all(a < b for a, b in zip(starts, stops, strict=True))


def test_memory_when_it_is_small_then_batches_are_smaller_and_too_little_is_named() -> None:
    many = parameter_sets(runs.PROGRAM.parameters, draws=200_000)
    large, small = planned(many, memory=2 * GB), planned(many, memory=PROGRAM["lanes"] + 6_000_000)
    assert large.plan.batch == 16_384
    assert 8 <= small.plan.batch < 2_048
    with pytest.raises(MemoryTooSmall, match=r"memory was 0.3 GB, must be at least 0\.4\d? GB"):
        planned(many, memory=300_000_000)


def test_bars_when_they_cannot_be_traded_on_then_are_refused_by_name() -> None:
    broken = runs.BARS.copy()
    broken["high"][5] = np.nan
    with pytest.raises(ValueError, match="high of the bar at"):
        Sweep(runs.PROGRAM, broken, GRID, runs.settings_of(), Ways())
    with pytest.raises(ValueError, match="bars were none"):
        Sweep(runs.PROGRAM, broken[:0], GRID, runs.settings_of(), Ways())


def test_backend_when_auto_then_is_one_that_is_here_and_unknown_ones_are_refused_by_name() -> None:
    assert planned(backend="auto").ways.backend in ("lanes", "opencl")
    with pytest.raises(UnknownBackend, match="'abacus', must be one of: auto, numba, lanes, open"):
        planned(backend="abacus")


def test_best_when_nets_are_equal_then_the_first_comes_first_and_no_number_comes_last() -> None:
    figures = np.zeros(5, FIGURES)
    figures["profit"] = [3.0, 9.0, np.nan, 9.0, 1.0]
    figures["loss"] = [0.0, 4.0, 0.0, 4.0, 3.0]
    assert best(figures, 9).tolist() == [1, 3, 0, 4, 2]
    assert best(figures, 2).tolist() == [1, 3]
