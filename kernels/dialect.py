"""The words of the kernel's own library, so that editors and type checkers know them.

Library functions (`kernels/library`) are parsed and inlined like strategies, never executed; these
definitions exist only to be looked at. A library function's body is straight-line code, `if`,
bounded `for`, with one `return` at its end.
"""

from collections.abc import Iterator
from typing import Any, NoReturn

Number = float  # a number fixed for a run
Bars = float  # a lookback: a whole number or parameter, 1 … 5000
Series = float  # one number per strategy bar
Condition = bool  # one truth value per strategy bar

nan = float("nan")
open_ = high = low = close = volume = 0.0  # of the strategy bar that just closed


class Ring:
    """A buffer that keeps its cells from bar to bar; they start as `initial`."""

    def __getitem__(self, index: float) -> float: ...  # type: ignore[empty-body]

    def __setitem__(self, index: float, value: float) -> None: ...


def never() -> NoReturn:
    raise RuntimeError("library code is parsed, never executed")


def each(count: float) -> Iterator[float]:
    """0, 1 … count − 1; the count is at most a buffer's length."""
    never()


def state(initial: float) -> float:
    """Declare a variable that keeps its value from bar to bar."""
    never()


def ring(length: float, initial: float = 0.0) -> Ring:
    """Declare a buffer of at least `length` cells that keeps its values from bar to bar."""
    never()


def minimum(a: float, b: float) -> float:
    """`a if a < b else b`: the second where either is NaN."""
    never()


def maximum(a: float, b: float) -> float:
    """`a if a > b else b`: the second where either is NaN."""
    never()


def sqrt(x: float) -> float:
    """Square root, correctly rounded."""
    never()


def floor(x: float) -> float:
    """Largest whole number not above x."""
    never()


def emit(kind: int, at_close: int, *values: float) -> None:
    """Record what happened, in the layout of `kernels.dtypes`."""
    never()


def entry() -> tuple[float, float, float, float]:
    """What the strategy says at this close: side (±1, 0), confidence, tag index, size.

    The size is the share of a full trade that the entry deserves, 1 where none is given.
    """
    never()


Plan = tuple[float, float, float, float, float, float, float, float, float, float, float]


def exits(side: float, entry_price: float, bars: float, gain: float) -> Plan:
    """What the strategy plans for a position; NaN for none.

    Stop and up to three targets (quote), the shares closed at the first two, strategy bars, the
    distance a stop follows at (quote), minutes; minutes and the |return| below which they count.
    """
    never()


def lots_asked(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """What the strategy's sizing method asks for, in lots, not yet whole; NaN: it cannot tell.

    `ticks` is the close, `gap` the distance of the stop in ticks. Stands for the function of
    `library.sizing` or `library.sizing_record` that is named after the method.
    """
    never()


def warm() -> bool:
    """Whether every series of the strategy has a figure."""
    never()
