"""How exact figures are kept in SQLite, which has no exact decimal type.

Money, prices and quantities are TEXT in plain notation. They are folded in `Decimal`, never summed,
compared or ordered by SQL, where they would silently become REAL.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


def plain(amount: Decimal) -> str:
    """Spell a decimal without an exponent, keeping its places: 0E-8 becomes 0.00000000."""
    return format(amount, "f")


def plain_or_none(amount: Decimal | None) -> str | None:
    """Spell a decimal that may be missing."""
    return None if amount is None else format(amount, "f")


class Exact(TypeDecorator[Decimal]):
    """A `Decimal` kept as TEXT, in plain notation."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return plain_or_none(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)

    def process_literal_param(self, value: Decimal | None, dialect: Dialect) -> str:
        return "NULL" if value is None else f"'{plain(value)}'"
