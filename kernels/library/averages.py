"""Moving averages of one series, all in the unit of their input."""

from kernels.dialect import (
    Bars,
    Number,
    Series,
    close,
    each,
    floor,
    high,
    low,
    maximum,
    minimum,
    nan,
    ring,
    sqrt,
    state,
    volume,
)
from kernels.library.sums import ratio_of_sums, rolling_sum, weighted_sum, window_sum
from kernels.library.windows import delayed, lagged, unchanged


def sma(x: Series, n: Bars) -> Series:
    """Simple moving average: the mean of the last n values.

    Unit: of x. Warm-up: n bars. Source: TA-Lib SMA. Class: average_class(sma(x, n)).
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
        if filled >= n:
            y = y + weight * (x - y)
            result = y
        else:
            filled = filled + 1.0
            y = y + x
            if filled >= n:
                y = y / n
                result = y
    return result


def ema(x: Series, n: Bars) -> Series:
    """Exponential moving average, weight 2 / (n + 1), begun at the mean of the first n values.

    Unit: of x. Warm-up: n bars. Source: TA-Lib EMA. Class: average_class(ema(x, n)).
    """
    return smoothed(x, n, 2.0 / (n + 1.0))


def rma(x: Series, n: Bars) -> Series:
    """Wilder's smoothing, weight 1 / n, begun at the mean of the first n values.

    Unit: of x. Warm-up: n bars. Source: J. Welles Wilder, New Concepts in Technical Trading Systems
    (1978). Class: average_class(rma(x, n)).
    """
    return smoothed(x, n, 1.0 / n)


def wma(x: Series, n: Bars) -> Series:
    """Linearly weighted average: weight n for the latest, 1 for the oldest.

    Summed anew over the window at each bar, so that no error is carried.
    Unit: of x. Warm-up: n bars. Source: TA-Lib WMA. Class: average_class(wma(x, n)).
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


def dema(x: Series, n: Bars) -> Series:
    """Double exponential average: 2 · EMA − EMA of EMA.

    Unit: of x. Warm-up: 2 * n - 1 bars. Source: Patrick Mulloy, Technical Analysis of Stocks &
    Commodities (1994); TA-Lib DEMA. Class: average_class(dema(x, n)).
    """
    once = ema(x, n)
    return 2.0 * once - ema(once, n)


def tema(x: Series, n: Bars) -> Series:
    """Triple exponential average: 3 · EMA − 3 · EMA of EMA + EMA of EMA of EMA.

    Unit: of x. Warm-up: 3 * n - 2 bars. Source: Patrick Mulloy, Technical Analysis of Stocks &
    Commodities (1994); TA-Lib TEMA. Class: average_class(tema(x, n)).
    """
    once = ema(x, n)
    twice = ema(once, n)
    return 3.0 * once - 3.0 * twice + ema(twice, n)


def t3(x: Series, n: Bars, volume_factor: Number) -> Series:
    """Tillson's T3: the generalised double EMA (1 + v) · EMA − v · EMA of EMA, taken three times.

    v is the volume factor, 0.7 by custom; 0 gives EMA of EMA of EMA.
    Unit: of x. Warm-up: 6 * n - 5 bars. Source: Tim Tillson, Technical Analysis of Stocks &
    Commodities 16:1 (1998); TA-Lib T3. Class: average_class(t3(x, n, volume_factor)).
    """
    e3 = ema(ema(ema(x, n), n), n)
    e4 = ema(e3, n)
    e5 = ema(e4, n)
    e6 = ema(e5, n)
    v = volume_factor
    w3 = 1.0 + 3.0 * v + 3.0 * (v * v) + v * v * v
    w4 = -(3.0 * v + 6.0 * (v * v) + 3.0 * (v * v * v))
    w5 = 3.0 * (v * v) + 3.0 * (v * v * v)
    return w3 * e3 + w4 * e4 + w5 * e5 - v * v * v * e6


def trima(x: Series, n: Bars) -> Series:
    """Triangular average: the mean of a means of b values, a + b = n + 1, a = b or b + 1.

    Unit: of x. Warm-up: n bars. Source: TA-Lib TRIMA. Class: average_class(trima(x, n)).
    """
    a = floor(n / 2.0) + 1.0
    b = n + 1.0 - a
    return window_sum(window_sum(x, b, n), a, n) / (a * b)


def kama(x: Series, n: Bars, fast: Bars, slow: Bars) -> Series:
    """Kaufman's adaptive average: y += c² · (x − y), begun at the value before.

    c lies between the EMA weights of slow and fast, by the efficiency |x − x[n]| / Σ|x − x[1]| over
    n bars; 1 where nothing moved, as in TA-Lib, which has fast 2 and slow 30.
    Unit: of x. Warm-up: n + 1 bars. Source: Perry Kaufman, Smarter Trading (1995); TA-Lib KAMA.
    Class: average_class(kama(x, n, fast, slow)).
    """
    before = delayed(x, 1)
    net = abs(x - delayed(x, n))
    path = rolling_sum(abs(x - before), n)
    still = unchanged(x)
    quick = 2.0 / (fast + 1.0)
    calm = 2.0 / (slow + 1.0)
    y = state(nan)
    result = nan
    if net == net and path == path:
        efficiency = 1.0
        if net < path and still < n:
            efficiency = net / path
        weight = efficiency * (quick - calm) + calm
        if y != y:
            y = before
        y = y + weight * weight * (x - y)
        result = y
    return result


def hma(x: Series, n: Bars) -> Series:
    """Hull's average: WMA over √n of 2 · WMA over n / 2 − WMA over n, both rounded down.

    Unit: of x. Warm-up: n + floor(sqrt(n)) - 1 bars. Source: Alan Hull, Reducing Lag in a Moving
    Average (2005). Class: average_class(hma(x, n)).
    """
    half = maximum(floor(n / 2.0), 1.0)
    root = floor(sqrt(n))
    near = weighted_sum(x, half, n) * (4.0 / (half * (half + 1.0)))
    far = weighted_sum(x, n, n) * (2.0 / (n * (n + 1.0)))
    return weighted_sum(near - far, root, n) * (2.0 / (root * (root + 1.0)))


def zlema(x: Series, n: Bars) -> Series:
    """Zero-lag EMA: EMA(n) of x + (x − x[lag]), lag = (n − 1) / 2 rounded down.

    Unit: of x. Warm-up: n + floor((n - 1) / 2) bars. Source: John Ehlers and Ric Way, Zero Lag
    (2010). Class: average_class(zlema(x, n)).
    """
    lag = floor((n - 1.0) / 2.0)
    before = lagged(x, maximum(lag, 1.0), n)
    return ema(x if lag < 1.0 else x + (x - before), n)


def vwma(x: Series, n: Bars) -> Series:
    """Volume-weighted average of x: Σ x · volume / Σ volume over n bars; NaN where nothing traded.

    Unit: of x. Warm-up: n bars. Source: Buff Dormeier, Investing with Volume Analysis (2011).
    Class: average_class(vwma(x, n)).
    """
    return ratio_of_sums(x * volume, volume, n, nan)


def vwap(n: Bars) -> Series:
    """Volume-weighted average price: Σ typical · volume / Σ volume over n bars.

    Typical is (high + low + close) / 3. NaN where nothing traded, so nothing is decided on it.
    Unit: quote. Warm-up: n bars. Source: Berkowitz, Logue and Noser, The Total Cost of Transactions
    on the NYSE (1988), rolling form. Class: average_class(vwap(n)).
    """
    return ratio_of_sums((high + low + close) / 3.0 * volume, volume, n, nan)
