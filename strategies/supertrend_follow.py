"""Follow the SuperTrend for some bars after it has turned.

Logic: the line trails the price by a number of average ranges and turns when a close passes it. A
turn is joined while it is at most `fresh` bars old and the close is beyond the line by `deviation`:
a turn that stays at the line is a failed one. The stop follows the best price at the distance at
which it began: the line is average ranges away, and reached when all has been given back.
Source: Olivier Seban's SuperTrend, as in TradingView's ta.supertrend. Begun crude on purpose, to be
improved.
"""

from kernels.language import *

timeframe("15m")
period = param(10, 5, 50)  # bars of the average range
factor = param(3.0, 1.0, 6.0)  # average ranges between price and line
fresh = param(3, 1, 24)  # bars since the turn, at most
deviation = param(0.002, 0.0, 0.02)  # fraction of price beyond the line
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
give = param(0.003, 0.001, 0.05)  # stop that follows: fraction of price behind the best so far
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(48, 1, 192)  # bars

line = supertrend(period, factor)
side = supertrend_class(period, factor)
was_down = lowest(side, fresh)[1] < 0
was_up = highest(side, fresh)[1] > 0
gap = close / line - 1


def entry():
    if side > 0 and was_down and gap > deviation:
        return long(tag="turned_up", confidence=0.6)
    if side < 0 and was_up and gap < -deviation:
        return short(tag="turned_down", confidence=0.6)
    return FLAT


def exits():
    near = first * position.entry_price
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        trail=give * position.entry_price,
        max_bars=hold,
    )
