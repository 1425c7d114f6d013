"""Accounts on several symbols: each phase over all of them, and alone the same as ever."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import dtypes as d
from kernels import joint
from kernels.joint_runner import JointBlock, JointRunner
from kernels.program import compile_strategy
from kernels.runner import LaneSpec, Runner
from tests.kernel_programs import Author, torn
from tests.kernel_runs import (
    CAPITAL,
    MINUTE,
    NO_BREAKERS,
    START,
    STRATEGIES,
    Array,
    bars_of,
    limits,
    market,
    of_kind,
    walk,
)

# Volume is the script: 2 asks for a long, 3 for a short, anything else for nothing.
TEXT = '''"""Does what the volume says."""
timeframe("1m")
share = param(0.5, 0.1, 8)
sizing("fraction", share)

def entry():
    if volume == 2:
        return LONG
    if volume == 3:
        return SHORT
    return FLAT

def exits():
    return plan(stop=10, target=20, max_bars=50)
'''
Rows = list[tuple[float, ...]]
QUIET = (100.0, 100.0, 100.0, 100.0, 1.0)
LONG = (100.0, 100.0, 100.0, 100.0, 2.0)
SHORT = (100.0, 100.0, 100.0, 100.0, 3.0)


def play(
    rows: Sequence[Rows], bounds: Array | None = None, leverage: int = 8, **parameters: float
) -> tuple[JointBlock, JointRunner]:
    program = compile_strategy(TEXT, "scripted", several=True)
    lane = LaneSpec(leverage, CAPITAL, limits() if bounds is None else bounds)
    runner = JointRunner(program, parameters, [market()] * len(rows), MINUTE, [lane])
    return runner.run([bars_of(each) for each in rows], [0]), runner


def by(block: JointBlock, kind: int) -> list[tuple[int, int, int]]:
    """Moment, symbol and first figure of the records of a kind."""
    found = of_kind(block, kind)  # type: ignore[arg-type]
    return [(int(r[d.BAR_INDEX]), int(r[d.SYMBOL]), int(r[d.A])) for r in found]


def same(ours: Any, theirs: Any) -> bool:
    return np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


def both(text: str, name: str, bars: Array, bounds: Array) -> None:
    lane = LaneSpec(8, CAPITAL, bounds)
    alone = Runner(compile_strategy(text, name), {}, COSTS, MINUTE, [lane])
    several = JointRunner(compile_strategy(text, name, several=True), {}, [COSTS], MINUTE, [lane])
    expected, found = alone.run(bars, [0]), several.run([bars], [0])
    ours, theirs = found.records[0].copy(), expected.records[0]
    marked = ours[:, d.KIND] == d.MARKED
    assert np.isnan(ours[marked, d.E]).all()
    ours[marked, d.E] = theirs[marked, d.E]  # of several symbols there is not one price
    assert same(ours, theirs)
    assert same(found.series[0], expected.series)
    kept = {**alone.account(0)}
    for name_, value in {**several.held(0, 0), **several.account(0)}.items():
        if name_ not in JOINT_ONLY:
            assert same(value, kept[name_]), name_


COSTS = market(maker=0.0002, taker=0.0005, slippage=0.0005, perpetual=1.0)
JOINT_ONLY = ("unrealised", "notional", "taken", "open", "smallest", "waiting")


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
@pytest.mark.parametrize("enforced", [False, True])
def test_joint_account_when_it_holds_one_symbol_then_gives_the_bits_of_a_single_one(
    path: Path, enforced: bool
) -> None:
    both(path.read_text(), path.stem, walk(6000, seed=4), limits(enforced))


@pytest.mark.parametrize("seed", range(4))
def test_joint_account_when_the_program_is_random_then_gives_the_bits_of_a_single_one(
    seed: int,
) -> None:
    both(Author(seed).text(), f"random_{seed}", torn(700, seed), limits(bool(seed % 2)))


def test_symbol_when_its_bars_never_trigger_then_changes_nothing_for_the_others() -> None:
    text, bars = STRATEGIES[0].read_text(), walk(4000, seed=7)
    quiet = walk(4000, seed=8)
    for name in ("open", "high", "low", "close"):
        quiet[name] = 50.0
    program = compile_strategy(text, "quiet", several=True)
    lane = LaneSpec(8, CAPITAL, limits(True))
    alone = JointRunner(program, {}, [COSTS], MINUTE, [lane])
    beside = JointRunner(program, {}, [COSTS, COSTS], MINUTE, [lane])
    expected, found = alone.run([bars], [0]), beside.run([bars, quiet], [0])
    assert len(of_kind(expected, d.CLOSED)) > 5  # type: ignore[arg-type]
    assert same(found.records[0], expected.records[0])
    assert beside.held(0, 0) == pytest.approx(alone.held(0, 0), nan_ok=True, abs=0, rel=0)
    assert beside.held(0, 1)["position"] == 0


def test_joint_account_when_limits_are_tightened_then_they_hold_and_outlive_a_restore() -> None:
    rows = [[QUIET] * 3 + [LONG] + [QUIET] * 6] * 2  # both ask for a long at once
    program = compile_strategy(TEXT, "scripted", several=True)
    lane = LaneSpec(8, CAPITAL, limits(True))
    runner = JointRunner(program, {"share": 0.1}, [market()] * 2, MINUTE, [lane])
    bars = [bars_of(each) for each in rows]
    begun = runner.state()
    assert len(by(runner.run(bars, [0]), d.OPENED)) == 2
    runner.limit([limits(True, positions=1.0)])
    for _ in range(2):  # what holds comes from outside, not from the state gone back to
        runner.restore(begun)
        block = runner.run(bars, [0])
        assert [symbol for _, symbol, _ in by(block, d.OPENED)] == [0]
        assert [symbol for _, symbol, _ in by(block, d.REFUSED)] == [1]
    with pytest.raises(ValueError, match="limits were 2, must be one per lane: 1"):
        runner.limit([limits(True)] * 2)


def test_joint_account_when_restored_under_a_control_word_then_the_word_still_holds() -> None:
    rows = [[QUIET] * 3 + [LONG] + [QUIET] * 6] * 2
    program = compile_strategy(TEXT, "scripted", several=True)
    lane = LaneSpec(8, CAPITAL, limits())
    runner = JointRunner(program, {}, [market()] * 2, MINUTE, [lane])
    bars = [bars_of(each) for each in rows]
    begun = runner.state()  # under no word
    assert not by(runner.run(bars, [d.ENTRIES_OFF]), d.OPENED)
    runner.restore(begun)
    assert not by(runner.run(bars, [d.ENTRIES_OFF]), d.OPENED)


@given(data=st.data())
@settings(max_examples=10)
def test_joint_account_when_cut_anywhere_and_restored_then_gives_the_same_bits(
    data: st.DataObject,
) -> None:
    program = compile_strategy(STRATEGIES[0].read_text(), "cut", several=True)
    lane = LaneSpec(8, CAPITAL, limits(True))
    bars = [walk(900, seed=n) for n in range(3)]
    rng = np.random.default_rng(1)
    for each in bars[1:]:  # symbols miss bars of their own
        each["timestamp"] += MINUTE * int(rng.integers(0, 40))
    bars = [each[rng.random(len(each)) > 0.05] for each in bars]

    def fresh() -> JointRunner:
        return JointRunner(program, {}, [COSTS] * 3, MINUTE, [lane])

    whole = fresh()
    expected = whole.run(bars, [0])
    edges = sorted(data.draw(st.lists(st.integers(1, 930), max_size=3, unique=True)))
    runner, records, done = fresh(), [], 0
    for begin, end in zip([0, *edges], [*edges, 2000], strict=True):
        span = (START + begin * MINUTE, START + end * MINUTE)
        part = [b[(b["timestamp"] >= span[0]) & (b["timestamp"] < span[1])] for b in bars]
        if not any(map(len, part)):
            continue
        block = runner.run(part, [0])
        block.records[0][:, d.BAR_INDEX] += done
        done += len(block.times)
        records.append(block.records[0])
        state, runner = runner.state(), fresh()
        runner.restore(state)
    cut = np.concatenate(records)
    signals = cut[:, d.KIND] == d.SIGNAL
    cut[signals, d.D] = expected.records[0][signals, d.D]  # counted from the block's first
    assert same(cut, expected.records[0])
    assert runner.state() == whole.state()
    assert runner.digest() == whole.digest()


def test_phases_when_two_symbols_have_a_bar_then_each_is_done_for_both_before_the_next() -> None:
    far = (100.0, 130.0, 80.0, 100.0, 1.0)  # stop and target are both within
    block, _ = play([[LONG, QUIET, far], [LONG, QUIET, far]])
    kinds = [(int(r[d.BAR_INDEX]), int(r[d.KIND]), int(r[d.SYMBOL])) for r in block.records[0]]
    opened = [(s, kind) for at, kind, s in kinds if at == 1 and kind in (d.FILL, d.OPENED)]
    assert opened == [(0, d.FILL), (0, d.OPENED), (1, d.FILL), (1, d.OPENED)]
    assert by(block, d.CLOSED) == [(2, 0, 1), (2, 1, 1)]


def test_equity_when_several_symbols_are_held_then_is_cash_and_what_all_have_made() -> None:
    up = (110.0, 110.0, 110.0, 110.0, 1.0)
    down = (95.0, 95.0, 95.0, 95.0, 1.0)
    _, runner = play([[LONG, QUIET, up], [SHORT, QUIET, down], [QUIET] * 3])
    lots = 0.5 * CAPITAL / 1e8 / 100.0 / 1e-5
    made = (1000 * lots + 500 * lots) * 10
    assert runner.account(0)["equity"] == CAPITAL + made
    assert runner.account(0)["open"] == 2


def test_symbol_when_it_has_no_bar_then_is_worth_its_last_close_and_fills_at_its_next() -> None:
    program = compile_strategy(TEXT, "scripted", several=True)
    lane = LaneSpec(8, CAPITAL, limits())
    runner = JointRunner(program, {}, [market()] * 2, MINUTE, [lane])
    first = bars_of([LONG, QUIET, (105.0, 105.0, 105.0, 105.0, 1.0), QUIET, QUIET])
    second = bars_of([LONG, QUIET, QUIET, QUIET, QUIET])
    late = second[[0, 3, 4]]  # its entry waits for the bar three minutes on
    block = runner.run([first, late], [0])
    fills = by(block, d.FILL)
    assert fills == [(1, 0, 1), (3, 1, 1)]
    gap = runner_after(program, first[:3], late[:1])
    lots = 0.5 * CAPITAL / 1e8 / 100.0 / 1e-5
    assert gap["equity"] == CAPITAL + 500 * lots * 10
    assert gap["taken"] == 2


def runner_after(program: Any, *bars: Array) -> dict[str, float]:
    lane = LaneSpec(8, CAPITAL, limits())
    runner = JointRunner(program, {}, [market()] * len(bars), MINUTE, [lane])
    runner.run(list(bars), [0])
    return runner.account(0)


def test_notional_when_symbols_signal_at_once_then_the_later_ones_see_the_earlier() -> None:
    bounds = limits(True, **(NO_BREAKERS | {"margin_fraction": 1.0, "margin_absolute": 1e14}))
    block, _ = play([[LONG, QUIET]] * 4, bounds, share=3)
    refused = of_kind(block, d.REFUSED)  # type: ignore[arg-type]
    assert by(block, d.FILL) == [(1, 0, 1), (1, 1, 1)]
    assert [(r[d.SYMBOL], r[d.A]) for r in refused] == [(2, d.NOTIONAL), (3, d.NOTIONAL)]
    assert {r[d.C] for r in refused} == {9 * CAPITAL}
    assert {r[d.B] for r in refused} == {8 * CAPITAL}


def test_notional_when_a_signal_reverses_its_own_position_then_that_is_not_counted() -> None:
    bounds = limits(True, **(NO_BREAKERS | {"margin_fraction": 1.0, "margin_absolute": 1e14}))
    block, _ = play([[LONG, QUIET, SHORT, QUIET], [LONG, QUIET, QUIET, QUIET]], bounds, share=4)
    assert len(of_kind(block, d.REFUSED)) == 0  # type: ignore[arg-type]
    assert by(block, d.FILL) == [(1, 0, 1), (1, 1, 1), (3, 0, -1), (3, 0, -1)]


@pytest.mark.parametrize("allowed", [1, 2])
def test_positions_when_as_many_as_allowed_are_taken_then_the_next_is_refused(
    allowed: int,
) -> None:
    bounds = limits(True, **(NO_BREAKERS | {"positions": allowed}))
    block, _ = play(
        [[LONG, QUIET, QUIET], [LONG, QUIET, QUIET], [QUIET, QUIET, LONG]], bounds, share=0.1
    )
    refused = of_kind(block, d.REFUSED)  # type: ignore[arg-type]
    assert [(r[d.SYMBOL], r[d.A]) for r in refused] == [(s, d.POSITIONS) for s in (1, 2)][
        allowed - 1 :
    ]
    assert {(r[d.B], r[d.C]) for r in refused} == {(allowed, allowed + 1)}


def test_losses_when_two_symbols_close_in_one_bar_then_both_count() -> None:
    bounds = limits(True, **(NO_BREAKERS | {"losses": 2.0}))
    down = (85.0, 85.0, 85.0, 85.0, 1.0)
    block, runner = play([[LONG, QUIET, down]] * 2, bounds, share=0.1)
    assert by(block, d.TRIPPED) == [(2, 0, d.LOSSES)]
    assert runner.account(0)["losses"] == 2


def test_runner_when_symbols_are_too_many_then_says_how_many_are_allowed() -> None:
    with pytest.raises(ValueError, match="symbols were 17, must be 1 to 16"):
        play([[QUIET]] * 17)
    program = compile_strategy(TEXT, "scripted")
    with pytest.raises(ValueError, match="read for one symbol"):
        joint.joint(program.flat)
