"""Buy the first bullish hour after a capitulation that momentum no longer confirms.

Logic: late in a fall (EMA50 below EMA200) the last holders sell at any price: the hour makes a low
below the last swing low on at least three times the average volume. If the relative strength index
at that hour is above what it was at the swing low, the fall has lost force (a bullish divergence).
The first hour that closes above its open is bought, at most `patience` hours later and only while
none has done so before it. There is no mirrored rule: tops are seldom made by panic.
Source: RSI divergence by J. Welles Wilder, New Concepts in Technical Trading Systems (1978),
section VI; the selling climax by Richard Wyckoff, in Hank Pruden, The Three Skills of Top Trading
(2007).
"""

from kernels.language import *

timeframe("1h")
fast = param(50, 20, 100)  # bars
slow = param(200, 120, 400)
left = param(8, 3, 48)  # bars before a swing low that lie above it; three after confirm it
period = param(14, 5, 30)  # bars of the index
rise = param(2.0, 0.0, 20.0)  # points of the index above those at the swing, at least
surge = param(3.0, 1.5, 8.0)  # volume over its average, at least
calm = param(20, 5, 100)  # bars of that average
patience = param(4, 0, 12)  # bars from the climax to the first bullish close
margin = param(0.5, 0.0, 3.0)  # average ranges between the low and the stop
near = param(2.0, 0.5, 6.0)  # first target, average ranges
share = param(0.5, 0.2, 0.8)  # of the lots, closed there
far = param(5.0, 1.0, 12.0)  # second target
hold = param(72, 6, 336)  # bars

quick, steady = ema(close, fast), ema(close, slow)
falling = quick < steady
strength = rsi(period)
swing = pivot_low(left, 3)
swing_strength = value_when(swing != swing[1], strength[3])
pressure = volume / sma(volume, calm)[1]
diverged = low < swing and strength > swing_strength + rise
climax = falling and diverged and pressure >= surge
age = min(bars_since(climax), 5000)  # the latter until there was one
force = min(value_when(climax, strength - swing_strength), 20)  # likewise
bullish = close > open
calls = min(bars_since(bullish)[1], 5000) + 1  # bars since the last bullish one before this
first_call = bullish and age <= patience and age < calls
unit = atr(14)
bottom = lowest(low, 13)  # of the climax and what followed


def entry():
    if first_call and falling:
        return long(tag="capitulation", confidence=0.5 + force / 40)
    return FLAT


def exits():
    return plan(
        stop=position.entry_price - bottom + margin * unit,
        targets=((near * unit, share), far * unit),
        max_bars=hold,
    )
