"""What a venue's market description, as ccxt gives it, comes to as an instrument.

ccxt states a market's precision in one of three ways, and some venues mean amounts in contracts and
some in base. Both are settled here, once: what comes out has a tick that every price of the market
is a multiple of, for as long as a home may live, and a lot that the venue accepts.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import ccxt

from application.ports import FeedError
from domain.instrument import Instrument
from infrastructure.instruments import MAINTENANCE, MAKER, TAKER, exact_lot, instrument
from infrastructure.venue_profile import VenueProfile
from infrastructure.venue_table import PROFILES, futures_of

LEAST = Decimal(5)  # quote, of an order where neither market nor profile says it
FINEST = Decimal("1e-8")  # no venue that counts significant digits gives more decimals


def instrument_of(
    venue: str, symbol: str, market: Mapping[str, Any], mode: int, last: float | None = None
) -> Instrument:
    """Read a market of ccxt, whose precision is in `mode`, as the instrument of a stored symbol.

    `last` is a price of the market, quote, needed where `mode` is SIGNIFICANT_DIGITS. The lot is
    the venue's own or its smallest multiple that keeps money exact. Fees are those of the house's
    futures market where it is in the table, else the market's. Raises `FeedError`.
    """
    lot = lot_of(venue, market, mode)
    tick = tick_of(venue, market, mode, lot, last)
    profile = futures_of(venue)
    maker, taker = fees_of(market, profile)
    return instrument(
        symbol,
        tick=tick,
        lot=exact_lot(tick, lot),
        min_notional=least_of(market, profile),
        maker=maker,
        taker=taker,
        maintenance=maintenance_of(profile),
    )


def lot_of(venue: str, market: Mapping[str, Any], mode: int) -> Decimal:
    """Give the venue's smallest step of quantity, base. Raises `FeedError`."""
    stated = precision(venue, market, "amount")
    # Amounts are told as decimal places even where prices are told as significant digits.
    lot = stated if mode == ccxt.TICK_SIZE else decimal_places(stated)
    own = PROFILES.get(venue)
    if own is None or own.contracts:
        lot *= Decimal(str(market.get("contractSize") or 1))
    return lot


def tick_of(
    venue: str, market: Mapping[str, Any], mode: int, lot: Decimal, last: float | None
) -> Decimal:
    """Give a step that every price of the market is a multiple of, quote. Raises `FeedError`."""
    stated = precision(venue, market, "price")
    own = PROFILES.get(venue)
    if own is not None and own.decimals is not None and market.get("swap"):
        # ccxt states the step at today's price, which is finer tomorrow where the price has fallen
        # by a digit; what price and size may have of decimals together does not change.
        return Decimal(1).scaleb(-own.decimals) / lot
    if mode == ccxt.TICK_SIZE:
        return stated
    if mode == ccxt.DECIMAL_PLACES:
        return decimal_places(stated)
    if last is None or not 0 < last < float("inf"):
        raise FeedError(f"{venue}: last price was {last!r}, must be a finite price above 0")
    # one digit more than at this price, for when it has fallen below the next power of ten
    return max(Decimal(1).scaleb(Decimal(repr(last)).adjusted() - int(stated)), FINEST)


def precision(venue: str, market: Mapping[str, Any], what: str) -> Decimal:
    stated = market["precision"][what]
    if stated is None:
        raise FeedError(f"{venue}: {what} precision is not stated")
    return Decimal(str(stated))


def decimal_places(stated: Decimal) -> Decimal:
    return Decimal(1).scaleb(-int(stated))


def fees_of(market: Mapping[str, Any], profile: VenueProfile | None) -> tuple[Decimal, Decimal]:
    """Give maker and taker: the profile's, else the market's, else the usual ones."""
    if profile is not None:
        return profile.maker, profile.taker
    maker, taker = market.get("maker"), market.get("taker")
    return (
        MAKER if maker is None else Decimal(str(maker)),
        TAKER if taker is None else Decimal(str(taker)),
    )


def least_of(market: Mapping[str, Any], profile: VenueProfile | None) -> Decimal:
    """Give the larger of the smallest orders that market and profile state, quote."""
    stated = (market.get("limits", {}).get("cost") or {}).get("min")
    known = (None if profile is None else profile.smallest) or Decimal(0)
    return max(Decimal(str(stated or 0)), known) or LEAST


def maintenance_of(profile: VenueProfile | None) -> Decimal:
    """Give the worse of the usual maintenance margin and the venue's."""
    known = None if profile is None else profile.maintenance
    return MAINTENANCE if known is None else max(MAINTENANCE, known)
