"""Let two to eight indicators vote, and trade when all, or a set share of them, agree.

Logic: each indicator is read in its customary way (docs/indicators.md, Classes): bullish, bearish
or neutral; oscillators and Bollinger bands are read for reversal, so they are bullish in a fall. A
trade is taken where the share of the voters that say the same reaches `share`; 1 asks for them all.
Which indicators vote, and over how many bars, are parameters, so that a search can breed the bot.
`use_…` 1 lets one vote; 0, -1 and -2 do not, so that a random draw picks five or six of the 22, and
nine draws of ten have the two to eight voters that are allowed: any other number never trades. Two
readings are left out, since others say the same: Williams' %R is the stochastic over 1 bar, CMO the
RSI on another scale.
Source: majority votes of rules that are each little better than chance, after the Marquis de
Condorcet's jury theorem (1785); each reading's own source is in docs/indicators.md.
"""

from kernels.language import *

timeframe("15m")
share = param(1.0, 0.5, 1.0)  # of the voters that must agree
stop_atr = param(2.0, 0.5, 6.0)
target_atr = param(3.0, 0.5, 10.0)
hold = param(32, 1, 192)  # bars

use_rsi = param(0, -2, 1)
rsi_n = param(14, 5, 50)  # bars, as every …_n
use_stochastic = param(0, -2, 1)
stochastic_n = param(14, 5, 50)
stochastic_smooth = param(3, 1, 9)
use_stochastic_rsi = param(0, -2, 1)
stochastic_rsi_n = param(14, 5, 50)
use_cci = param(0, -2, 1)
cci_n = param(20, 5, 60)
use_ultimate = param(0, -2, 1)
ultimate_n = param(7, 3, 20)
use_mfi = param(0, -2, 1)
mfi_n = param(14, 5, 50)
use_bollinger = param(0, -2, 1)
bollinger_n = param(20, 10, 100)
bollinger_reach = param(2.0, 1.0, 4.0)  # standard deviations
use_macd = param(1, -2, 1)
macd_fast = param(12, 5, 30)  # bars
macd_more = param(14, 5, 60)  # bars by which the slow average is longer
macd_smooth = param(9, 3, 30)
use_ema = param(1, -2, 1)
ema_n = param(50, 5, 200)
use_roc = param(0, -2, 1)
roc_n = param(10, 2, 100)
use_adx = param(1, -2, 1)
adx_n = param(14, 5, 50)
use_aroon = param(0, -2, 1)
aroon_n = param(25, 10, 100)
use_vortex = param(0, -2, 1)
vortex_n = param(14, 5, 50)
use_psar = param(0, -2, 1)
psar_step = param(0.02, 0.005, 0.05)
use_supertrend = param(0, -2, 1)
supertrend_n = param(10, 5, 50)
supertrend_factor = param(3.0, 1.0, 6.0)  # average ranges
use_keltner = param(0, -2, 1)
keltner_n = param(20, 10, 100)
keltner_reach = param(1.5, 0.5, 4.0)  # average ranges
use_donchian = param(0, -2, 1)
donchian_n = param(20, 5, 200)
use_pivot = param(0, -2, 1)
pivot_n = param(5, 2, 20)
use_fractal = param(0, -2, 1)
use_swing = param(0, -2, 1)
swing_reversal = param(0.01, 0.002, 0.05)  # fraction of price
use_cmf = param(1, -2, 1)
cmf_n = param(20, 5, 100)
use_close_place = param(0, -2, 1)

rsi_says = rsi_class(rsi_n) if use_rsi > 0 else 0
stochastic_says = stochastic_class(stochastic_n, stochastic_smooth) if use_stochastic > 0 else 0
stochastic_rsi_says = (
    stochastic_rsi_class(close, stochastic_rsi_n, stochastic_rsi_n) if use_stochastic_rsi > 0 else 0
)
cci_says = cci_class(cci_n) if use_cci > 0 else 0
ultimate_says = (
    ultimate_class(ultimate_n, 2 * ultimate_n, 4 * ultimate_n) if use_ultimate > 0 else 0
)
mfi_says = mfi_class(mfi_n) if use_mfi > 0 else 0
bollinger_says = bollinger_class(close, bollinger_n, bollinger_reach) if use_bollinger > 0 else 0
macd_says = macd_class(macd_fast, macd_fast + macd_more, macd_smooth) if use_macd > 0 else 0
ema_says = average_class(ema(close, ema_n)) if use_ema > 0 else 0
roc_says = sign_class(roc(close, roc_n)) if use_roc > 0 else 0
adx_says = adx_class(adx_n) if use_adx > 0 else 0
aroon_says = aroon_class(aroon_n) if use_aroon > 0 else 0
vortex_says = vortex_class(vortex_n) if use_vortex > 0 else 0
psar_says = psar_class(psar_step, 10 * psar_step) if use_psar > 0 else 0
supertrend_says = supertrend_class(supertrend_n, supertrend_factor) if use_supertrend > 0 else 0
keltner_says = keltner_class(keltner_n, keltner_n, keltner_reach) if use_keltner > 0 else 0
donchian_says = donchian_class(donchian_n) if use_donchian > 0 else 0
pivot_says = pivot_class(pivot_n, pivot_n) if use_pivot > 0 else 0
fractal_says = fractal_class() if use_fractal > 0 else 0
swing_says = swing_class(swing_reversal) if use_swing > 0 else 0
cmf_says = cmf_class(cmf_n) if use_cmf > 0 else 0
close_place_says = close_place_class() if use_close_place > 0 else 0

voters = (
    (1 if use_rsi > 0 else 0)
    + (1 if use_stochastic > 0 else 0)
    + (1 if use_stochastic_rsi > 0 else 0)
    + (1 if use_cci > 0 else 0)
    + (1 if use_ultimate > 0 else 0)
    + (1 if use_mfi > 0 else 0)
    + (1 if use_bollinger > 0 else 0)
    + (1 if use_macd > 0 else 0)
    + (1 if use_ema > 0 else 0)
    + (1 if use_roc > 0 else 0)
    + (1 if use_adx > 0 else 0)
    + (1 if use_aroon > 0 else 0)
    + (1 if use_vortex > 0 else 0)
    + (1 if use_psar > 0 else 0)
    + (1 if use_supertrend > 0 else 0)
    + (1 if use_keltner > 0 else 0)
    + (1 if use_donchian > 0 else 0)
    + (1 if use_pivot > 0 else 0)
    + (1 if use_fractal > 0 else 0)
    + (1 if use_swing > 0 else 0)
    + (1 if use_cmf > 0 else 0)
    + (1 if use_close_place > 0 else 0)
)
net = (
    rsi_says
    + stochastic_says
    + stochastic_rsi_says
    + cci_says
    + ultimate_says
    + mfi_says
    + bollinger_says
    + macd_says
    + ema_says
    + roc_says
    + adx_says
    + aroon_says
    + vortex_says
    + psar_says
    + supertrend_says
    + keltner_says
    + donchian_says
    + pivot_says
    + fractal_says
    + swing_says
    + cmf_says
    + close_place_says
)
decided = (
    abs(rsi_says)
    + abs(stochastic_says)
    + abs(stochastic_rsi_says)
    + abs(cci_says)
    + abs(ultimate_says)
    + abs(mfi_says)
    + abs(bollinger_says)
    + abs(macd_says)
    + abs(ema_says)
    + abs(roc_says)
    + abs(adx_says)
    + abs(aroon_says)
    + abs(vortex_says)
    + abs(psar_says)
    + abs(supertrend_says)
    + abs(keltner_says)
    + abs(donchian_says)
    + abs(pivot_says)
    + abs(fractal_says)
    + abs(swing_says)
    + abs(cmf_says)
    + abs(close_place_says)
)
bulls, bears = (decided + net) / 2, (decided - net) / 2


def entry():
    if voters < 2 or voters > 8:
        return FLAT
    if bulls > bears and bulls >= share * voters:
        return long(tag="bullish", confidence=bulls / voters)
    if bears > bulls and bears >= share * voters:
        return short(tag="bearish", confidence=bears / voters)
    return FLAT


def exits():
    return plan(stop=stop_atr * atr(14), target=target_atr * atr(14), max_bars=hold)
