"""Momentum: how fast, and which way."""

from kernels.dialect import Bars, Series, close, maximum, nan
from kernels.library.averages import ema, rma
from kernels.library.windows import delayed


def rsi(n: Bars) -> Series:
    """Relative strength index of the close, 0 … 100. Warm-up: n + 1 bars.

    100 · up / (up + down), Wilder-smoothed rises and falls; 0 where nothing moved, as in TA-Lib.
    Source: Wilder (1978). Below 30 bullish, above 70 bearish.
    """
    change = close - delayed(close, 1)
    rise = nan
    fall = nan
    if change == change:
        rise = maximum(change, 0.0)
        fall = maximum(-change, 0.0)
    up = rma(rise, n)
    down = rma(fall, n)
    result = up + down
    if result > 0.0:
        result = 100.0 * (up / (up + down))
    return result


def macd(fast: Bars, slow: Bars) -> Series:
    """EMA(fast) − EMA(slow) of the close, quote. Warm-up: the longer of the two.

    Source: Gerald Appel; TA-Lib MACD, which seeds its fast average later: the first few hundred
    bars differ by what that seed still weighs. Above zero bullish, below bearish.
    """
    return ema(close, fast) - ema(close, slow)


def macd_signal(fast: Bars, slow: Bars, signal: Bars) -> Series:
    """EMA(signal) of the MACD line, quote. Warm-up: slow + signal − 1 bars. Source: Appel."""
    return ema(macd(fast, slow), signal)


def macd_histogram(fast: Bars, slow: Bars, signal: Bars) -> Series:
    """MACD line less its signal line, quote. Warm-up: slow + signal − 1 bars.

    Source: Thomas Aspray. Above zero bullish, below bearish.
    """
    return macd(fast, slow) - macd_signal(fast, slow, signal)


def roc(x: Series, n: Bars) -> Series:
    """Rate of change over n bars, percent. Warm-up: n + 1 bars. Source: TA-Lib ROC."""
    before = delayed(x, n)
    return 100.0 * (x / before - 1.0)
