"""Buy a new high of n bars, sell a new low: the channel of Richard Donchian.

Logic: a market that makes a new extreme has nobody left in it who is losing on that side, and goes
on more often than its size suggests. The close must be beyond the channel of the bars before by
`deviation`, so that a new high by a tick is none. The stop follows the best price at the distance at
which it began, in the place of the Turtles' shorter channel, which is the trail of longer holdings.
Source: Richard Donchian's four-week rule (1960s), in the form of the Turtles: Curtis Faith, Way of
the Turtle (2007), systems 1 and 2. Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("15m")
lookback = param(20, 5, 200)  # bars of the channel
deviation = param(0.002, 0.0, 0.02)  # fraction of price beyond it
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
give = param(0.003, 0.001, 0.05)  # stop that follows: fraction of price behind the best so far
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there
hold = param(32, 1, 192)  # bars

ceiling = donchian_upper(lookback)[1]
base = donchian_lower(lookback)[1]


def entry():
    if close > ceiling * (1 + deviation):
        return long(tag="new_high", confidence=min((close / ceiling - 1) / (5 * deviation), 1))
    if close < base * (1 - deviation):
        return short(tag="new_low", confidence=min((1 - close / base) / (5 * deviation), 1))
    return FLAT


def exits():
    near = first * position.entry_price
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        trail=give * position.entry_price,
        max_bars=hold,
    )
