"""The share of a full trade that an entry asks for: by hand, at its edges, and where none is."""

import math
from dataclasses import replace

import numpy as np
import pytest

from kernels import dtypes as d
from kernels import ir
from kernels.backends import opencl_choice
from kernels.errors import StrategyError
from kernels.program import compile_strategy
from kernels.runner import Block, LaneSpec
from kernels.sizing_methods import METHODS
from tests import kernel_parity as parity
from tests import kernel_trials as trials
from tests.kernel_runs import CAPITAL, Array, bars_of, limits, of_kind, runner_of, walk
from tests.sizing_desks import LOT, SizingDesk, text_of
from tests.sweep_runs import wants
from tests.unit.test_kernel_joint import both
from tests.unit.test_kernel_joint_parity import assert_same, bars_of_three

SHARE = "w = param(1.0, -5.0, 5.0)\ne = param(1.0, 0.0, 1.0)\nv ="
SIDES = pytest.mark.parametrize("side", [2, 3])


def shared(method: str, share: str = "(w + 0 * close) / e") -> str:
    """The strategy of `sizing_desks`, each entry of which asks for a share."""
    text = text_of(method).replace("v =", SHARE, 1)
    return text.replace("long()", f"long(size={share})").replace("short()", f"short(size={share})")


def ask(text: str, side: int = 2, leverage: int = 1, held: bool = False, **given: float) -> Block:
    """One signal at a close of 100, and the bar that fills it."""
    rows = [(*(100.0,) * 4, float(side)), (*(100.0,) * 4, 1.0)]
    runner = runner_of(compile_strategy(text, "shared"), (leverage,), None, limits(held), **given)
    return runner.run(bars_of(rows), [0])


def lots(block: Block) -> float:
    (order,) = of_kind(block, d.ORDER)
    return float(order[d.C])


HELD, OPEN = True, False  # whether limits hold
# method, value, limits, share → base bought at 100 with $17,000 and a stop of 10, by hand
BOUGHT = [
    ("margin", 0.05, HELD, 0.5, 4.25),  # of 8.5
    ("margin", 0.1, HELD, 0.5, 5.0),  # half of what may be put up, $1,000, not half of $1,700
    ("fraction", 0.1, OPEN, 0.3, 5.1),
    ("notional", 900.0, OPEN, 0.25, 2.25),
    ("notional", 900.0, OPEN, 0.123456, 1.1111),  # 1.111104
    ("risk", 0.01, OPEN, 0.8, 13.6),
    ("kelly", 0.1, OPEN, 0.5, 8.5),
    ("martingale", 0.1, OPEN, 0.9, 15.3),
    ("notional", 900.0, OPEN, 1.0, 9.0),
    ("notional", 900.0, OPEN, 1.5, 9.0),  # above 1 counts as 1
]


@SIDES
@pytest.mark.parametrize(("method", "value", "held", "share", "base"), BOUGHT)
def test_entry_when_it_asks_for_a_share_then_buys_that_of_a_full_trade(
    method: str, value: float, held: bool, share: float, base: float, side: int
) -> None:
    assert lots(ask(shared(method), side, held=held, v=value, w=share)) == round(base / LOT)


@SIDES
@pytest.mark.parametrize(
    ("w", "e"),
    [(0.0, 1.0), (-0.5, 1.0), (0.0, 0.0), (-1.0, 0.0)],
    ids=["none", "below", "nan", "-inf"],
)
def test_entry_when_its_share_is_none_then_is_refused_as_a_missing_figure(
    w: float, e: float, side: int
) -> None:
    block = ask(shared("notional"), side, v=900.0, w=w, e=e)
    (refused,) = of_kind(block, d.REFUSED)
    assert refused[d.A] == d.FIGURE_MISSING
    assert math.isnan(refused[d.C])
    assert len(of_kind(block, d.ORDER)) == 0
    assert len(of_kind(block, d.SIGNAL)) == 1  # the signal is told all the same


def test_entry_when_its_share_has_no_end_then_is_a_full_one() -> None:
    assert lots(ask(shared("notional"), v=900.0, w=1.0, e=0.0)) == round(9.0 / LOT)


def test_entry_when_its_share_is_below_the_smallest_order_then_is_refused_as_too_small() -> None:
    (refused,) = of_kind(ask(shared("notional"), v=900.0, w=0.005), d.REFUSED)  # $4.50 of $5
    assert (refused[d.A], refused[d.C]) == (d.MINIMUM, 4.5e8)


def test_share_when_losses_are_in_a_row_then_comes_before_the_cut_and_the_rounding() -> None:
    asked = compile_strategy(shared("notional"), "shared")
    desk = SizingDesk(asked, bounds=limits(True), v=900.00777, w=0.7)
    for losses, cut in ((0, 1.0), (1, 0.75), (2, 0.5), (3, 0.25), (7, 0.25)):
        # $900.00777 are 900,007.77 lots at 100, of which 630,005.439 are asked for
        assert desk.ask(losses=losses) == math.floor(630_005.439 * cut), losses


@pytest.mark.parametrize("method", METHODS)
def test_share_when_it_is_one_then_every_method_buys_what_it_buys_without(method: str) -> None:
    given = {"v": 0.01 if METHODS[method].value != "quote" else 900.0, "f": 500.0}
    without = ask(text_of(method), held=True, **given)
    found = ask(shared(method), held=True, **given)
    assert found.records[0].tobytes() == without.records[0].tobytes()


def test_share_when_a_path_gives_none_then_that_one_is_a_full_trade() -> None:
    text = text_of("notional").replace("long()", "long(size=0.5)", 1)
    assert lots(ask(text, 2, v=900.0)) == round(4.5 / LOT)
    assert lots(ask(text, 3, v=900.0)) == round(9.0 / LOT)


def test_share_when_it_is_a_local_name_then_is_what_that_holds() -> None:
    text = text_of("notional").replace("long()", "long(size=mine)", 1)
    text = text.replace("def entry():", "def entry():\n    mine = 1\n    if low > 90:\n", 1)
    text = text.replace("> 90:\n\n", "> 90:\n        mine = mine / 4\n")
    assert lots(ask(text, 2, v=900.0)) == round(2.25 / LOT)


def test_share_when_research_imposes_a_sizing_then_is_a_share_of_that() -> None:
    asked = compile_strategy(shared("atr"), "imposed", ("notional", 400.0))
    assert SizingDesk(asked, w=0.5).ask() == round(2.0 / LOT)


def test_share_when_it_is_small_then_the_account_is_ruined_no_sooner() -> None:
    full, small = (
        SizingDesk(compile_strategy(t, "reach"), v=0.5)
        for t in (text_of("fraction"), shared("fraction", "0.1"))
    )
    for equity, code in ((9.0, 0.0), (11.0, -d.MINIMUM)):  # half of $9 is below $5
        assert small.ask(equity=equity) == code
        assert full.ask(equity=equity) == (0.0 if code == 0.0 else round(0.055 / LOT))


@pytest.mark.parametrize("several", [False, True])
def test_step_when_no_entry_gives_a_share_then_has_nothing_of_it(several: bool) -> None:
    without = compile_strategy(text_of("risk"), "without", several=several).flat.decide.statements
    given = compile_strategy(shared("risk", "0.5"), "given", several=several).flat.decide.statements
    halved = [e for e in ir.expressions(given) if ir.Num(0.5) in ir.leaves(e, ir.Num)]
    assert halved
    assert ir.size(given) > ir.size(without)
    named = text_of("risk").replace("long()", 'long(tag="size", confidence=0.5)')
    size = ir.size(compile_strategy(named, "named", several=several).flat.decide.statements)
    assert size <= ir.size(without) + 2  # confidence and tag, nothing else


ANY = """timeframe("5m")
n = param(5, 2, 9)
sizing("fraction", 0.1)
push = (close - ema(close, n)) / atr(n)
def entry():
    if push > 0:
        return long(tag="up", size=sqrt(push - 0.2) if volume > 9 else push)
    return short(size=push * push - 0.1)
def exits():
    return plan(stop=close / 50, target=close / 90, max_bars=9)
"""


def test_share_when_run_by_any_backend_then_gives_the_same_bits() -> None:
    here = any(not isinstance(device, str) for device in opencl_choice.listed())
    backends = ("numba", "lanes", "opencl") if here else ("numba", "lanes")
    lane = LaneSpec(3, CAPITAL, limits(True))
    trial = replace(
        trials.trial_of(2),
        program=compile_strategy(ANY, "shares"),
        parameters={"n": 4.0},
        bars=walk(2_000, seed=3),
        lanes=(lane, replace(lane, limits=limits(), leverage=1)),
        told=((0, (0, 0)),),
    )
    given = parity.assert_same_runs(trial, backends, 2)
    parity.assert_reads_alike(trial, 1, given)
    records = given.records[1]
    orders = records[(records[:, d.KIND] == d.ORDER) & (records[:, d.B] == d.ENTRY)]
    for side in (1, -1):
        bought = orders[orders[:, d.A] == side]
        assert len({round(lots * price) for lots, price in bought[:, [d.C, d.D]]}) > 10
    codes = records[records[:, d.KIND] == d.REFUSED, d.A]
    assert d.FIGURE_MISSING in codes
    wants("opencl")


def test_share_when_accounts_hold_several_symbols_then_is_that_of_one() -> None:
    both(shared("fraction", "(close - 29000) / 3000"), "joint", scripted(), limits(True))


def test_share_when_accounts_hold_three_symbols_then_all_backends_agree() -> None:
    assert assert_same(ANY, "shares", bars_of_three(5, 900), d.ENTRIES_OFF) > 100


def scripted() -> Array:
    bars = walk(600, seed=8)
    bars["volume"] = np.random.default_rng(8).integers(1, 4, 600)
    return bars


# Said wrongly: the size, the column where it stands, what was found, what is allowed
WRONG = [
    ("2", "2 as size, from 2 to 2", "a fixed one above 0, at most 1"),
    ("p", "p as size, from 0.5 to 20", "a share of a full trade"),
    ("-1", "-1 as size, from -1 to -1", "above 0"),
    ("close > open", "a condition", "a number"),
    ("True", "a condition", "a number"),
    ('"half"', "'half'", "a number"),
    ("position.bars", "position.bars", "exits"),
]


@pytest.mark.parametrize(("size", "found", "allowed"), WRONG)
@pytest.mark.parametrize("word", ["long", "short"])
def test_size_when_said_wrongly_then_is_refused_with_what_is_allowed(
    size: str, found: str, allowed: str, word: str
) -> None:
    text = f"""timeframe("1m")
p = param(1.0, 0.5, 20.0)
def entry():
    return {word}(tag="t", size={size})
def exits():
    return plan(stop=1)
"""
    with pytest.raises(StrategyError) as refusal:
        compile_strategy(text, "wrong")
    at = text.splitlines()[3].index("size=") + len("size=") + 1
    assert (refusal.value.line, refusal.value.column) == (4, at)
    assert found in refusal.value.found
    assert allowed in refusal.value.allowed
