"""What was said of the regime gives the same bits on every backend, cut or whole, told when it may.

A run that is told everything beforehand and one that is told each classification just before the
first bar that it holds for are the same run. Where nothing is said, all figures are those that were
written down before anything could be.
"""

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import dtypes as d
from kernels.joint_runner import JointRunner
from kernels.program import BACKENDS, compile_strategy
from kernels.runner import canonical
from kernels.runners import OneSymbol, runner_on
from kernels.sweep.run import sweep
from kernels.sweep.sets import listed
from kernels.sweep.settings import Ways
from kernels.told import Told, told_of
from tests.ir_machine import Machine
from tests.kernel_runs import MINUTE, Array, walk
from tests.sweep_runs import wants
from tests.told_runs import (
    COSTS,
    COUNT,
    FRAMED,
    LANES,
    Row,
    bars_on,
    drawn,
    framed,
    said_of,
    settings_of,
)


def runner(symbols: int, backend: str) -> OneSymbol | JointRunner:
    return runner_on([COSTS] * symbols, framed(), {}, MINUTE, LANES, backend)


def whole(rows: list[Row], _before: int) -> Told:
    return told_of(rows)


def just_in_time(rows: list[Row], before: int) -> Told:
    """Only what has started before a moment: nobody knows more then."""
    return told_of(row for row in rows if row[0] <= before)


def outcome(
    backend: str,
    bars: Sequence[Array],
    rows: Sequence[list[Row]],
    cuts: Sequence[int] = (),
    known: Callable[[list[Row], int], Told] = whole,
) -> tuple[list[bytes], bytes, list[str]]:
    """Everything that a run gives; from every cut on by a fresh runner, told anew."""
    moments = np.unique(np.concatenate([each["timestamp"] for each in bars]))
    records: list[list[Array]] = [[] for _ in LANES]
    series: list[list[Array]] = [[] for _ in bars]
    closed = np.zeros(len(bars), np.int64)
    state = None
    for first, end in pairwise((0, *cuts, len(moments))):
        current = runner(len(bars), backend)
        if state is not None:
            current.restore(state)
        for symbol, of_symbol in enumerate(rows):
            current.tell(symbol, known(of_symbol, int(moments[end - 1]) + MINUTE))
        edges = (moments[first], moments[end - 1] + 1)
        part = [each[slice(*np.searchsorted(each["timestamp"], edges))] for each in bars]
        block = current.run(part, [0, 0])
        state = current.state()
        for lane, found in enumerate(block.records):
            signals = found[:, d.KIND] == d.SIGNAL
            found[:, d.BAR_INDEX] += first
            found[signals, d.D] += closed[found[signals, d.SYMBOL].astype(int)]
            records[lane].append(found)
        for symbol, values in enumerate(block.series):
            series[symbol].append(values)
        closed += [len(each) for each in block.closes]
    assert state is not None
    told = [np.concatenate(each) for each in records]
    told += [np.concatenate(each, axis=1) for each in series]
    digests = [current.digest(n) for n in range(len(LANES))]
    return [canonical(each).tobytes() for each in told], state, digests


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("symbols", [1, 2])
def test_run_when_told_then_is_the_same_on_every_backend_wherever_it_is_cut(
    symbols: int, backend: str
) -> None:
    wants(backend)
    bars = bars_on(symbols)
    rows = said_of(bars, 20)
    expected = outcome("numba", bars, rows)
    rng = np.random.default_rng(symbols)
    cuts = sorted(rng.choice(np.arange(1, len(bars[0])), 5, replace=False).tolist())
    assert outcome(backend, bars, rows) == expected
    assert outcome(backend, bars, rows, cuts) == expected
    assert outcome(backend, bars, rows, cuts, just_in_time) == expected
    untold = outcome(backend, bars, [[]] * symbols)
    assert [ours != theirs for ours, theirs in zip(untold[2], expected[2], strict=True)] == [
        True
    ] * 2


def test_run_when_told_bar_by_bar_then_is_that_of_one_block() -> None:
    bars = [each[:200] for each in bars_on(1)]
    rows = [drawn(9, 220, mean=12)]
    everywhere = range(1, len(bars[0]))
    expected = outcome("lanes", bars, rows)
    assert outcome("lanes", bars, rows, everywhere, just_in_time) == expected


def test_state_when_restored_then_what_is_told_is_what_was_told_last() -> None:
    bars = bars_on(1)[0]
    first, second = runner(1, "lanes"), runner(1, "lanes")
    first.tell(0, told_of(drawn(1, COUNT)))
    first.run([bars[:1000]], [0, 0])
    kept = first.state()
    for each in (first, second):
        each.tell(0, told_of(drawn(2, COUNT)))
        each.restore(kept)
    ours, theirs = (each.run([bars[1000:]], [0, 0]) for each in (first, second))
    assert ours.series[0].tobytes() == theirs.series[0].tobytes()
    assert first.state() == second.state()


def test_run_when_told_then_is_that_of_the_plain_reading() -> None:
    (bars,) = bars_on(1)
    (rows,) = said_of([bars], 20)
    machine = Machine(framed(), COSTS, LANES[0].limits, LANES[0].leverage)
    machine.said = rows
    machine.run(bars)
    expected = runner(1, "lanes")
    expected.tell(0, told_of(rows))
    block = expected.run([bars], [0, 0])
    written = np.array(machine.written, np.float64)
    assert canonical(written).tobytes() == canonical(block.records[0]).tobytes()
    names = list(machine.unit.rows)
    read = np.array(machine.rows)[:, [names.index(name) for name in framed().series_names]]
    assert canonical(read.T).tobytes() == canonical(block.series[0]).tobytes()


# Nothing said

# Written down before anything could be said: bytes of state, the digest of each account on one
# symbol, their records and series, and the digest of a sweep of three sets.
BEFORE = {
    "framed": (
        4840,
        "606f4ab0b169a5f9",
        "704d391abf01506c",
        "816025c99a44c7cf",
        "e3b57003a0129d32",
    ),
    "market_maker": (
        3392,
        "0d1e426c71e6c0d4",
        "f91a42ef42bdc9fc",
        "8328db9d197adfb9",
        "d01fc7846d168359",
    ),
    "regime_rules": (
        4032,
        "e61d00250e42b276",
        "866ed3a6c3bfed73",
        "a17ae021f6f4f2a2",
        "07de39c90cff3c51",
    ),
    "rsi_macd_consensus": (
        2512,
        "0c4497d171c504fd",
        "e5ee2b55e8e902c8",
        "45a05adcbc2508ac",
        "da250834ded1b941",
    ),
}


def figures(name: str) -> tuple[Any, ...]:
    path = Path(__file__).parents[2] / "strategies" / f"{name}.py"
    program = compile_strategy(FRAMED if name == "framed" else path.read_text(), name)
    bars = np.delete(walk(12_000, seed=11), np.s_[6005:6044])
    bars["funding"][::480] = 1e-4
    run = runner_on([COSTS], program, {}, MINUTE, LANES, "lanes")
    block = run.run([bars], [0, 0])
    told = hashlib.sha256(b"".join(canonical(each).tobytes() for each in block.records))
    told.update(block.series[0].tobytes())
    table = {p.name: np.array([p.default, p.low, p.high]) for p in program.parameters}
    sets = listed(program.parameters, table)
    swept = sweep(program, bars, sets, settings_of(), Ways("lanes")).state_digest
    digests = (run.digest(0), run.digest(1), told.hexdigest(), swept)
    return len(run.state()), *(each[:16] for each in digests)


@pytest.mark.parametrize("name", BEFORE)
def test_run_when_nothing_is_said_then_is_what_it_was_before_anything_could_be(name: str) -> None:
    assert figures(name) == BEFORE[name]
