"""Accounts on several symbols give the same bits on every backend, cut or whole."""

import numpy as np
import pytest

from kernels import dtypes as d
from kernels.joint_runner import JointRunner
from kernels.program import compile_strategy
from kernels.runner import LaneSpec, canonical
from tests.kernel_programs import Author, torn
from tests.kernel_runs import CAPITAL, MINUTE, STRATEGIES, Array, limits, market

BACKENDS = ("lanes", "opencl")
COSTS = [
    market(maker=0.0002, taker=0.0005, slippage=0.0005, perpetual=1.0),
    market(tick=0.5, lot=1e-3, unit=50_000.0, taker=0.001, slippage=0.0002, dynamic=1.0),
    market(taker=0.001, slippage=0.001, min_notional=20e8),
]
LANES = [
    LaneSpec(8, CAPITAL, limits(True)),
    LaneSpec(1, CAPITAL / 40, limits(False)),
    LaneSpec(3, CAPITAL * 9, limits(True, losses=1.0, rapid_loss=30e8)),
]
TIGHTER = [limits(True, positions=1.0, daily_loss=50e8), limits(False), limits(True, losses=1.0)]


def bars_of_three(seed: int, count: int) -> list[Array]:
    """Bars that lack others here and there, and one symbol that begins late."""
    rng = np.random.default_rng(seed)
    bars = [torn(count, seed + n) for n in range(3)]
    bars[2] = bars[2][count // 3 :]
    return [each[rng.random(len(each)) > 0.03] for each in bars]


def assert_same(text: str, name: str, bars: list[Array], control: int) -> int:
    program = compile_strategy(text, name, several=True)
    found = []
    for backend in ("numba", *BACKENDS):
        runner = JointRunner(program, {}, COSTS, MINUTE, LANES, backend)
        middle = bars[0]["timestamp"][len(bars[0]) // 2]
        parts = [
            [each[each["timestamp"] < middle] for each in bars],
            [each[each["timestamp"] >= middle] for each in bars],
        ]
        blocks = [runner.run(parts[0], [0, 0, 0])]
        state = runner.state()
        runner = JointRunner(program, {}, COSTS, MINUTE, LANES, backend)
        runner.restore(state)
        runner.limit(TIGHTER)
        blocks.append(runner.run(parts[1], [0, control, 0]))
        records = [canonical(r).tobytes() for block in blocks for r in block.records]
        series = [s.tobytes() for block in blocks for s in block.series]
        digests = [runner.digest(n) for n in range(3)]
        found.append((records, series, runner.state(), digests))
    for other, backend in zip(found[1:], BACKENDS, strict=True):
        assert other == found[0], backend
    return sum(len(r) for block in blocks for r in block.records)


@pytest.mark.parametrize("path", STRATEGIES[:3], ids=lambda p: p.stem)
def test_shipped_strategy_when_it_trades_three_symbols_then_all_backends_agree(
    path: object,
) -> None:
    text = path.read_text()  # type: ignore[attr-defined]
    assert assert_same(text, "joint", bars_of_three(5, 3000), d.ENTRIES_OFF) > 100


@pytest.mark.parametrize("seed", range(100, 103))
def test_random_program_when_it_trades_three_symbols_then_all_backends_agree(seed: int) -> None:
    assert_same(Author(seed).text(), f"joint_{seed}", bars_of_three(seed, 500), d.FLATTEN)


@pytest.mark.long
@pytest.mark.parametrize("first", range(200, 400, 20))
def test_many_programs_when_they_trade_three_symbols_then_all_backends_agree(first: int) -> None:
    for seed in range(first, first + 20):
        assert_same(Author(seed).text(), f"joint_{seed}", bars_of_three(seed, 500), d.FLATTEN)
