"""Markets as ccxt describes them, taken from what the venues answered: exact, acceptable grids."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports import FeedError
from infrastructure.feeds.venue_market import instrument_of, lot_of

Market = dict[str, Any]


def market(
    price: float | None,
    amount: float | None,
    *,
    size: float | None = None,
    least: float | None = None,
    swap: bool = False,
    fees: tuple[float, float] | None = None,
) -> Market:
    maker, taker = fees or (None, None)
    return {
        "swap": swap,
        "spot": not swap,
        "contractSize": size,
        "precision": {"price": price, "amount": amount},
        "limits": {"amount": {"min": amount}, "cost": {"min": least, "max": None}},
        "maker": maker,
        "taker": taker,
    }


# venue, symbol, what ccxt 4.5.90 makes of the venue's answer; tick, the venue's lot in base, lot
MARKETS: list[tuple[str, str, Market, str, str, str]] = [
    # KuCoin: one contract is `multiplier` base
    (
        *("kucoinfutures", "BTC-USDT-PERP"),
        market(0.1, 1.0, size=0.001, swap=True, fees=(0.0002, 0.0006)),
        *("0.1", "0.001", "0.001"),
    ),
    (
        *("kucoinfutures", "ETH-USDT-PERP"),
        market(0.05, 1.0, size=0.01, swap=True, fees=(0.0002, 0.0006)),
        *("0.05", "0.01", "0.01"),
    ),
    # HTX: one contract is `contract_size` base
    ("htx", "BTC-USDT-PERP", market(0.1, 1.0, size=0.001, swap=True), "0.1", "0.001", "0.001"),
    # Binance USD-M: filters, in base
    (
        *("binanceusdm", "BTC-USDT-PERP"),
        market(0.1, 0.001, size=1.0, least=100.0, swap=True),
        *("0.1", "0.001", "0.001"),
    ),
    # Hyperliquid: szDecimals 5 and 4; ccxt gives today's step of five digits, 1 and 0.1
    (
        *("hyperliquid", "BTC-USDC-PERP"),
        market(1.0, 0.00001, size=1.0, least=10.0, swap=True),
        *("0.1", "0.00001", "0.00001"),
    ),
    (
        *("hyperliquid", "ETH-USDC-PERP"),
        market(0.1, 0.0001, size=1.0, least=10.0, swap=True),
        *("0.01", "0.0001", "0.0001"),
    ),
    (
        "hyperliquid",
        "KPEPE-USDC-PERP",
        market(1e-6, 1.0, size=1.0, swap=True),
        "0.000001",
        "1",
        "1",
    ),
    ("hyperliquid", "BTC-USDC", market(1.0, 1e-5, least=10.0), "1", "0.00001", "0.00001"),
    # Kraken: contractValueTradePrecision 4 and −3; spot by decimals, its lot too fine for money
    (
        "krakenfutures",
        "BTC-USD-PERP",
        market(1.0, 0.0001, size=1.0, swap=True),
        "1",
        "0.0001",
        "0.0001",
    ),
    (
        "krakenfutures",
        "PEPE-USD-PERP",
        market(1e-10, 1000.0, size=1.0, swap=True),
        "1e-10",
        "1000",
        "1000",
    ),
    ("kraken", "BTC-USD", market(0.1, 1e-8, least=0.5), "0.1", "1e-8", "1e-7"),
    # Coinbase: INTX as it was and as it is; a nano contract; spot, its lot too fine for money
    (
        "coinbaseinternational",
        "BTC-USDC-PERP",
        market(0.1, 0.0001, size=1.0, swap=True),
        "0.1",
        "0.0001",
        "0.0001",
    ),
    (
        "coinbaseinternational",
        "AAVE-USDC-PERP",
        market(0.01, 0.01, size=0.01, swap=True),
        "0.01",
        "0.01",
        "0.01",
    ),
    ("coinbase", "BTC-USD-PERP", market(5.0, 1.0, size=0.01, swap=True), "5", "0.01", "0.01"),
    ("coinbase", "BTC-USD", market(0.01, 1e-8, least=1.0), "0.01", "1e-8", "1e-6"),
    # others whose lots are too fine for their ticks
    ("binance", "SHIB-USDT", market(1e-8, 1.0, least=1.0), "1e-8", "1", "1"),
    ("kucoin", "PEPE-USDT", market(1e-9, 0.0001, least=0.1), "1e-9", "0.0001", "10"),
]


@pytest.mark.parametrize(
    ("venue", "symbol", "told", "tick", "own", "lot"),
    MARKETS,
    ids=[f"{m[0]} {m[1]}" for m in MARKETS],
)
def test_market_when_read_then_money_is_whole_and_the_venue_takes_the_lot(
    venue: str, symbol: str, told: Market, tick: str, own: str, lot: str
) -> None:
    found = instrument_of(venue, symbol, told, ccxt.TICK_SIZE)
    assert (found.tick, found.lot) == (Decimal(tick), Decimal(lot))
    assert lot_of(venue, told, ccxt.TICK_SIZE) == Decimal(own)
    assert found.lot % Decimal(own) == 0
    unit = found.tick * found.lot * 10**8
    assert unit >= 1
    assert unit % 1 == 0
    assert found.symbol == symbol


@pytest.mark.parametrize(
    ("venue", "least", "expected"),
    [
        ("binanceusdm", 100.0, "100"),  # the market's, larger than the venue's
        ("binanceusdm", 1.0, "5"),
        ("hyperliquid", None, "10"),
        ("kucoinfutures", None, "5"),  # neither says it: one lot, and the usual floor
        ("bitfinex", 7.0, "7"),
    ],
)
def test_smallest_order_when_market_and_venue_state_one_then_the_larger_holds(
    venue: str, least: float | None, expected: str
) -> None:
    told = market(0.1, 0.001, size=1.0, least=least, swap=True)
    found = instrument_of(venue, "BTC-USDT-PERP", told, ccxt.TICK_SIZE)
    assert found.min_notional == Decimal(expected)


@pytest.mark.parametrize(
    ("venue", "told", "fees", "maintenance"),
    [
        # spot candles, charged what the same house's futures charge
        ("kucoin", (0.001, 0.001), ("0.0002", "0.0006"), "0.005"),
        ("kraken", (0.0016, 0.0026), ("0.0002", "0.0005"), "0.01"),
        ("coinbase", (0.006, 0.012), ("0.0002", "0.0004"), "0.0667"),
        ("hyperliquid", (0.00015, 0.00045), ("0.00015", "0.00045"), "0.0125"),
        ("binance", (0.001, 0.001), ("0.0002", "0.0005"), "0.005"),
        # no such market is known: the market's own, else the usual
        ("bitstamp", (0.003, 0.004), ("0.003", "0.004"), "0.005"),
        ("bitstamp", None, ("0.0002", "0.0005"), "0.005"),
    ],
)
def test_costs_when_nothing_is_asked_then_those_of_the_house_or_the_market(
    venue: str, told: tuple[float, float] | None, fees: tuple[str, str], maintenance: str
) -> None:
    found = instrument_of(venue, "BTC-USD", market(0.1, 1e-5, fees=told), ccxt.TICK_SIZE)
    assert (found.maker, found.taker) == tuple(map(Decimal, fees))
    assert found.maintenance == Decimal(maintenance)
    assert found.costs_of == ""


def test_market_when_precision_is_decimal_places_then_it_is_read_as_such() -> None:
    found = instrument_of("bitbank", "BTC-USD", market(2, 4), ccxt.DECIMAL_PLACES)
    assert (found.tick, found.lot) == (Decimal("0.01"), Decimal("0.0001"))


@pytest.mark.parametrize(
    ("last", "tick", "lot"),
    [
        (97_908.8, "0.1", "1e-7"),
        (9_790.0, "0.01", "1e-6"),
        (0.0123, "1e-7", "0.1"),
        (3e-7, "1e-8", "1"),
    ],
)
def test_market_when_precision_is_significant_digits_then_the_tick_has_a_digit_to_spare(
    last: float, tick: str, lot: str
) -> None:
    found = instrument_of("bitfinex", "BTC-USD", market(5, 8), ccxt.SIGNIFICANT_DIGITS, last)
    assert (found.tick, found.lot) == (Decimal(tick), Decimal(lot))


@given(last=st.floats(1e-3, 1e6))
def test_market_when_a_price_has_five_digits_then_it_is_on_the_grid_after_a_fall_by_ten(
    last: float,
) -> None:
    found = instrument_of("bitfinex", "BTC-USD", market(5, 8), ccxt.SIGNIFICANT_DIGITS, last)
    for price in (last, last / 10):
        assert Decimal(f"{price:.5g}") % found.tick == 0


@pytest.mark.parametrize("last", [None, 0.0, float("nan"), float("inf")])
def test_market_when_significant_digits_have_no_price_then_refused(last: float | None) -> None:
    with pytest.raises(FeedError, match="bitfinex: last price was"):
        instrument_of("bitfinex", "BTC-USD", market(5, 8), ccxt.SIGNIFICANT_DIGITS, last)


@pytest.mark.parametrize("what", ["price", "amount"])
def test_market_when_a_precision_is_not_stated_then_refused_by_name(what: str) -> None:
    told = market(0.1, 0.001)
    told["precision"][what] = None
    with pytest.raises(FeedError, match=f"kraken: {what} precision is not stated"):
        instrument_of("kraken", "BTC-USD", told, ccxt.TICK_SIZE)
