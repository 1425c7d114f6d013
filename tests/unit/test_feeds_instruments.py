"""Symbols, timeframes and instruments: one spelling, whole numbers of money, clear refusals."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from application.ports import FeedError
from domain import timeframe
from domain.instrument import Instrument
from infrastructure.instruments import InexactGrid, exact_lot, instrument, instrument_for
from infrastructure.symbols import UnknownSymbol, stored_symbol, unknown_symbol, venue_symbol

PAIRS = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "BNB", "LINK", "AVAX", "DOT"]
KNOWN = [
    *(("binance", f"{base}-USDT") for base in PAIRS),
    *(("binanceusdm", f"{base}-USDT-PERP") for base in PAIRS),
    ("bitfinex", "LTC-USD"),
]


def unit(found: Instrument) -> Decimal:
    return found.tick * found.lot * 10**8


@pytest.mark.parametrize(("venue", "symbol"), KNOWN)
def test_instrument_when_known_then_money_of_a_lot_and_tick_is_whole(
    venue: str, symbol: str
) -> None:
    found = instrument_for(venue, symbol, 1.0)
    assert unit(found) >= 1
    assert unit(found) == unit(found).to_integral_value()
    assert found.symbol == symbol
    assert found.market == ("perpetual" if symbol.endswith("PERP") else "spot")
    assert (found.maker, found.taker) == (Decimal("0.0002"), Decimal("0.0005"))
    assert found.slippage == Decimal("0.001")
    assert instrument_for(venue, symbol, 9.0) == found  # the price does not matter where known


@given(close=st.floats(1e-9, 1e9, exclude_min=True))
def test_instrument_when_unknown_then_derived_exact_and_the_price_is_on_its_grid(
    close: float,
) -> None:
    found = instrument_for("nowhere", "NEW/COIN", close)
    assert unit(found) >= 1
    assert unit(found) == unit(found).to_integral_value()
    assert Decimal(repr(close)) % found.tick == 0
    assert found == instrument_for("elsewhere", "NEW-COIN", close)


@pytest.mark.parametrize("close", [0.0, -1.0, float("nan"), float("inf")])
def test_instrument_when_first_close_is_no_price_then_refused(close: float) -> None:
    with pytest.raises(FeedError, match="first close was"):
        instrument_for("nowhere", "NEW/COIN", close)


def test_instrument_when_money_would_not_be_whole_then_refused() -> None:
    with pytest.raises(InexactGrid, match=r"was 0\.01 units of 1e-8 quote"):
        instrument("A-B", tick=Decimal("1e-8"), lot=Decimal("0.01"), min_notional=Decimal(5))


@given(
    tick=st.decimals("0.00000001", "100", places=8), lot=st.decimals("0.00000001", "100", places=8)
)
def test_exact_lot_when_any_grid_then_a_multiple_that_keeps_money_whole(
    tick: Decimal, lot: Decimal
) -> None:
    assume(tick > 0 and lot > 0)
    coarse = exact_lot(tick, lot)
    assert coarse % lot == 0
    assert (tick * coarse * 10**8) % 1 == 0
    assert tick * coarse * 10**8 >= 1


@pytest.mark.parametrize(
    ("written", "stored", "asked"),
    [
        ("BTC/USDT", "BTC-USDT", "BTC/USDT"),
        ("btc/usdt", "BTC-USDT", "BTC/USDT"),
        ("BTC-USDT", "BTC-USDT", "BTC/USDT"),
        ("BTC/USDT:USDT", "BTC-USDT-PERP", "BTC/USDT:USDT"),
        ("BTC-USDT-PERP", "BTC-USDT-PERP", "BTC/USDT:USDT"),
        ("1000PEPE/USDT:USDT", "1000PEPE-USDT-PERP", "1000PEPE/USDT:USDT"),
    ],
)
def test_symbol_when_written_in_any_way_then_stored_and_asked_for_in_one(
    written: str, stored: str, asked: str
) -> None:
    assert stored_symbol(written) == stored
    assert venue_symbol(written) == asked


@pytest.mark.parametrize(
    "text", ["", "BTC", "BTCUSDT", "BTC/USDT:BTC", "BTC_USDT", "../x", "A/B/C"]
)
def test_symbol_when_not_one_then_refused(text: str) -> None:
    with pytest.raises(UnknownSymbol, match="must be like BTC/USDT"):
        stored_symbol(text)


def test_unknown_symbol_when_few_or_many_available_then_lists_all_or_the_nearest() -> None:
    assert "V has A-B, C-D" in str(unknown_symbol("X-Y", "V", ["C-D", "A-B"]))
    many = [f"C{index}/USDT" for index in range(3000)]
    message = str(unknown_symbol("C17/USDX", "V", many))
    assert "C17/USDT" in message
    assert "3000 symbols" in message
    assert len(message) < 300


def test_timeframe_when_named_then_length_and_back() -> None:
    assert timeframe.milliseconds("15m") == 900_000
    for name, length in timeframe.TIMEFRAMES.items():
        assert timeframe.name(length) == name
        assert timeframe.DAY % length == 0


@pytest.mark.parametrize("text", ["7m", "", "1M", "60", "1w"])
def test_timeframe_when_unknown_then_names_what_is_allowed(text: str) -> None:
    with pytest.raises(timeframe.UnknownTimeframe, match=r"must be one of 1m, 5m, 15m, 1h, 4h, 1d"):
        timeframe.milliseconds(text)
    with pytest.raises(timeframe.UnknownTimeframe, match="7 ms"):
        timeframe.name(7)
