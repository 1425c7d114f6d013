"""Candles that a venue made and somebody recorded, as a feed.

Served as they are: nothing is filled, moved or repaired. A timeframe that was not recorded is made
from the recorded one that divides it and covers most time. The data digest covers the content of
every file used, so a home recognises its data wherever the files lie.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from application.ports import FeedDescription, FeedError
from domain.timeframe import milliseconds, name
from infrastructure.candles.naming import Shelf, shelf
from infrastructure.candles.parquet import CandleFile, content_digest
from infrastructure.feeds.funding import Funded, FundingSchedule, read_funding
from infrastructure.feeds.resample import Resampled, whole_bucket
from infrastructure.feeds.stream import BarSource, StreamFeed
from infrastructure.instruments import instrument_for
from infrastructure.symbols import is_perpetual, stored_symbol

Span = tuple[int, int]


class ImpossibleTimeframe(FeedError):
    """No recorded timeframe divides the one asked for."""


def open_recorded(
    directory: Path,
    venue: str,
    symbol: str,
    timeframe: str | None = None,
    start: int = 0,
    end: int | None = None,
) -> StreamFeed:
    """Serve recorded candles with start ≤ open time < end (ms UTC).

    `timeframe` is the base timeframe; without it, the smallest recorded one. Raises `FeedError`
    naming what there is.
    """
    files = shelf(directory, venue, symbol)
    length = milliseconds(timeframe) if timeframe is not None else next(iter(files.candles))
    base = _recorded_base(files, length, f"{venue} {stored_symbol(symbol)}")
    candles = CandleFile(files.candles[base], base)
    first = candles.first()[0]
    source: BarSource = candles
    used = [files.candles[base]]
    notes = []
    if base != length:
        source = Resampled(candles, base, length, int(first["timestamp"]))
        notes.append(f"{name(length)} bars made from recorded {name(base)} bars")
    if is_perpetual(stored_symbol(symbol)):
        if files.funding is not None:
            used.append(files.funding)
        else:
            notes.append("no recorded funding rates: 0.01 % every 8 hours")
        source = Funded(source, _schedule(files.funding))
    description = FeedDescription(
        feed="recorded",
        venue=venue,
        timeframe=name(length),
        data_digest=content_digest(used),
        instruments=(instrument_for(venue, symbol, float(first["close"])),),
        total=_count(candles, length, whole_bucket(int(first["timestamp"]), length), start, end),
        note="; ".join(notes),
    )
    return StreamFeed(source, description, start, end)


def recorded_span(directory: Path, venue: str, symbols: Sequence[str], timeframe: str) -> Span:
    """Give the open times (ms) of the first and the last bar recorded of any symbol.

    Raises `FeedError`.
    """
    length = milliseconds(timeframe)
    spans: list[Span] = []
    for symbol in symbols:
        files = shelf(directory, venue, symbol)
        base = _recorded_base(files, length, f"{venue} {stored_symbol(symbol)}")
        candles = CandleFile(files.candles[base], base)
        spans.append((int(candles.first()["timestamp"][0]), candles.last_open()))
        candles.close()
    return min(first for first, _ in spans), max(last for _, last in spans)


def smallest_timeframe(directory: Path, venue: str, symbols: Sequence[str]) -> str:
    """Find the smallest timeframe that there is for all symbols. Raises `FeedError`."""
    return name(max(next(iter(shelf(directory, venue, s).candles)) for s in symbols))


def _recorded_base(files: Shelf, length: int, what: str) -> int:
    divisors = [base for base in files.candles if length % base == 0]
    if not divisors:
        raise ImpossibleTimeframe(
            f"timeframe was {name(length)}, which cannot be made for {what}: recorded "
            f"{'is' if len(files.candles) == 1 else 'are'} {_names(list(files.candles))}"
        )
    return length if length in divisors else max(divisors, key=lambda base: _span(files, base))


def _span(files: Shelf, base: int) -> tuple[int, int]:
    candles = CandleFile(files.candles[base], base)
    span = candles.last_open() - int(candles.first()["timestamp"][0])
    candles.close()
    return span, base  # of equal spans the larger bars: fewer to read


def _names(lengths: Sequence[int]) -> str:
    return ", ".join(name(length) for length in lengths)


def _schedule(path: Path | None) -> FundingSchedule:
    return FundingSchedule.empty() if path is None else read_funding(path)


def _count(candles: CandleFile, length: int, begin: int, start: int, end: int | None) -> int:
    """Count the bars of `length` ms by their open times alone."""
    count, last = 0, -1
    for times in candles.times():
        buckets = np.unique(times // length * length)
        low = int(np.searchsorted(buckets, max(start, begin, last + 1)))
        high = len(buckets) if end is None else int(np.searchsorted(buckets, end))
        count += max(high - low, 0)
        last = int(buckets[-1])
    whole = (int(times[-1]) + candles.length) % length == 0
    inside = last >= max(start, begin) and (end is None or last < end)
    return count - (inside and not whole)
