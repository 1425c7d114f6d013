"""Strategies that benchmarks run, and the account they run on.

Prices are counted in cents, so that a tick, a lot and money are whole, as peers are asked too.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels import dtypes

Row = NDArray[np.void]

# Three of those that ship: the ones that all figures of paper runs were taken with.
FOLDER = Path(__file__).parent.parent / "strategies"
FEW = [
    FOLDER / f"{name}.py" for name in ("rsi_macd_consensus", "volume_breakout", "vwap_reversion")
]

# Long from a cross above until a cross below; the stop is out of reach, as the peers have none.
SMA_CROSS = """
timeframe("1m")
sizing("notional", 1000000)
fast = param(10, 2, 200)
slow = param(50, 3, 400)
quick = sma(close, fast)
steady = sma(close, slow)
above = crossed_above(quick, steady)
below = crossed_below(quick, steady)

def entry():
    if above:
        return LONG
    return FLAT

def exits():
    return plan(stop=close * 0.9999, max_bars=0 if below else 1e12)
"""

EMA_CROSS = SMA_CROSS.replace("sma(", "ema(")

# Both sides, stop, target, time limit, liquidation: what a sweep usually searches.
MACD_RSI_ATR = """
timeframe("1m")
fast = param(12, 5, 30)
slow = param(26, 20, 80)
smooth = param(9, 3, 30)
period = param(14, 5, 50)
floor_rsi = param(35.0, 15.0, 45.0)
stop_atr = param(3.0, 1.0, 8.0)
target_atr = param(5.0, 1.0, 12.0)
hold = param(120, 10, 480)

line = macd(fast, slow)
average = macd_signal(fast, slow, smooth)
strength = rsi(period)
width = atr(14)

def entry():
    if line > average and strength < floor_rsi:
        return LONG
    if line < average and strength > 100 - floor_rsi:
        return SHORT
    return FLAT

def exits():
    return plan(stop=stop_atr * width, target=target_atr * width, max_bars=hold)
"""


def cents() -> Row:
    """BTC/USDT with prices in cents: 0.1 % fee, no slippage."""
    row = np.zeros(1, dtypes.MARKET)
    row["tick"], row["lot"], row["unit"] = 1.0, 1e-8, 1.0
    row["maker"], row["taker"], row["maintenance"] = 0.001, 0.001, 0.005
    return row


def futures() -> Row:
    """BTC/USDT as a futures venue charges it."""
    row = np.zeros(1, dtypes.MARKET)
    row["tick"], row["lot"], row["unit"], row["min_notional"] = 0.01, 1e-5, 10.0, 5e8
    row["maker"], row["taker"], row["slippage"], row["maintenance"] = 0.0002, 0.0005, 0.001, 0.005
    return row


def no_limits() -> Row:
    """Limits off: research."""
    return np.zeros(1, dtypes.LIMITS)
