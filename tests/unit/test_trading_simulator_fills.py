"""The slow simulator against hand-computed tables: fills, funding, liquidation.

A price is a number of ticks, a lot is one coin, and an entry of 1,000 quote at a close of 100 is
ten lots.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.trading_simulator import MINUTE
from tests.trading_simulator_prices import bankruptcy_price, liquidation_price, slippage_rate
from tests.trading_simulator_tables import (
    COIN,
    RICH,
    START,
    long,
    only,
    play,
    short,
    still,
    told,
)
from tests.trading_simulator_terms import QUOTE, Bar, Symbol, Wish

# Fills


def test_entry_when_bought_at_market_then_pays_slippage_rounded_up_and_the_takers_fee() -> None:
    # close 100: 1,000 / 100 = 10 lots. Open 101 · 1.001 = 101.101 → 102.
    # Fee 102 · 10 · 0.05 % = 0.51; slippage (102 − 101) · 10 = 10.
    (fill,) = play([*still(1), (101, 101, 101, 101)], {0: long(5)}, slippage=1e-3, taker=5e-4).fills
    assert (fill.side, fill.intent, fill.lots, fill.price, fill.reference) == (
        1,
        "entry",
        10,
        102,
        101,
    )
    assert (fill.fee, fill.slippage, fill.taker) == (51_000_000, 10 * QUOTE, True)


def test_entry_when_sold_at_market_then_gets_slippage_rounded_down() -> None:
    # 101 · 0.999 = 100.899 → 100
    (fill,) = play([*still(1), (101, 101, 101, 101)], {0: short(5)}, slippage=1e-3).fills
    assert (fill.side, fill.price, fill.slippage) == (-1, 100, 10 * QUOTE)


@pytest.mark.parametrize(("price", "bought", "sold"), [(1000, 1001, 999), (3000, 3003, 2997)])
def test_entry_when_slippage_is_whole_ticks_then_is_not_rounded_further(
    price: int, bought: int, sold: int
) -> None:
    account = replace(RICH, value=10_000.0)
    for wish, paid in ((long(5), bought), (short(5), sold)):
        outcome = play(still(2, price), {0: wish}, account=account, slippage=1e-3)
        assert outcome.fills[0].price == paid


def test_sale_when_slippage_would_leave_nothing_then_gets_one_tick() -> None:
    assert play(still(2, 1.0), {0: short(5)}, slippage=1e-3).fills[0].price == 1


def test_fee_when_it_is_half_of_the_smallest_money_then_is_rounded_up() -> None:
    # one lot moving one tick is 1e-8: 1,000 · 1 · 0.0005 = 0.5 → 1
    small = Symbol(tick=1e-4, lot=1e-4, min_notional=1, taker=5e-4, maintenance=0.0)
    account = replace(RICH, value=1e-5)  # quote: 1,000 money
    (fill,) = play(still(2, 0.1), {0: long(5)}, symbol=small, account=account).fills
    assert (fill.lots, fill.price, fill.fee) == (1, 1000, 1)


def test_bar_when_its_prices_are_off_the_grid_then_they_are_rounded_half_up() -> None:
    (fill,) = play([*still(1), (100.5, 101, 100, 100)], {0: long(5)}).fills
    assert fill.price == 101


@pytest.mark.parametrize(
    ("volume", "base", "wide", "expected"),
    [
        # notional 10 · 1,000,000 = 1e7, turnover 1,000 · 1e6 = 1e9: impact 1 % · 0.01 = 0.0001;
        # range 0.04: stretch 1 + 0.04 / 0.02 = 3; leverage 2: 1.032. (0.0002 + 0.0001) · 3.096
        (1_000.0, 0.0002, 20_000, "0.0009288"),
        # impact at most 0.005: (0.0002 + 0.005) · 1.032 with no range = 0.0053664 → 0.005
        (1.0, 0.0002, 0, "0.005"),
        # no volume: the same
        (0.0, 0.0, 0, "0.005"),
        # hardly any impact: 1e-7 · 1.032 → at least 0.00005
        (1_000_000.0, 0.0, 0, "0.00005"),
        # stretch at most 4: range 0.1 would be 6. (0.0001 + 0.0001) · 4 · 1.032
        (1_000.0, 0.0001, 50_000, "0.0008256"),
    ],
)
def test_slippage_when_dynamic_then_follows_volume_range_and_leverage(
    volume: float, base: float, wide: int, expected: str
) -> None:
    symbol = replace(COIN, dynamic=True, slippage=base)
    price = 1_000_000
    before = Bar(price, price + wide, price - wide, price, volume)
    assert slippage_rate(symbol, 2, before, 10, price) == Decimal(expected)


def test_slippage_when_dynamic_then_looks_at_the_bar_before_the_fill() -> None:
    # entry as in the first row above: 1,000,000 · 0.0009288 = 928.8 → 929.
    # The stop at 1,000,929 − 100,000 = 900,929 looks at bar 1 (volume 500, close 1e6, no range):
    # impact 1 % · 9,009,290 / 5e8 = 0.00018019; (0.0002 + 0.00018019) · 1.032 = 0.00039235
    # 900,929 · 0.00039235 = 353.48 → 900,575.52 → 900,575
    price = 1_000_000.0
    rows = [
        (price, price + 20_000, price - 20_000, price, 1_000.0),
        (price, price, price, price, 500.0),
        (price, price, 900_000, 900_000, 7.0),
    ]
    account = replace(RICH, capital=10**7 * QUOTE, value=1e7)
    outcome = play(rows, {0: long(100_000)}, account=account, slippage=2e-4, dynamic=True)
    assert told(outcome) == [("entry", 10, 1_000_929), ("stop", 10, 900_575)]


def test_target_when_traded_through_then_fills_at_its_level_as_maker() -> None:
    # Bar 2 reaches 110 and no more; bar 3 goes to 111. Fee 110 · 10 · 0.02 % = 0.22
    rows = [*still(2), (100, 110, 100, 105), (105, 111, 104, 106)]
    outcome = play(rows, {0: long(50, (10, 1))}, maker=2e-4)
    fill = outcome.fills[1]
    assert (fill.step, fill.intent, fill.price) == (START + 3 * MINUTE, "target", 110)
    assert (fill.fee, fill.slippage, fill.taker) == (22_000_000, 0, False)


def test_short_target_when_traded_through_then_fills_at_its_level() -> None:
    rows = [*still(2), (100, 100, 90, 95), (95, 95, 89, 90)]
    fill = play(rows, {0: short(50, (10, 1))}).fills[1]
    assert (fill.step, fill.side, fill.price) == (START + 3 * MINUTE, 1, 90)


def test_trade_when_closed_then_its_parts_add_up() -> None:
    # Long 10 at 101.101 → 102 from 101, stop 102 − 5 = 97, sold at 97 · 0.999 = 96.903 → 96.
    # Gross (97 − 101) · 10 = −40; slippage 10 + 10; fees (102 + 96) · 10 · 0.05 % = 0.99.
    rows = [*still(1), (101, 101, 101, 101), (101, 101, 97, 100)]
    trade = only(play(rows, {0: long(5)}, slippage=1e-3, taker=5e-4))
    assert (trade.entry, trade.exit, trade.reason) == (102, 96, "stop")
    assert (trade.gross, trade.slippage, trade.fees) == (-40 * QUOTE, 20 * QUOTE, 99_000_000)
    assert trade.net == -6_099_000_000


# Funding


@pytest.mark.parametrize(("wish", "paid"), [(long(50), 12_000_000), (short(50), -12_000_000)])
def test_funding_when_a_perpetual_is_held_then_longs_pay_at_the_open(wish: Wish, paid: int) -> None:
    # 10 lots · open 120 · 0.01 % = 0.12; the bar of the entry carries a rate too, and pays nothing
    rows = [*still(1), (100, 100, 100, 100, 1, 0.5), (120, 120, 120, 120, 1, 1e-4)]
    outcome = play(rows, {0: wish}, perpetual=True)
    assert [f.paid for f in outcome.funded] == [paid]
    assert outcome.marks[-1].cash == RICH.capital - paid


def test_funding_when_a_position_closes_at_that_open_then_is_paid_before() -> None:
    rows = [*still(2), (90, 90, 90, 90, 1, 1e-3)]
    trade = only(play(rows, {0: long(5)}, perpetual=True))
    # stopped at 90: −100; funding 10 · 90 · 0.1 % = 0.9
    assert (trade.reason, trade.funding) == ("stop", 90_000_000)
    assert trade.net == -100 * QUOTE - 90_000_000


def test_funding_when_the_market_is_spot_then_is_none() -> None:
    rows = [*still(2), (100, 100, 100, 100, 1, 1e-3)]
    assert play(rows, {0: long(5)}, perpetual=False).funded == []


# Liquidation


@pytest.mark.parametrize(
    ("side", "leverage", "maintenance", "edge", "bankrupt"),
    [
        # 1,000 · 0.75 / 0.99; 1,000 · 1.25 / 1.01
        (1, 4, 0.01, "757.575757", 750),
        (-1, 4, 0.01, "1237.623762", 1250),
        # 1,000 · 2 / 1.005
        (-1, 1, 0.005, "1990.049751", 2000),
        # 1,000 · 2/3 = 666.67 → 667
        (1, 3, 0.0, "666.666666", 667),
    ],
)
def test_liquidation_when_margin_is_isolated_then_is_at_these_prices(
    side: int, leverage: int, maintenance: float, edge: str, bankrupt: int
) -> None:
    found = liquidation_price(1000, side, leverage, maintenance)
    assert found is not None
    assert abs(found - Decimal(edge)) < Decimal("1e-6")
    assert bankruptcy_price(1000, side, leverage) == bankrupt


def test_liquidation_when_a_long_has_no_leverage_then_never_comes() -> None:
    assert liquidation_price(1000, 1, 1, 0.1) is None


FOURFOLD = replace(RICH, leverage=4)


@pytest.mark.parametrize(
    ("low", "stop", "expected"),
    [
        (758, 900, None),  # the edge, 757.58, is not reached
        (757, 900, ("liquidation", 1, 750)),
        (757, 300, ("liquidation", 1, 750)),
        (600, 300, ("liquidation", 1, 750)),  # the stop, 700, is reached but further
        (600, 200, ("stop", 1, 800)),  # nearer
    ],
)
def test_liquidation_when_the_edge_is_reached_then_is_first_unless_the_stop_is_nearer(
    low: float, stop: float, expected: tuple[str, int, int] | None
) -> None:
    rows = [*still(2, 1000), (1000, 1000, low, 1000)]
    outcome = play(rows, {0: long(stop)}, account=FOURFOLD, maintenance=0.01, taker=5e-4)
    assert told(outcome)[1:] == ([expected] if expected else [])


def test_liquidation_when_the_stop_is_at_the_edge_then_the_stop_is_first() -> None:
    # no maintenance: the edge is 750, and so is the stop
    rows = [*still(2, 1000), (1000, 1000, 700, 1000)]
    assert told(play(rows, {0: long(250)}, account=FOURFOLD))[1] == ("stop", 1, 750)


def test_liquidation_when_a_short_rises_to_it_then_loses_the_margin_without_costs() -> None:
    # margin 1,000 / 4 = 250; the fee is that of the entry, 1,000 · 0.05 % = 0.5
    rows = [*still(2, 1000), (1000, 1238, 1000, 1000)]
    outcome = play(rows, {0: short(900)}, account=FOURFOLD, maintenance=0.01, taker=5e-4)
    trade = only(outcome)
    assert (trade.reason, trade.exit, trade.gross) == ("liquidation", 1250, -250 * QUOTE)
    assert (trade.fees, trade.slippage) == (50_000_000, 0)


def test_liquidation_when_the_open_is_beyond_it_then_comes_before_the_stop() -> None:
    rows = [*still(2, 1000), (757, 757, 757, 757)]
    outcome = play(rows, {0: long(100)}, account=FOURFOLD, maintenance=0.01)
    assert told(outcome)[1] == ("liquidation", 1, 750)
