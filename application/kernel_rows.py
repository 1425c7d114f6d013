"""The domain's exact figures in the kernel's layout.

The one place where an instrument and the limits become rows of `kernels.dtypes`, so that trading,
backtests and digests can never disagree about them. Money becomes whole 1e-8 units; a figure that
would not be whole is an error, not a rounding.
"""

from typing import Any

import numpy as np

from domain.instrument import Instrument
from domain.limits import Limits
from domain.money import PLACES, to_units
from kernels.dtypes import LIMITS, MARKET

Row = np.ndarray[Any, Any]  # of one element


class BadInstrument(ValueError):
    """An instrument whose grid the kernel cannot count in whole units."""


def market_row(instrument: Instrument) -> Row:
    """Lay an instrument out as one row of MARKET. Raises `BadInstrument` naming the figure."""
    unit = (instrument.tick * instrument.lot).scaleb(PLACES)
    if unit != int(unit) or unit < 1:
        raise BadInstrument(
            f"tick × lot of {instrument.symbol} was {instrument.tick} × {instrument.lot} quote, "
            "must be a whole number of 1e-8 and at least one"
        )
    values: dict[str, Any] = {
        "tick": float(instrument.tick),
        "lot": float(instrument.lot),
        "unit": float(int(unit)),
        "min_notional": float(to_units(instrument.min_notional)),
        "maker": float(instrument.maker),
        "taker": float(instrument.taker),
        "slippage": float(instrument.slippage),
        "dynamic": float(instrument.dynamic),
        "maintenance": float(instrument.maintenance),
        "perpetual": float(instrument.market == "perpetual"),
    }
    return filled(MARKET, values)


def limits_row(limits: Limits) -> Row:
    """Lay the limits out as one row of LIMITS."""
    values: dict[str, Any] = {
        "enforced": float(limits.enforced),
        "daily_loss": float(to_units(limits.day_loss)),
        "weekly_loss": float(to_units(limits.week_loss)),
        "monthly_loss": float(to_units(limits.month_loss)),
        "rapid_loss": float(to_units(limits.rapid_loss)),
        "losses": float(limits.losses),
        "pause": float(limits.pause),
        "margin_fraction": float(limits.margin_fraction),
        "margin_absolute": float(to_units(limits.margin_absolute)),
        "notional_multiple": float(limits.notional_multiple),
        "positions": float(limits.positions),
    }
    return filled(LIMITS, values)


def filled(layout: np.dtype[np.void], values: dict[str, Any]) -> Row:
    row = np.zeros(1, layout)
    for name, value in values.items():
        row[name] = value
    return row
