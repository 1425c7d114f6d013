"""What every indicator must give: TA-Lib where it has it as exactly, else the definition."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import talib as wrapped

from tests.indicator_formulas import (
    bands_place,
    channel_index,
    crossings,
    deviation,
    ema,
    flow,
    fractals,
    hull,
    mean,
    money_flow,
    pivots,
    rank,
    rate,
    ratio,
    regime,
    shifted,
    since_rise,
    slope,
    super_trend,
    triangular,
    true_range,
    typical,
    ultimate,
    wilder,
    zero_lag,
    zigzag,
)

Array = np.ndarray[Any, Any]
Oracle = Callable[[Array, SimpleNamespace], Array]
talib: Any = wrapped  # its declared types know lists of arrays only


def prices(b: Array) -> list[Array]:
    return [b["high"], b["low"], b["close"]]


def bars_since(b: Array, p: SimpleNamespace) -> Array:
    index, last = since_rise(b)
    return np.where(last < 0, np.nan, index - last)


def volume_at_rise(b: Array, p: SimpleNamespace) -> Array:
    _, last = since_rise(b)
    return np.where(last < 0, np.nan, b["volume"][last])


ORACLES: dict[str, Oracle] = {
    # averages
    "sma": lambda b, p: talib.SMA(b["close"], p.n),
    "ema": lambda b, p: talib.EMA(b["close"], p.n),
    "rma": lambda b, p: wilder(b["close"], p.n),
    "wma": lambda b, p: talib.WMA(b["close"], p.n),
    "dema": lambda b, p: talib.DEMA(b["close"], p.n),
    "tema": lambda b, p: talib.TEMA(b["close"], p.n),
    "t3": lambda b, p: talib.T3(b["close"], p.n, 0.7),
    "trima": lambda b, p: triangular(b["close"], p.n),
    "kama": lambda b, p: talib.KAMA(b["close"], p.n),
    "hma": lambda b, p: hull(b["close"], p.n),
    "zlema": lambda b, p: zero_lag(b["close"], p.n),
    "vwma": lambda b, p: ratio(b["close"] * b["volume"], b["volume"], p.n, np.nan),
    "vwap": lambda b, p: ratio(typical(b) * b["volume"], b["volume"], p.n, np.nan),
    "crossed_above": lambda b, p: crossings(b, 1.0),
    "crossed_below": lambda b, p: crossings(b, -1.0),
    "bars_since": bars_since,
    "value_when": volume_at_rise,
    # momentum
    "rsi": lambda b, p: talib.RSI(b["close"], p.n),
    "rsi_of": lambda b, p: talib.RSI(b["volume"], p.n),
    "cmo": lambda b, p: talib.CMO(b["close"], p.n),
    "stochastic_k": lambda b, p: talib.STOCH(*prices(b), p.n, p.smooth, 0, 1, 0)[0],
    "stochastic_d": lambda b, p: talib.STOCH(*prices(b), p.n, p.smooth, 0, p.signal, 0)[1],
    "stochastic_rsi": lambda b, p: talib.STOCHRSI(b["close"], p.n, p.window, 1, 0)[0],
    "stochastic_rsi_d": lambda b, p: talib.STOCHRSI(b["close"], p.n, p.window, p.signal, 0)[1],
    "williams_r": lambda b, p: talib.WILLR(*prices(b), p.n),
    "cci": channel_index,
    "mom": lambda b, p: talib.MOM(b["close"], p.n),
    "acceleration": lambda b, p: talib.MOM(talib.MOM(b["close"], p.n), p.n),
    "roc": lambda b, p: talib.ROC(b["close"], p.n),
    "trix": lambda b, p: talib.TRIX(b["close"], p.n),
    "ultimate_oscillator": ultimate,
    "macd": lambda b, p: ema(b["close"], p.fast) - ema(b["close"], p.slow),
    "macd_signal": lambda b, p: ema(ORACLES["macd"](b, p), p.signal),
    "macd_histogram": lambda b, p: ORACLES["macd"](b, p) - ORACLES["macd_signal"](b, p),
    # volatility and volume
    "true_range": lambda b, p: talib.TRANGE(*prices(b)),
    "atr": lambda b, p: talib.ATR(*prices(b), p.n),
    "natr": lambda b, p: talib.NATR(*prices(b), p.n),
    "stdev": lambda b, p: deviation(b["close"], p.n),
    "bollinger_upper": lambda b, p: mean(b["close"], p.n) + p.width * deviation(b["close"], p.n),
    "bollinger_lower": lambda b, p: mean(b["close"], p.n) - p.width * deviation(b["close"], p.n),
    "bollinger_width": lambda b, p: (
        2 * p.width * deviation(b["close"], p.n) / mean(b["close"], p.n)
    ),
    "bollinger_place": bands_place,
    "keltner_upper": lambda b, p: ema(b["close"], p.n) + p.width * wilder(true_range(b), p.m),
    "keltner_lower": lambda b, p: ema(b["close"], p.n) - p.width * wilder(true_range(b), p.m),
    "chaikin_volatility": lambda b, p: rate(ema(b["high"] - b["low"], p.n), p.m),
    "obv": lambda b, p: talib.OBV(b["close"], b["volume"]),
    "ad_line": lambda b, p: talib.AD(*prices(b), b["volume"]),
    "cmf": lambda b, p: ratio(flow(b), b["volume"], p.n, 0.0),
    "mfi": money_flow,
    "volume_sma": lambda b, p: mean(b["volume"], p.n),
    "volume_roc": lambda b, p: talib.ROC(b["volume"], p.n),
    "percentile_rank": lambda b, p: rank(b["close"], p.n),
    # trend
    "plus_di": lambda b, p: talib.PLUS_DI(*prices(b), p.n),
    "minus_di": lambda b, p: talib.MINUS_DI(*prices(b), p.n),
    "adx": lambda b, p: talib.ADX(*prices(b), p.n),
    "aroon_up": lambda b, p: talib.AROON(b["high"], b["low"], p.n)[1],
    "aroon_down": lambda b, p: talib.AROON(b["high"], b["low"], p.n)[0],
    "aroon_oscillator": lambda b, p: talib.AROONOSC(b["high"], b["low"], p.n),
    "dpo": lambda b, p: shifted(b["close"], p.n // 2 + 1) - mean(b["close"], p.n),
    "linreg_slope": lambda b, p: slope(b["close"], p.n),
    "vortex_plus": lambda b, p: ratio(
        np.abs(b["high"] - shifted(b["low"], 1)), true_range(b), p.n, 0.0
    ),
    "vortex_minus": lambda b, p: ratio(
        np.abs(b["low"] - shifted(b["high"], 1)), true_range(b), p.n, 0.0
    ),
    "psar": lambda b, p: talib.SAR(b["high"], b["low"], 0.02, 0.2),
    "supertrend": super_trend,
    "market_regime": regime,
    # levels
    "highest": lambda b, p: talib.MAX(b["high"], p.n),
    "lowest": lambda b, p: talib.MIN(b["low"], p.n),
    "donchian_upper": lambda b, p: talib.MAX(b["high"], p.n),
    "donchian_lower": lambda b, p: talib.MIN(b["low"], p.n),
    "donchian_middle": lambda b, p: talib.MIDPRICE(b["high"], b["low"], p.n),
    "pivot_high": lambda b, p: pivots(b["high"], p.left, p.right),
    "pivot_low": lambda b, p: -pivots(-b["low"], p.left, p.right),
    "fractal_high": lambda b, p: fractals(b["high"]),
    "fractal_low": lambda b, p: -fractals(-b["low"]),
    "swing_high": lambda b, p: zigzag(b, p.reversal)[0],
    "swing_low": lambda b, p: zigzag(b, p.reversal)[1],
    "bar_range": lambda b, p: b["high"] - b["low"],
    "close_place": lambda b, p: np.where(
        b["high"] > b["low"],
        (b["close"] - b["low"]) / np.where(b["high"] > b["low"], b["high"] - b["low"], 1.0),
        0.5,
    ),
}
