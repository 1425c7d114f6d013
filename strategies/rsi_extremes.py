"""Buy what is oversold and sell what is overbought, by the relative strength index.

Logic: when most of the recent movement went one way, few are left to push it further. The index
must be below `oversold` (or above 100 less it) and the close at least `deviation` away from its
average: a quiet market has extremes too, but they bring nothing. If half of the time has gone by and
the price has moved by less than half the deviation, the push is over and no answer came: out.
Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section VI. Begun crude
on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
period = param(14, 3, 50)  # bars of the index
oversold = param(30.0, 5.0, 45.0)  # index below it: bought; above 100 less it: sold
average = param(20, 5, 100)  # bars of the average
deviation = param(0.002, 0.0, 0.02)  # fraction of price away from the average
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(16, 1, 96)  # bars
patience = param(120, 15, 720)  # minutes that it may stay where it was entered
stirred = param(0.001, 0.0, 0.01)  # fraction of price that counts as having moved

strength = rsi(period)
gap = close / ema(close, average) - 1


def entry():
    if strength < oversold and gap < -deviation:
        return long(tag="oversold", confidence=1 - strength / oversold)
    if strength > 100 - oversold and gap > deviation:
        return short(tag="overbought", confidence=1 - (100 - strength) / oversold)
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
