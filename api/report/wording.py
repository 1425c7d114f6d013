"""Figures as people read them: rounded, with units, a dash for what has no meaning.

Nothing is computed from these words; exact figures are in the JSON, and in the table of trades.
"""

from datetime import UTC, datetime
from decimal import Decimal

NOTHING = "–"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # ms
LARGE = 1e9  # from here on digits say less than the power of ten

Number = Decimal | float | int


def number(value: Number | None, digits: int = 2, *, signed: bool = False) -> str:
    """Spell a figure with a fixed number of decimals."""
    if value is None:
        return NOTHING
    sign = "+" if signed else ""
    if abs(float(value)) >= LARGE and not isinstance(value, int):
        return format(float(value), f"{sign}.3g").replace("-", "−")
    text = format(value, f"{sign},.{digits}f")
    if float(text.replace(",", "")) == 0.0:  # neither −0.00 nor +0.00
        text = text.lstrip("+-")
    return text.replace("-", "−")


def whole(value: int | None) -> str:
    """Spell a count."""
    return NOTHING if value is None else f"{value:,}".replace("-", "−")


def percent(value: Number | None, digits: int = 2, *, signed: bool = False) -> str:
    """Spell a fraction as percent."""
    if value is None:
        return NOTHING
    return f"{number(value * 100, digits, signed=signed)} %"


def duration(ms: int | None) -> str:
    """Spell a length of time by its two largest units."""
    if ms is None:
        return NOTHING
    days, hours, minutes = ms // DAY, ms % DAY // HOUR, ms % HOUR // MINUTE
    if days:
        return f"{days:,} d {hours} h" if hours and days < 100 else f"{days:,} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def moment(ms: int | None) -> str:
    """Spell a moment, UTC, to the minute."""
    return NOTHING if ms is None else f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d %H:%M}"


def date(ms: int) -> str:
    """Spell a UTC day."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d}"


def exact(value: Decimal) -> tuple[str, str]:
    """Spell money in full, cents and what is below them apart; both joined are the exact figure."""
    text = f"{value:,.8f}".replace("-", "−")
    return text[:-6], text[-6:]


def plain(value: Decimal) -> str:
    """Spell a price or a quantity in full, without zeros at the end."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def named(code: str) -> str:
    """Turn a name of the program into words."""
    return code.replace("_", " ")
