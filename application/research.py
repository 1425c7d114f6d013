"""What only research may ask for: another sizing, and limits that are off.

Nothing that trades takes these words; `backtest` and `sweep` read them here, alike.
"""

from math import nan

from kernels.sizing_methods import wanted_instead


class ResearchInvalid(ValueError):
    """A research option is not what it must be; the message names it."""


def parse_sizing(text: str) -> tuple[str, float]:
    """Read METHOD=VALUE, e.g. `notional=10000`. Raises `ResearchInvalid`."""
    method, _, words = text.partition("=")
    try:
        value = float(words)
    except ValueError:
        value = nan
    if wanted := wanted_instead(method, value):
        raise ResearchInvalid(f"sizing was {text!r}, must be {wanted}")
    return method, value
