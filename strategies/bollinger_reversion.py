"""Fade closes outside the Bollinger bands while the market has no trend.

Logic: in a market that ranges, a close outside bands of `width` standard deviations is rare and
tends to come back to their middle; in one that trends it walks along the band. So the close must be
outside by `deviation` more, and the trend's strength below `calm`. What has moved by less than half
the deviation in half of the time does not come back to the middle, and is given up.
Source: John Bollinger, Bollinger on Bollinger Bands (2001), method III (reversals); the filter by
Wilder's ADX is customary. Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
lookback = param(20, 10, 100)  # bars
width = param(2.0, 1.0, 4.0)  # standard deviations
calm = param(25.0, 15.0, 60.0)  # ADX at most
deviation = param(0.002, 0.0, 0.02)  # fraction of price beyond the band
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(16, 1, 96)  # bars
patience = param(120, 15, 720)  # minutes that it may stay where it was entered
stirred = param(0.001, 0.0, 0.01)  # fraction of price that counts as having moved

lower = bollinger_lower(close, lookback, width)
upper = bollinger_upper(close, lookback, width)
strength = adx(14)


def entry():
    if strength > calm:
        return FLAT
    certainty = 1 - strength / 100
    if close < lower * (1 - deviation):
        return long(tag="below_band", confidence=certainty)
    if close > upper * (1 + deviation):
        return short(tag="above_band", confidence=certainty)
    return FLAT


def exits():
    near = first * position.entry_price
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        max_bars=hold,
        soft_minutes=patience,
        soft_return=stirred,
    )
