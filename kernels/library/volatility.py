"""How far prices move: true range, deviation and the bands made of them. All in quote."""

from kernels.dialect import Bars, Number, Series, close, high, low, maximum, nan, sqrt
from kernels.library.averages import rma, sma
from kernels.library.windows import delayed, variance


def true_range() -> Series:
    """max(high, previous close) − min(low, previous close). Warm-up: 2 bars.

    Source: Wilder (1978); TA-Lib TRANGE, which has no figure for the first bar either.
    """
    before = delayed(close, 1)
    result = nan
    if before == before:
        result = maximum(high - low, maximum(high - before, before - low))
    return result


def atr(n: Bars) -> Series:
    """Average true range: Wilder's smoothing of the true range. Warm-up: n + 1 bars.

    Source: Wilder (1978); TA-Lib ATR. Says nothing of direction: neutral.
    """
    return rma(true_range(), n)


def stdev(x: Series, n: Bars) -> Series:
    """Population standard deviation of the last n values, two passes. Warm-up: n bars.

    TA-Lib's STDDEV subtracts squares and is less exact. Neutral.
    """
    return sqrt(variance(x, sma(x, n), n))


def bollinger_upper(x: Series, n: Bars, width: Number) -> Series:
    """Mean + width · standard deviation over n values. Warm-up: n bars.

    Source: Bollinger on Bollinger Bands (2001); TA-Lib BBANDS. Close above it is bearish.
    """
    return sma(x, n) + width * stdev(x, n)


def bollinger_lower(x: Series, n: Bars, width: Number) -> Series:
    """Mean − width · standard deviation over n values. Warm-up: n bars.

    Source: Bollinger on Bollinger Bands (2001); TA-Lib BBANDS. Close below it is bullish.
    """
    return sma(x, n) - width * stdev(x, n)
