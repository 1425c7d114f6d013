"""Fade closes beyond the VWAP bands; stand aside in thin markets.

Logic: the volume-weighted average price is what large orders are measured against, so a market that
has run far from it on no news is expected back. A close outside the band (a number of standard
deviations of the distance to the average) by `deviation` more is faded. Where hardly anything is
traded the average means little, and nothing is entered. A market that is expected back and has moved
by less than half the deviation in half of the time is not coming: the trade is given up.
Source: Berkowitz, Logue and Noser, The Total Cost of Transactions on the NYSE (1988), for the
average; the band reading is Bollinger's (2001). Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
lookback = param(20, 5, 100)  # bars
width = param(2.0, 0.5, 4.0)  # standard deviations
deviation = param(0.002, 0.0, 0.02)  # fraction of price beyond the band
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(12, 1, 96)  # bars
patience = param(90, 15, 720)  # minutes that it may stay where it was entered
stirred = param(0.001, 0.0, 0.01)  # fraction of price that counts as having moved

mid = vwap(lookback)
spread = stdev(close - mid, lookback)
lower, upper = mid - width * spread, mid + width * spread
usual = sma(volume, 20)
thin = volume < 0.3 * usual


def entry():
    if thin:
        return FLAT
    if close < lower * (1 - deviation):
        return long(tag="below_band", confidence=0.6)
    if close > upper * (1 + deviation):
        return short(tag="above_band", confidence=0.6)
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
