"""The table of venue costs: sane, sourced, used, and the same on the page that tells of it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from application.ports import FeedFinished
from infrastructure.feeds.priced import priced
from infrastructure.feeds.synthetic import open_synthetic
from infrastructure.feeds.venue import perpetual_venue
from infrastructure.instruments import MAKER, TAKER, instrument_for, priced_as, smallest_order
from infrastructure.venue_profile import FIGURES, TOLD, UnknownVenueCosts, VenueProfile
from infrastructure.venue_table import PROFILES, futures_of, profile_of

PAGE = (Path(__file__).parents[2] / "docs" / "venues.md").read_text(encoding="utf-8")
STEEPEST = Decimal(8)  # leverage of a sleeve: a margin call must lie beyond where it enters
EVERY = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())


@EVERY
def test_profile_when_listed_then_its_figures_are_sane(profile: VenueProfile) -> None:
    assert 0 <= profile.maker <= profile.taker < Decimal("0.02")
    assert profile.smallest is None or 0 < profile.smallest <= 100
    assert profile.grid
    assert date.fromisoformat(profile.read) <= date(2026, 11, 21)
    if profile.market == "perpetual":
        assert profile.maintenance is not None
        assert 0 < profile.maintenance < 1 / STEEPEST
        assert profile.funding_hours in (1, 4, 8)
    else:
        assert (profile.maintenance, profile.funding_hours) == (None, None)


@EVERY
def test_profile_when_it_states_a_figure_then_a_source_of_it_is_named(
    profile: VenueProfile,
) -> None:
    stated = {name for name in FIGURES if getattr(profile, name) is not None} | {"grid"}
    sourced = {name for source in profile.sources for name in source.of}
    assert stated <= sourced <= set(TOLD)
    for source in profile.sources:
        assert source.witness != "client" or source.where.startswith("ccxt ")
        assert source.witness != "document" or source.where.startswith("https://")
        assert source.witness == "document" or source.said or source.witness == "client"


@pytest.mark.parametrize(
    ("name", "maker", "taker"),
    [
        ("kucoinfutures", "0.0002", "0.0006"),
        ("htx", "0.0002", "0.0005"),
        ("binanceusdm", "0.0002", "0.0005"),
        ("hyperliquid", "0.00015", "0.00045"),
    ],
)
def test_profile_when_its_fees_were_agreed_then_they_are_those(
    name: str, maker: str, taker: str
) -> None:
    profile = profile_of(name)
    assert (profile.maker, profile.taker) == (Decimal(maker), Decimal(taker))


def test_profile_when_unknown_then_the_allowed_are_named() -> None:
    with pytest.raises(
        UnknownVenueCosts, match="venue costs was 'ftx', must be one of: binanceusdm, "
    ):
        profile_of("ftx")


def test_usual_costs_when_nothing_is_asked_then_they_are_those_of_binance_futures() -> None:
    profile = profile_of("binanceusdm")
    assert (profile.maker, profile.taker) == (MAKER, TAKER)


def test_house_when_it_keeps_perpetuals_apart_then_they_are_asked_for_and_priced_there() -> None:
    houses = {"binance": "binanceusdm", "kucoin": "kucoinfutures", "kraken": "krakenfutures"}
    houses["coinbase"] = "coinbaseinternational"
    for spot, futures in houses.items():
        found = futures_of(spot)
        assert found is not None
        assert found.name == futures
        assert perpetual_venue(spot, "BTC/USD:USD") == futures
        assert perpetual_venue(spot, "BTC/USD") == spot
    assert futures_of("bitfinex") is None
    assert perpetual_venue("bitfinex", "BTC/USD:USD") == "bitfinex"


def test_instrument_when_priced_as_a_venue_then_costs_are_its_and_the_grid_stays() -> None:
    own = instrument_for("binance", "BTC-USDT", 1.0)
    found = priced_as(own, profile_of("hyperliquid"))
    assert found == replace(
        own,
        maker=Decimal("0.00015"),
        taker=Decimal("0.00045"),
        min_notional=Decimal(10),
        maintenance=Decimal("0.0125"),
        costs_of="hyperliquid",
    )


def test_instrument_when_the_profile_lacks_a_figure_then_its_own_stays() -> None:
    own = instrument_for("binance", "ETH-USDT", 1.0)
    spot = priced_as(own, profile_of("coinbase"))
    assert (spot.maintenance, spot.taker) == (own.maintenance, Decimal("0.012"))
    contracts = priced_as(own, profile_of("kucoinfutures"))
    assert contracts.min_notional == own.min_notional


def test_smallest_order_when_the_venue_states_it_for_the_symbol_then_it_is_that() -> None:
    profile = profile_of("binanceusdm")
    assert smallest_order(profile, "BTC-USDT") == smallest_order(profile, "BTC-USDT-PERP") == 50
    assert smallest_order(profile, "NEW-USDT") == 5


def test_feed_when_priced_then_only_what_it_costs_is_another() -> None:
    plain, other = open_synthetic(bars=500), open_synthetic(bars=500)
    feed = priced(other, profile_of("htx"))
    told = feed.describe()
    assert [each.costs_of for each in told.instruments] == ["htx"]
    assert replace(told, instruments=()) == replace(plain.describe(), instruments=())
    assert feed.read(-1, 1000, 0.0).tobytes() == plain.read(-1, 1000, 0.0).tobytes()
    assert priced(plain, None) is plain
    last = int(feed.read(-1, 1000, 0.0)["timestamp"][-1])
    with pytest.raises(FeedFinished):
        feed.read(last, 1, 0.0)
    feed.close()
    plain.close()


@EVERY
def test_page_when_it_tells_of_a_profile_then_figures_and_sources_are_those_used(
    profile: VenueProfile,
) -> None:
    margin, hours = profile.maintenance, profile.funding_hours
    cells = (
        f"`{profile.name}`",
        profile.title,
        percent(profile.maker),
        percent(profile.taker),
        "one lot" if profile.smallest is None else f"{profile.smallest}",
        "–" if margin is None else percent(margin),
        "–" if hours is None else f"{hours} h",
    )
    assert f"| {' | '.join(cells)} |" in PAGE
    for source in profile.sources:
        assert source.where in PAGE


def percent(value: Decimal) -> str:
    return f"{(value * 100).normalize():f} %"
