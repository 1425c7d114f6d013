"""Sizes from a record of closed trades and a figure: by hand, at the edges, and whatever it is."""

from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import dtypes as d
from kernels.frontend import library
from kernels.program import compile_strategy
from kernels.sizing_methods import METHODS
from tests.kernel_runs import bars_of, limits, of_kind, runner_of
from tests.sizing_desks import LOT, SizingDesk, nets_of_a_lot, text_of

TWENTY = {"trades": 20.0, "wins": 12.0, "profit": 1200.0, "loss": 600.0}
TENS = {"trades": 20.0, "wins": 10.0} | nets_of_a_lot(*[2.0, -1.0] * 10)

# The examples of the library's docstrings: method, value, figure, leverage, equity, record → base
EXAMPLES = [
    ("margin", 0.05, 1.0, 8, 17_000.0, {}, 68.0),
    ("fraction", 0.1, 1.0, 1, 17_000.0, {}, 17.0),
    ("notional", 900.0, 1.0, 1, 17_000.0, {}, 9.0),
    ("risk", 0.01, 1.0, 1, 17_000.0, {}, 17.0),
    ("kelly", 0.05, 1.0, 1, 17_600.0, TWENTY, 52.8),
    ("kelly_half", 0.05, 1.0, 1, 17_600.0, TWENTY, 26.4),
    ("kelly_quarter", 0.05, 1.0, 1, 17_600.0, TWENTY, 13.2),
    ("atr", 0.01, 8.0, 1, 17_000.0, {}, 21.25),
    ("percent_volatility", 0.005, 4.0, 1, 17_000.0, {}, 21.25),
    ("volatility_target", 0.2, 0.0005, 1, 17_000.0, {}, 93.79532),
    ("martingale", 0.01, 1.0, 1, 16_800.0, {"losses": 2.0}, 6.72),
    ("anti_martingale", 0.01, 1.0, 1, 17_400.0, {"wins_in_row": 4.0}, 13.92),
    ("williams", 0.02, 1.0, 1, 16_800.0, {"worst_lot": 20.0 * LOT}, 16.8),
    ("optimal_f", 0.1, 1.0, 1, 17_100.0, TENS, 427.5),
]
FALLEN = {"trades": 2.0, "profit": 300.0, "loss": 200.0, "closed_0": 300.0, "closed_1": 100.0}
RISEN = FALLEN | {"trades": 3.0, "profit": 600.0, "closed_2": 400.0}
EXAMPLES += [
    ("equity_curve", 0.1, 1.0, 1, 17_100.0, FALLEN, 8.55),
    ("equity_curve", 0.1, 1.0, 1, 17_400.0, RISEN, 17.4),
    ("fixed_ratio", 400.0, 100.0, 1, 17_599.0, {"profit": 700.0, "loss": 101.0}, 12.0),
]


@pytest.mark.parametrize(
    ("method", "value", "figure", "leverage", "equity", "record", "base"), EXAMPLES
)
def test_size_when_worked_out_in_the_docstring_then_is_what_the_kernel_asks(
    method: str,
    value: float,
    figure: float,
    leverage: int,
    equity: float,
    record: dict[str, float],
    base: float,
) -> None:
    desk = SizingDesk(method, leverage, v=value, f=figure)
    assert desk.ask(equity=equity, **record) == pytest.approx(base / LOT, abs=1.0)
    told = " ".join(library.functions()[f"by_{method}"].documentation.split())
    assert f"{base:g} base" in told


def test_examples_when_listed_then_are_of_every_method() -> None:
    assert {example[0] for example in EXAMPLES} == set(METHODS)


# By hand: method, value, record → base bought at 100 with $17,000
ONE_LOSS = [1.0] * 19 + [-1.0]
BY_HAND = [
    # kelly: the value before 20 trades, and where its own record has no odds
    ("kelly", 0.1, {}, 17.0),
    ("kelly", 0.1, TWENTY | {"trades": 19.0}, 17.0),
    ("kelly", 0.1, {"trades": 30.0, "wins": 30.0, "profit": 900.0}, 17.0),  # only wins
    ("kelly", 0.1, {"trades": 30.0, "loss": 900.0}, 17.0),  # only losses
    ("kelly", 0.1, {"trades": 30.0, "wins": 9.0, "profit": 900.0}, 17.0),  # others made 0
    ("kelly_half", 0.1, {}, 17.0),
    ("kelly_quarter", 0.1, {}, 17.0),
    ("kelly", 0.1, {"trades": 20.0, "wins": 8.0, "profit": 800.0, "loss": 400.0}, 34.0),  # b = 3
    ("kelly", 0.1, {"trades": 40.0, "wins": 39.0, "profit": 39.0, "loss": 1.0}, 161.5),  # 0.95
    # martingale: three doublings at most
    ("martingale", 0.01, {}, 1.7),
    ("martingale", 0.01, {"losses": 1.0}, 3.4),
    ("martingale", 0.01, {"losses": 3.0}, 13.6),
    ("martingale", 0.01, {"losses": 9.0}, 13.6),
    ("anti_martingale", 0.01, {"losses": 3.0}, 1.7),
    ("anti_martingale", 0.01, {"wins_in_row": 1.0}, 3.4),
    ("anti_martingale", 0.01, {"wins_in_row": 3.0}, 13.6),
    # equity_curve: no trade yet, one trade (its own mean), balances that stand still
    ("equity_curve", 0.1, {}, 17.0),
    ("equity_curve", 0.1, {"trades": 1.0, "loss": 50.0, "closed_0": -50.0}, 17.0),
    ("equity_curve", 0.1, {"trades": 2.0, "loss": 9.0, "closed_0": -1.0, "closed_1": -9.0}, 8.5),
    # williams: the stop of 10 before a loss
    ("williams", 0.01, {}, 17.0),
    ("williams", 0.01, {"worst_lot": 34.0 * LOT}, 5.0),
    # optimal_f: 1 % at the stop before 20 trades, and without a loss
    ("optimal_f", 0.5, {}, 17.0),
    ("optimal_f", 0.5, nets_of_a_lot(*ONE_LOSS) | {"trades": 19.0}, 17.0),
    ("optimal_f", 0.5, nets_of_a_lot(*[1.0] * 50) | {"trades": 60.0}, 17.0),
    ("optimal_f", 0.1, nets_of_a_lot(*[-1.0] * 50) | {"trades": 50.0}, 85.0),  # f = 0.05
    ("optimal_f", 0.1, nets_of_a_lot(*ONE_LOSS) | {"trades": 20.0}, 1530.0),  # f = 0.9
    ("optimal_f", 0.1, nets_of_a_lot(*ONE_LOSS) | {"trades": 999.0}, 1530.0),
]


@pytest.mark.parametrize(("method", "value", "record", "base"), BY_HAND)
def test_size_when_the_record_is_given_then_is_what_was_computed_by_hand(
    method: str, value: float, record: dict[str, float], base: float
) -> None:
    assert SizingDesk(method, v=value).ask(**record) == pytest.approx(base / LOT, abs=1.0)


@pytest.mark.parametrize(
    ("closed", "units"),
    [(-500, 1), (0, 1), (99.99, 1), (100, 2), (299, 2), (300, 3), (599, 3), (600, 4), (4500, 10)],
)
def test_fixed_ratio_when_the_closed_net_passes_a_delta_for_each_unit_then_has_one_more(
    closed: float, units: int
) -> None:
    desk = SizingDesk("fixed_ratio", v=100.0, f=100.0)
    record = {"profit": max(closed, 0.0), "loss": max(-closed, 0.0)}
    assert desk.ask(**record) == round(units / LOT)


@pytest.mark.parametrize("method", ["kelly", "kelly_half", "kelly_quarter"])
def test_kelly_when_its_record_has_no_edge_then_refuses_as_less_than_a_lot(method: str) -> None:
    desk = SizingDesk(method, v=0.5)
    losing = {"trades": 20.0, "wins": 5.0, "profit": 100.0, "loss": 400.0}
    assert desk.ask(**losing) == -d.MINIMUM


FIGURED = [method.name for method in METHODS.values() if method.figure]


@pytest.mark.parametrize("method", FIGURED)
@pytest.mark.parametrize("figure", [0.0, -0.0, -2.0])
def test_entry_when_the_figure_is_not_above_zero_then_is_refused_for_want_of_it(
    method: str, figure: float
) -> None:
    assert SizingDesk(method, v=0.05, f=figure).ask() == -d.FIGURE_MISSING


@pytest.mark.parametrize("method", FIGURED)
def test_signal_when_the_figure_is_no_number_then_is_none(method: str) -> None:
    program = compile_strategy(text_of(method, "sqrt(f) + 0 * close"), "figure")
    bars = bars_of([(*(100.0,) * 4, 2.0)])
    for figure, signals in ((1.0, 1), (-1.0, 0)):
        block = runner_of(program, v=0.05, f=figure).run(bars, [0])
        assert len(of_kind(block, d.SIGNAL)) == signals


@pytest.mark.parametrize("method", ["fixed_ratio", "atr"])
def test_figure_when_it_is_a_parameter_then_is_read_as_one(method: str) -> None:
    text = text_of(method, "f").replace("f = param(1.0, -5.0, 1e6)", "f = param(5.0, 1.0, 50.0)")
    runner = runner_of(compile_strategy(text, "fixed"), v=1.0 if method == "atr" else 900.0, f=50.0)
    (order,) = of_kind(runner.run(bars_of([(*(100.0,) * 4, 2.0)]), [0]), d.ORDER)
    assert order[d.C] == round((17_000 / 50 if method == "atr" else 9.0) / LOT)


@pytest.mark.parametrize("losses", range(6))
def test_cut_when_losses_are_in_a_row_then_takes_a_quarter_for_each_up_to_three(
    losses: int,
) -> None:
    share = (1.0, 0.75, 0.5, 0.25)[min(losses, 3)]
    for held in (False, True):
        desk = SizingDesk("notional", v=1000.0, bounds=limits(held, margin_absolute=1e15))
        assert desk.ask(losses=float(losses)) == round((share if held else 1.0) * 10.0 / LOT)


def test_martingale_when_limits_are_on_then_the_cut_works_against_it() -> None:
    for losses, times in ((0, 1.0), (1, 2 * 0.75), (2, 4 * 0.5), (3, 8 * 0.25), (7, 8 * 0.25)):
        desk = SizingDesk("martingale", v=0.01, bounds=limits(True))
        assert desk.ask(losses=float(losses)) == round(1.7 * times / LOT)


@pytest.mark.parametrize("method", list(METHODS))
def test_entry_when_equity_is_gone_then_is_none(method: str) -> None:
    desk = SizingDesk(method, v=0.05 if METHODS[method].value != "quote" else 900.0)
    assert desk.ask(equity=0.0) == 0.0
    assert desk.runner.account(0)["ruined"] == 1.0


# Whatever the record is

MONEY = st.integers(0, 10**6).map(lambda cents: cents / 100.0)
RECORD = st.fixed_dictionaries(
    {
        "trades": st.integers(0, 60).map(float),
        "losses": st.integers(0, 9).map(float),
        "wins_in_row": st.integers(0, 9).map(float),
        "profit": MONEY,
        "loss": MONEY,
        "worst_lot": MONEY.map(lambda money: money * LOT),
    }
)
NETS = st.lists(st.integers(-(10**4), 10**4).map(float), min_size=0, max_size=50)
DESKS = {
    (name, held): SizingDesk(
        name, 4, v=900.0 if found.value == "quote" else 0.02, f=2.0, bounds=limits(held)
    )
    for name, found in METHODS.items()
    for held in (False, True)
}
METHOD = st.sampled_from(list(METHODS))
EQUITY = st.integers(10**3, 10**6).map(float)


@settings(max_examples=300, deadline=None)
@given(METHOD, EQUITY, RECORD, NETS, st.floats(0.0, 1.0))
def test_lots_when_the_record_is_anything_then_are_whole_and_within_every_limit(
    method: str, equity: float, record: dict[str, float], nets: list[float], winning: float
) -> None:
    found = record | nets_of_a_lot(*nets) | {"wins": floor(record["trades"] * winning)}
    lots = DESKS[method, True].ask(equity=equity, **found)
    if lots > 0.0:
        notional = lots * LOT * 100.0
        assert lots == floor(lots)
        assert notional >= 5.0
        assert notional / 4 <= min(0.15 * equity, 1000.0) * (1 + 1e-12)
    else:
        assert -lots in (d.MINIMUM, d.MARGIN_FRACTION, d.MARGIN_ABSOLUTE, d.FIGURE_MISSING)


@settings(max_examples=200, deadline=None)
@given(METHOD, EQUITY, EQUITY, RECORD, NETS)
def test_lots_when_equity_is_more_then_are_no_fewer(
    method: str, one: float, two: float, record: dict[str, float], nets: list[float]
) -> None:
    desk, less, more = DESKS[method, False], min(one, two), max(one, two)
    found = record | nets_of_a_lot(*nets) | {"wins": floor(record["trades"] / 2)}
    lots = [desk.ask(equity=equity, **found) for equity in (less, more)]
    refused = [max(n, 0.0) if n != -d.FIGURE_MISSING else float("inf") for n in lots]
    assert refused[0] <= refused[1]  # a figure is missing where it is too large to count
