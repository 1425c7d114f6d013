"""Whether bars may be traded at all: in order, on the grid of time, every figure a number.

Looked at before the journal takes them: what is wrong in it would be in the way for ever.
"""

from collections.abc import Sequence

import numpy as np

from application.ports import Bars, Stretch


class BadBars(ValueError):
    """The bars do not continue those before them."""


def check(stretch: Stretch, symbols: Sequence[str], last_bar: int | None, base_ms: int) -> None:
    """Raise `BadBars` naming the symbol and the figure that is wrong."""
    if len(stretch) != len(symbols):
        raise BadBars(f"bars were of {len(stretch)} symbols, must be of {', '.join(symbols)}")
    if not any(map(len, stretch)):
        raise BadBars("bars were none, must be at least one")
    for symbol, bars in zip(symbols, stretch, strict=True):
        if len(bars):
            try:
                check_bars(bars, last_bar, base_ms)
            except BadBars as error:
                raise BadBars(f"{symbol}: {error}") from None


def check_bars(bars: Bars, last_bar: int | None, base_ms: int) -> None:
    opens = bars["timestamp"]
    if last_bar is not None and opens[0] <= last_bar:
        raise BadBars(f"first bar was {opens[0]}, must be after {last_bar}, the last bar stepped")
    if not bool(np.all(opens[1:] > opens[:-1])):
        raise BadBars("bars were not in order, each must open after the one before")
    if bool(np.any(opens % base_ms)):
        odd = int(opens[opens % base_ms != 0][0])
        raise BadBars(f"bar opened at {odd}, must be a multiple of {base_ms} ms")
    for name in bars.dtype.names or ():
        odd_ones = np.flatnonzero(~np.isfinite(bars[name]))
        if len(odd_ones):
            bar = bars[odd_ones[0]]
            figure = f"{name} of the bar at {bar['timestamp']}"
            raise BadBars(f"{figure} was {bar[name]}, must be finite")
