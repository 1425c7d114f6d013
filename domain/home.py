"""A home: one directory, one feed, one log.

What a home was opened with is its first event and never changes: mixing two feeds in one log would
make every later figure meaningless, so a second feed is refused by name.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from domain.event import Event, topic
from domain.instrument import Instrument

STREAM = "home"


@topic("home.opened/1")
class HomeOpened(Event, frozen=True, kw_only=True):
    feed: str  # live | recorded | synthetic
    venue: str
    timeframe: str  # of the base bars, e.g. 1m
    data_digest: str  # sha256 of the recorded files, or the seed and generator of synthetic bars
    instruments: tuple[Instrument, ...]  # one per symbol, with the costs assumed


class Home(Struct, frozen=True):
    """What the home trades; `version` 0 means that it was never opened."""

    version: int = 0
    feed: str = ""
    venue: str = ""
    timeframe: str = ""
    data_digest: str = ""
    instruments: tuple[Instrument, ...] = ()


class WrongFeed(ValueError):
    """The home belongs to another feed."""


def evolve(state: Home, event: Event) -> Home:
    """Apply one event of the home stream; other events leave the state as it is."""
    if not isinstance(event, HomeOpened):
        return state
    return Home(
        version=event.stream_version,
        feed=event.feed,
        venue=event.venue,
        timeframe=event.timeframe,
        data_digest=event.data_digest,
        instruments=event.instruments,
    )


class OpenHome(Struct, frozen=True, kw_only=True):
    feed: str
    venue: str
    timeframe: str
    data_digest: str
    instruments: tuple[Instrument, ...]
    at: int  # market time: open of the first bar


def decide(state: Home, command: OpenHome) -> Sequence[Event]:
    """Open the home, or check that it is opened with the feed it belongs to.

    Raises `WrongFeed` naming the first field that differs.
    """
    if state.version == 0:
        return (
            HomeOpened(
                stream=STREAM,
                stream_version=1,
                kind="input",
                occurred_at=command.at,
                effective_at=command.at,
                correlation_id="home",
                actor="operator",
                feed=command.feed,
                venue=command.venue,
                timeframe=command.timeframe,
                data_digest=command.data_digest,
                instruments=command.instruments,
            ),
        )
    for field in ("feed", "venue", "timeframe", "data_digest"):
        refuse_other(field, getattr(command, field), getattr(state, field))
    symbols = tuple(i.symbol for i in command.instruments)
    refuse_other("symbols", symbols, tuple(i.symbol for i in state.instruments))
    return ()


def refuse_other(field: str, given: Any, recorded: Any) -> None:
    if given != recorded:
        raise WrongFeed(f"{field} was {given!r}, but this home was opened with {recorded!r}")
