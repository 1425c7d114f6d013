"""What only research may ask for: another sizing, and limits that are off.

Nothing that trades takes these words; `backtest` and `sweep` read them here, alike.
"""

from math import isfinite

from kernels.dtypes import SIZING


class ResearchInvalid(ValueError):
    """A research option is not what it must be; the message names it."""


def parse_sizing(text: str) -> tuple[str, float]:
    """Read METHOD=VALUE, e.g. `notional=10000`. Raises `ResearchInvalid`."""
    method, _, words = text.partition("=")
    try:
        value = float(words)
    except ValueError:
        value = 0.0
    if method not in SIZING or not (isfinite(value) and value > 0.0):
        raise ResearchInvalid(
            f"sizing was {text!r}, must be METHOD=VALUE: one of {', '.join(SIZING)}, and a number"
            " above 0"
        )
    return method, value
