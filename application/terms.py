"""What a run is traded at: what it costs, and how large its trades are.

An instrument brings its own costs and a strategy its own sizing. Both may be asked for otherwise,
by `backtest` and `sweep` alike, and what took their place is part of every report.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from domain.instrument import Instrument
from kernels import ir
from kernels.dtypes import SIZING
from kernels.program import Program

COSTS = ("maker", "taker", "slippage")  # fractions of notional or price

Sizing = tuple[str, float]  # method and value


class CostInvalid(ValueError):
    """A cost is not a fraction from 0 to below 1: names it."""


class SizingMismatch(ValueError):
    """The program was not compiled with the sizing that it is said to have."""


def with_costs(instrument: Instrument, costs: Mapping[str, Decimal]) -> Instrument:
    """Put costs in the place of an instrument's own, and check all. Raises `CostInvalid`."""
    for name in costs:
        if name not in COSTS:
            raise CostInvalid(f"cost was {name!r}, must be one of: {', '.join(COSTS)}")
    priced = replace(instrument, **costs)
    for name in COSTS:
        value: Decimal = getattr(priced, name)
        if not (value.is_finite() and 0 <= value < 1):
            raise CostInvalid(f"{name} was {value}, must be a fraction from 0 to below 1")
    return priced


def refuse_other_sizing(program: Program, sizing: Sizing | None) -> None:
    """Raise `SizingMismatch` unless the program was compiled with this sizing, if with any."""
    if sizing is None:
        return
    method, value = sizing
    if method not in SIZING or program.flat.sizing != (SIZING.index(method), ir.Num(value)):
        raise SizingMismatch(
            f"sizing was {spelled(sizing)}, but {program.name} was compiled with another"
        )


def spelled(sizing: Sizing) -> str:
    """Spell a sizing as METHOD=VALUE."""
    method, value = sizing
    return f"{method}={repr(value).removesuffix('.0')}"
