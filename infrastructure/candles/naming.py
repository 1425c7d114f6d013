"""Where the candles of a symbol lie: `VENUE_BASE-QUOTE[-PERP]_KIND.parquet`.

The name alone says what a file holds, so a directory of files is a catalogue and nothing else needs
to be kept. KIND is a timeframe, `funding` or `trades`.
"""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from application.ports import FeedError
from domain.timeframe import TIMEFRAMES, milliseconds
from infrastructure.symbols import stored_symbol, unknown_symbol

FUNDING = "funding"
TRADES = "trades"
KINDS = (*TIMEFRAMES, FUNDING, TRADES)


class DataFile(Struct, frozen=True):
    """One file of the shared naming."""

    path: Path
    venue: str
    symbol: str
    kind: str  # a timeframe, funding or trades


class BadName(FeedError):
    """A file that is not named as candle files are."""


def file_name(venue: str, symbol: str, kind: str) -> str:
    """Name the file of one symbol and kind. Raises `BadName`."""
    if not venue or kind not in KINDS or "/" in venue:
        raise BadName(
            f"venue was {venue!r} and kind {kind!r}, must be a venue's name "
            f"and one of {', '.join(KINDS)}"
        )
    return f"{venue}_{stored_symbol(symbol)}_{kind}.parquet"


def parse_name(path: Path) -> DataFile:
    """Read what a file's name says. Raises `BadName`."""
    parts = path.stem.rsplit("_", 2)
    try:
        if path.suffix == ".parquet" and len(parts) == 3 and parts[0] and parts[2] in KINDS:
            return DataFile(path, parts[0], stored_symbol(parts[1]), parts[2])
    except FeedError as error:
        raise BadName(f"{path.name}: {error}") from error
    raise BadName(
        f"{path.name}: name must be VENUE_BASE-QUOTE[-PERP]_KIND.parquet, "
        f"KIND one of {', '.join(KINDS)}"
    )


def catalogue(directory: Path) -> Sequence[DataFile]:
    """List the directory's files that are named as candle files are, sorted by name.

    Raises `FeedError` where there is no such directory.
    """
    if not directory.is_dir():
        raise FeedError(f"data was {str(directory)!r}, must be a directory of candle files")
    found = []
    for path in sorted(directory.glob("*.parquet")):
        try:
            found.append(parse_name(path))
        except BadName:
            continue  # other files may lie beside the candles; `data check` reports them
    return found


class Shelf(Struct, frozen=True):
    """What a directory holds of one symbol on one venue."""

    candles: dict[int, Path]  # length of a bar in ms -> file, smallest first
    funding: Path | None


def shelf(directory: Path, venue: str, symbol: str) -> Shelf:
    """Find a symbol's files. Raises `FeedError` naming the venues or symbols there are."""
    files = catalogue(directory)
    candles = [f for f in files if f.kind in TIMEFRAMES]
    here = [f for f in candles if f.venue == venue]
    if not here:
        venues = ", ".join(sorted({f.venue for f in candles})) or "no candles at all"
        raise FeedError(f"venue was {venue!r}, {directory} has {venues}")
    name = stored_symbol(symbol)
    mine = {milliseconds(f.kind): f.path for f in here if f.symbol == name}
    if not mine:
        raise unknown_symbol(name, f"{venue} in {directory}", [f.symbol for f in here])
    funding = [f.path for f in files if (f.venue, f.symbol, f.kind) == (venue, name, FUNDING)]
    return Shelf(dict(sorted(mine.items())), funding[0] if funding else None)
