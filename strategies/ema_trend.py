"""Follow the fast average when it has left the slow one and the trend is strong.

Logic: the fast average beyond the slow one by `deviation` says which way; Wilder's ADX says
whether it is a trend at all; the directional indicators must agree with the averages, since ADX is
strong in falls and rises alike. The stop follows the best price at the distance at which it began:
a trend that gives back more than was risked is over.
Source: moving-average systems with a trend filter as in J. Welles Wilder, New Concepts in Technical
Trading Systems (1978), section IV, and Charles LeBeau and David Lucas, Technical Traders Guide to
Computer Analysis of the Futures Markets (1992). Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
fast = param(10, 3, 50)  # bars
more = param(20, 5, 150)  # bars by which the slow average is longer
period = param(14, 5, 50)  # bars of ADX
strong = param(25.0, 10.0, 60.0)  # ADX at least
deviation = param(0.002, 0.0, 0.02)  # fraction by which the averages differ
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
give = param(0.003, 0.001, 0.05)  # stop that follows: fraction of price behind the best so far
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(32, 1, 192)  # bars

gap = ema(close, fast) / ema(close, fast + more) - 1
strength = adx(period)
lean = plus_di(period) - minus_di(period)


def entry():
    if strength < strong:
        return FLAT
    certainty = min(strength / 50, 1)
    if gap > deviation and lean > 0:
        return long(tag="uptrend", confidence=certainty)
    if gap < -deviation and lean < 0:
        return short(tag="downtrend", confidence=certainty)
    return FLAT


def exits():
    near = first * position.entry_price
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        trail=give * position.entry_price,
        max_bars=hold,
    )
