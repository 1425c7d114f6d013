"""Trade against a sweep: the hour takes the stops beyond a swing, and five minutes turn back.

Logic: stop orders lie beyond the swings that everybody sees. An hour whose wick goes beyond such a
level and whose close is back inside has taken them and found nobody to go on (a swept low, a swept
high). That alone is no entry: within `patience` hours a five-minute close must break the latest
minor swing the other way, while the wick's extreme holds. The stop lies beyond the wick. It follows
the best price at twice the first target's distance, somewhat wider than a usual stop, so that it
begins to move on the way to the first target, and at twice that way nothing can be lost any more.
Source: the spring and upthrust of Richard Wyckoff, in Hank Pruden, The Three Skills of Top Trading
(2007); Linda Raschke and Laurence Connors, Street Smarts (1995), "Turtle Soup".
"""

from kernels.language import *

timeframe("5m")
h1 = higher("1h")
left = param(4, 2, 24)  # hours before a swing that lie inside it
right = param(2, 1, 8)  # hours after it, which confirm it
patience = param(3, 1, 12)  # hours after the sweep
minor = param(3, 1, 12)  # bars on each side of a minor swing
margin = param(0.25, 0.0, 2.0)  # hourly average ranges between wick and stop
near = param(1.0, 0.25, 4.0)  # first target, hourly average ranges
share = param(0.5, 0.2, 0.8)  # of the lots, closed there
far = param(2.5, 1.0, 8.0)  # second target
give = param(2.0, 0.5, 8.0)  # stop that follows: hourly average ranges behind the best price
hold = param(96, 6, 288)  # bars

under = h1.pivot_low(left, right)[1]
over = h1.pivot_high(left, right)[1]
swept_low = h1.low < under and h1.close > under
swept_high = h1.high > over and h1.close < over
lately_low = highest(1 if swept_low else 0, patience) > 0
lately_high = highest(1 if swept_high else 0, patience) > 0
wick_low = lowest(h1.low, patience)
wick_high = highest(h1.high, patience)
holds_low = lowest(low, 12) >= wick_low  # nothing of the hour that is still open lies beyond
holds_high = highest(high, 12) <= wick_high
ceiling = pivot_high(minor, minor)[1]
base = pivot_low(minor, minor)[1]
broke_up = close > ceiling and close[1] <= ceiling
broke_down = close < base and close[1] >= base
unit = h1.atr(14)
trend = ema(h1.close, 50)


def entry():
    if lately_low and holds_low and broke_up:
        return long(tag="swept_low", confidence=0.8 if h1.close > trend else 0.5)
    if lately_high and holds_high and broke_down:
        return short(tag="swept_high", confidence=0.8 if h1.close < trend else 0.5)
    return FLAT


def exits():
    behind = wick_high - position.entry_price
    if position.side > 0:
        behind = position.entry_price - wick_low
    return plan(
        stop=behind + margin * unit,
        targets=((near * unit, share), far * unit),
        trail=give * unit,
        max_bars=hold,
    )
