"""What happened, and how long ago: pure primitives with a memory."""

from kernels.dialect import Condition, Series, nan, state


def crossed_above(a: Series, b: Series) -> Condition:
    """True at the bar where a, not above b before, is above it now.

    Unit: condition. Warm-up: 2 bars; false before. Source: the definition. Class: none.
    """
    before = state(nan)
    gap = a - b
    result = gap > 0.0 and before <= 0.0
    before = gap
    return result


def crossed_below(a: Series, b: Series) -> Condition:
    """True at the bar where a, not below b before, is below it now.

    Unit: condition. Warm-up: 2 bars; false before. Source: the definition. Class: none.
    """
    before = state(nan)
    gap = a - b
    result = gap < 0.0 and before >= 0.0
    before = gap
    return result


def bars_since(condition: Condition) -> Series:
    """Strategy bars since the condition last held: 0 while it holds, NaN before it ever did.

    Unit: bars. Warm-up: 1 bar at the earliest. Source: the definition. Class: none.
    """
    count = state(nan)
    count = count + 1.0
    if condition:
        count = 0.0
    return count


def value_when(condition: Condition, x: Series) -> Series:
    """The value x had when the condition last held, NaN before it ever did.

    Unit: of x. Warm-up: 1 bar at the earliest. Source: the definition. Class: none.
    """
    held = state(nan)
    if condition:
        held = x
    return held
