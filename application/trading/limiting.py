"""What a limit record tells, as exact figures.

A limit counts money or how many; a stop that is missing is a distance in quote.
"""

from decimal import Decimal
from math import isfinite

from domain.entries import Refused
from domain.money import PLACES, from_units
from kernels import dtypes as k

Row = list[float]


def refused(row: Row) -> Refused:
    """Turn a REFUSED record into the refusal it tells of."""
    code, value = int(row[k.A]), row[k.C]
    known = isfinite(value)
    if code == k.STOP_MISSING:
        observed = Decimal(repr(value)) if known else None
        return Refused(k.LIMIT_CODES[code], figure(code, row[k.B]), observed)
    if code == k.FIGURE_MISSING:  # it may be too large to be exact: it is told as far as it goes
        observed = Decimal(int(value)).scaleb(-PLACES) if known else None
        return Refused(k.LIMIT_CODES[code], Decimal(int(row[k.B])).scaleb(-PLACES), observed)
    observed = figure(code, value) if known else None
    return Refused(k.LIMIT_CODES[code], figure(code, row[k.B]), observed)


def figure(code: float, value: float) -> Decimal:
    """Turn what a limit counts into money, or into how many."""
    return Decimal(int(value)) if int(code) in k.COUNTS else from_units(value)
