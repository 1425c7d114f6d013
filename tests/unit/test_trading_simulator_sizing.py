"""The slow simulator's sizes against hand-computed tables, method by method.

The close is 100 and a lot is one coin, so a notional of 1,000 is ten lots.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.trading_simulator_sizing import METHODS, History, Sizing, best_f
from tests.trading_simulator_tables import COIN, OFF, RICH, codes, flat, long, play, still
from tests.trading_simulator_terms import QUOTE, Account, Limits

SHARES = [(0.5, 5), (0.27, 2), (1.0, 10), (1.5, 10), (float("inf"), 10)]  # of ten lots
WINS_AND_LOSSES = (*(30,) * 12, *(-20,) * 8)  # nets of twenty trades, quote; p 0.6, b 1.5


def lots(
    method: str,
    value: float,
    nets: Sequence[int] = (),
    *,
    figure: str | None = None,
    limits: Limits = OFF,
    equity: int = 100_000,
    stop: str = "5",
    each: int = 10,
    bars_a_year: float = 525_600.0,
) -> Decimal | None:
    """Size an entry; `nets` are quote, made by trades of `each` lots."""
    account = Account(100_000 * QUOTE, 4, method, value, bars_a_year)
    history = History(account.capital)
    for net in nets:
        history.add(net * QUOTE, each)
    told = Sizing(
        account=account,
        symbol=COIN,
        limits=limits,
        history=history,
        equity=equity * QUOTE,
        close=100,
        stop=Decimal(stop),
        figure=None if figure is None else Decimal(figure),
    )
    return METHODS[method](told)


@pytest.mark.parametrize(
    ("method", "value", "expected"),
    [
        ("margin", 0.05, "200"),  # 100,000 · 0.05 · 4 = 20,000
        ("fraction", 0.05, "50"),  # 5,000
        ("notional", 1_234.5, "12.345"),
        ("risk", 0.01, "200"),  # 1,000 / 5
        ("kelly", 0.1, "100"),
        ("kelly_half", 0.1, "100"),  # the share to begin with is not halved
        ("kelly_quarter", 0.1, "100"),
        ("equity_curve", 0.1, "100"),
        ("martingale", 0.1, "100"),
        ("anti_martingale", 0.1, "100"),
        ("williams", 0.01, "200"),  # the stop's loss: 5 of a lot
        ("optimal_f", 0.5, "200"),  # as risk at 1 %
    ],
)
def test_size_when_nothing_was_traded_yet_then_is_that_of_the_table(
    method: str, value: float, expected: str
) -> None:
    assert lots(method, value) == Decimal(expected)


@pytest.mark.parametrize(("value", "expected"), [(0.005, "20"), (0.01, "40"), (0.05, "40")])
def test_margin_when_limits_are_on_then_is_at_most_the_absolute_one(
    value: float, expected: str
) -> None:
    # 1,000 · 4 = 4,000
    assert lots("margin", value, limits=Limits()) == Decimal(expected)


@pytest.mark.parametrize(
    ("method", "value", "figure", "expected"),
    [
        ("atr", 0.01, "2.5", "400"),  # 1,000 / 2.5
        ("percent_volatility", 0.01, "1.25", "800"),
        # √525,600 = 724.9828; 100,000 · 0.2 / (0.001 · 724.9828) = 27,586.9 of notional
        ("volatility_target", 0.2, "0.001", "275.8686"),
        ("fixed_ratio", 1_000.0, "500", "10"),  # no profit: one unit
    ],
)
def test_size_when_a_figure_is_given_then_uses_it(
    method: str, value: float, figure: str, expected: str
) -> None:
    found = lots(method, value, figure=figure)
    assert found is not None
    assert abs(found - Decimal(expected)) < Decimal("1e-4")


@pytest.mark.parametrize(
    "method", ["atr", "percent_volatility", "volatility_target", "fixed_ratio"]
)
@pytest.mark.parametrize("figure", [None, "0", "-0.5", "-1000"])
def test_size_when_its_figure_is_not_above_zero_then_is_none(
    method: str, figure: str | None
) -> None:
    assert lots(method, 0.1, figure=figure) is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [("atr", 0), ("percent_volatility", 0), ("volatility_target", 0), ("fixed_ratio", 1)],
)
def test_size_when_its_figure_has_no_end_then_is_none_at_all_or_one_unit(
    method: str, expected: int
) -> None:
    value = 100.0 if method == "fixed_ratio" else 0.1
    assert lots(method, value, (500,), figure="Infinity") == expected


def test_kelly_when_twenty_trades_are_closed_then_bets_the_edge_over_the_odds() -> None:
    # f = 0.6 − 0.4 / 1.5 = 1/3 of 100,000
    third = Decimal(1000) / 3
    for method, part in (("kelly", 1), ("kelly_half", 2), ("kelly_quarter", 4)):
        found = lots(method, 0.1, WINS_AND_LOSSES)
        assert found is not None
        assert abs(found - third / part) < Decimal("1e-20")
    assert lots("kelly", 0.1, WINS_AND_LOSSES[1:]) == 100


@pytest.mark.parametrize("nets", [(10,) * 25, (-10,) * 25, (0,) * 25])
def test_kelly_when_there_is_no_win_or_no_loss_then_is_the_share_to_begin_with(
    nets: tuple[int, ...],
) -> None:
    assert lots("kelly_half", 0.1, nets) == 100


def test_kelly_when_the_edge_is_negative_then_bets_nothing() -> None:
    assert lots("kelly", 0.1, (*(10,) * 5, *(-20,) * 15)) == 0


@pytest.mark.parametrize(
    ("nets", "expected"),
    [
        ((100,), "100"),  # the only balance is its own mean
        ((100, -50), "50"),  # 100,050 is below (100,100 + 100,050) / 2
        ((-50, 100), "100"),
        ((0, 0, 0), "100"),  # equal is not below
        # the last ten are 100,190 … 100,110 and 100,310, their mean 100,166; what was before them,
        # with a mean above 100,500, is forgotten
        ((900, *(-70,) * 10, *(-10,) * 9, 200), "100"),
    ],
)
def test_equity_curve_when_the_balance_is_below_its_mean_then_is_half(
    nets: tuple[int, ...], expected: str
) -> None:
    assert lots("equity_curve", 0.1, nets) == Decimal(expected)


@pytest.mark.parametrize(
    ("nets", "losing", "winning"),
    [
        ((-1,), 200, 100),
        ((-1, -1), 400, 100),
        ((-1, -1, 0), 800, 100),  # even is a loss
        ((-1,) * 5, 800, 100),
        ((-1, -1, 1), 100, 200),
        ((1, 1), 100, 400),
        ((1,) * 7, 100, 800),
        ((1, 1, -1), 200, 100),
    ],
)
def test_martingales_when_trades_come_in_rows_then_double_at_most_three_times(
    nets: tuple[int, ...], losing: int, winning: int
) -> None:
    assert lots("martingale", 0.1, nets) == losing
    assert lots("anti_martingale", 0.1, nets) == winning


@pytest.mark.parametrize(
    ("profit", "units"),
    [(-1_000, 1), (0, 1), (499, 1), (500, 2), (1_499, 2), (1_500, 3), (3_000, 4), (5_000, 5)],
)
def test_fixed_ratio_when_profit_grows_then_each_unit_needs_one_delta_more(
    profit: int, units: int
) -> None:
    # with a delta of 500: 2 units from 500, 3 from 500 + 1,000, 4 from 3,000, 5 from 5,000
    assert lots("fixed_ratio", 1_000.0, (profit,), figure="500") == 10 * units


def test_williams_when_a_loss_is_known_then_uses_the_largest_of_a_lot() -> None:
    # losses of 2 and 3.5 of a lot: 1,000 / 3.5
    found = lots("williams", 0.01, (-20, 50, -35, -10))
    assert found is not None
    assert abs(found - Decimal(1000) / Decimal("3.5")) < Decimal("1e-20")


def test_optimal_f_when_twenty_trades_are_closed_then_maximises_growth() -> None:
    # Wins of 3 and losses of 2 of a lot, 12 to 8. Growth 12 ln(1 + 1.5 f) + 8 ln(1 − f) is best at
    # 18 / (1 + 1.5 f) = 8 / (1 − f): f = 1/3. Of the grid, 0.35 gives 12 · 0.42199 − 8 · 0.43078 =
    # 1.6176 and 0.30 gives 12 · 0.37156 − 8 · 0.35667 = 1.6053. 100,000 · 0.02 · 0.35 / 2 of a lot.
    assert lots("optimal_f", 0.02, WINS_AND_LOSSES) == 350
    assert lots("optimal_f", 0.02, WINS_AND_LOSSES[1:]) == 200


def test_optimal_f_when_losses_are_long_ago_then_looks_at_fifty_trades() -> None:
    assert lots("optimal_f", 0.02, (-100, *(10,) * 50)) == 200  # no loss among them
    # a loss of 10 of a lot fifty trades ago counts: f of 49 wins of 1 against it
    found = lots("optimal_f", 0.02, (-100, *(10,) * 49))
    grid = [n / 20 for n in range(1, 21)]
    best = max(grid, key=lambda f: (1 + f * 0.1) ** 49 * (1 - f))
    assert best == 0.8
    assert found == Decimal(2_000) * Decimal(str(best)) / 10


def test_optimal_f_when_all_is_lost_then_is_the_smallest() -> None:
    assert best_f([Decimal(-1)] * 20, Decimal(1)) == Decimal("0.05")


def test_size_when_taken_by_an_account_then_is_of_equity_at_the_close() -> None:
    account = replace(RICH, method="fraction", value=0.1)
    rows = [*still(2), (100, 100, 95, 100), *still(2)]
    outcome = play(rows, {0: long(5), 2: flat(), 3: long(5)}, account=account)
    # The first are 100 lots, which lose 500: 99,500 · 0.1 / 100 = 99.5.
    assert [fill.lots for fill in outcome.fills if fill.intent == "entry"] == [100, 99]


def test_risk_when_the_stop_is_no_whole_tick_then_is_of_the_stop_that_will_be_laid() -> None:
    # 4.6 becomes 5 ticks: 1,000 / 5
    account = replace(RICH, method="risk", value=0.01)
    assert play(still(2), {0: long(4.6)}, account=account).fills[0].lots == 200


def test_sizes_when_trades_are_random_then_are_never_negative() -> None:
    rng = random.Random(4)  # noqa: S311
    for _ in range(200):
        nets = [rng.randint(-400, 400) for _ in range(rng.randint(0, 70))]
        for method in METHODS:
            found = lots(method, 0.1, nets, figure="0.5")
            assert found is not None
            assert found >= 0


@pytest.mark.parametrize(("size", "expected"), SHARES)
def test_size_when_an_entry_asks_for_a_share_then_is_that_of_a_full_trade_at_most(
    size: float, expected: int
) -> None:
    found = play(still(2), {0: replace(long(5), size=size)})
    assert [fill.lots for fill in found.fills] == [expected]


@pytest.mark.parametrize("size", [0.0, -0.5, float("nan"), float("-inf")])
def test_size_when_the_share_is_none_then_refuses_the_entry(size: float) -> None:
    found = play(still(2), {0: replace(long(5), size=size)})
    assert codes(found) == ["RISK_FIGURE_MISSING"]
    assert found.fills == []
