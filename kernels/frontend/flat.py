"""A whole strategy as flat lists: what every printer spells."""

from dataclasses import dataclass, field

from kernels.frontend.scope import Output, Value

TIMEFRAMES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}  # minutes
CANDLE = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number the search may change; both ends of the range are included."""

    name: str
    default: float
    low: float
    high: float
    integer: bool


@dataclass(slots=True)
class Flat:
    """A whole strategy as flat lists, ready to be spelled by a printer."""

    name: str
    documentation: str = ""
    timeframe: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    rows: dict[str, Value] = field(default_factory=dict)  # row name -> what fills it at each close
    tags: list[str] = field(default_factory=lambda: [""])
    series: Output = field(default_factory=Output)
    decide: Output = field(default_factory=Output)
    simulate: Output = field(default_factory=Output)

    @property
    def named(self) -> tuple[str, ...]:
        """Rows the author gave a name to, in the order of the file."""
        return tuple(n for n in self.rows if not n.startswith("~") and n not in CANDLE)
