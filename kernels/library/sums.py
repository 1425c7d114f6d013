"""Sums over the last n values, and what is made of them.

A window that holds fewer than n values has no figure yet (NaN). A NaN value is not let into a
window: one bad bar must not poison every later figure; that bar itself has none. Running sums are
replaced by plain ones once per window, so no error is carried further than two windows.
"""

from kernels.dialect import Bars, Number, Series, each, minimum, nan, ring, state


def window_sum(x: Series, m: Number, n: Number) -> Series:
    """Sum of the last m values, in the unit of x; n ≥ m reserves the buffer. Warm-up: m bars.

    A running sum (add the new, subtract the old) drifts for ever; this one is replaced every m bars
    by the plain forward sum of the window, so the error never exceeds that of 2m additions.
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
        filled = minimum(filled + 1.0, m)
        if at >= m:
            at = 0.0
            total = fresh
            fresh = 0.0
        if filled >= m:
            result = total
    return result


def rolling_sum(x: Series, n: Bars) -> Series:
    """Sum of the last n values, in the unit of x. Warm-up: n bars."""
    return window_sum(x, n, n)


def weighted_sums(x: Series, m: Number, n: Number) -> tuple[Series, Series]:
    """Sum of the last m values, the latest weighted m and the oldest 1, and the plain sum.

    In the unit of x; n ≥ m reserves the buffer. Warm-up: m bars. Each new value takes one weight
    from all before it; both sums are replaced every m bars as in `window_sum`.
    """
    window = ring(n)
    total = state(0.0)
    weighted = state(0.0)
    fresh = state(0.0)
    fresh_weighted = state(0.0)
    at = state(0.0)
    filled = state(0.0)
    plain = nan
    linear = nan
    if x == x:
        weighted = weighted + m * x - total
        total = total + x - window[at]
        window[at] = x
        at = at + 1.0
        fresh = fresh + x
        fresh_weighted = fresh_weighted + at * x
        filled = minimum(filled + 1.0, m)
        if at >= m:
            at = 0.0
            total = fresh
            weighted = fresh_weighted
            fresh = 0.0
            fresh_weighted = 0.0
        if filled >= m:
            plain = total
            linear = weighted
    return linear, plain


def weighted_sum(x: Series, m: Number, n: Number) -> Series:
    """The first of `weighted_sums`."""
    linear, _plain = weighted_sums(x, m, n)
    return linear


def ratio_of_sums(a: Series, b: Series, n: Bars, empty: Number) -> Series:
    """Sum of a over sum of b ≥ 0, of the last n bars that have both; `empty` where b was all zero.

    That b was zero throughout is counted, not read off the running sum: what rounding leaves of a
    sum is not zero, and its ratio would be noise. Warm-up: n bars.
    """
    top = rolling_sum(a if b == b else nan, n)
    bottom = rolling_sum(b if a == a else nan, n)
    empty_bars = idle(b if a == a else nan)
    result = nan
    if bottom == bottom:
        result = empty
        if bottom > 0.0 and empty_bars < n:
            result = top / bottom
    return result


def idle(x: Series) -> Series:
    """Count of bars in a row at which x was 0: 0 where it was not."""
    count = state(0.0)
    if x == x:
        count = count + 1.0 if x == 0.0 else 0.0
    return count


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


def mean_deviation(x: Series, mean: Series, n: Bars) -> Series:
    """Mean distance of the last n values from `mean`, in the unit of x. Warm-up: n bars."""
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
            distance = 0.0
            for i in each(n):
                distance = distance + abs(window[i] - mean)
            result = distance / n
    return result
