"""The venues' costs, one row each.

Pages were read as stored public copies on the date of READ, not live: venues change their figures
without notice, and a row tells what stood there, not what stands there now. Entry tiers only:
nobody's volume discounts, no rebates for holding a venue's token.
"""

from collections.abc import Mapping
from decimal import Decimal

from infrastructure.venue_profile import Source, VenueProfile, found

READ = "2026-11-21"
CCXT = "ccxt 4.5.90"

KUCOIN_FUTURES = VenueProfile(
    name="kucoinfutures",
    title="KuCoin Futures",
    market="perpetual",
    maker=Decimal("0.0002"),
    taker=Decimal("0.0006"),
    smallest=None,
    maintenance=Decimal("0.004"),
    funding_hours=8,
    grid="tickSize; whole contracts (lotSize) of `multiplier` base each: 0.001 BTC, 0.01 ETH",
    sources=(
        Source(
            of=("maker", "taker"),
            witness="document",
            where="https://www.kucoin.com/support/48142946141635",
            said="VIP 0, futures 0.02%/0.06%; last updated 2026-03-26",
        ),
        Source(
            of=("smallest", "funding_hours", "grid"),
            witness="document",
            where="https://kucoin.zendesk.com/hc/en-us/articles/26684247213849",
            said="a whole number of contracts; funding every eight hours",
        ),
        Source(
            of=("maintenance",),
            witness="document",
            where="https://kucoin.com/support/26685810193433",
            said="BTC perpetual (USDT), level 1: 0.4%",
        ),
        Source(of=("maker", "taker", "grid"), witness="client", where=f"{CCXT}, kucoin.py"),
    ),
    read=READ,
    spot_of=("kucoin",),
)

HTX = VenueProfile(
    name="htx",
    title="HTX linear swaps",
    market="perpetual",
    maker=Decimal("0.0002"),
    taker=Decimal("0.0005"),
    smallest=None,
    maintenance=Decimal("0.005"),
    funding_hours=8,
    grid="price_tick; whole contracts of `contract_size` base each: 0.001 BTC",
    sources=(
        Source(
            of=("maker", "taker"),
            witness="document",
            where="https://www.huobi.com/support/vi-vi/detail/900000089923",
            said="0.02% maker, 0.05% taker, given there as an example",
        ),
        Source(
            of=("maker", "taker", "smallest", "grid"), witness="client", where=f"{CCXT}, htx.py"
        ),
        Source(
            of=("maintenance",),
            witness="answer",
            where=f"account of BTC-USDT, recorded in {CCXT}, htx.py",
            said="adjust_factor 0.025 at lever_rate 5; the rate is their quotient",
        ),
        Source(
            of=("maintenance",),
            witness="document",
            where="https://www.huobi.com/support/es-es/detail/900001326606",
            said="maintenance margin ratio = adjustment factor / leverage; the tiers are not told",
        ),
        Source(
            of=("funding_hours",),
            witness="document",
            where="https://www.htx.com/support/900003247446",
            said="every 8 hours; since 2025 some contracts every 4",
        ),
    ),
    read=READ,
)

BINANCE_USDM = VenueProfile(
    name="binanceusdm",
    title="Binance USD-M",
    market="perpetual",
    maker=Decimal("0.0002"),
    taker=Decimal("0.0005"),
    smallest=Decimal(5),
    maintenance=Decimal("0.004"),
    funding_hours=8,
    grid="PRICE_FILTER tickSize, LOT_SIZE stepSize in base; BTC and ETH ask for larger orders",
    sources=(
        Source(
            of=("maker", "taker"),
            witness="second hand",
            where="https://loweef.io/en/crypto-futures-fee-index/",
            said="0.02% / 0.05%, read off binance.com/en/fee/futureFee on 2026-10-12",
        ),
        Source(of=("maker", "taker", "grid"), witness="client", where=f"{CCXT}, binance.py"),
        Source(
            of=("smallest", "funding_hours"),
            witness="document",
            where=(
                "https://binance.com/cn/support/faq/"
                "usd%E2%93%A2-margined-futures-contract-specifications-360033161972"
            ),
            said="no less than 5 USDT; every eight hours, which may vary",
        ),
        Source(
            of=("maintenance",),
            witness="second hand",
            where="https://gist.github.com/highfestiva/b71e76f51eed84d56c1be8ebbcc286b5",
            said="BTCUSDT to 50,000: 0.4%, read off the venue's own page",
        ),
    ),
    read=READ,
    spot_of=("binance",),
)

HYPERLIQUID = VenueProfile(
    name="hyperliquid",
    title="Hyperliquid perpetuals",
    market="perpetual",
    maker=Decimal("0.00015"),
    taker=Decimal("0.00045"),
    smallest=Decimal(10),
    maintenance=Decimal("0.0125"),
    funding_hours=1,
    grid="sizes to szDecimals; prices to 6 - szDecimals decimals and 5 significant figures",
    sources=(
        Source(
            of=("maker", "taker", "smallest"),
            witness="client",
            where=f"{CCXT}, hyperliquid.py",
            said="with the venue's message: Order must have minimum value of $10",
        ),
        Source(
            of=("maker", "taker"),
            witness="second hand",
            where="https://hypernode-docs.polynode.dev/research/fees",
            said="base tier 1.5 / 4.5 bps; the venue's own page was stored without its table",
        ),
        Source(
            of=("maintenance",),
            witness="document",
            where="https://hyperliquid.gitbook.io/hyperliquid-docs/trading/margin-tiers",
            said="half the initial margin at maximum leverage; BTC to 150M: 40",
        ),
        Source(
            of=("funding_hours",),
            witness="second hand",
            where="https://docs.bitquery.io/docs/perpetuals/hyperliquid/hyperliquid-funding-payments-api/",
            said="settled every hour; the venue's own page was not at hand",
        ),
        Source(
            of=("grid",),
            witness="document",
            where="https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/tick-and-lot-size",
        ),
    ),
    read=READ,
    decimals=6,
)

KRAKEN_FUTURES = VenueProfile(
    name="krakenfutures",
    title="Kraken Derivatives, linear",
    market="perpetual",
    maker=Decimal("0.0002"),
    taker=Decimal("0.0005"),
    smallest=None,
    maintenance=Decimal("0.01"),
    funding_hours=1,
    grid="tickSize; contractValueTradePrecision decimals of base (below 0: whole tens): 0.0001 BTC",
    sources=(
        Source(
            of=("maker", "taker"),
            witness="document",
            where="https://support.kraken.com/hc/en-us/articles/360048917612-Fee-schedule",
            said="0 - 100,000 USD in 30 days: 0.0200% / 0.0500%",
        ),
        Source(
            of=("maintenance",),
            witness="document",
            where="https://support.kraken.com/hc/tr-tr/articles/360022632452",
            said="class A, level I: 1%; clients in the EEA: 5%",
        ),
        Source(
            of=("smallest", "funding_hours", "grid"),
            witness="document",
            where="https://support.mtf.kraken.com/hc/en-us/articles/25499987607837",
            said="a minimum lot per contract; funding is paid every hour",
        ),
        Source(of=("maker", "taker", "grid"), witness="client", where=f"{CCXT}, krakenfutures.py"),
    ),
    read=READ,
    spot_of=("kraken",),
)

KRAKEN = VenueProfile(
    name="kraken",
    title="Kraken Pro spot",
    market="spot",
    maker=Decimal("0.0025"),
    taker=Decimal("0.0040"),
    smallest=Decimal("0.5"),
    maintenance=None,
    funding_hours=None,
    grid="pair_decimals and lot_decimals (8), with a least amount per pair: 0.00005 BTC",
    sources=(
        Source(
            of=("maker", "taker"),
            witness="second hand",
            where="https://raw.githubusercontent.com/api-evangelist/kraken/refs/heads/main/plans/kraken-plans-pricing.yml",
            said=(
                "0.25% / 0.40% at the entry tier, read off kraken.com/features/fee-schedule by "
                "2026-05-30; ccxt 4.5.90 still holds the 0.16% / 0.26% of before"
            ),
        ),
        Source(
            of=("smallest", "grid"),
            witness="answer",
            where="https://api.kraken.com/0/public/AssetPairs, XXBTZUSD, recorded in public code",
            said="costmin 0.5, ordermin 0.00005, pair_decimals 1, lot_decimals 8",
        ),
    ),
    read=READ,
)

COINBASE_INTERNATIONAL = VenueProfile(
    name="coinbaseinternational",
    title="Coinbase International perpetuals",
    market="perpetual",
    maker=Decimal("0.0002"),
    taker=Decimal("0.0004"),
    smallest=Decimal(10),
    maintenance=Decimal("0.0667"),
    funding_hours=1,
    grid="tick_size and min_trade_amount, in base; to 2026-10 quote_increment, base_increment",
    sources=(
        Source(
            of=("maker", "taker"),
            witness="answer",
            where="https://gist.github.com/MatthewMaximalist/877d2d8e680cafc1ab2f13130bea4833",
            said=(
                "fee-rate-tiers of 2025-06-15, of this form though unnamed, Public Tier 6: "
                "0.02% / 0.04%; the answer for AAVE_USDC-PERPETUAL in ccxt 4.5.90, a year younger, "
                "says 0.015% / 0.035%"
            ),
        ),
        Source(
            of=("maintenance",),
            witness="document",
            where="https://coinbase.com/de/international-exchange/legal/leverage-and-margin-policy",
            said="two thirds of the initial margin; of the base margin of BTC-PERP, 10%",
        ),
        Source(
            of=("smallest", "maintenance", "funding_hours", "grid"),
            witness="answer",
            where="BTC-PERP of 2025-02-05, recorded in NautilusTrader's coinbase_intx/test_data",
            said="min_notional_value 10, base_imf 0.1, funding_interval 3600000000000 ns",
        ),
        Source(of=("grid",), witness="client", where=f"{CCXT}, coinbaseinternational.py"),
    ),
    read=READ,
    spot_of=("coinbase",),
    contracts=False,
)

COINBASE = VenueProfile(
    name="coinbase",
    title="Coinbase Advanced spot",
    market="spot",
    maker=Decimal("0.006"),
    taker=Decimal("0.012"),
    smallest=Decimal(1),
    maintenance=None,
    funding_hours=None,
    grid="price_increment and base_increment, in quote and base: 0.01 and 0.00000001 for BTC-USD",
    sources=(
        Source(
            of=("maker", "taker", "smallest", "grid"),
            witness="answer",
            where=f"transaction summary and products, recorded in {CCXT}, coinbase.py",
            said="pricing tier Advanced 1, to 1,000 USD: 0.006 / 0.012; quote_min_size 1",
        ),
    ),
    read=READ,
)

PROFILES: Mapping[str, VenueProfile] = {
    profile.name: profile
    for profile in (
        KUCOIN_FUTURES,
        HTX,
        BINANCE_USDM,
        HYPERLIQUID,
        KRAKEN_FUTURES,
        KRAKEN,
        COINBASE_INTERNATIONAL,
        COINBASE,
    )
}
_HOUSE = {spot: profile for profile in PROFILES.values() for spot in profile.spot_of}


def profile_of(name: str) -> VenueProfile:
    """Give the profile of that name. Raises `UnknownVenueCosts`."""
    return found(PROFILES, name)


def futures_of(venue: str) -> VenueProfile | None:
    """Give what an account that goes short is charged on a venue's candles, if that is known.

    Where the venue trades spot alone, that is the futures market of the same house.
    """
    return _HOUSE.get(venue) or PROFILES.get(venue)
