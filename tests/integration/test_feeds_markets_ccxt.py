"""The venues' own answers, through ccxt's own reading of them, to instruments: nothing is assumed
of what ccxt makes of an answer. Answers are as recorded in public, cut down to what is read.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from infrastructure.feeds.venue_market import instrument_of
from infrastructure.symbols import stored_symbol

Answer = Mapping[str, Any]
Read = Callable[[Any], Any]  # a ccxt client -> its markets


def replied(method: str, answer: Answer, ask: Read) -> Read:
    """Let ccxt read what the venue answered to one of its requests."""

    def read(client: Any) -> Any:
        setattr(client, method, lambda params=None: answer)
        return ask(client)

    return read


KUCOIN = {
    "symbol": "XBTUSDTM",
    "type": "FFWCSX",
    "expireDate": None,
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "maxOrderQty": 1000000,
    "maxPrice": 1000000.0,
    "lotSize": 1,
    "tickSize": 0.1,
    "multiplier": 0.001,
    "maintainMargin": 0.004,
    "makerFeeRate": 0.0002,
    "takerFeeRate": 0.0006,
    "isInverse": False,
    "status": "Open",
    "nextFundingRateTime": 3929820,
    "maxLeverage": 125,
}
HTX = {
    "symbol": "BTC",
    "contract_code": "BTC-USDT",
    "contract_size": 0.001,
    "price_tick": 0.1,
    "delivery_date": "",
    "delivery_time": "",
    "create_date": "20201021",
    "contract_status": 1,
    "support_margin_mode": "all",
    "business_type": "swap",
    "pair": "BTC-USDT",
    "contract_type": "swap",
    "trade_partition": "USDT",
}
BINANCE = {
    "symbol": "BTCUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "quantityPrecision": 3,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "261", "maxPrice": "809484", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}
HYPERLIQUID = {"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "markPx": "97908.0", "baseId": 0}
KRAKEN_FUTURES = {
    "symbol": "PF_XBTUSD",
    "type": "flexible_futures",
    "tickSize": 1,
    "contractSize": 1,
    "contractValueTradePrecision": 4,
    "tradeable": True,
    "base": "BTC",
    "quote": "USD",
    "pair": "BTC:USD",
}
KRAKEN_MEME = {**KRAKEN_FUTURES, "symbol": "PF_PEPEUSD", "tickSize": 1e-10}
KRAKEN = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "base": "XXBT",
    "quote": "ZUSD",
    "pair_decimals": 1,
    "lot_decimals": 8,
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
    "leverage_buy": [2, 3],
    "fees": [[0, 0.26]],
    "fees_maker": [[0, 0.16]],
}
INTERNATIONAL = {
    "instrument_name": "AAVE_USDC-PERPETUAL",
    "kind": "future",
    "settlement_period": "perpetual",
    "base_currency": "AAVE",
    "counter_currency": "USDC",
    "settlement_currency": "USDC",
    "tick_size": 0.01,
    "min_trade_amount": 0.01,
    "contract_size": 0.01,
    "maker_commission": 1.5e-4,
    "taker_commission": 3.5e-4,
    "max_leverage": 50,
    "is_active": True,
}
COINBASE = {
    "product_id": "BTC-USD",
    "product_type": "SPOT",
    "base_currency_id": "BTC",
    "quote_currency_id": "USD",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "price_increment": "0.01",
    "quote_min_size": "1",
    "base_min_size": "0.00000001",
}

CASES: list[tuple[str, str, Read, str, str, str]] = [
    (
        *("kucoinfutures", "BTC/USDT:USDT"),
        replied(
            "futuresPublicGetContractsActive",
            {"data": [KUCOIN]},
            lambda client: client.fetch_contract_markets(),
        ),
        *("0.1", "0.001", "5"),
    ),
    (
        *("htx", "BTC/USDT:USDT"),
        replied(
            "contractPublicGetLinearSwapApiV1SwapContractInfo",
            {"status": "ok", "data": [HTX]},
            lambda client: client.fetch_markets_by_type_and_sub_type("swap", "linear"),
        ),
        *("0.1", "0.001", "5"),
    ),
    (
        *("binanceusdm", "BTC/USDT:USDT"),
        lambda client: [client.parse_market(BINANCE)],
        *("0.1", "0.001", "100"),
    ),
    (
        *("hyperliquid", "BTC/USDC:USDC"),
        lambda client: [client.parse_market(HYPERLIQUID)],
        *("0.1", "0.00001", "10"),
    ),
    (
        *("krakenfutures", "BTC/USD:USD"),
        replied(
            "publicGetInstruments",
            {"instruments": [KRAKEN_FUTURES]},
            lambda client: client.fetch_markets(),
        ),
        *("1", "0.0001", "5"),
    ),
    (
        *("krakenfutures", "PEPE/USD:USD"),
        replied(
            "publicGetInstruments",
            {"instruments": [{**KRAKEN_MEME, "contractValueTradePrecision": -3}]},
            lambda client: client.fetch_markets(),
        ),
        *("1e-10", "1000", "5"),
    ),
    (
        *("kraken", "BTC/USD"),
        replied(
            "publicGetAssetPairs",
            {"result": {"XXBTZUSD": KRAKEN}},
            lambda client: client.fetch_markets(),
        ),
        *("0.1", "1e-7", "0.5"),
    ),
    (
        *("coinbaseinternational", "AAVE/USDC:USDC"),
        lambda client: [client.parse_market(INTERNATIONAL)],
        *("0.01", "0.01", "10"),
    ),
    (
        *("coinbase", "BTC/USD"),
        lambda client: [client.parse_spot_market(COINBASE, {})],
        *("0.01", "1e-6", "10"),
    ),
]


@pytest.mark.parametrize(
    ("venue", "written", "read", "tick", "lot", "least"),
    CASES,
    ids=[f"{case[0]} {case[1]}" for case in CASES],
)
def test_market_when_ccxt_reads_the_venues_answer_then_the_instrument_is_exact(
    venue: str, written: str, read: Read, tick: str, lot: str, least: str
) -> None:
    client = getattr(ccxt, venue)()
    (market,) = [found for found in read(client) if found["symbol"] == written]
    found = instrument_of(venue, stored_symbol(written), market, client.precisionMode)
    assert (found.tick, found.lot) == (Decimal(tick), Decimal(lot))
    assert found.min_notional == Decimal(least)
    unit = found.tick * found.lot * 10**8
    assert unit >= 1
    assert unit % 1 == 0


def test_hyperliquid_when_its_price_is_rounded_by_ccxt_then_it_is_on_the_grid() -> None:
    client = ccxt.hyperliquid()
    market = client.parse_market(HYPERLIQUID)
    client.set_markets([market])
    found = instrument_of("hyperliquid", "BTC-USDC-PERP", market, client.precisionMode)
    for price in (97_908.44, 9_790.844, 979.0844, 123_456.78, 97.90844):
        asked = Decimal(client.price_to_precision("BTC/USDC:USDC", price))
        assert asked % found.tick == 0
