"""What an indicator says, in one word: +1 bullish, −1 bearish, 0 neutral, NaN while warming up.

These are the customary readings, one rule per indicator, so that strategies can count votes and a
dashboard can colour a figure. An indicator without a reading of its own (a range, a deviation) has
no function here: it is neutral.
"""

from kernels.dialect import Bars, Number, Series, close, high, low, nan
from kernels.library.levels import (
    close_place,
    donchian_lower,
    donchian_upper,
    fractal_high,
    fractal_low,
    pivot_high,
    pivot_low,
    swings,
)
from kernels.library.momentum import (
    cci,
    cmo,
    macd_histogram,
    rsi,
    rsi_of,
    stochastic_k,
    stochastic_rsi,
    ultimate_oscillator,
    wilder_moves,
    williams_r,
)
from kernels.library.sums import idle
from kernels.library.trend import (
    adx,
    aroon_oscillator,
    directions,
    psar,
    supertrend_turns,
    vortex_minus,
    vortex_plus,
)
from kernels.library.volatility import (
    bollinger_lower,
    bollinger_upper,
    keltner_lower,
    keltner_upper,
    true_range,
)
from kernels.library.volume import cmf, mfi, money_flows
from kernels.library.windows import delayed, highest, lowest


def sign_class(x: Series) -> Series:
    """Bullish above 0, bearish below.

    Unit: class. Warm-up: 1 bar. Source: the zero line. Class: itself.
    """
    result = x
    if x == x:
        result = 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)
    return result


def average_class(average: Series) -> Series:
    """Bullish where an average or a running sum rises from the bar before, bearish where it falls.

    Unit: class. Warm-up: 2 bars. Source: the slope of an average. Class: itself.
    """
    return sign_class(average - delayed(average, 1))


def band_class(x: Series, oversold: Number, overbought: Number) -> Series:
    """Bullish below oversold, bearish above overbought.

    Unit: class. Warm-up: 1 bar. Source: the reading of an oscillator. Class: itself.
    """
    result = x
    if x == x:
        result = 1.0 if x < oversold else (-1.0 if x > overbought else 0.0)
    return result


def break_class(x: Series, lower: Series, upper: Series) -> Series:
    """Bullish where x is above upper, bearish where it is below lower.

    Unit: class. Warm-up: 1 bar. Source: the reading of a breakout. Class: itself.
    """
    result = nan
    if x == x and lower == lower and upper == upper:
        result = 1.0 if x > upper else (-1.0 if x < lower else 0.0)
    return result


def if_moved(x: Series, movement: Series) -> Series:
    """x, and neutral where there was no movement: an oscillator that found none says nothing."""
    result = x
    if x == x and not movement > 0.0:
        result = 0.0
    return result


def rsi_class(n: Bars) -> Series:
    """RSI below 30 bullish, above 70 bearish; neutral where nothing moved.

    Unit: class. Warm-up: n + 1 bars. Source: Wilder (1978). Class: itself.
    """
    up, down = wilder_moves(close, n)
    return if_moved(band_class(rsi(n), 30.0, 70.0), up + down)


def stochastic_class(n: Bars, smooth: Bars) -> Series:
    """%K below 20 bullish, above 80 bearish; neutral where n bars had no range.

    Unit: class. Warm-up: n + smooth - 1 bars. Source: Lane. Class: itself.
    """
    spread = highest(high, n) - lowest(low, n)
    return if_moved(band_class(stochastic_k(n, smooth), 20.0, 80.0), spread)


def stochastic_rsi_class(x: Series, n: Bars, window: Bars) -> Series:
    """Stochastic RSI below 20 bullish, above 80 bearish; neutral where the RSI had no range.

    Unit: class. Warm-up: n + window bars. Source: Chande and Kroll (1994). Class: itself.
    """
    strength = rsi_of(x, n)
    spread = highest(strength, window) - lowest(strength, window)
    return if_moved(band_class(stochastic_rsi(x, n, window), 20.0, 80.0), spread)


def williams_class(n: Bars) -> Series:
    """%R below −80 bullish, above −20 bearish; neutral where n bars had no range.

    Unit: class. Warm-up: n bars. Source: Williams (1973). Class: itself.
    """
    spread = highest(high, n) - lowest(low, n)
    return if_moved(band_class(williams_r(n), -80.0, -20.0), spread)


def cci_class(n: Bars) -> Series:
    """CCI below −100 bullish, above 100 bearish.

    Unit: class. Warm-up: n bars. Source: the oscillator's reading; Lambert's own is the breakout.
    Class: itself.
    """
    return band_class(cci(n), -100.0, 100.0)


def cmo_class(x: Series, n: Bars) -> Series:
    """CMO below −50 bullish, above 50 bearish.

    Unit: class. Warm-up: n + 1 bars. Source: Chande and Kroll (1994). Class: itself.
    """
    return band_class(cmo(x, n), -50.0, 50.0)


def ultimate_class(fast: Bars, middle: Bars, slow: Bars) -> Series:
    """Ultimate oscillator below 30 bullish, above 70 bearish; neutral where fast bars did not move.

    Unit: class. Warm-up: max(fast, middle, slow) + 1 bars. Source: Williams (1985). Class: itself.
    """
    pressure = ultimate_oscillator(fast, middle, slow)
    return if_moved(band_class(pressure, 30.0, 70.0), fast - idle(true_range()))


def mfi_class(n: Bars) -> Series:
    """MFI below 20 bullish, above 80 bearish; neutral where nothing flowed.

    Unit: class. Warm-up: n + 1 bars. Source: Quong and Soudack (1989). Class: itself.
    """
    _risen, moved = money_flows()
    return if_moved(band_class(mfi(n), 20.0, 80.0), n - idle(moved))


def cmf_class(n: Bars) -> Series:
    """Chaikin money flow above 0.05 bullish, below −0.05 bearish.

    Unit: class. Warm-up: n bars. Source: Chaikin. Class: itself.
    """
    return -band_class(cmf(n), -0.05, 0.05)


def macd_class(fast: Bars, slow: Bars, signal: Bars) -> Series:
    """MACD histogram above 0 bullish, below bearish.

    Unit: class. Warm-up: max(fast, slow) + signal - 1 bars. Source: Appel; Aspray. Class: itself.
    """
    return sign_class(macd_histogram(fast, slow, signal))


def adx_class(n: Bars) -> Series:
    """ADX above 25: bullish where +DI is above −DI, bearish where it is below; neutral otherwise.

    Unit: class. Warm-up: 2 * n bars. Source: Wilder (1978). Class: itself.
    """
    plus, minus = directions(n)
    strength = adx(n)
    side = sign_class(plus - minus)
    result = strength
    if strength == strength:
        result = side if strength > 25.0 else 0.0
    return result


def aroon_class(n: Bars) -> Series:
    """Aroon oscillator above 50 bullish, below −50 bearish.

    Unit: class. Warm-up: n + 1 bars. Source: Chande (1995). Class: itself.
    """
    return -band_class(aroon_oscillator(n), -50.0, 50.0)


def vortex_class(n: Bars) -> Series:
    """+VI above −VI bullish, below bearish.

    Unit: class. Warm-up: n + 1 bars. Source: Botes and Siepman (2010). Class: itself.
    """
    return sign_class(vortex_plus(n) - vortex_minus(n))


def psar_class(step: Number, limit: Number) -> Series:
    """Close above the parabolic bullish, below it bearish.

    Unit: class. Warm-up: 2 bars. Source: Wilder (1978). Class: itself.
    """
    return sign_class(close - psar(step, limit))


def supertrend_class(n: Bars, factor: Number) -> Series:
    """SuperTrend below the price bullish, above it bearish.

    Unit: class. Warm-up: n + 1 bars. Source: Seban. Class: itself.
    """
    _line, side = supertrend_turns(n, factor)
    return side


def bollinger_class(x: Series, n: Bars, width: Number) -> Series:
    """Below the lower band bullish, above the upper bearish.

    Unit: class. Warm-up: n bars. Source: the reversion reading of the bands. Class: itself.
    """
    return -break_class(x, bollinger_lower(x, n, width), bollinger_upper(x, n, width))


def keltner_class(n: Bars, m: Bars, width: Number) -> Series:
    """Close above the upper band bullish, below the lower bearish.

    Unit: class. Warm-up: max(n, m + 1) bars. Source: Keltner (1960), Raschke. Class: itself.
    """
    return break_class(close, keltner_lower(n, m, width), keltner_upper(n, m, width))


def donchian_class(n: Bars) -> Series:
    """Close above the highest high of the n bars before it bullish, below the lowest low bearish.

    Unit: class. Warm-up: n + 1 bars. Source: Donchian's breakout. Class: itself.
    """
    return break_class(close, delayed(donchian_lower(n), 1), delayed(donchian_upper(n), 1))


def pivot_class(left: Bars, right: Bars) -> Series:
    """Close above the latest pivot high bullish, below the latest pivot low bearish.

    Unit: class. Warm-up: left + right + 1 bars at the earliest. Source: market structure. Class:
    itself.
    """
    return break_class(close, pivot_low(left, right), pivot_high(left, right))


def fractal_class() -> Series:
    """Close above the latest fractal high bullish, below the latest fractal low bearish.

    Unit: class. Warm-up: 5 bars at the earliest. Source: Williams (1995). Class: itself.
    """
    return break_class(close, fractal_low(), fractal_high())


def swing_class(reversal: Number) -> Series:
    """Close above the latest swing high bullish, below the latest swing low bearish.

    Unit: class. Warm-up: 3 bars at the earliest. Source: market structure. Class: itself.
    """
    upper, lower = swings(reversal)
    return break_class(close, lower, upper)


def close_place_class() -> Series:
    """Close in the top fifth of its bar bullish, in the bottom fifth bearish.

    Unit: class. Warm-up: 1 bar. Source: the shape of a bar. Class: itself.
    """
    return -band_class(close_place(), 0.2, 0.8)
