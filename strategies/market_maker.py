"""Stand ready on both sides of a short average: fade short excursions, with tight targets.

Logic: a market maker buys from those in a hurry to sell and sells to those in a hurry to buy, and
lives on the way back. Here a close that has left a short average by `deviation` is faded, for a
target close by and a few bars at most; where half of them brought less than half the deviation,
either way, the stock is sold off sooner. A maker loses to those who know more, so nothing is quoted
into a bar that is wide against the average range, or against a strong trend.
Source: the idea of Avellaneda and Stoikov, High-frequency trading in a limit order book,
Quantitative Finance 8:3 (2008), without its order book: entries here are market orders, so the
spread is paid, not earned. Begun crude on purpose, to be improved.
"""

from kernels.language import *

timeframe("5m")
lookback = param(10, 3, 60)  # bars of the average
deviation = param(0.002, 0.0005, 0.02)  # fraction of price away from it
widest = param(3.0, 1.0, 8.0)  # widest bar quoted into, in average ranges
loss = param(0.003, 0.001, 0.05)  # stop, fraction of price
first = param(0.0026, 0.0005, 0.05)  # target, fraction of price
hold = param(6, 1, 48)  # bars
patience = param(15, 5, 120)  # minutes that it may stay where it was entered
stirred = param(0.001, 0.0, 0.01)  # fraction of price that counts as having moved

fair = ema(close, lookback)
excursion = close / fair - 1
rushed = high - low > widest * atr(14)[1]


def entry():
    if rushed:
        return FLAT
    certainty = min(abs(excursion) / (3 * deviation), 1)
    if excursion < -deviation and regime != STRONG_BEAR:
        return long(tag="bid_hit", confidence=certainty)
    if excursion > deviation and regime != STRONG_BULL:
        return short(tag="offer_lifted", confidence=certainty)
    return FLAT


def exits():
    return plan(
        stop=loss * position.entry_price,
        target=first * position.entry_price,
        max_bars=hold,
        soft_minutes=patience,
        soft_return=stirred,
    )
