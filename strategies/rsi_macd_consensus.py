"""Trade only when every indicator says the same: RSI, MACD and the trend must agree.

Logic: one indicator is right for the wrong reason often enough; three that measure different
things (stretch, momentum, trend) agree seldom, and the trade is taken at the bar where they begin
to. It is the hand-picked form of `consensus_bot`, with RSI read for momentum, not for reversal.
Source: the readings are J. Welles Wilder's RSI (1978), in Andrew Cardwell's sense that a market
above 50 is in a bull range, and Gerald Appel's MACD (2005), filtered by an average.
"""

from kernels.language import *

timeframe("15m")
period = param(14, 5, 50)  # bars of the RSI
middle = param(50.0, 40.0, 60.0)  # RSI above it is bullish, below 100 less it bearish
fast = param(12, 5, 30)  # bars
slow = param(26, 20, 80)
smooth = param(9, 3, 30)
trend = param(100, 20, 300)
stop_atr = param(2.0, 0.5, 6.0)
target_atr = param(3.0, 0.5, 10.0)
hold = param(32, 1, 192)  # bars

strength = rsi(period)
momentum = macd_histogram(fast, slow, smooth)
average = ema(close, trend)

bullish = strength > middle and momentum > 0 and close > average
bearish = strength < 100 - middle and momentum < 0 and close < average


def entry():
    if bullish:
        return long(tag="all_bullish", confidence=0.7)
    if bearish:
        return short(tag="all_bearish", confidence=0.7)
    return FLAT


def exits():
    return plan(stop=stop_atr * atr(14), target=target_atr * atr(14), max_bars=hold)
