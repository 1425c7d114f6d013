"""Trade the release of a squeeze: Bollinger bands that were inside the Keltner channel.

Logic: deviation that shrinks below the average range means that the market coils; it has to leave.
When the bands have lain inside the channel for `coil` bars and come out of it again, the side on
which the close is (beyond the middle by `deviation`), and which momentum confirms, is taken.
Source: John Carter, Mastering the Trade (2005), "the squeeze"; the channel is Chester
Keltner's (1960) in Linda Raschke's form. Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
lookback = param(20, 10, 60)  # bars of bands and channel
width = param(2.0, 1.0, 3.0)  # standard deviations
reach = param(1.5, 1.0, 3.0)  # average ranges
coil = param(6, 2, 24)  # bars that the squeeze has lasted, at least
fresh = param(8, 1, 24)  # bars since, at most
deviation = param(0.002, 0.0, 0.02)  # fraction of price away from the middle
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(24, 1, 192)  # bars

upper_band = bollinger_upper(close, lookback, width)
lower_band = bollinger_lower(close, lookback, width)
upper_channel = keltner_upper(lookback, lookback, reach)
lower_channel = keltner_lower(lookback, lookback, reach)
inside = upper_band < upper_channel and lower_band > lower_channel
coiled = lowest(1 if inside else 0, coil)
primed = highest(coiled, fresh)[1]
gap = close / ema(close, lookback) - 1
push = linreg_slope(close, lookback)


def entry():
    if inside or primed < 1:
        return FLAT
    if gap > deviation and push > 0:
        return long(tag="released_up", confidence=0.6)
    if gap < -deviation and push < 0:
        return short(tag="released_down", confidence=0.6)
    return FLAT


def exits():
    near = first * position.entry_price
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        max_bars=hold,
    )
