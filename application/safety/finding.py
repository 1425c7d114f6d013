"""The first thing in an account's history that is not what its own figures say."""

from decimal import Decimal

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """Where a recorded account and its recomputation part."""

    account: str  # its stream
    bar: int  # open of the base bar in whose step it is, ms UTC
    code: str  # of a limit or breaker, or what else is at odds
    expected: str  # what follows from the events and bars
    found: str  # what the log holds

    def __str__(self) -> str:
        return (
            f"{self.account} at bar {self.bar}: {self.code}: expected {self.expected},"
            f" found {self.found}"
        )


class Unequal(Exception):
    """What was recomputed and what was recorded differ."""

    def __init__(self, code: str, expected: str, found: str) -> None:
        super().__init__(f"{code}: expected {expected}, found {found}")
        self.code, self.expected, self.found = code, expected, found


def shown(figure: Decimal | None) -> str:
    """Write a figure without an exponent."""
    return "none" if figure is None else f"{figure:f}"
