"""Trade a close that breaks a tight range on heavy volume.

Logic: a market that has been quiet (its average true range small against its own past) stores stop
orders on both sides; a close beyond the range of the bars before, on at least `surge` times their
average volume, sets them off. The stop lies two average ranges behind, the target twice as far.
Source: Toby Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout (1990),
on narrow ranges before wide ones; the volume condition is Richard Wyckoff's effort and result.
"""

from kernels.language import *

timeframe("5m")
lookback = param(24, 6, 96)  # bars of the range
quiet = param(0.8, 0.3, 1.5)  # short over long average true range, at most
surge = param(2.0, 2.0, 6.0)  # volume over its average, at least
stop_atr = param(2.0, 0.5, 6.0)
target_atr = param(4.0, 0.5, 12.0)
hold = param(48, 1, 288)  # bars

ceiling = highest(high, lookback)[1]
base = lowest(low, lookback)[1]
tightness = (atr(14) / atr(96))[1]
pressure = volume / sma(volume, lookback)[1]


def entry():
    if tightness > quiet or pressure < surge:
        return FLAT
    if close > ceiling:
        return long(tag="upside_break", confidence=min(pressure / 4, 1))
    if close < base:
        return short(tag="downside_break", confidence=min(pressure / 4, 1))
    return FLAT


def exits():
    return plan(stop=stop_atr * atr(14), target=target_atr * atr(14), max_bars=hold)
