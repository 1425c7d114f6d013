"""What a venue asks of an account that begins there, and where each figure was read.

A profile is data: the table is `venue_table`, one row per venue and kind of market. No figure
stands without a source, and a source says what kind of witness it is, because a venue's own page,
an answer that somebody recorded and a third party's reading are not worth the same.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from application.ports import FeedError

FIGURES = ("maker", "taker", "smallest", "maintenance", "funding_hours")
TOLD = (*FIGURES, "grid")  # what a source may speak of

# document: a page of the venue's own. answer: what its interface answered, as somebody recorded it.
# client: written in the source of ccxt, the client that live candles come through. second hand: a
# third party that says it read the venue's page.
Witness = Literal["document", "answer", "client", "second hand"]


class Source(Struct, frozen=True, kw_only=True):
    """Where figures were read: `of` are names of TOLD."""

    of: tuple[str, ...]
    witness: Witness
    where: str  # address, or the file of ccxt
    said: str = ""  # as it stands there, where the figure does not stand there as such


class VenueProfile(Struct, frozen=True, kw_only=True):
    """One venue's costs at its entry tier; the lowest margin tier is that of Bitcoin."""

    name: str  # as ccxt names the venue
    title: str
    market: Literal["perpetual", "spot"]
    maker: Decimal  # fraction of notional
    taker: Decimal  # fraction of notional
    smallest: Decimal | None  # order, quote; None: one lot of the market
    maintenance: Decimal | None  # margin, fraction of notional; None: there is no margin
    funding_hours: int | None  # between settlements; None: there are none
    grid: str  # how the venue states tick, lot and contract
    sources: tuple[Source, ...]
    read: str  # when they were, ISO date
    spot_of: tuple[str, ...] = ()  # venues of the same house whose spot candles these costs price
    decimals: int | None = None  # that price and size may have together, where that is the rule
    contracts: bool = True  # whether ccxt counts amounts in contracts of `contractSize`


class UnknownVenueCosts(FeedError):
    """No profile has that name."""


def found(profiles: Mapping[str, VenueProfile], name: str) -> VenueProfile:
    """Look a profile up. Raises `UnknownVenueCosts` naming those there are."""
    if name not in profiles:
        raise UnknownVenueCosts(
            f"venue costs was {name!r}, must be one of: {', '.join(sorted(profiles))}"
        )
    return profiles[name]
