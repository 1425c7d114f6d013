"""Whatever a sweep shares, skips, cuts or orders, every set ends as it would have alone."""

import itertools
import random
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from kernels import dtypes
from kernels.sweep.cut import Cut, CutInvalid
from kernels.sweep.figures import SOURCES, hex_digest
from kernels.sweep.plan import PROGRAM
from kernels.sweep.run import Finished, Sweep, SweepResult, sweep
from kernels.sweep.sets import listed, parameter_sets
from kernels.sweep.settings import Ways
from tests import sweep_runs as runs
from tests.kernel_runs import market, of_kind

SETS = parameter_sets(runs.PROGRAM.parameters, ["fast=3:9:3"], draws=15, seed=4)
BACKENDS = ("numba", "lanes", "opencl")


def swept(enforced: bool = False, **ways: object) -> SweepResult:
    chosen = Ways(**{"backend": "lanes", "threads": 2, **ways})  # type: ignore[arg-type]
    return sweep(runs.PROGRAM, runs.BARS, SETS, runs.settings_of(enforced), chosen)


@pytest.fixture(scope="module")
def expected() -> SweepResult:
    return swept(share="none", skips=False)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("enforced", [False, True])
def test_set_when_run_alone_then_ends_in_the_same_state(backend: str, enforced: bool) -> None:
    runs.wants(backend)
    result = swept(enforced, backend=backend)
    for number in range(0, SETS.count, 11):
        runner, _ = runs.alone(SETS, number, runs.settings_of(enforced))
        figures = result.figures[number]
        assert hex_digest(figures) == runner.digest()
        account = runner.account(0)
        assert figures["trades"] > 10
        for name, source in SOURCES.items():
            assert figures[name] == account[source]


@pytest.mark.parametrize("share", ["auto", "all", "none"])
@pytest.mark.parametrize("skips", [True, False])
def test_digest_when_sharing_or_skipping_differs_then_is_the_same(
    share: str, skips: bool, expected: SweepResult
) -> None:
    found = swept(share=share, skips=skips)
    assert found.plan.step.skips is skips
    assert found.figures.tobytes() == expected.figures.tobytes()
    assert found.state_digest == expected.state_digest


@pytest.mark.parametrize(("batch", "tile"), [(8, 1_000), (13, 777), (16, 64), (45, 1)])
def test_digest_when_cut_into_other_batches_and_tiles_then_is_the_same(
    batch: int, tile: int, expected: SweepResult
) -> None:
    if tile == 1:
        found = sweep(
            runs.PROGRAM, runs.BARS[:200], SETS, runs.settings_of(), Ways("lanes", tile=1)
        )
        whole = sweep(runs.PROGRAM, runs.BARS[:200], SETS, runs.settings_of(), Ways("lanes"))
        assert found.state_digest == whole.state_digest
        return
    found = swept(share="all", batch=batch, tile=tile)
    assert found.figures.tobytes() == expected.figures.tobytes()


def test_order_when_sets_are_asked_for_in_another_then_results_follow(
    expected: SweepResult,
) -> None:
    order = np.random.default_rng(5).permutation(SETS.count)
    table = {name: values[order] for name, values in SETS.table(0, SETS.count).items()}
    sets = listed(runs.PROGRAM.parameters, table)
    found = sweep(runs.PROGRAM, runs.BARS, sets, runs.settings_of(), Ways("lanes", 2))
    assert found.figures.tobytes() == expected.figures[order].tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("share", ["all", "none"])
def test_batch_when_stopped_anywhere_then_goes_on_to_the_same_bytes(
    backend: str, share: str, expected: SweepResult
) -> None:
    runs.wants(backend)
    ways = Ways(backend, 2, share=share, batch=24, tile=900)  # type: ignore[arg-type]
    seeded = random.Random(f"{backend}/{share}")  # noqa: S311
    for number in range(2):
        cut: Cut | None = None
        stops = 0
        while True:
            running = Sweep(runs.PROGRAM, runs.BARS, SETS, runs.settings_of(), ways)
            asked = itertools.count()
            patience = seeded.randint(1, 4)
            done = running.run(number, cut, stop=lambda: next(asked) >= patience)  # noqa: B023
            if isinstance(done, Finished):
                break
            cut, stops = done, stops + 1
        assert stops >= 2
        start = number * 24
        wanted = expected.figures[start : start + running.size(number)]
        assert done.figures.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("backend", ["numba", "lanes"])
@pytest.mark.parametrize("share", ["all", "none"])
def test_memory_when_the_budget_is_small_then_no_more_is_held(backend: str, share: str) -> None:
    many = parameter_sets(runs.PROGRAM.parameters, draws=100_000)
    budget = 7_000_000
    ways = Ways(backend, 2, PROGRAM[backend] + budget, share)  # type: ignore[arg-type]
    sweep(runs.PROGRAM, runs.BARS, SETS, runs.settings_of(), Ways(backend, share=ways.share))
    tracemalloc.start()
    try:
        running = Sweep(runs.PROGRAM, runs.BARS, many, runs.settings_of(), ways)
        for number in (0, 1, running.batches - 1):
            running.run(number)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert running.batches > 20
    assert budget / 4 < peak <= budget


def test_cut_when_of_another_batch_or_torn_then_is_refused() -> None:
    running = Sweep(runs.PROGRAM, runs.BARS, SETS, runs.settings_of(), Ways("lanes", batch=24))
    cut = running.run(0, stop=lambda: True)
    assert isinstance(cut, Cut)
    with pytest.raises(CutInvalid, match="another batch or plan"):
        running.run(1, cut)
    with pytest.raises(CutInvalid, match="checksum"):
        running.run(0, Cut(cut.data[:-1]))
    with pytest.raises(CutInvalid, match="cut was 3 bytes"):
        running.run(0, Cut(b"abc"))


@pytest.mark.parametrize(
    ("enforced", "capital", "kinds"),
    [(True, 4_000e8, (dtypes.TRIPPED, dtypes.CLEARED)), (False, 20e8, (dtypes.RUINED,))],
)
def test_skip_when_accounts_are_blocked_or_ruined_then_changes_no_bit(
    enforced: bool, capital: float, kinds: tuple[int, ...]
) -> None:
    costs = market(taker=0.004, slippage=0.004)
    settings = replace(runs.settings_of(enforced, costs), capital=capital)
    settings.limits["daily_loss"] = 100e8
    ways = [Ways("lanes", skips=False), Ways("lanes"), Ways("numba")]
    results = [sweep(runs.PROGRAM, runs.BARS, SETS, settings, way) for way in ways]
    assert [result.plan.step.skips for result in results] == [False, *[not enforced] * 2]
    assert results[0].figures.tobytes() == results[1].figures.tobytes()
    assert results[0].figures.tobytes() == results[2].figures.tobytes()
    runner, block = runs.alone(SETS, 7, settings)
    assert hex_digest(results[1].figures[7]) == runner.digest()
    for kind in kinds:
        assert len(of_kind(block, kind)) >= 1
