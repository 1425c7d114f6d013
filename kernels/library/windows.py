"""Sums and extremes over the last n values.

A window that holds fewer than n values has no figure yet (NaN). A NaN value is not let into a
window: one bad bar must not poison every later figure; that bar itself has none.
"""

from kernels.dialect import Bars, Series, each, floor, maximum, minimum, nan, ring, state


def rolling_sum(x: Series, n: Bars) -> Series:
    """Sum of the last n values, in the unit of x. Warm-up: n bars.

    A running sum (add the new, subtract the old) drifts for ever; this one is replaced every n bars
    by the plain forward sum of the window, so the error never exceeds that of 2n additions.
    """
    window = ring(n)
    total = state(0.0)
    fresh = state(0.0)
    at = state(0.0)
    filled = state(0.0)
    result = nan
    if x == x:
        total = total + x - window[at]
        window[at] = x
        fresh = fresh + x
        at = at + 1.0
        filled = minimum(filled + 1.0, n)
        if at >= n:
            at = 0.0
            total = fresh
            fresh = 0.0
        if filled >= n:
            result = total
    return result


def highest(x: Series, n: Bars) -> Series:
    """Highest of the last n values, in the unit of x. Warm-up: n bars.

    The window is searched again only when the highest leaves it.
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
    """Lowest of the last n values, in the unit of x. Warm-up: n bars."""
    return -highest(-x, n)


def delayed(x: Series, n: Bars) -> Series:
    """The value n bars ago, in the unit of x; NaN before there is one. Written `x[n]`."""
    window = ring(n, nan)
    at = state(0.0)
    result = window[at]
    window[at] = x
    at = at + 1.0
    if at >= n:
        at = 0.0
    return result


def variance(x: Series, mean: Series, n: Bars) -> Series:
    """Population variance of the last n values about `mean`, unit of x squared. Warm-up: n bars.

    Two passes over the window: sum((x − mean)²) / n. The one-pass form (mean of squares less square
    of mean) loses half the digits on prices.
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
            squares = 0.0
            for i in each(n):
                off = window[i] - mean
                squares = squares + off * off
            result = squares / n
    return result


def whole(x: float) -> float:
    """The nearest whole number, halves up."""
    return floor(x + 0.5)
