"""Go with momentum that grows: MACD beyond its signal line and beyond zero.

Logic: the difference of two averages tells which way the market moves, its distance to its own
average (the histogram) whether it moves faster. Both must say the same, the histogram must still
grow, and the close must have left the slow average by `deviation`, so that there is a move to join.
Momentum is gone long before the averages say so: the stop follows the best price at the distance at
which it began.
Source: Gerald Appel, Technical Analysis: Power Tools for Active Investors (2005); the histogram is
Thomas Aspray's (1986). Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
fast = param(12, 5, 30)  # bars
slow = param(26, 20, 80)
smooth = param(9, 3, 30)
deviation = param(0.002, 0.0, 0.02)  # fraction of price away from the slow average
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
give = param(0.003, 0.001, 0.05)  # stop that follows: fraction of price behind the best so far
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(24, 1, 192)  # bars

line = macd(fast, slow)
histogram = macd_histogram(fast, slow, smooth)
growth = histogram - histogram[1]
gap = close / ema(close, slow) - 1


def entry():
    if line > 0 and histogram > 0 and growth > 0 and gap > deviation:
        return long(tag="rising", confidence=min(histogram / line, 1))
    if line < 0 and histogram < 0 and growth < 0 and gap < -deviation:
        return short(tag="falling", confidence=min(histogram / line, 1))
    return FLAT


def exits():
    near = first * position.entry_price
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        trail=give * position.entry_price,
        max_bars=hold,
    )
