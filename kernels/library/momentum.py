"""Momentum: how fast, and which way.

Where nothing moved an oscillator has no figure of its own; it is then 0, as in TA-Lib.
"""

from kernels.dialect import Bars, Series, close, high, low, maximum, minimum, nan
from kernels.library.averages import ema, rma, sma
from kernels.library.sums import mean_deviation, ratio_of_sums
from kernels.library.volatility import true_range
from kernels.library.windows import delayed, highest, lowest, unchanged


def wilder_moves(x: Series, n: Bars) -> tuple[Series, Series]:
    """Wilder-smoothed rises and falls of x, both ≥ 0, in the unit of x. Warm-up: n + 1 bars."""
    change = x - delayed(x, 1)
    rise = nan
    fall = nan
    if change == change:
        rise = maximum(change, 0.0)
        fall = maximum(-change, 0.0)
    return rma(rise, n), rma(fall, n)


def rsi_of(x: Series, n: Bars) -> Series:
    """Relative strength index of any series: 100 · up / (up + down), Wilder-smoothed moves.

    0 where nothing moved, as in TA-Lib.
    Unit: 0 … 100. Warm-up: n + 1 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib RSI. Class: band_class(rsi_of(x, n), 30, 70).
    """
    up, down = wilder_moves(x, n)
    result = up + down
    if result > 0.0:
        result = 100.0 * (up / (up + down))
    return result


def rsi(n: Bars) -> Series:
    """Relative strength index of the close: 100 · up / (up + down), Wilder-smoothed moves.

    0 where nothing moved, as in TA-Lib.
    Unit: 0 … 100. Warm-up: n + 1 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib RSI. Class: rsi_class(n).
    """
    return rsi_of(close, n)


def cmo(x: Series, n: Bars) -> Series:
    """Chande momentum oscillator: 100 · (up − down) / (up + down), Wilder-smoothed moves.

    As in TA-Lib, which smooths where Chande summed; 0 where nothing moved.
    Unit: -100 … 100. Warm-up: n + 1 bars. Source: Tushar Chande and Stanley Kroll, The New
    Technical Trader (1994); TA-Lib CMO. Class: cmo_class(x, n).
    """
    up, down = wilder_moves(x, n)
    result = up + down
    if result > 0.0:
        result = 100.0 * ((up - down) / (up + down))
    return result


def place_in(x: Series, bottom: Series, top: Series) -> Series:
    """Where x lies between bottom and top, 0 … 100; 0 where they are one, as in TA-Lib."""
    result = top - bottom
    if result > 0.0:
        result = 100.0 * ((x - bottom) / result)
    return result


def stochastic_k(n: Bars, smooth: Bars) -> Series:
    """Stochastic %K: where the close lies in the range of n bars, averaged over smooth bars.

    smooth 1 is the fast stochastic. A range of nothing gives 0, as in TA-Lib.
    Unit: 0 … 100. Warm-up: n + smooth - 1 bars. Source: George Lane; TA-Lib STOCH, STOCHF with SMA.
    Class: stochastic_class(n, smooth).
    """
    return sma(place_in(close, lowest(low, n), highest(high, n)), smooth)


def stochastic_d(n: Bars, smooth: Bars, signal: Bars) -> Series:
    """Stochastic %D: the mean of %K over signal bars.

    Unit: 0 … 100. Warm-up: n + smooth + signal - 2 bars. Source: George Lane; TA-Lib STOCH, STOCHF
    with SMA. Class: band_class(stochastic_d(n, smooth, signal), 20, 80).
    """
    return sma(stochastic_k(n, smooth), signal)


def stochastic_rsi(x: Series, n: Bars, window: Bars) -> Series:
    """Stochastic RSI: where RSI(n) of x lies in its own range of window bars.

    A range of nothing gives 0, as in TA-Lib.
    Unit: 0 … 100. Warm-up: n + window bars. Source: Tushar Chande and Stanley Kroll, The New
    Technical Trader (1994); TA-Lib STOCHRSI, fast %K. Class: stochastic_rsi_class(x, n, window).
    """
    strength = rsi_of(x, n)
    return place_in(strength, lowest(strength, window), highest(strength, window))


def stochastic_rsi_d(x: Series, n: Bars, window: Bars, signal: Bars) -> Series:
    """Mean of the stochastic RSI over signal bars.

    Unit: 0 … 100. Warm-up: n + window + signal - 1 bars. Source: TA-Lib STOCHRSI, fast %D with SMA.
    Class: band_class(stochastic_rsi_d(x, n, window, signal), 20, 80).
    """
    return sma(stochastic_rsi(x, n, window), signal)


def williams_r(n: Bars) -> Series:
    """Williams %R: −100 · (highest − close) / (highest − lowest) over n bars.

    A range of nothing gives 0, as in TA-Lib.
    Unit: -100 … 0. Warm-up: n bars. Source: Larry Williams, How I Made One Million Dollars (1973);
    TA-Lib WILLR. Class: williams_class(n).
    """
    top = highest(high, n)
    result = top - lowest(low, n)
    if result > 0.0:
        result = -100.0 * ((top - close) / result)
    return result


def cci(n: Bars) -> Series:
    """Commodity channel index: (typical − mean) / (0.015 · mean distance from the mean), n bars.

    Typical is (high + low + close) / 3. 0 where it did not move, as in TA-Lib.
    Unit: pure number, mostly -200 … 200. Warm-up: n bars. Source: Donald Lambert, Commodities
    Magazine (October 1980); TA-Lib CCI. Class: cci_class(n).
    """
    typical = (high + low + close) / 3.0
    mean = sma(typical, n)
    still = unchanged(typical)
    result = mean_deviation(typical, mean, n)
    if result > 0.0:
        result = (typical - mean) / (0.015 * result) if still < n - 1.0 else 0.0
    return result


def mom(x: Series, n: Bars) -> Series:
    """Momentum: the change of x over n bars, x − x[n].

    Unit: of x. Warm-up: n + 1 bars. Source: TA-Lib MOM. Class: sign_class(mom(x, n)).
    """
    return x - delayed(x, n)


def acceleration(x: Series, n: Bars) -> Series:
    """Acceleration: momentum over n bars less that of the n bars before, x − 2 · x[n] + x[2n].

    Unit: of x. Warm-up: 2 * n + 1 bars. Source: the second difference. Class:
    sign_class(acceleration(x, n)).
    """
    return mom(mom(x, n), n)


def roc(x: Series, n: Bars) -> Series:
    """Rate of change over n bars: 100 · (x / x[n] − 1).

    Unit: percent. Warm-up: n + 1 bars. Source: TA-Lib ROC. Class: sign_class(roc(x, n)).
    """
    before = delayed(x, n)
    return 100.0 * (x / before - 1.0)


def trix(x: Series, n: Bars) -> Series:
    """Rate of change, over one bar, of EMA(n) of EMA(n) of EMA(n).

    Unit: percent. Warm-up: 3 * n - 1 bars. Source: Jack Hutson, Technical Analysis of Stocks &
    Commodities 1:5 (1983); TA-Lib TRIX. Class: sign_class(trix(x, n)).
    """
    return roc(ema(ema(ema(x, n), n), n), 1)


def ultimate_oscillator(fast: Bars, middle: Bars, slow: Bars) -> Series:
    """100 · (4 · fast + 2 · middle + slow) / 7, each Σ buying pressure / Σ true range of its bars.

    Buying pressure is the close above the true low, min(low, previous close). Nothing moved: 0.
    Unit: 0 … 100. Warm-up: max(fast, middle, slow) + 1 bars. Source: Larry Williams, Technical
    Analysis of Stocks & Commodities 3:4 (1985); TA-Lib ULTOSC.
    Class: ultimate_class(fast, middle, slow).
    """
    before = delayed(close, 1)
    bought = nan
    if before == before:
        bought = close - minimum(low, before)
    moved = true_range()
    near = ratio_of_sums(bought, moved, fast, 0.0)
    far = ratio_of_sums(bought, moved, slow, 0.0)
    return (4.0 * near + 2.0 * ratio_of_sums(bought, moved, middle, 0.0) + far) * (100.0 / 7.0)


def macd(fast: Bars, slow: Bars) -> Series:
    """EMA(fast) − EMA(slow) of the close.

    TA-Lib seeds its fast average later: the first few hundred bars differ by what that seed still
    weighs.
    Unit: quote. Warm-up: max(fast, slow) bars. Source: Gerald Appel; TA-Lib MACD. Class:
    sign_class(macd(fast, slow)).
    """
    return ema(close, fast) - ema(close, slow)


def macd_signal(fast: Bars, slow: Bars, signal: Bars) -> Series:
    """EMA(signal) of the MACD line.

    Unit: quote. Warm-up: max(fast, slow) + signal - 1 bars. Source: Gerald Appel; TA-Lib MACD.
    Class: sign_class(macd_signal(fast, slow, signal)).
    """
    return ema(macd(fast, slow), signal)


def macd_histogram(fast: Bars, slow: Bars, signal: Bars) -> Series:
    """MACD line less its signal line.

    Unit: quote. Warm-up: max(fast, slow) + signal - 1 bars. Source: Thomas Aspray; TA-Lib MACD.
    Class: macd_class(fast, slow, signal).
    """
    return macd(fast, slow) - macd_signal(fast, slow, signal)
