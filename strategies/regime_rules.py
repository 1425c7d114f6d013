"""Trade each regime of the market by its own long and short rule.

Logic: what works in a trend fails in a range, so first the regime (the language's `regime`, by a
fixed rule), then its rule; all of a rule must hold. Prices are held against EMA(20), that against
EMA(50), MACD(12, 26) against its signal line (9), volume against the mean of the 20 bars before,
and the close against the Bollinger bands (20 bars, 2 deviations; 0 the lower, 1 the upper band).

regime       side   RSI     price  EMA20  MACD   volume  bands  stop  target  size  confidence
STRONG_BULL  long   50-85   above  above  above  0.8     0.5+   2.5   4.0     1.0   0.50
             short  70-100  above  above  below  1.2     0.7+   1.5   1.5     0.3   0.60
WEAK_BULL    long   45-70   above  above  above  0.7     0.4+   2.0   3.0     0.8   0.50
             short  30-50   below  above  below  1.2     0.5-   1.5   2.0     0.4   0.60
RANGING      long   15-40   below  any    any    0.5     0.2-   1.5   2.0     0.6   0.45
             short  60-85   above  any    any    0.5     0.8+   1.5   2.0     0.6   0.45
WEAK_BEAR    long   50-70   above  below  above  1.2     0.5+   1.5   2.0     0.4   0.60
             short  30-55   below  below  below  0.7     0.6-   2.0   3.0     0.8   0.50
STRONG_BEAR  long   0-30    below  below  above  1.2     0.3-   1.5   1.5     0.3   0.60
             short  15-50   below  below  below  0.8     0.5-   2.5   4.0     1.0   0.50

Volume is a least ratio, bands a least (+) or greatest (-) place, stop and target are in ATR(14),
confidence is the least. Size is the share of a full trade that a row deserves and its entries ask
for. A trend is traded from pullbacks or strength in its direction, with room; a range from its
edges to the middle; against a trend only exhaustion or a break, for little. A trade that lives
through a change of regime takes the new target and keeps its size; its stop may only tighten.
Confidence is 0.25 and up to 0.25 each for: ADX as the regime has it (strong in a trend, weak in a
range), volume, and how far MACD is from its signal line, in ATR.
Source: Perpetua's own table, from the given row of the strong bull; RSI bands that move with the
trend are Andrew Cardwell's, in Constance Brown, Technical Analysis for the Trading Professional
(1999).
"""

from kernels.language import *

timeframe("15m")
slack = param(0.0, -10.0, 10.0)  # points by which every RSI band is widened
busy = param(1.0, 0.0, 2.0)  # every volume ratio, times this
caution = param(0.0, -0.3, 0.3)  # added to every least confidence
stop_scale = param(1.0, 0.4, 3.0)  # every stop, times this
target_scale = param(1.0, 0.4, 3.0)
hold = param(48, 4, 288)  # bars

quick, slow = ema(close, 20), ema(close, 50)
strength = rsi(14)
swing = macd_histogram(12, 26, 9)  # above 0: MACD above its signal line
ratio = volume / sma(volume, 20)[1]
place = bollinger_place(close, 20, 2)
unit = atr(14)
force = adx(14)
fit = 1 - force / 25 if regime == RANGING else force / 50
push = abs(swing) / (0.2 * unit)
confidence = 0.25 + 0.25 * (min(fit, 1) + min(ratio / 2, 1) + min(push, 1))

strong_bull_long = (
    strength >= 50 - slack
    and strength <= 85 + slack
    and close > quick
    and quick > slow
    and swing > 0
    and ratio >= 0.8 * busy
    and place >= 0.5
    and confidence >= 0.50 + caution
)
strong_bull_short = (
    strength >= 70 - slack
    and strength <= 100 + slack
    and close > quick
    and quick > slow
    and swing < 0
    and ratio >= 1.2 * busy
    and place >= 0.7
    and confidence >= 0.60 + caution
)
weak_bull_long = (
    strength >= 45 - slack
    and strength <= 70 + slack
    and close > quick
    and quick > slow
    and swing > 0
    and ratio >= 0.7 * busy
    and place >= 0.4
    and confidence >= 0.50 + caution
)
weak_bull_short = (
    strength >= 30 - slack
    and strength <= 50 + slack
    and close < quick
    and quick > slow
    and swing < 0
    and ratio >= 1.2 * busy
    and place <= 0.5
    and confidence >= 0.60 + caution
)
ranging_long = (
    strength >= 15 - slack
    and strength <= 40 + slack
    and close < quick
    and ratio >= 0.5 * busy
    and place <= 0.2
    and confidence >= 0.45 + caution
)
ranging_short = (
    strength >= 60 - slack
    and strength <= 85 + slack
    and close > quick
    and ratio >= 0.5 * busy
    and place >= 0.8
    and confidence >= 0.45 + caution
)
weak_bear_long = (
    strength >= 50 - slack
    and strength <= 70 + slack
    and close > quick
    and quick < slow
    and swing > 0
    and ratio >= 1.2 * busy
    and place >= 0.5
    and confidence >= 0.60 + caution
)
weak_bear_short = (
    strength >= 30 - slack
    and strength <= 55 + slack
    and close < quick
    and quick < slow
    and swing < 0
    and ratio >= 0.7 * busy
    and place <= 0.6
    and confidence >= 0.50 + caution
)
strong_bear_long = (
    strength >= 0 - slack
    and strength <= 30 + slack
    and close < quick
    and quick < slow
    and swing > 0
    and ratio >= 1.2 * busy
    and place <= 0.3
    and confidence >= 0.60 + caution
)
strong_bear_short = (
    strength >= 15 - slack
    and strength <= 50 + slack
    and close < quick
    and quick < slow
    and swing < 0
    and ratio >= 0.8 * busy
    and place <= 0.5
    and confidence >= 0.50 + caution
)


def entry():
    if regime == STRONG_BULL:
        if strong_bull_long:
            return long(tag="strong_bull_long", confidence=confidence, size=1.0)
        if strong_bull_short:
            return short(tag="strong_bull_short", confidence=confidence, size=0.3)
    elif regime == WEAK_BULL:
        if weak_bull_long:
            return long(tag="weak_bull_long", confidence=confidence, size=0.8)
        if weak_bull_short:
            return short(tag="weak_bull_short", confidence=confidence, size=0.4)
    elif regime == RANGING:
        if ranging_long:
            return long(tag="ranging_long", confidence=confidence, size=0.6)
        if ranging_short:
            return short(tag="ranging_short", confidence=confidence, size=0.6)
    elif regime == WEAK_BEAR:
        if weak_bear_long:
            return long(tag="weak_bear_long", confidence=confidence, size=0.4)
        if weak_bear_short:
            return short(tag="weak_bear_short", confidence=confidence, size=0.8)
    elif regime == STRONG_BEAR:
        if strong_bear_long:
            return long(tag="strong_bear_long", confidence=confidence, size=0.3)
        if strong_bear_short:
            return short(tag="strong_bear_short", confidence=confidence, size=1.0)
    return FLAT


def exits():
    along = regime * position.side  # 2: with a strong trend, -2: against one, 0: in a range
    stop, target = 1.5, 2.0
    if along == 2:
        stop, target = 2.5, 4.0
    elif along == 1:
        stop, target = 2.0, 3.0
    elif along == -2:
        target = 1.5
    return plan(stop=stop_scale * stop * unit, target=target_scale * target * unit, max_bars=hold)
