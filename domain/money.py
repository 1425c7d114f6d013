"""Exact money: whole units of 1e-8 quote in the kernel, `Decimal` in events.

The kernel holds money as integer-valued doubles below 2^53 (about 90 million quote); events hold
the same figure as a `Decimal` with eight places. Both conversions are exact or raise.
"""

from decimal import Decimal

PLACES = 8
UNIT = Decimal(1).scaleb(-PLACES)
LARGEST = 2**53


class InexactMoney(ValueError):
    """The figure is not a whole number of 1e-8 quote, or too large to be held exactly."""


def in_places(amount: Decimal) -> Decimal:
    """Write an amount with its eight places, so that equal money is equal bytes in the log."""
    written = amount.quantize(UNIT)
    if written != amount:
        raise InexactMoney(f"money was {amount}, must be a whole number of {UNIT}")
    return written


def from_units(units: float) -> Decimal:
    """Turn whole 1e-8 units (float or int) into a `Decimal` with eight places."""
    whole = int(units)
    if whole != units or not -LARGEST < whole < LARGEST:
        raise InexactMoney(f"money was {units!r} units, must be whole and below 2^53 in size")
    return Decimal(whole).scaleb(-PLACES)


def to_units(amount: Decimal) -> int:
    """Turn a `Decimal` quote amount into whole 1e-8 units."""
    scaled = amount.scaleb(PLACES)
    whole = int(scaled)
    if whole != scaled or not -LARGEST < whole < LARGEST:
        raise InexactMoney(f"money was {amount}, must be a whole number of {UNIT} below 2^53 units")
    return whole
