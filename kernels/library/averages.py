"""Moving averages, all in the unit of their input."""

from kernels.dialect import Bars, Series, close, each, high, low, minimum, nan, ring, state, volume
from kernels.library.windows import rolling_sum


def sma(x: Series, n: Bars) -> Series:
    """Simple moving average: the mean of the last n values. Warm-up: n bars.

    Source: TA-Lib SMA. Rising is bullish, falling bearish.
    """
    return rolling_sum(x, n) / n


def smoothed(x: Series, n: Bars, weight: Series) -> Series:
    """Exponential smoothing y += weight · (x − y), begun at the mean of the first n values.

    The seed is TA-Lib's convention (the mean, not the first value). A NaN is skipped. Warm-up: n
    bars.
    """
    y = state(0.0)
    filled = state(0.0)
    result = nan
    if x == x:
        filled = minimum(filled + 1.0, n + 1.0)
        if filled < n:
            y = y + x
        elif filled == n:
            y = (y + x) / n
        else:
            y = y + weight * (x - y)
        if filled >= n:
            result = y
    return result


def ema(x: Series, n: Bars) -> Series:
    """Exponential moving average, weight 2 / (n + 1). Warm-up: n bars.

    Source: TA-Lib EMA. Rising is bullish, falling bearish.
    """
    return smoothed(x, n, 2.0 / (n + 1.0))


def rma(x: Series, n: Bars) -> Series:
    """Wilder's smoothing, weight 1 / n. Warm-up: n bars.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978).
    """
    return smoothed(x, n, 1.0 / n)


def wma(x: Series, n: Bars) -> Series:
    """Linearly weighted average: weight n for the latest, 1 for the oldest. Warm-up: n bars.

    Summed anew over the window at each bar, so that no error is carried. Source: TA-Lib WMA.
    """
    window = ring(n)
    at = state(0.0)
    filled = state(0.0)
    result = nan
    if x == x:
        window[at] = x
        at = at + 1.0
        if at >= n:
            at = 0.0
        filled = minimum(filled + 1.0, n)
        if filled >= n:
            weighted = 0.0
            for i in each(n):
                age = i - at
                if age < 0.0:
                    age = age + n
                weighted = weighted + (age + 1.0) * window[i]
            result = weighted / (n * (n + 1.0) / 2.0)
    return result


def vwap(n: Bars) -> Series:
    """Volume-weighted average of the typical price (high + low + close) / 3 over n bars, quote.

    No volume in the window: NaN, so nothing is traded on it. Warm-up: n bars. Source: Berkowitz,
    Logue and Noser, The Total Cost of Transactions on the NYSE (1988), rolling form.
    """
    traded = rolling_sum((high + low + close) / 3.0 * volume, n)
    amount = rolling_sum(volume, n)
    result = nan
    if amount > 0.0:
        result = traded / amount
    return result
