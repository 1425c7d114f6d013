"""Fade closes beyond the VWAP bands; stand aside in thin markets."""

from kernels.language import *

timeframe("15m")
lookback = param(20, 5, 100)  # bars
width = param(2.0, 0.5, 4.0)  # standard deviations
deviation = param(0.0015, 0.0, 0.02)  # fraction of price beyond the band
stop_atr = param(1.5, 0.5, 5.0)
target_atr = param(1.5, 0.5, 8.0)
hold = param(12, 1, 96)  # bars

mid = vwap(lookback)
spread = stdev(close - mid, lookback)
lower, upper = mid - width * spread, mid + width * spread
thin = volume < 0.3 * sma(volume, 20)


def entry():
    if thin:
        return FLAT
    if close < lower * (1 - deviation):
        return long(tag="below_band", confidence=0.6)
    if close > upper * (1 + deviation):
        return short(tag="above_band", confidence=0.6)
    return FLAT


def exits():
    return plan(stop=stop_atr * atr(14), target=target_atr * atr(14), max_bars=hold)
