"""A whole strategy as flat lists: what every printer spells."""

from dataclasses import dataclass, field
from typing import Literal

from kernels import dtypes, ir
from kernels.frontend.expressions import CANDLE, SAID
from kernels.frontend.scope import Output, Value

TIMEFRAMES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}  # minutes
WARM = "~warm"  # the row that says whether every series has a figure
IS_WARM = ir.Binary("!=", ir.Field("row", WARM, ir.SERIES), ir.Num(0.0))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number the search may change; both ends of the range are included."""

    name: str
    default: float
    low: float
    high: float
    integer: bool


Over = Literal["once", "each", "every", "closed"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a step of an account on several symbols.

    Done `once`, for `each` symbol that has a bar, for `every` symbol, or for each at whose bar a
    strategy bar `closed`, in the account's order of symbols.
    """

    over: Over
    statements: tuple[ir.Stmt, ...]


@dataclass(slots=True)
class Flat:
    """A whole strategy as flat lists, ready to be spelled by a printer."""

    name: str
    documentation: str = ""
    timeframe: str = ""
    higher: tuple[str, ...] = ()  # longer timeframes it looks at, in the order of the file
    parameters: dict[str, Parameter] = field(default_factory=dict)
    rows: dict[str, Value] = field(default_factory=dict)  # row name -> what fills it at each close
    sizing: tuple[int, Value] = (dtypes.MARGIN_OF_EQUITY, ir.Num(dtypes.MARGIN_SHARE))
    figure: Value | None = None  # of sizing, where its method takes one: fixed, or a row
    figure_said: str = ""  # the same as the file says it
    tags: list[str] = field(default_factory=lambda: [""])
    series: Output = field(default_factory=Output)
    decide: Output = field(default_factory=Output)
    simulate: Output = field(default_factory=Output)
    phases: list[Phase] = field(default_factory=list)  # of a joint step, which has no other lists

    @property
    def candles(self) -> tuple[str, ...]:
        """Columns of a strategy bar: its own, then those of the last closed higher bars.

        `fresh@1h` is 1 where a higher bar has closed since the strategy bar before. Last, for who
        says `regime`, what was told of it.
        """
        above = (f"{word}@{name}" for name in self.higher for word in ("fresh", *CANDLE))
        return (*CANDLE, *above, *((SAID,) if self.hears else ()))

    @property
    def hears(self) -> bool:
        """Whether the strategy says `regime`, and so reads what is told of it."""
        return self.series.hears

    @property
    def named(self) -> tuple[str, ...]:
        """Rows the author gave a name to, in the order of the file."""
        return tuple(n for n in self.rows if not n.startswith("~") and n not in CANDLE)
