"""How exact figures and times cross the wire.

GraphQL's Int has 32 bits and its Float rounds money: times and positions are `Long`, money is
`Decimal`, spelt in plain notation as a string. A time is given both for people and for programs.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from api.graphql import described

Long = NewType("Long", int)

LARGEST = 2**53 - 1  # beyond, a JavaScript client would silently round
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_long(value: Any) -> Long:
    """Accept a whole number, or one spelt in digits. Raises GraphQLError."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, str) and len(value) <= 17 and value.removeprefix("-").isdecimal():
        value, whole = int(value), True
    if not whole or abs(value) > LARGEST:
        raise GraphQLError(f"Long was {value!r}, must be a whole number up to {LARGEST} in size")
    return Long(value)


def parse_decimal(value: Any) -> Decimal:
    """Accept a decimal spelt as a string. Raises GraphQLError."""
    try:
        return Decimal(value if isinstance(value, str) else "not a string")
    except InvalidOperation:
        raise GraphQLError(f"Decimal was {value!r}, must be a number in a string") from None


CONFIG = StrawberryConfig(
    scalar_map={
        Long: strawberry.scalar(
            name="Long",
            description="A whole number up to 2^53 in size.",
            serialize=int,
            parse_value=parse_long,
        ),
        Decimal: strawberry.scalar(
            name="Decimal",
            description="An exact decimal number, as a string without exponent.",
            serialize=lambda amount: format(amount, "f"),
            parse_value=parse_decimal,
        ),
    },
    disable_field_suggestions=True,
)


@strawberry.type(description="A moment in UTC.")
class Instant:
    ms: Long = strawberry.field(description="Milliseconds since 1970-01-01.")

    @described.field("ISO 8601; null for a year that has no four digits.")
    def iso(self) -> str | None:
        try:
            moment = EPOCH + timedelta(milliseconds=self.ms)
        except OverflowError:
            return None
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(ms: int | None) -> Instant | None:
    """Show a time that may be missing, ms UTC."""
    return None if ms is None else Instant(ms=Long(ms))
