"""Markets of several symbols, held in memory: some bars missing, so that moments differ."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from application.ports import FeedDescription, FeedFinished, Stretch, moments, until
from domain.instrument import Instrument
from tests.kernel_runs import MINUTE, walk
from tests.trading_fakes import DESCRIPTION, INSTRUMENT

SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
PRICES = (30_000.0, 3_000.0, 9_000.0)


def instrument_of(symbol: str, slippage: str = "0.001") -> Instrument:
    return Instrument(
        **{name: getattr(INSTRUMENT, name) for name in INSTRUMENT.__struct_fields__}
        | {"symbol": symbol, "slippage": Decimal(slippage)}
    )


def description_of(symbols: Sequence[str] = SYMBOLS) -> FeedDescription:
    return FeedDescription(
        **{name: getattr(DESCRIPTION, name) for name in DESCRIPTION.__struct_fields__}
        | {"instruments": tuple(map(instrument_of, symbols))}
    )


def stretch_of(count: int, symbols: int = 2, seed: int = 1, share: float = 0.98) -> Stretch:
    """Walks of several symbols, of which each bar is there with this chance."""
    chance = np.random.default_rng((seed, symbols))
    walks = [walk(count, seed * 100 + n, price=PRICES[n]) for n in range(symbols)]
    return tuple(bars[chance.random(count) < share] for bars in walks)


class MemoryMarket:
    """A `MarketFeed` of bars at hand."""

    def __init__(self, stretch: Stretch, description: FeedDescription | None = None) -> None:
        self.stretch = stretch
        self.description = description or description_of(SYMBOLS[: len(stretch)])

    def describe(self) -> FeedDescription:
        return self.description

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        later = tuple(bars[bars["timestamp"] > after] for bars in self.stretch)
        times = moments(later)
        if len(times) == 0:
            raise FeedFinished("there are no more bars")
        return later if len(times) <= limit else until(later, int(times[limit]))

    def close(self) -> None:
        pass


def ends(stretch: Stretch) -> tuple[int, int]:
    """The first moment, and the end of the last bar."""
    times = moments(stretch)
    return int(times[0]), int(times[-1]) + MINUTE
