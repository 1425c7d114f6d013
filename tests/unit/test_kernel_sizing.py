"""How large a trade is: every method by hand, in both sleeves, and what is refused."""

import math

import pytest

from kernels import dtypes as d
from kernels.program import compile_strategy
from kernels.runner import Block
from tests.kernel_runs import Array, bars_of, limits, market, of_kind, runner_of
from tests.sizing_desks import LOT, program, text_of

A, B = 1, 8  # leverage of the sleeves
OPEN, HELD = False, True  # whether limits hold


def ask(
    method: str,
    value: float = 0.05,
    *,
    price: float = 100.0,
    stop: float = 10.0,
    sleeve: int = A,
    bounds: Array | None = None,
    side: float = 2,
    costs: Array | None = None,
) -> Block:
    """One signal at `price`, and the bar that fills it."""
    rows = [(*(price,) * 4, float(side)), (*(price,) * 4, 1.0)]
    runner = runner_of(program(method or "margin"), (sleeve,), costs, bounds, v=value, stop=stop)
    return runner.run(bars_of(rows), [0])


# method and value, close, stop distance, sleeve, limits → base bought, by hand, of $17,000
BOUGHT = [
    ("margin", 0.05, 100.0, 10.0, A, HELD, 8.5),  # 5 % put up, once
    ("margin", 0.05, 100.0, 10.0, B, HELD, 68.0),  # and eight times
    ("", 0.05, 100.0, 10.0, A, HELD, 8.5),  # nothing said: margin, 5 %
    ("", 0.05, 100.0, 10.0, B, HELD, 68.0),
    ("margin", 0.1, 100.0, 10.0, B, HELD, 80.0),  # $1,700, of which $1,000 may be
    ("margin", 0.1, 100.0, 10.0, B, OPEN, 136.0),
    ("margin", 0.01, 30_000.0, 10.0, A, HELD, 0.00566),  # 0.0056666…
    ("margin", 0.01, 30_000.0, 10.0, B, HELD, 0.04533),  # 0.0453333…
    ("fraction", 0.1, 100.0, 10.0, A, OPEN, 17.0),
    ("fraction", 0.1, 100.0, 10.0, B, HELD, 17.0),  # whatever the leverage
    ("fraction", 3, 100.0, 10.0, B, OPEN, 510.0),
    ("notional", 900, 100.0, 10.0, A, HELD, 9.0),
    ("notional", 900, 100.0, 10.0, B, HELD, 9.0),
    ("notional", 900, 333.33, 10.0, B, HELD, 2.70002),  # 2.7000270…
    ("risk", 0.01, 100.0, 10.0, A, OPEN, 17.0),  # $170 lost at ten off
    ("risk", 0.01, 100.0, 10.0, B, HELD, 17.0),
    ("risk", 0.01, 100.0, 20.0, B, HELD, 8.5),
    ("risk", 0.01, 100.0, 0.333, A, OPEN, 515.15151),  # the stop is 33 ticks
]


@pytest.mark.parametrize(("method", "value", "price", "stop", "sleeve", "held", "base"), BOUGHT)
@pytest.mark.parametrize("side", [2, 3])
def test_entry_when_sized_by_a_method_then_buys_what_was_computed_by_hand(
    method: str,
    value: float,
    price: float,
    stop: float,
    sleeve: int,
    held: bool,
    base: float,
    side: int,
) -> None:
    block = ask(
        method, value, price=price, stop=stop, sleeve=sleeve, bounds=limits(held), side=side
    )
    assert len(of_kind(block, d.REFUSED)) == 0
    (order,), (fill,) = of_kind(block, d.ORDER), of_kind(block, d.FILL)
    assert (order[d.A], order[d.C]) == (1 if side == 2 else -1, round(base / LOT))
    assert fill[d.C] == order[d.C]


WIDE = limits(True, margin_fraction=100.0, margin_absolute=1e15)
# method, stop, sleeve, limits → which limit, how much it allows, what was asked for (quote)
REFUSED = [
    ("fraction", 0.5, 10.0, A, limits(True), d.MARGIN_FRACTION, 2_550.0, 8_500.0),
    ("fraction", 0.5, 10.0, B, limits(True), d.MARGIN_ABSOLUTE, 1_000.0, 1_062.5),
    ("margin", 0.2, 10.0, A, limits(True, margin_absolute=1e15), 1, 2_550.0, 3_400.0),
    ("fraction", 9, 10.0, B, WIDE, d.NOTIONAL, 136_000.0, 153_000.0),
    ("kelly", 0.5, 10.0, A, limits(True), d.MARGIN_FRACTION, 2_550.0, 8_500.0),
    ("martingale", 0.5, 10.0, A, limits(True), d.MARGIN_FRACTION, 2_550.0, 8_500.0),
    ("williams", 0.001, 1000.0, A, limits(), d.MINIMUM, 5.0, 1.7),
    ("optimal_f", 0.5, 1.0, B, limits(True), d.MARGIN_ABSOLUTE, 1_000.0, 2_125.0),
    ("notional", 9000, 10.0, A, limits(True), d.MARGIN_FRACTION, 2_550.0, 9_000.0),
    ("notional", 4.99, 10.0, A, limits(True), d.MINIMUM, 5.0, 4.99),
    ("notional", 0.0001, 10.0, A, limits(), d.MINIMUM, 5.0, 0.0),
    ("risk", 0.01, 0.5, B, limits(True), d.MARGIN_FRACTION, 2_550.0, 4_250.0),
    ("risk", 0.001, 1000.0, A, limits(), d.MINIMUM, 5.0, 1.7),
    ("notional", 1e8, 10.0, A, limits(), d.FIGURE_MISSING, d.EXACT / 1e8, 1e8),
]


@pytest.mark.parametrize(
    ("method", "value", "stop", "sleeve", "bounds", "code", "allowed", "asked"), REFUSED
)
def test_entry_when_its_size_is_beyond_a_limit_then_is_refused_with_both_figures(
    method: str,
    value: float,
    stop: float,
    sleeve: int,
    bounds: Array,
    code: int,
    allowed: float,
    asked: float,
) -> None:
    block = ask(method, value, stop=stop, sleeve=sleeve, bounds=bounds)
    (refused,) = of_kind(block, d.REFUSED)
    assert (refused[d.A], refused[d.B], refused[d.C]) == (code, allowed * 1e8, asked * 1e8)
    assert len(of_kind(block, d.ORDER)) == len(of_kind(block, d.FILL)) == 0


def test_risk_when_the_stop_is_no_number_then_refuses_the_entry() -> None:
    rows = [(*(100.0,) * 4, 2.0), (*(100.0,) * 4, 1.0)]
    text = text_of("risk").replace("volume > 1", "volume > 2")
    block = runner_of(compile_strategy(text, "nothing")).run(bars_of(rows), [0])
    (refused,) = of_kind(block, d.REFUSED)
    assert (refused[d.A], refused[d.C]) == (d.STOP_MISSING, math.inf)


@pytest.mark.parametrize(
    ("method", "value", "first", "then"),
    [
        ("margin", 0.05, 8.5, 8.415),  # 5 % of $16,830
        ("fraction", 0.05, 8.5, 8.415),
        ("notional", 850, 8.5, 8.5),
        ("risk", 0.01, 8.5, 8.415),
    ],
)
def test_size_when_equity_fell_then_is_of_what_is_left(
    method: str, value: float, first: float, then: float
) -> None:
    rows = [(*(100.0,) * 4, 2.0), (100.0, 100.0, 79.0, 80.0, 2.0), *[(*(100.0,) * 4, 3.0)] * 2]
    block = runner_of(program(method), v=value, stop=20.0).run(bars_of(rows), [0])
    (trade,) = of_kind(block, d.CLOSED)
    assert trade[d.I] == -170e8
    orders = of_kind(block, d.ORDER)
    entries = orders[orders[:, d.B] == d.ENTRY]
    assert [o[d.C] for o in entries] == [round(first / LOT), round(then / LOT)]


def test_size_when_the_lot_is_coarse_then_is_rounded_down_never_up() -> None:
    coarse = market(lot=0.1, unit=1e5)
    for quote in (99.9, 99.0):
        block = ask("notional", quote, price=10.0, costs=coarse)
        assert of_kind(block, d.ORDER)[0][d.C] == 99


def test_account_when_its_sizing_cannot_reach_the_smallest_order_then_is_ruined() -> None:
    block = ask("fraction", 0.0002, sleeve=A)
    (ruined,) = of_kind(block, d.RUINED)
    assert (ruined[d.A], ruined[d.B]) == (17_000e8, 25_000e8)  # 0.02 % of $25,000 is $5
