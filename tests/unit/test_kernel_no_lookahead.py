"""Nothing that is decided at a bar may depend on a later one."""

from pathlib import Path

import numpy as np
import pytest

from kernels.runner import Block
from tests.indicator_programs import CALLS, CLASSES, COMPOSED, figures, interpreted
from tests.kernel_runs import STRATEGIES, Array, program_of, runner_of, walk


def with_noise_after(bars: Array, cut: int, seed: int) -> Array:
    noisy = bars.copy()
    noisy[cut:] = walk(len(bars) - cut, seed=seed, price=float(bars["close"][cut - 1]) * 1.3)
    noisy["timestamp"] = bars["timestamp"]
    return noisy


def before(block: Block, bar: int, closes: int) -> tuple[bytes, bytes]:
    records = block.records[0]
    return records[records[:, 1] < bar].tobytes(), np.ascontiguousarray(
        block.series[:, :closes]
    ).tobytes()


def assert_blind_to_the_future(run: "list[Block]", cut: int, closes: int) -> None:
    reference = before(run[0], cut, closes)
    assert all(before(block, cut, closes) == reference for block in run[1:])


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
@pytest.mark.parametrize("cut", [4000, 7777])
def test_strategy_when_the_future_is_noise_then_decides_the_same(path: Path, cut: int) -> None:
    bars = walk(12_000, seed=9)
    program = program_of(path)
    minutes = program.timeframe_ms // 60_000
    run = [runner_of(program, (8,)).run(bars, [0])]
    run += [runner_of(program, (8,)).run(with_noise_after(bars, cut, seed), [0]) for seed in (1, 2)]
    assert len(run[0].records[0]) > 100
    assert run[0].records[0].tobytes() != run[1].records[0].tobytes(), "the noise must matter later"
    assert_blind_to_the_future(run, cut, cut // minutes)


@pytest.mark.parametrize("family", CALLS)
@pytest.mark.parametrize("cut", [130, 1500])
def test_indicators_when_the_future_is_noise_then_are_unchanged(family: str, cut: int) -> None:
    bars = walk(3000, seed=5)
    known, noisy = figures(bars, family), figures(with_noise_after(bars, cut, 4), family)
    for name, values in known.items():
        assert values[:cut].tobytes() == noisy[name][:cut].tobytes(), name
        assert values[cut:].tobytes() != noisy[name][cut:].tobytes(), f"{name} must see the noise"


def test_classes_when_the_future_is_noise_then_are_unchanged() -> None:
    bars = walk(400, seed=5)
    known, noisy = (
        interpreted(CLASSES + COMPOSED, b) for b in (bars, with_noise_after(bars, 200, 4))
    )
    for name, values in known.items():
        assert np.array_equal(values[:200], noisy[name][:200], equal_nan=True), name
        assert not np.array_equal(values[200:], noisy[name][200:], equal_nan=True), name
