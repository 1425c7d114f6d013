"""Whose costs a run trades at.

A new home is opened at the costs asked for, and they land in its log with the instrument. From then
on they are the home's: asking for others is refused by name, as another feed would be, because
trades at two prices in one log would make every later figure meaningless.
"""

from msgspec.structs import replace

from api.feed_choice import ChosenFeed
from api.home_log import opened_with
from api.processes.home import Home
from domain.home import WrongFeed
from infrastructure.feeds.priced import PricedMarket
from infrastructure.venue_profile import VenueProfile


def at_costs_of(chosen: ChosenFeed, profile: VenueProfile | None) -> ChosenFeed:
    """Price a run by a profile, or leave it as it is for none.

    Raises `WrongFeed` where the home was opened at other costs.
    """
    if profile is None:
        return chosen
    opened = opened_with(Home(chosen.home))
    others = {each.costs_of for each in opened.instruments} - {profile.name}
    if others:
        held = min(others)
        raise WrongFeed(
            f"venue costs was {profile.name!r}, but this home was opened "
            + (f"with those of {held!r}" if held else "without")
        )
    reason = f"{chosen.reason}; costs of {profile.title}"
    return replace(chosen, feed=PricedMarket(chosen.feed, profile), reason=reason)
