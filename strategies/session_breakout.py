"""Trade the break of the range that the UTC day's first hours made.

Logic: the hours after midnight UTC (the Asian session) are the quietest; when London and New York
come in, the side that breaks their range tends to be the day's. The range is that of the first
`opening` bars of the UTC day; a close beyond it by `deviation` is followed, until `closing` bars of
the day are over, when what is open is closed.
Source: the opening range of Toby Crabel, Day Trading with Short Term Price Patterns and Opening
Range Breakout (1990), laid on the sessions of currency trading. Begun crude on purpose, to be
improved.

The language has no clock: a day begins at the close at which the daily bar's figures change, and
bars are counted from there. Where two days on end have the very same close and volume, the second
is taken to belong to the first.
"""

from kernels.language import *

timeframe("15m")
day = higher("1d")
opening = param(28, 4, 48)  # bars: the first seven hours
closing = param(80, 52, 95)  # bars of the day after which nothing is held
deviation = param(0.002, 0.0, 0.02)  # fraction of price beyond the range
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
first = param(0.0026, 0.0005, 0.05)  # first target, fraction of price
share = param(0.5, 0.2, 0.7)  # of the lots, closed there

last_close = day.close if volume >= 0 else 0  # held for a day, told at every bar of 15 minutes
last_volume = day.volume if volume >= 0 else 0
new_day = last_close != last_close[1] or last_volume != last_volume[1]
age = bars_since(new_day)  # bars of this UTC day so far
ceiling = value_when(age == opening, highest(high, opening))
base = value_when(age == opening, lowest(low, opening))


def entry():
    if age <= opening or age >= closing:
        return FLAT
    if close > ceiling * (1 + deviation):
        return long(tag="above_range", confidence=0.6)
    if close < base * (1 - deviation):
        return short(tag="below_range", confidence=0.6)
    return FLAT


def exits():
    near = first * position.entry_price
    over = age >= closing or age < position.bars  # the day's session, or its day
    return plan(
        stop=loss * position.entry_price,
        targets=((near, share), (1.5 * near, 0.25), 2.25 * near),
        max_bars=position.bars if over else closing,
    )
