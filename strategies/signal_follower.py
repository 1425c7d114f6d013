"""Trade every signal, whatever its confidence, or only those above a threshold.

Logic: the signal is the majority of five readings that measure different things (momentum: MACD;
direction: the slope of an average; trend: SuperTrend and ADX; flow: Chaikin's). Its confidence is
the surplus of votes on its side, over five. `threshold` 0 is aggressive: one vote more on a side is
a trade. 0.6 asks for a surplus of four, 0.8 for all five. A majority that turns closes the position
and opens the other. By default a trade is $1,000 with 2 % target, 1.5 % stop and four hours' time;
it ends by target (take profit), stop, time limit, a signal against it, or the operator's hand.
Source: a plain vote of customary readings (docs/indicators.md, Classes): what following signals
brings before any judgement of them.
"""

from kernels.language import *

timeframe("15m")
stake = param(1000, 50, 10000)  # quote a trade
threshold = param(0.0, 0.0, 0.99)  # confidence a signal must be above
gain = param(0.02, 0.002, 0.1)  # target, fraction of price
loss = param(0.015, 0.002, 0.1)  # stop, fraction of price
minutes = param(240, 15, 2880)  # time at most: four hours, whatever the bars
period = param(14, 5, 50)  # bars of the readings
sizing("notional", stake)

momentum = macd_class(12, 26, 9)
direction = average_class(ema(close, period))
turn = supertrend_class(period, 3)
force = adx_class(period)
flow = cmf_class(period)
votes = momentum + direction + turn + force + flow
confidence = abs(votes) / 5


def entry():
    if confidence <= threshold:
        return FLAT
    if votes > 0:
        return long(tag="bullish", confidence=confidence)
    return short(tag="bearish", confidence=confidence)


def exits():
    return plan(
        stop=loss * position.entry_price,
        target=gain * position.entry_price,
        max_minutes=minutes,
    )
