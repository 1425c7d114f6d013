"""Made-up bars, labelled so, for when there is no market at hand.

Bar i is a function of the symbol, the seed and i, whatever was asked before and on which machine,
and time begins on 2024-01-01: two homes with one seed see the same market. The generator's version
is part of the digest; a change that moves one byte needs a new one.
"""

from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from application.ports import Bars, FeedDescription, FeedError
from domain.timeframe import MINUTE, milliseconds
from infrastructure.feeds.funding import Funded, FundingSchedule
from infrastructure.feeds.resample import Resampled
from infrastructure.feeds.scenery import CHUNK, RANGE, RAW, Grid, State, make_chunk
from infrastructure.feeds.stream import BarSource, StreamFeed
from infrastructure.instruments import instrument_for
from infrastructure.symbols import is_perpetual, stored_symbol

VERSION = 1
START = 1_704_067_200_000  # 2024-01-01 00:00 UTC
MAX_SEED = 2**64 - 1

# base currency -> price at the beginning (quote), units that a quiet minute trades
_SCALES = {"BTC": (42_000.0, 12.0), "ETH": (2_300.0, 150.0), "SOL": (100.0, 2_000.0)}
_SCALE = (100.0, 1_000.0)


class SyntheticSource:
    """One-minute bars without end, or up to `bars` of them."""

    def __init__(self, symbol: str, seed: int, grid: Grid, bars: int | None) -> None:
        name = int.from_bytes(sha256(symbol.encode()).digest()[:8], "little")
        self._key = np.array([seed, name], np.uint64)
        self._grid = grid
        self._bars = bars
        self._states = [State(grid.origin, RANGE, 0.0)]  # before each chunk made so far

    def seek(self, start: int) -> tuple[int | None, Iterator[Bars]]:
        """As `BarSource.seek`."""
        index = max(0, -(-(start - START) // MINUTE))
        if self._bars is not None:
            index = min(index, self._bars)
        previous = START + (index - 1) * MINUTE if index else None
        return previous, self._from(index)

    def close(self) -> None:
        """There is nothing to close."""

    def _from(self, index: int) -> Iterator[Bars]:
        while self._bars is None or index < self._bars:
            chunk, skip = divmod(index, CHUNK)
            for missing in range(len(self._states) - 1, chunk):
                self._chunk(missing)
            bars = self._chunk(chunk)[skip:]
            if self._bars is not None:
                bars = bars[: self._bars - index]
            yield bars
            index += len(bars)

    def _chunk(self, number: int) -> Bars:
        generator = np.random.Philox(key=self._key, counter=[0, 0, 0, number])
        bars, after = make_chunk(generator.random_raw(RAW), self._states[number], self._grid)
        if number == len(self._states) - 1:
            self._states.append(after)
        first = START + number * CHUNK * MINUTE
        bars["timestamp"] = np.arange(first, first + CHUNK * MINUTE, MINUTE)
        return bars


def open_synthetic(
    symbol: str = "BTC/USDT", seed: int = 1, bars: int | None = None, timeframe: str = "1m"
) -> StreamFeed:
    """Serve made-up bars, endlessly or `bars` of them. Raises `FeedError` for a wrong option."""
    if not 0 <= seed <= MAX_SEED:
        raise FeedError(f"seed was {seed}, must be between 0 and {MAX_SEED}")
    if bars is not None and bars < 1:
        raise FeedError(f"bars was {bars}, must be at least 1, or left out for no end")
    name, length = stored_symbol(symbol), milliseconds(timeframe)
    origin, volume = _SCALES.get(name.split("-")[0], _SCALE)
    instrument = instrument_for("binanceusdm" if is_perpetual(name) else "binance", name, origin)
    grid = Grid(float(1 / instrument.tick), origin, volume)
    source: BarSource = SyntheticSource(
        name, seed, grid, None if bars is None else bars * (length // MINUTE)
    )
    if length != MINUTE:
        source = Resampled(source, MINUTE, length, START)
    if is_perpetual(name):
        source = Funded(source, FundingSchedule.empty())
    description = FeedDescription(
        feed="synthetic",
        venue="synthetic",
        timeframe=timeframe,
        data_digest=f"synthetic:{VERSION}:seed={seed}:start=2024-01-01",
        instruments=(instrument,),
        total=bars,
        note=f"made-up prices, seed {seed}",
    )
    return StreamFeed(source, description)
