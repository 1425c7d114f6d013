"""What an operator asked `perpetua run` for, as one value that every process is given whole."""

from typing import Literal

from msgspec import Struct

from domain.improvement import AuthorKind
from domain.regime import Layer

FeedChoice = Literal["auto", "live", "recorded", "synthetic"]


class RunOptions(Struct, frozen=True, kw_only=True):
    """None everywhere means: not asked for, use the home's own or the default."""

    feed: FeedChoice = "auto"
    home: str | None = None
    data: str | None = None  # directory of recorded candles
    venue: str | None = None
    venue_costs: str | None = None  # the profile that a new home is priced by
    symbols: tuple[str, ...] = ()  # empty: the home's own
    timeframe: str | None = None
    speed: float | None = None  # times real time; None: as fast as possible
    seed: int = 1
    bars: int | None = None  # how long a synthetic feed is
    strategies: tuple[str, ...] = ()  # files and directories; empty: those shipped
    until_end: bool = False
    improve: bool = False  # a home that improves goes on doing so, asked for or not
    author: AuthorKind | None = None
    candidates: int | None = None  # asked for at every look
    improve_seed: int | None = None
    auto_promote: bool | None = None
    regimes: Layer | None = None  # who classifies markets
    command: str = "perpetua run"  # shown to whoever finds the home in use
