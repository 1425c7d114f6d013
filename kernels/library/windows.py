"""Extremes and history over the last n values.

A window that holds fewer than n values has no figure yet (NaN). A NaN value is not let into a
window: one bad bar must not poison every later figure; that bar itself has none.
"""

from kernels.dialect import Bars, Number, Series, each, floor, maximum, minimum, nan, ring, state


def highest(x: Series, n: Bars) -> Series:
    """Highest of the last n values. The window is searched again only when the highest leaves it.

    Unit: of x. Warm-up: n bars. Source: TA-Lib MAX. Class: neutral.
    """
    window = ring(n)
    at = state(0.0)
    filled = state(0.0)
    top = state(nan)
    result = nan
    if x == x:
        leaving = window[at]
        window[at] = x
        at = at + 1.0
        if at >= n:
            at = 0.0
        if filled < n:
            filled = filled + 1.0
            if not top >= x:
                top = x
        elif x >= top:
            top = x
        elif leaving == top:
            top = x
            for i in each(n):
                top = maximum(window[i], top)
        if filled >= n:
            result = top
    return result


def lowest(x: Series, n: Bars) -> Series:
    """Lowest of the last n values.

    Unit: of x. Warm-up: n bars. Source: TA-Lib MIN. Class: neutral.
    """
    return -highest(-x, n)


def age_of_highest(x: Series, n: Number) -> Series:
    """Bars since the highest of the last n values, the latest of equals: 0 … n − 1.

    The window is searched again only when the highest leaves it. Warm-up: n bars.
    """
    window = ring(n)
    at = state(0.0)
    filled = state(0.0)
    top = state(nan)
    age = state(0.0)
    result = nan
    if x == x:
        window[at] = x
        latest = at
        at = at + 1.0
        if at >= n:
            at = 0.0
        filled = minimum(filled + 1.0, n)
        age = age + 1.0
        if not top > x:
            top = x
            age = 0.0
        elif age >= n:
            top = x
            age = 0.0
            for i in each(n):
                back = latest - i
                if back < 0.0:
                    back = back + n
                if window[i] > top or (window[i] == top and back < age):
                    top = window[i]
                    age = back
        if filled >= n:
            result = age
    return result


def percentile_rank(x: Series, n: Bars) -> Series:
    """Share of the last n values that are not above the latest, which is one of them.

    Unit: percent, 100 / n … 100. Warm-up: n bars. Source: the empirical distribution function.
    Class: neutral.
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
            count = 0.0
            for i in each(n):
                if window[i] <= x:
                    count = count + 1.0
            result = 100.0 * count / n
    return result


def lagged(x: Series, m: Number, n: Number) -> Series:
    """The value m bars ago, in the unit of x; NaN before there is one; n ≥ m sizes the buffer."""
    window = ring(n, nan)
    at = state(0.0)
    result = window[at]
    window[at] = x
    at = at + 1.0
    if at >= m:
        at = 0.0
    return result


def delayed(x: Series, n: Bars) -> Series:
    """The value n bars ago, in the unit of x; NaN before there is one. Written `x[n]`."""
    return lagged(x, n, n)


def unchanged(x: Series) -> Series:
    """Count of bars in a row at which x was what it was before: 0 where it moved."""
    before = state(nan)
    count = state(0.0)
    if x == x:
        count = count + 1.0 if x == before else 0.0
        before = x
    return count


def whole(x: float) -> float:
    """The nearest whole number, halves up."""
    return floor(x + 0.5)
