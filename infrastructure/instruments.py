"""What each symbol trades like: price grid, lots, smallest order, costs.

Two things always hold. One lot moving one tick is a whole number of 1e-8 quote, at least one, so
that every profit is exact money; and the tick is fine enough for all recorded prices of the symbol,
so that the kernel never rounds a candle. Venues have coarsened some ticks over the years: where
they did, the finest that the recordings use counts, and the lot is ours to choose.
"""

from decimal import Decimal

from msgspec.structs import replace

from application.ports import FeedError
from domain.instrument import Instrument
from infrastructure.symbols import is_perpetual, stored_symbol
from infrastructure.venue_profile import VenueProfile
from infrastructure.venue_table import BINANCE_USDM

MONEY = Decimal(10) ** 8  # units in one quote

SLIPPAGE = Decimal("0.001")
MAINTENANCE = Decimal("0.005")  # maintenance margin, fraction of notional: the lowest tiers
# Paper accounts are futures-style: they go short, use leverage and can be liquidated. So they pay
# Binance USD-M fees whichever candles they trade on, unless another venue's are asked for; spot
# fees would price an account that cannot do what these accounts do.
MAKER = BINANCE_USDM.maker
TAKER = BINANCE_USDM.taker

# venue -> symbol -> tick (quote), lot (base), smallest order (quote).
# Ticks and lots: the venues' exchange information (Binance spot /api/v3/exchangeInfo, USD-M
# /fapi/v1/exchangeInfo), made finer where the recorded candles hold older, finer prices.
_GRIDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "binance": {
        "BTC-USDT": ("0.01", "0.00001", "5"),
        "ETH-USDT": ("0.01", "0.0001", "5"),
        "SOL-USDT": ("0.0001", "0.001", "5"),  # 0.01 today; four places until 2022
        "XRP-USDT": ("0.00001", "0.1", "5"),  # 0.0001 today; five places until 2021
        "ADA-USDT": ("0.00001", "0.1", "5"),  # 0.0001 today; five places until 2021
        "DOGE-USDT": ("0.00001", "1", "5"),
        "BNB-USDT": ("0.01", "0.001", "5"),
        "LINK-USDT": ("0.0001", "0.01", "5"),  # 0.01 today; four places until 2021
        "AVAX-USDT": ("0.0001", "0.01", "5"),  # 0.01 today; four places until 2021
        "DOT-USDT": ("0.0001", "0.01", "5"),  # 0.001 today; four places in 2020
    },
    "binanceusdm": {
        "BTC-USDT-PERP": ("0.01", "0.001", "50"),  # 0.1 today; two places until 2022
        "ETH-USDT-PERP": ("0.01", "0.001", "20"),
        "SOL-USDT-PERP": ("0.001", "0.01", "5"),  # 0.01 today; three places until 2024
        "XRP-USDT-PERP": ("0.0001", "0.1", "5"),
        "ADA-USDT-PERP": ("0.0001", "1", "5"),
        "DOGE-USDT-PERP": ("0.00001", "1", "5"),
        "BNB-USDT-PERP": ("0.01", "0.01", "5"),
        "LINK-USDT-PERP": ("0.001", "0.01", "5"),
        "AVAX-USDT-PERP": ("0.001", "1", "5"),
        "DOT-USDT-PERP": ("0.001", "0.1", "5"),
    },
    # Prices of 2014 have up to eight places: only a whole coin as lot keeps money exact.
    "bitfinex": {"LTC-USD": ("0.00000001", "1", "5")},
}


class InexactGrid(FeedError, ValueError):
    """One lot moving one tick would not be a whole number of 1e-8 quote."""


def instrument_for(venue: str, symbol: str, first_close: float) -> Instrument:
    """Say how a symbol trades on a venue.

    Known symbols come from the table; for others a grid is derived from `first_close` (quote), the
    same on every machine. Raises `FeedError` for a symbol that is not written as one.
    """
    name = stored_symbol(symbol)
    grid = _GRIDS.get(venue, {}).get(name)
    if grid is None:
        tick, lot = derived_grid(first_close)
        return instrument(name, tick=tick, lot=lot, min_notional=Decimal(5))
    tick, lot, least = map(Decimal, grid)
    return instrument(name, tick=tick, lot=lot, min_notional=least)


def derived_grid(close: float) -> tuple[Decimal, Decimal]:
    """Choose tick and lot for a price nothing is known about.

    Six significant digits or as many as the price shows, and a lot worth 0.1 to 1 quote.
    """
    if not 0 < close < float("inf"):
        raise FeedError(f"first close was {close!r}, must be a finite price above 0")
    shown = Decimal(repr(close)).normalize()
    places = shown.as_tuple().exponent
    tick = Decimal(1).scaleb(min(shown.adjusted() - 5, int(places)))
    lot = Decimal(1).scaleb(-shown.adjusted() - 1)
    return tick, max(lot, 1 / (MONEY * tick))


def instrument(
    symbol: str,
    *,
    tick: Decimal,
    lot: Decimal,
    min_notional: Decimal,
    maker: Decimal = MAKER,
    taker: Decimal = TAKER,
    maintenance: Decimal = MAINTENANCE,
) -> Instrument:
    """Build an instrument that keeps money exact. Raises `InexactGrid`."""
    unit = tick * lot * MONEY
    if not (tick > 0 and lot > 0 and unit >= 1 and unit == unit.to_integral_value()):
        raise InexactGrid(
            f"tick {tick} · lot {lot} of {symbol} was {unit.normalize():f} units of 1e-8 quote, "
            "must be a whole number of at least 1"
        )
    return Instrument(
        symbol=symbol,
        market="perpetual" if is_perpetual(symbol) else "spot",
        tick=tick,
        lot=lot,
        min_notional=min_notional,
        maker=maker,
        taker=taker,
        slippage=SLIPPAGE,
        maintenance=maintenance,
    )


def priced_as(instrument: Instrument, profile: VenueProfile) -> Instrument:
    """Put a venue's costs and smallest order in the place of an instrument's own.

    Prices and lots stay those of the candles. What the profile has none of (maintenance on a spot
    market, a smallest order that is one lot) stays as well, and so does slippage, which is the
    market's doing and not the venue's.
    """
    least = smallest_order(profile, instrument.symbol)
    known = {} if profile.maintenance is None else {"maintenance": profile.maintenance}
    return replace(
        instrument,
        maker=profile.maker,
        taker=profile.taker,
        min_notional=instrument.min_notional if least is None else least,
        costs_of=profile.name,
        **known,
    )


def smallest_order(profile: VenueProfile, symbol: str) -> Decimal | None:
    """Say how small an order in a symbol may be on a venue, quote; None where one lot may be."""
    name = symbol.removesuffix("-PERP") + ("-PERP" if profile.market == "perpetual" else "")
    grid = _GRIDS.get(profile.name, {}).get(name)
    return profile.smallest if grid is None else Decimal(grid[2])


def exact_lot(tick: Decimal, lot: Decimal) -> Decimal:
    """Coarsen a venue's lot to its smallest multiple that keeps money exact on this tick.

    A multiple of the venue's lot is always accepted by the venue.
    """
    unit = tick * lot * MONEY
    if not (unit.is_finite() and unit > 0):
        raise InexactGrid(f"tick was {tick} and lot {lot}, both must be finite and above 0")
    return lot * unit.as_integer_ratio()[1]  # the denominator makes it whole, and so at least 1
