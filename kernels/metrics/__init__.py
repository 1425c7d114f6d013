"""What trading amounted to: every figure defined once, for every place that shows it.

Read models need the exact tallies alone, so these are here and cost no import beyond `decimal`;
backtests and reports take the other modules by name: `trades`, `breakdowns`, `curve`, `drawdown`,
`sharpe`, `quality`, `readiness`. Everywhere: money is exact (`Decimal`, quote), ratios of money are
exact and rounded half-even to eight places, ratios of curves are float64, and a figure without a
meaning (no trade, nothing to divide by) is None, never 0, infinity or NaN. docs/metrics.md lists
them all.
"""

from kernels.metrics.tallies import (
    EXACT,
    PLACES,
    Z_95,
    ZERO,
    Summary,
    figures,
    max_drawdown,
    ratio,
    summarise,
    total,
    wilson,
    wilson_low,
)

__all__ = [
    "EXACT",
    "PLACES",
    "ZERO",
    "Z_95",
    "Summary",
    "figures",
    "max_drawdown",
    "ratio",
    "summarise",
    "total",
    "wilson",
    "wilson_low",
]
