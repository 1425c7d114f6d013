"""How far a trade went against its account and for it, by the kernel and by the slow simulator.

Bars are hand-drawn around 100. The kernel's trades are of 1,000,000 lots of 1e-5 coins, the
simulator's of ten coins: both make 10 quote for each quote of the way.
"""

import pytest

from kernels import dtypes as d
from kernels.program import compile_strategy
from tests.kernel_runs import bars_of, of_kind, runner_of
from tests.trading_simulator_tables import long, only, play, short, still
from tests.trading_simulator_terms import QUOTE

# Volume is the script: 2 asks for a long, 3 for a short, anything else for nothing.
TEXT = """timeframe("1m")
sizing("notional", 1000)
first = param(20.0, 1.0, 90.0)
second = param(10.0, 1.0, 90.0)
def entry():
    if volume == 2:
        return LONG
    if volume == 3:
        return SHORT
    return FLAT
def exits():
    return plan(stop=30, targets=((first, 0.9), second))
"""
PROGRAM = compile_strategy(TEXT, "excursions")


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("first", "second", "reaches", "worst", "best"),
    [
        # one bar passes both: the farther is the best, whichever ends the trade
        (20, 10, [(50, 2)], -2, 20),
        (10, 20, [(50, 2)], -2, 20),
        # a bar that the rest outlasts was seen as a whole
        (10, 40, [(25, 1), (0, 35)], -30, 25),
        # both passed at the open: it is all that was seen
        (20, 10, [(50, -45)], 0, 45),
    ],
)
def test_excursions_when_targets_fill_then_are_of_all_reference_prices_seen(
    side: int, first: int, second: int, reaches: list[tuple[int, int]], worst: int, best: int
) -> None:
    rows = list(still(2))
    for good, bad in reaches:
        ends = sorted((100.0 + side * good, 100.0 - side * bad))
        opened = 100.0 - side * min(bad, 0)
        rows.append((opened, ends[1], ends[0], opened))
    asked = long if side > 0 else short
    simulated = only(play(rows, {0: asked(30, (first, 0.9), (second, 1))}))
    assert (simulated.mae, simulated.mfe) == (10 * worst * QUOTE, 10 * best * QUOTE)
    words = [2.0 if side > 0 else 3.0] + [1.0] * (len(rows) - 1)
    bars = bars_of([(*row, word) for row, word in zip(rows, words, strict=True)])
    block = runner_of(PROGRAM, first=float(first), second=float(second)).run(bars, [0])
    (trade,) = of_kind(block, d.CLOSED)
    assert (trade[d.J], trade[d.K]) == (simulated.mae, simulated.mfe)
