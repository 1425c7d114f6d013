"""History from a venue into a candle file, in as many sittings as it takes.

What has come is journalled page by page beside the target, so that a cut connection or a kill costs
one page; only when the range is complete does the candle file appear or grow, at once. An existing
file is extended at either end; what lies inside it is kept as it is, gaps too.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from application.ports import Bars, FeedError
from domain.timeframe import milliseconds
from infrastructure.candles.naming import file_name
from infrastructure.candles.parquet import CandleFile, write_candles
from infrastructure.feeds.follow import BACKOFF, BUSY_BACKOFF
from infrastructure.feeds.resample import whole_bucket
from infrastructure.feeds.venue import CandleVenue, VenueBusy, VenueError
from infrastructure.journal import FileBarJournal

ATTEMPTS = 6  # tries of one page before giving up until somebody asks again
READ = 65_536  # bars read back from the journal at a time

Progress = Callable[[int, int], None]  # bars' worth of time done, and in all


class Wanted(NamedTuple):
    """What to fetch: candles with start ≤ open time < end, ms UTC."""

    symbol: str
    timeframe: str
    start: int
    end: int


class Fetched(NamedTuple):
    """What came of it."""

    path: Path
    new: int  # bars that were not in the file before
    rows: int  # bars in the file now


def fetch(
    venue: CandleVenue,
    wanted: Wanted,
    directory: Path,
    *,
    clock: Callable[[], int],
    sleep: Callable[[float], None],
    progress: Progress = lambda done, total: None,
) -> Fetched:
    """Bring a range of closed candles into `directory`; run again after an error, it goes on.

    Raises `FeedError` when the venue does not answer or has no candles there.
    """
    length = milliseconds(wanted.timeframe)
    path = directory / file_name(venue.name, wanted.symbol, wanted.timeframe)
    closed = (venue.time() or clock()) // length * length
    start, end = whole_bucket(wanted.start, length), min(wanted.end, closed)
    if start >= end:
        raise FeedError(f"range was {wanted.start} to {wanted.end}, holds no closed candle")
    existing = CandleFile(path, length) if path.exists() else None
    ranges = _missing(existing, start, end, length)
    partial = directory / f".{path.stem}.{start}.partial"
    journal = FileBarJournal(partial)
    try:
        total = sum(high - low for low, high in ranges) // length
        done = 0
        for low, high in ranges:
            for cursor in _pages(venue, wanted, journal, (low, high), sleep):
                progress(done + (cursor - low) // length, total)
            done += (high - low) // length
        new, rows = len(journal), existing.rows if existing else 0
        if new:
            rows = write_candles(path, _merged(journal, existing), length)
        elif existing is None:
            raise FeedError(
                f"{venue.name} has no {wanted.timeframe} candles of {wanted.symbol} there"
            )
    finally:
        journal.close()
        if not len(journal):
            partial.unlink(missing_ok=True)
        if existing is not None:
            existing.close()
    partial.unlink(missing_ok=True)
    return Fetched(path, rows - (existing.rows if existing else 0), rows)


def _missing(
    existing: CandleFile | None, start: int, end: int, length: int
) -> list[tuple[int, int]]:
    if existing is None:
        return [(start, end)]
    first, last = int(existing.first()["timestamp"][0]), existing.last_open()
    around = [(start, min(first, end)), (max(last + length, start), end)]
    if start > last + length or end < first:
        raise FeedError(
            f"range was {start} to {end}, must touch what {existing.path.name} holds "
            f"({first} to {last}): a hole that was never asked for would look like missing bars"
        )
    return [(low, high) for low, high in around if low < high]


def _pages(
    venue: CandleVenue,
    wanted: Wanted,
    journal: FileBarJournal,
    span: tuple[int, int],
    sleep: Callable[[float], None],
) -> Iterator[int]:
    length = milliseconds(wanted.timeframe)
    low, high = span
    last = journal.last()
    cursor = low if last is None else max(low, last + length)
    while cursor < high:
        limit = min(venue.page, (high - cursor) // length)
        page = _asked(venue, wanted, cursor, limit, sleep)
        page = page[page["timestamp"] < high]
        journal.append(page)
        cursor = int(page["timestamp"][-1]) + length if len(page) else cursor + limit * length
        yield min(cursor, high)


def _asked(
    venue: CandleVenue, wanted: Wanted, since: int, limit: int, sleep: Callable[[float], None]
) -> Bars:
    for attempt in range(ATTEMPTS):
        try:
            return venue.candles(wanted.symbol, wanted.timeframe, since, limit, 30.0)
        except VenueError as error:
            if attempt == ATTEMPTS - 1:
                raise VenueError(f"{error}; what came is kept, run again to go on") from error
            delays = BUSY_BACKOFF if isinstance(error, VenueBusy) else BACKOFF
            sleep(delays[min(attempt, len(delays) - 1)])
    raise AssertionError("every attempt returns or raises")


def _merged(journal: FileBarJournal, existing: CandleFile | None) -> Iterator[Bars]:
    after = -1
    if existing is not None:
        first = int(existing.first()["timestamp"][0])
        for bars in _journalled(journal, -1):
            yield bars[bars["timestamp"] < first]
        yield from existing.seek(0)[1]
        after = existing.last_open()
    yield from _journalled(journal, after)


def _journalled(journal: FileBarJournal, after: int) -> Iterator[Bars]:
    while len(bars := journal.read(after, READ)):
        yield bars
        after = int(bars["timestamp"][-1])
