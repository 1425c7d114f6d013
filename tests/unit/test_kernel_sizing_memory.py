"""What an account remembers of closed trades for its sizing, on every backend, against its records.

The account's own records (nets and lots of trades) are folded here into lists; the kernel keeps
sums, a worst and a ring.
"""

from functools import cache

import numpy as np
import pytest

from kernels import dtypes as d
from kernels.program import BACKENDS, Program, compile_strategy
from kernels.runner import Block, LaneSpec, Runner
from kernels.sizing_methods import METHODS
from kernels.sweep.figures import hex_digest
from kernels.sweep.run import sweep
from kernels.sweep.sets import listed
from kernels.sweep.settings import Settings, Ways
from tests.ir_machine import Machine
from tests.kernel_runs import CAPITAL, MINUTE, Array, limits, market, of_kind, walk

TEXT = """timeframe("1m")
v = param(0.05, 0.0001, 1.0)
sizing("METHOD", v)
def entry():
    if close > close[1]:
        return long()
    if close < open:
        return short()
    return FLAT
def exits():
    return plan(stop=60, max_bars=3)
"""
BARS = walk(1500, seed=11)
COSTS = market(taker=0.0001, maker=0.00005)
REMEMBERING = [method.name for method in METHODS.values() if method.record]
RINGED = ("optimal_f", "equity_curve")  # that read a ring: compared on every backend
VALUES = (0.05, 0.02, 0.01)


@cache
def program(method: str) -> Program:
    return compile_strategy(TEXT.replace("METHOD", method), f"remembers_{method}")


def run(method: str, backend: str, value: float = 0.05) -> tuple[Runner, Block]:
    """One account over all bars, stopped once on the way and taken up by another runner."""
    lanes = [LaneSpec(1, CAPITAL, limits())]
    first, runner = (
        Runner(program(method), {"v": value}, COSTS, MINUTE, lanes, backend) for _ in "ab"
    )
    one = first.run(BARS[:700], [0])
    runner.restore(first.state())
    two = runner.run(BARS[700:], [0])
    records = [np.concatenate([one.records[0], two.records[0]])]
    return runner, Block(records, two.closes, two.series)


def remembered(trades: Array) -> dict[str, float]:
    """What the fields must be after these trades."""
    nets, of_a_lot = trades[:, d.I], trades[:, d.I] / trades[:, d.B]
    won = (nets > 0.0).tolist()
    fields = {"wins_in_row": float([*won[::-1], False].index(False))}
    fields["worst_lot"] = max(0.0, -float(of_a_lot.min()))
    for name, length, figures in (("lot", 50, of_a_lot), ("closed", 10, np.cumsum(nets))):
        fields |= {f"{name}_{n % length}": float(figure) for n, figure in enumerate(figures)}
    return fields


@pytest.mark.parametrize("backend", BACKENDS)
def test_account_when_trades_closed_then_remembers_them(backend: str) -> None:
    runner, block = run("optimal_f", backend)
    trades = of_kind(block, d.CLOSED)
    assert len(trades) > 120
    assert 20 < (trades[:, d.I] > 0.0).sum() < len(trades) - 20
    account = runner.account(0)
    wanted = remembered(trades)
    assert len(wanted) == 2 + len(d.RING_NAMES)
    assert {name: account[name] for name in wanted} == wanted


@pytest.mark.parametrize("method", REMEMBERING)
def test_digests_when_sizing_remembers_then_are_those_of_the_plain_reading_and_of_sweeps(
    method: str,
) -> None:
    found = [run(method, "numba", value)[0].digest() for value in VALUES]
    machine = Machine(program(method), COSTS, limits(), 1.0, {"v": VALUES[0]})
    machine.run(BARS)
    account, kept = run(method, "numba")[0].account(0), machine.records["account"]
    assert {name: account[name] for name in kept} == kept
    settings = Settings(COSTS, limits(), 1, CAPITAL, MINUTE)
    sets = listed(program(method).parameters, {"v": np.array(VALUES)})
    for backend in BACKENDS if method in RINGED else ("lanes",):
        result = sweep(program(method), BARS, sets, settings, Ways(backend))
        assert [hex_digest(figures) for figures in result.figures] == found, backend


def test_trades_when_sizing_remembers_then_their_sizes_differ_as_the_record_does() -> None:
    for method in REMEMBERING:
        _, block = run(method, "numba")
        shares = of_kind(block, d.ORDER)[:, d.C] * of_kind(block, d.ORDER)[:, d.D]
        assert shares.max() > 1.5 * shares.min(), method
