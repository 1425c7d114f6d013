"""The market's regime, by a fixed rule on closed bars: the word `regime` where nothing was said.

STRONG_BULL 2, WEAK_BULL 1, RANGING 0, WEAK_BEAR −1, STRONG_BEAR −2. It is a pure function of the
bars, so a backtest, a paper run and a replay see the same regime at the same bar.
"""

from kernels.dialect import Series, close, nan
from kernels.library.averages import ema
from kernels.library.trend import adx
from kernels.library.volatility import atr
from kernels.library.windows import percentile_rank


def market_regime() -> Series:
    """Regime of the market: 2 strong bull, 1 weak bull, 0 ranging, −1 weak bear, −2 strong bear.

    The side is that of EMA(20) of the close against EMA(50). ADX(14) under 20, or equal averages:
    ranging. Strong if ADX(14) is at least 25, the close lies beyond EMA(20) on that side, and the
    market is not quiet: ATR(14) above at least a quarter of its last 100 values (a percentile rank
    over 25). Else weak.
    Unit: code -2 … 2. Warm-up: 114 bars. Source: Perpetua's own rule. Class:
    sign_class(market_regime()).
    """
    fast = ema(close, 20)
    slow = ema(close, 50)
    strength = adx(14)
    liveliness = percentile_rank(atr(14), 100)
    result = nan
    if slow == slow and liveliness == liveliness:
        side = 1.0 if fast > slow else (-1.0 if fast < slow else 0.0)
        beyond = side * (close - fast) > 0.0
        force = 1.0
        if strength < 20.0:
            force = 0.0
        elif strength >= 25.0 and liveliness > 25.0 and beyond:
            force = 2.0
        result = side * force if force > 0.0 else 0.0
    return result
