"""How far prices move: true range, deviation and the bands made of them.

None of them says where prices go, except by the side of a band on which the price lies.
"""

from kernels.dialect import Bars, Number, Series, close, high, low, maximum, nan, sqrt
from kernels.library.averages import ema, rma, sma
from kernels.library.sums import variance
from kernels.library.windows import delayed, unchanged


def true_range() -> Series:
    """max(high, previous close) − min(low, previous close).

    Unit: quote. Warm-up: 2 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib TRANGE. Class: neutral.
    """
    before = delayed(close, 1)
    result = nan
    if before == before:
        result = maximum(high - low, maximum(high - before, before - low))
    return result


def atr(n: Bars) -> Series:
    """Average true range: Wilder's smoothing of the true range.

    Unit: quote. Warm-up: n + 1 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib ATR. Class: neutral.
    """
    return rma(true_range(), n)


def natr(n: Bars) -> Series:
    """Normalised average true range: 100 · ATR / close.

    Unit: percent. Warm-up: n + 1 bars. Source: John Forman, Technical Analysis of Stocks &
    Commodities 24:5 (2006); TA-Lib NATR. Class: neutral.
    """
    return 100.0 * (atr(n) / close)


def stdev(x: Series, n: Bars) -> Series:
    """Population standard deviation of the last n values, two passes.

    TA-Lib's STDDEV subtracts squares and is less exact.
    Unit: of x. Warm-up: n bars. Source: the definition. Class: neutral.
    """
    return sqrt(variance(x, sma(x, n), n))


def bollinger_upper(x: Series, n: Bars, width: Number) -> Series:
    """Mean + width · standard deviation over n values.

    Unit: of x. Warm-up: n bars. Source: John Bollinger, Bollinger on Bollinger Bands (2001); TA-Lib
    BBANDS. Class: bollinger_class(x, n, width).
    """
    return sma(x, n) + width * stdev(x, n)


def bollinger_lower(x: Series, n: Bars, width: Number) -> Series:
    """Mean − width · standard deviation over n values.

    Unit: of x. Warm-up: n bars. Source: John Bollinger, Bollinger on Bollinger Bands (2001); TA-Lib
    BBANDS. Class: bollinger_class(x, n, width).
    """
    return sma(x, n) - width * stdev(x, n)


def bollinger_width(x: Series, n: Bars, width: Number) -> Series:
    """(upper − lower) / mean of the Bollinger bands; NaN where the mean is 0.

    Unit: fraction of the mean. Warm-up: n bars. Source: John Bollinger, Bollinger on Bollinger
    Bands (2001), BandWidth. Class: neutral.
    """
    mean = sma(x, n)
    spread = 2.0 * width * stdev(x, n)
    return spread / mean if mean != 0.0 else nan


def bollinger_place(x: Series, n: Bars, width: Number) -> Series:
    """Where x lies between the Bollinger bands: (x − lower) / (upper − lower), 0.5 in their middle.

    0.5 where the bands meet, since nothing moved.
    Unit: fraction of the bands' distance. Warm-up: n bars. Source: John Bollinger, Bollinger on
    Bollinger Bands (2001), %b. Class: bollinger_class(x, n, width).
    """
    lower = bollinger_lower(x, n, width)
    result = bollinger_upper(x, n, width) - lower
    still = unchanged(x)
    if result == result:
        result = (x - lower) / result if result > 0.0 and still < n - 1.0 else 0.5
    return result


def keltner_upper(n: Bars, m: Bars, width: Number) -> Series:
    """EMA(n) of the close + width · ATR(m).

    Unit: quote. Warm-up: max(n, m + 1) bars. Source: Chester Keltner, How to Make Money in
    Commodities (1960), in Linda Raschke's form. Class: keltner_class(n, m, width).
    """
    return ema(close, n) + width * atr(m)


def keltner_lower(n: Bars, m: Bars, width: Number) -> Series:
    """EMA(n) of the close − width · ATR(m).

    Unit: quote. Warm-up: max(n, m + 1) bars. Source: Chester Keltner, How to Make Money in
    Commodities (1960), in Linda Raschke's form. Class: keltner_class(n, m, width).
    """
    return ema(close, n) - width * atr(m)


def chaikin_volatility(n: Bars, m: Bars) -> Series:
    """Rate of change, over m bars, of EMA(n) of the bar's range; 0 where there was none.

    Unit: percent. Warm-up: n + m bars. Source: Marc Chaikin, in Steven Achelis, Technical Analysis
    from A to Z (1995). Class: neutral.
    """
    spread = ema(high - low, n)
    before = delayed(spread, m)
    result = before
    if before > 0.0:
        result = 100.0 * (spread / before - 1.0)
    return result
