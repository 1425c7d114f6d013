"""How large an entry is: what its method asks for, its own share of that, cut, in whole lots.

Every method is a function named after it, of the same arguments: `ticks` is the close of the
decision, `gap` the planned stop distance in ticks, `sizing` holds the strategy's `value`, its
`figure` (a number of the strategy bar) and `bars_root`, the root of the strategy bars in a year. It
gives lots, not yet whole; NaN where the figure is not above 0, and then the entry is refused.

Examples: equity $17,000, close 100, lots of 0.00001 base, no limits, unless they say otherwise.
Methods that look at closed trades are in `sizing_record`.
"""

from typing import Any

from kernels.dialect import floor, lots_asked, minimum, nan


def cut(account: Any, limits: Any) -> float:
    """What is left of a size after losses in a row: a quarter less for each, at least a quarter."""
    result = 1.0
    if limits.enforced > 0.0:
        result = 1.0 - 0.25 * minimum(account.losses, 3.0)
    return result


def deserved(size: float) -> float:
    """The share of a full trade that an entry asks for, at most 1; NaN where it is not above 0."""
    result = nan
    if size > 0.0:
        result = minimum(size, 1.0)
    return result


def sized(
    account: Any,
    market: Any,
    limits: Any,
    sizing: Any,
    ticks: float,
    gap: float,
    size: float,
    uses: Any,
) -> float:
    """Lots of an entry: what the method asks for, the entry's share of it, cut and rounded down."""
    full = lots_asked(account, market, limits, sizing, ticks, gap)
    return floor((full * deserved(size) if uses.size > 0.0 else full) * cut(account, limits) + 1e-9)


def above_zero(figure: float) -> float:
    """The figure; NaN where it is not above 0."""
    result = nan
    if figure > 0.0:
        result = figure
    return result


def by_margin(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """That share of equity is put up as margin: N = E · value · leverage.

    With limits on, the margin is at most what one trade may put up. value: (0, 1].
    Example: value 0.05, leverage 8: $850 put up, N = $6,800, 68 base.
    """
    notional = account.equity * sizing.value
    if limits.enforced > 0.0:
        notional = minimum(limits.margin_absolute, notional)
    return notional * account.leverage / (ticks * market.unit)


def by_fraction(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """The notional is that share of equity, whatever the leverage: N = E · value.

    Fixed fractional trading: Ralph Vince, Portfolio Management Formulas (1990). value: (0, 16].
    Example: value 0.1: N = $1,700, 17 base.
    """
    return account.equity * sizing.value / (ticks * market.unit)


def by_notional(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """The notional is that much quote: N = value.

    value: quote, (0, 1e15]. Example: value 900: 9 base.
    """
    return sizing.value * 1e8 / (ticks * market.unit)


def by_risk(account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float) -> float:
    """That share of equity is lost at the stop: lots = E · value / (stop · lot).

    Fixed risk: Van Tharp, Trade Your Way to Financial Freedom (1998), "percent risk". The stop is
    the planned one, in whole ticks; costs come on top. value: (0, 1].
    Example: value 0.01, stop 10: $170 / 10 = 17 base.
    """
    return account.equity * sizing.value / (gap * market.unit)


def by_atr(account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float) -> float:
    """That share of equity is lost over so many ATR: lots = E · value / (figure · lot).

    As `risk`, at a distance of its own beside the plan's stop: Wilder's ATR (New Concepts in
    Technical Trading Systems, 1978) as the unit of risk, as the Turtles did (Curtis Faith, Way of
    the Turtle, 2007). value: (0, 1]; figure: the distance in quote, above 0.
    Example: value 0.01, figure 2 · ATR = 8: $170 / 8 = 21.25 base.
    """
    return account.equity * sizing.value / (above_zero(sizing.figure) * market.lot * 1e8)


def by_percent_volatility(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """A move of one ATR is that share of equity: lots = E · value / (figure · lot).

    Van Tharp, Trade Your Way to Financial Freedom (1998), "percent volatility". value: (0, 1];
    figure: one ATR in quote, above 0.
    Example: value 0.005, figure ATR = 4: $85 / 4 = 21.25 base.
    """
    return account.equity * sizing.value / (above_zero(sizing.figure) * market.lot * 1e8)


def by_volatility_target(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """The position moves as much a year as is wanted: N = E · value / (figure · √(bars a year)).

    Volatility scaling: Moskowitz, Ooi and Pedersen, Time Series Momentum (2012); Robert Carver,
    Systematic Trading (2015). A year is 365 days of strategy bars. value: yearly volatility,
    (0, 5]; figure: the standard deviation of one strategy bar's returns, above 0.
    Example: value 0.2, figure 0.0005 on minutes, √525,600 = 724.983: N = $3,400 / 0.3624914 =
    $9,379.53, 93.7953 base.
    """
    yearly = above_zero(sizing.figure) * sizing.bars_root
    return account.equity * sizing.value / yearly / (ticks * market.unit)
