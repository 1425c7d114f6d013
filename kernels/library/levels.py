"""Levels: channels, turning points, and the shape of a bar.

A turning point has its figure from the bar that confirms it, never from its own: until then nobody
could know. The latest one is held until the next.
"""

from kernels.dialect import Bars, Number, Series, close, high, low, maximum, nan, state
from kernels.library.windows import delayed, highest, lowest


def donchian_upper(n: Bars) -> Series:
    """Highest high of n bars, this one included: a breakout is a close above `[1]` of it.

    Unit: quote. Warm-up: n bars. Source: Richard Donchian; TA-Lib MAX. Class: donchian_class(n).
    """
    return highest(high, n)


def donchian_lower(n: Bars) -> Series:
    """Lowest low of n bars, this one included: a breakdown is a close below `[1]` of it.

    Unit: quote. Warm-up: n bars. Source: Richard Donchian; TA-Lib MIN. Class: donchian_class(n).
    """
    return lowest(low, n)


def donchian_middle(n: Bars) -> Series:
    """Middle of the Donchian channel: (highest high + lowest low) / 2 of n bars.

    Unit: quote. Warm-up: n bars. Source: Richard Donchian; TA-Lib MIDPRICE. Class:
    average_class(donchian_middle(n)).
    """
    return (highest(high, n) + lowest(low, n)) * 0.5


def turning_point(x: Series, left: Bars, right: Bars) -> Series:
    """The latest x above the `left` values before it and not below the `right` ones after it."""
    candidate = delayed(x, right)
    ceiling = delayed(highest(candidate, left), 1)
    since = highest(x, right)
    held = state(nan)
    if candidate > ceiling and candidate >= since:
        held = candidate
    return held


def pivot_high(left: Bars, right: Bars) -> Series:
    """Latest high above the left highs before it and not below the right ones after it.

    It appears right bars later, when confirmed.
    Unit: quote. Warm-up: left + right + 1 bars at the earliest. Source: TradingView ta.pivothigh,
    held. Class: pivot_class(left, right).
    """
    return turning_point(high, left, right)


def pivot_low(left: Bars, right: Bars) -> Series:
    """Latest low below the left lows before it and not above the right ones after it.

    It appears right bars later, when confirmed.
    Unit: quote. Warm-up: left + right + 1 bars at the earliest. Source: TradingView ta.pivotlow,
    held. Class: pivot_class(left, right).
    """
    return -turning_point(-low, left, right)


def fractal(x: Series) -> Series:
    """The latest x above the two values before it and the two after it."""
    one = delayed(x, 1)
    middle = delayed(one, 1)
    three = delayed(middle, 1)
    four = delayed(three, 1)
    held = state(nan)
    if middle > maximum(x, one) and middle > maximum(three, four):
        held = middle
    return held


def fractal_high() -> Series:
    """Latest high above the two highs before it and the two after it.

    It appears two bars later, when confirmed.
    Unit: quote. Warm-up: 5 bars at the earliest. Source: Bill Williams, Trading Chaos (1995), up
    fractal. Class: fractal_class().
    """
    return fractal(high)


def fractal_low() -> Series:
    """Latest low below the two lows before it and the two after it.

    It appears two bars later, when confirmed.
    Unit: quote. Warm-up: 5 bars at the earliest. Source: Bill Williams, Trading Chaos (1995), down
    fractal. Class: fractal_class().
    """
    return -fractal(-low)


def swings(reversal: Number) -> tuple[Series, Series]:
    """The latest confirmed swing high and swing low; the first leg counts as rising."""
    rising = state(1.0)
    top = state(nan)
    bottom = state(nan)
    upper = state(nan)
    lower = state(nan)
    if rising > 0.0:
        if not high <= top:
            top = high
        elif low <= top * (1.0 - reversal):
            upper = top
            rising = 0.0
            bottom = low
    elif low < bottom:
        bottom = low
    elif high >= bottom * (1.0 + reversal):
        lower = bottom
        rising = 1.0
        top = high
    return upper, lower


def swing_high(reversal: Number) -> Series:
    """Top of the last rise that ended with a fall of `reversal` from it, a fraction of price.

    It appears at the bar whose low confirms it. A bar that makes the top cannot confirm it.
    Unit: quote. Warm-up: 2 bars at the earliest. Source: Arthur Merrill, Filtered Waves (1977), the
    zigzag without its unconfirmed leg. Class: swing_class(reversal).
    """
    upper, _lower = swings(reversal)
    return upper


def swing_low(reversal: Number) -> Series:
    """Bottom of the last fall that ended with a rise of `reversal` from it, a fraction of price.

    It appears at the bar whose high confirms it. A bar that makes the bottom cannot confirm it.
    Unit: quote. Warm-up: 3 bars at the earliest. Source: Arthur Merrill, Filtered Waves (1977), the
    zigzag without its unconfirmed leg. Class: swing_class(reversal).
    """
    _upper, lower = swings(reversal)
    return lower


def bar_range() -> Series:
    """Range of the bar: high − low.

    Unit: quote. Warm-up: 1 bar. Source: the definition. Class: neutral.
    """
    return high - low


def close_place() -> Series:
    """Where the close lies in its bar: (close − low) / (high − low); 0.5 in a bar without range.

    Unit: 0 … 1. Warm-up: 1 bar. Source: the definition. Class: close_place_class().
    """
    spread = high - low
    result = 0.5
    if spread > 0.0:
        result = (close - low) / spread
    return result
