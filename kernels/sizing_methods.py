"""What a strategy may ask of each sizing method: its value, its figure, and how far it reaches.

The formulas are in `library.sizing` and `library.sizing_record`, a function for each method. Here
is what must hold before a method is compiled, and how large a notional it can come to: an account
that its method cannot carry to the smallest order is ruined.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kernels import dtypes

Reach = Callable[[float, float], float]  # value, leverage -> largest notional / equity

# Times equity that a notional may be asked to be: twice what any limit lets pass. Limits refuse
# what is too large; this refuses what can only be a slip, such as per cent for a share.
MOST_OF_EQUITY = 16.0
MOST_QUOTE = 1e15


@dataclass(frozen=True)
class Method:
    """One method; its value is above 0 and at most `most`."""

    name: str
    value: str  # what the value is
    most: float
    reach: Reach
    figure: str = ""  # what the figure is; empty: it takes none
    record: bool = False  # whether the account keeps a record of closed trades for it


def of_value(value: float, leverage: float) -> float:
    return value


def of_margin(value: float, leverage: float) -> float:
    return value * leverage


def of_leverage(value: float, leverage: float) -> float:
    return leverage


def of_doubled(value: float, leverage: float) -> float:
    return value * 8.0


def of_kelly(part: float) -> Reach:
    """At first its value; later a share below 1, or that part of it."""
    return lambda value, leverage: max(value, 1.0 / part)


SHARE = "share of equity"
LOST = "share of equity to lose"
FIRST = "share of equity to begin with"
QUOTE = "quote"

TABLE = (
    Method("margin", SHARE, 1.0, of_margin),
    Method("fraction", SHARE, MOST_OF_EQUITY, of_value),
    Method("notional", QUOTE, MOST_QUOTE, of_leverage),
    Method("risk", LOST, 1.0, of_leverage),
    Method("kelly", FIRST, MOST_OF_EQUITY, of_kelly(1.0)),
    Method("kelly_half", FIRST, MOST_OF_EQUITY, of_kelly(2.0)),
    Method("kelly_quarter", FIRST, MOST_OF_EQUITY, of_kelly(4.0)),
    Method("atr", LOST, 1.0, of_leverage, figure="a distance such as 2 * atr(14)"),
    Method("percent_volatility", LOST, 1.0, of_leverage, figure="a range such as atr(14)"),
    Method(
        "volatility_target",
        "yearly volatility",
        5.0,
        of_leverage,
        figure="a deviation of returns such as stdev(close / close[1] - 1, 20)",
    ),
    Method("equity_curve", SHARE, MOST_OF_EQUITY, of_value, record=True),
    Method("martingale", SHARE, MOST_OF_EQUITY, of_doubled),
    Method("anti_martingale", SHARE, MOST_OF_EQUITY, of_doubled, record=True),
    Method("fixed_ratio", QUOTE, MOST_QUOTE, of_leverage, figure="a delta in quote such as 500"),
    Method("williams", LOST, 1.0, of_leverage, record=True),
    Method("optimal_f", "share of the best f", 1.0, of_leverage, record=True),
)
METHODS = {method.name: method for method in TABLE}


def by_code(code: int) -> Method:
    """Give a method by its code, its place in `dtypes.SIZING`."""
    return METHODS[dtypes.SIZING[code]]


def wanted_instead(method: str, value: float) -> str:
    """Say what research must ask for instead of this sizing; empty where it may ask for it.

    A method with a figure needs a series, which only a strategy can name.
    """
    found = METHODS.get(method)
    if found is None:
        return f"METHOD=VALUE, with one of {', '.join(m.name for m in TABLE if not m.figure)}"
    if found.figure:
        return f"without a figure: {method} needs {found.figure}, which only a file can name"
    if not 0.0 < value <= found.most:
        return f"METHOD=VALUE, with a number above 0, at most {found.most:g} ({found.value})"
    return ""
