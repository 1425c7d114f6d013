"""The words of the strategy language, so that editors know them.

A strategy file may begin with `from kernels.language import *`; the compiler skips that line. A
strategy is parsed, never executed. The reference is docs/language.md.
"""

from typing import Any, NoReturn

from kernels.library.averages import (
    dema,
    ema,
    hma,
    kama,
    rma,
    sma,
    t3,
    tema,
    trima,
    vwap,
    vwma,
    wma,
    zlema,
)
from kernels.library.classes import (
    adx_class,
    aroon_class,
    average_class,
    band_class,
    bollinger_class,
    break_class,
    cci_class,
    close_place_class,
    cmf_class,
    cmo_class,
    donchian_class,
    fractal_class,
    keltner_class,
    macd_class,
    mfi_class,
    pivot_class,
    psar_class,
    rsi_class,
    sign_class,
    stochastic_class,
    stochastic_rsi_class,
    supertrend_class,
    swing_class,
    ultimate_class,
    vortex_class,
    williams_class,
)
from kernels.library.levels import (
    bar_range,
    close_place,
    donchian_lower,
    donchian_middle,
    donchian_upper,
    fractal_high,
    fractal_low,
    pivot_high,
    pivot_low,
    swing_high,
    swing_low,
)
from kernels.library.momentum import (
    acceleration,
    cci,
    cmo,
    macd,
    macd_histogram,
    macd_signal,
    mom,
    roc,
    rsi,
    rsi_of,
    stochastic_d,
    stochastic_k,
    stochastic_rsi,
    stochastic_rsi_d,
    trix,
    ultimate_oscillator,
    williams_r,
)
from kernels.library.patterns import bars_since, crossed_above, crossed_below, value_when
from kernels.library.regime import market_regime
from kernels.library.trend import (
    adx,
    aroon_down,
    aroon_oscillator,
    aroon_up,
    dpo,
    linreg_slope,
    minus_di,
    plus_di,
    psar,
    supertrend,
    vortex_minus,
    vortex_plus,
)
from kernels.library.volatility import (
    atr,
    bollinger_lower,
    bollinger_place,
    bollinger_upper,
    bollinger_width,
    chaikin_volatility,
    keltner_lower,
    keltner_upper,
    natr,
    stdev,
    true_range,
)
from kernels.library.volume import ad_line, cmf, mfi, obv, volume_roc, volume_sma
from kernels.library.windows import highest, lowest, percentile_rank

__all__ = [
    "FLAT",
    "LONG",
    "RANGING",
    "SHORT",
    "STRONG_BEAR",
    "STRONG_BULL",
    "WEAK_BEAR",
    "WEAK_BULL",
    "acceleration",
    "ad_line",
    "adx",
    "adx_class",
    "aroon_class",
    "aroon_down",
    "aroon_oscillator",
    "aroon_up",
    "atr",
    "average_class",
    "band_class",
    "bar_range",
    "bars_since",
    "bollinger_class",
    "bollinger_lower",
    "bollinger_place",
    "bollinger_upper",
    "bollinger_width",
    "break_class",
    "cci",
    "cci_class",
    "chaikin_volatility",
    "close",
    "close_place",
    "close_place_class",
    "cmf",
    "cmf_class",
    "cmo",
    "cmo_class",
    "crossed_above",
    "crossed_below",
    "dema",
    "donchian_class",
    "donchian_lower",
    "donchian_middle",
    "donchian_upper",
    "dpo",
    "ema",
    "fractal_class",
    "fractal_high",
    "fractal_low",
    "high",
    "higher",
    "highest",
    "hma",
    "kama",
    "keltner_class",
    "keltner_lower",
    "keltner_upper",
    "linreg_slope",
    "long",
    "low",
    "lowest",
    "macd",
    "macd_class",
    "macd_histogram",
    "macd_signal",
    "market_regime",
    "mfi",
    "mfi_class",
    "minus_di",
    "mom",
    "natr",
    "obv",
    "open",
    "param",
    "percentile_rank",
    "pivot_class",
    "pivot_high",
    "pivot_low",
    "plan",
    "plus_di",
    "position",
    "psar",
    "psar_class",
    "regime",
    "rma",
    "roc",
    "rsi",
    "rsi_class",
    "rsi_of",
    "short",
    "sign_class",
    "sizing",
    "sma",
    "stdev",
    "stochastic_class",
    "stochastic_d",
    "stochastic_k",
    "stochastic_rsi",
    "stochastic_rsi_class",
    "stochastic_rsi_d",
    "supertrend",
    "supertrend_class",
    "swing_class",
    "swing_high",
    "swing_low",
    "t3",
    "tema",
    "timeframe",
    "trima",
    "trix",
    "true_range",
    "ultimate_class",
    "ultimate_oscillator",
    "value_when",
    "volume",
    "volume_roc",
    "volume_sma",
    "vortex_class",
    "vortex_minus",
    "vortex_plus",
    "vwap",
    "vwma",
    "williams_class",
    "williams_r",
    "wma",
    "zlema",
]

open: Any = None  # noqa: A001  (the strategy bar that just closed)
high: Any = None
low: Any = None
close: Any = None
volume: Any = None
position: Any = None  # in exits(): .side (+1, −1), .entry_price, .bars, .return_
FLAT: Any = 0
LONG: Any = 1
SHORT: Any = -1
regime: Any = None  # of the market, as told, else by market_regime(): one of the five below
STRONG_BULL: Any = 2
WEAK_BULL: Any = 1
RANGING: Any = 0
WEAK_BEAR: Any = -1
STRONG_BEAR: Any = -2


def never() -> NoReturn:
    raise RuntimeError("a strategy is parsed, never executed")


def timeframe(name: str) -> None:
    """Trade bars of this length: 1m, 5m, 15m, 1h …"""
    never()


def param(default: float, low: float, high: float) -> Any:
    """Declare a parameter and its search range, ends included; whole if all three are whole."""
    never()


def long(tag: str = "", confidence: float = 1.0, size: float = 1.0) -> Any:
    """Ask for a long position; `size` is the share of a full trade that it deserves, to 1."""
    never()


def short(tag: str = "", confidence: float = 1.0, size: float = 1.0) -> Any:
    """Ask for a short position; `size` is the share of a full trade that it deserves, to 1."""
    never()


def plan(
    stop: float,
    target: float | None = None,
    max_bars: float | None = None,
    targets: tuple[Any, ...] | None = None,
    trail: float | None = None,
    max_minutes: float | None = None,
    soft_minutes: float | None = None,
    soft_return: float | None = None,
) -> Any:
    """Plan the way out: distances in quote from the fill, and strategy bars to hold at most.

    `targets` closes in parts: up to three, as (distance, share), …, and last a distance alone.
    `trail` is the distance at which the stop follows the best price. After `max_minutes` it is out;
    after `soft_minutes`, while the price has moved by less than the fraction `soft_return`.
    """
    never()


def higher(timeframe: str) -> Any:
    """Look at closed bars of a longer timeframe: h1 = higher("1h"); h1.close, h1.rsi(14)."""
    never()


def sizing(method: str, value: float, figure: float = 0.0) -> None:
    """Say how large a trade is: "margin", "risk", "kelly" … and its value; docs/language.md.

    Some methods take a figure, a number of the strategy bar: sizing("atr", 0.01, 2 * atr(14)).
    """
    never()
