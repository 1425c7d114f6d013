"""Volume: how much was traded, and on which side.

Sums of volume run from the first bar, so only their changes mean anything. Where nothing was traded
an oscillator is 0.
"""

from kernels.dialect import Bars, Series, close, high, low, nan, state, volume
from kernels.library.averages import sma
from kernels.library.sums import ratio_of_sums
from kernels.library.windows import delayed


def obv() -> Series:
    """On-balance volume: + volume where the close rose, − volume where it fell, summed for ever.

    It begins at the first bar's volume, as in TA-Lib.
    Unit: base. Warm-up: 1 bar. Source: Joseph Granville, New Key to Stock Market Profits (1963);
    TA-Lib OBV. Class: average_class(obv()).
    """
    before = delayed(close, 1)
    total = state(0.0)
    if close > before or before != before:
        total = total + volume
    elif close < before:
        total = total - volume
    return total


def flow() -> Series:
    """Volume times where the close lies in the bar's range, −1 … 1; 0 where it has none, base."""
    spread = high - low
    result = 0.0
    if spread > 0.0:
        result = ((close - low) - (high - close)) / spread * volume
    return result


def ad_line() -> Series:
    """Accumulation / distribution: Σ volume · ((close − low) − (high − close)) / (high − low).

    Summed for ever. A bar without range adds nothing.
    Unit: base. Warm-up: 1 bar. Source: Marc Chaikin; TA-Lib AD. Class: average_class(ad_line()).
    """
    total = state(0.0)
    gained = flow()
    if gained == gained:
        total = total + gained
    return total


def cmf(n: Bars) -> Series:
    """Chaikin money flow: Σ flow / Σ volume over n bars, flow as in `ad_line`; 0 without volume.

    Unit: -1 … 1. Warm-up: n bars. Source: Marc Chaikin, in Steven Achelis, Technical Analysis from
    A to Z (1995). Class: cmf_class(n).
    """
    return ratio_of_sums(flow(), volume, n, 0.0)


def money_flows() -> tuple[Series, Series]:
    """Typical price · volume where the typical price rose, and where it moved at all; quote."""
    typical = (high + low + close) / 3.0
    before = delayed(typical, 1)
    risen = nan
    moved = nan
    if before == before:
        moved = typical * volume if typical != before else 0.0
        risen = moved if typical > before else 0.0
    return risen, moved


def mfi(n: Bars) -> Series:
    """Money flow index: 100 · rising flow / all flow over n bars; flow is typical price · volume.

    Flow rises or falls with the typical price (high + low + close) / 3. 0 where nothing flowed;
    TA-Lib gives 0 for any flow under 1.
    Unit: 0 … 100. Warm-up: n + 1 bars. Source: Gene Quong and Avrum Soudack, Technical Analysis of
    Stocks & Commodities 7:3 (1989); TA-Lib MFI. Class: mfi_class(n).
    """
    risen, moved = money_flows()
    return 100.0 * ratio_of_sums(risen, moved, n, 0.0)


def volume_sma(n: Bars) -> Series:
    """Mean volume of n bars.

    Unit: base. Warm-up: n bars. Source: TA-Lib SMA of volume. Class: neutral.
    """
    return sma(volume, n)


def volume_roc(n: Bars) -> Series:
    """Rate of change of volume over n bars; 0 where there was none then, as in TA-Lib.

    Unit: percent. Warm-up: n + 1 bars. Source: TA-Lib ROC of volume. Class: neutral.
    """
    before = delayed(volume, n)
    result = before
    if before > 0.0:
        result = 100.0 * (volume / before - 1.0)
    return result
