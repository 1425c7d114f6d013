"""Trend: whether there is one, which way, and what follows it.

Where nothing moved an index of direction is 0, as in TA-Lib.
"""

from kernels.dialect import (
    Bars,
    Number,
    Series,
    close,
    floor,
    high,
    low,
    maximum,
    minimum,
    nan,
    state,
)
from kernels.library.averages import rma, sma
from kernels.library.sums import ratio_of_sums, weighted_sums
from kernels.library.volatility import atr, true_range
from kernels.library.windows import age_of_highest, delayed, lagged


def wilder_sum(x: Series, n: Bars) -> Series:
    """Wilder's running sum y += x − y / n, begun at the first n − 1 values, as TA-Lib does.

    In the unit of x. Warm-up: n bars.
    """
    y = state(0.0)
    filled = state(0.0)
    weight = 1.0 / n
    result = nan
    if x == x:
        filled = minimum(filled + 1.0, n)
        if filled < n:
            y = y + x
        else:
            y = y - y * weight + x
            result = y
    return result


def directions(n: Bars) -> tuple[Series, Series]:
    """+DI and −DI, 0 … 100. Warm-up: n + 1 bars."""
    up = high - delayed(high, 1)
    down = delayed(low, 1) - low
    rise = nan
    fall = nan
    if up == up:
        rise = up if up > down and up > 0.0 else 0.0
        fall = down if down > up and down > 0.0 else 0.0
    moved = wilder_sum(true_range(), n)
    risen = wilder_sum(rise, n)
    fallen = wilder_sum(fall, n)
    plus = moved
    minus = moved
    if moved > 0.0:
        plus = 100.0 * (risen / moved)
        minus = 100.0 * (fallen / moved)
    return plus, minus


def plus_di(n: Bars) -> Series:
    """Plus directional indicator: 100 · smoothed rises of the high / smoothed true range.

    Summed as in TA-Lib, which begins with n − 1 values where Wilder began with n.
    Unit: 0 … 100. Warm-up: n + 1 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib PLUS_DI. Class: adx_class(n).
    """
    plus, _minus = directions(n)
    return plus


def minus_di(n: Bars) -> Series:
    """Minus directional indicator: 100 · smoothed falls of the low / smoothed true range.

    Summed as in TA-Lib, which begins with n − 1 values where Wilder began with n.
    Unit: 0 … 100. Warm-up: n + 1 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib MINUS_DI. Class: adx_class(n).
    """
    _plus, minus = directions(n)
    return minus


def adx(n: Bars) -> Series:
    """Average directional index: Wilder's smoothing of 100 · |+DI − −DI| / (+DI + −DI).

    A bar without direction counts 0; TA-Lib keeps the value before.
    Unit: 0 … 100. Warm-up: 2 * n bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib ADX. Class: adx_class(n).
    """
    plus, minus = directions(n)
    index = plus + minus
    if index > 0.0:
        index = 100.0 * (abs(plus - minus) / index)
    return rma(index, n)


def aroon_up(n: Bars) -> Series:
    """100 · (n − bars since the highest high of n + 1 bars) / n, the latest of equals.

    Unit: 0 … 100. Warm-up: n + 1 bars. Source: Tushar Chande, Technical Analysis of Stocks &
    Commodities 13:9 (1995); TA-Lib AROON. Class: aroon_class(n).
    """
    return (n - age_of_highest(high, n + 1.0)) * (100.0 / n)


def aroon_down(n: Bars) -> Series:
    """100 · (n − bars since the lowest low of n + 1 bars) / n, the latest of equals.

    Unit: 0 … 100. Warm-up: n + 1 bars. Source: Tushar Chande, Technical Analysis of Stocks &
    Commodities 13:9 (1995); TA-Lib AROON. Class: aroon_class(n).
    """
    return (n - age_of_highest(-low, n + 1.0)) * (100.0 / n)


def aroon_oscillator(n: Bars) -> Series:
    """Aroon up less Aroon down.

    Unit: -100 … 100. Warm-up: n + 1 bars. Source: Tushar Chande, Technical Analysis of Stocks &
    Commodities 13:9 (1995); TA-Lib AROONOSC. Class: aroon_class(n).
    """
    return (age_of_highest(-low, n + 1.0) - age_of_highest(high, n + 1.0)) * (100.0 / n)


def dpo(x: Series, n: Bars) -> Series:
    """Detrended price: x of n / 2 + 1 bars ago (rounded down) less today's mean of n.

    Charts often draw it n / 2 + 1 bars back, where it was not yet known; here it has the bar at
    which it is known.
    Unit: of x. Warm-up: max(n, floor(n / 2) + 2) bars. Source: Steven Achelis, Technical Analysis
    from A to Z (1995). Class: sign_class(dpo(x, n)).
    """
    return lagged(x, floor(n / 2.0) + 1.0, n + 1.0) - sma(x, n)


def linreg_slope(x: Series, n: Bars) -> Series:
    """Slope of the least-squares line through the last n values; none through a single one.

    Unit: of x, per bar. Warm-up: n bars, n ≥ 2. Source: TA-Lib LINEARREG_SLOPE. Class:
    sign_class(linreg_slope(x, n)).
    """
    linear, plain = weighted_sums(x, n, n)
    return (linear - plain * ((n + 1.0) / 2.0)) * (12.0 / (n * (n * n - 1.0)))


def vortex_plus(n: Bars) -> Series:
    """Σ |high − previous low| / Σ true range, over n bars.

    Unit: pure number near 1. Warm-up: n + 1 bars. Source: Etienne Botes and Douglas Siepman,
    Technical Analysis of Stocks & Commodities 28:1 (2010). Class: vortex_class(n).
    """
    return ratio_of_sums(abs(high - delayed(low, 1)), true_range(), n, 0.0)


def vortex_minus(n: Bars) -> Series:
    """Σ |low − previous high| / Σ true range, over n bars.

    Unit: pure number near 1. Warm-up: n + 1 bars. Source: Etienne Botes and Douglas Siepman,
    Technical Analysis of Stocks & Commodities 28:1 (2010). Class: vortex_class(n).
    """
    return ratio_of_sums(abs(low - delayed(high, 1)), true_range(), n, 0.0)


def psar(step: Number, limit: Number) -> Series:
    """Parabolic stop and reverse: follows the extreme of the move by a factor that grows with it.

    sar += factor · (extreme − sar), never inside this bar and the one before; the factor grows by
    step at each new extreme, to limit at most. Passed by the price, it turns to the old extreme.
    Unit: quote. Warm-up: 2 bars. Source: J. Welles Wilder, New Concepts in Technical Trading
    Systems (1978); TA-Lib SAR, its first direction included. Class: psar_class(step, limit).
    """
    old_high = delayed(high, 1)
    old_low = delayed(low, 1)
    growth = minimum(step, limit)
    side = state(0.0)
    sar = state(0.0)
    extreme = state(0.0)
    factor = state(0.0)
    result = nan
    if old_high == old_high:
        past_high = old_high
        past_low = old_low
        if side == 0.0:  # the direction of the second bar; its own range stands for the first's
            past_high = high
            past_low = low
            fallen = old_low - low
            side = -1.0 if fallen > 0.0 and high - old_high < fallen else 1.0
            sar = old_low if side > 0.0 else old_high
            extreme = high if side > 0.0 else low
            factor = growth
        # Seen from the side held: `far` is ahead, `near` is where the price may turn against it.
        far = maximum(past_high, high) if side > 0.0 else -minimum(past_low, low)
        near = minimum(past_low, low) if side > 0.0 else -maximum(past_high, high)
        if (low <= sar and side > 0.0) or (high >= sar and side < 0.0):
            level = maximum(side * extreme, far)
            result = side * level
            extreme = low if side > 0.0 else high
            factor = growth
            level = maximum(level + factor * (side * extreme - level), far)
            sar = side * level
            side = -side
        else:
            result = sar
            ahead = high if side > 0.0 else -low
            if ahead > side * extreme:
                extreme = side * ahead
                factor = minimum(factor + growth, limit)
            level = side * sar
            level = minimum(level + factor * (side * extreme - level), near)
            sar = side * level
    return result


def supertrend_turns(n: Bars, factor: Number) -> tuple[Series, Series]:
    """The SuperTrend line, and the side it is on: +1 below the price, −1 above it."""
    band = factor * atr(n)
    middle = (high + low) / 2.0
    before = delayed(close, 1)
    upper = state(nan)
    lower = state(nan)
    held = state(-1.0)
    line = nan
    side = nan
    if band == band:
        top = middle + band
        bottom = middle - band
        if not (top >= upper and before <= upper):
            upper = top
        if not (bottom <= lower and before >= lower):
            lower = bottom
        if held < 0.0 and close > upper:
            held = 1.0
        elif held > 0.0 and close < lower:
            held = -1.0
        line = lower if held > 0.0 else upper
        side = held
    return line, side


def supertrend(n: Bars, factor: Number) -> Series:
    """SuperTrend: (high + low) / 2 ∓ factor · ATR(n); it only tightens until the close passes it.

    It begins above the price, as a falling trend.
    Unit: quote. Warm-up: n + 1 bars. Source: Olivier Seban; TradingView ta.supertrend. Class:
    supertrend_class(n, factor).
    """
    line, _side = supertrend_turns(n, factor)
    return line
