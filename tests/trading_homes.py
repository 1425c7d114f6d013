"""A home under test: a log, a journal and a trader, fed as a test says."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec
import numpy as np

from application.engine_port import Command, CommandName, CommandReply
from application.ports import Bars, FeedDescription
from application.trading import StrategySource, Trader
from application.trading.kernel import Kernel
from domain.event import Event
from domain.limits import Limits, effective
from tests.fakes import MemoryLog
from tests.trading_fakes import DESCRIPTION, SOURCE, START, MemoryJournal


class Home:
    """One home, opened as often as a test wants."""

    def __init__(
        self,
        kernel: Kernel | None = None,
        sources: Sequence[StrategySource] = (SOURCE,),
        limits: Limits | None = None,
        description: FeedDescription = DESCRIPTION,
        first_bar: int = START,
    ) -> None:
        self.log = MemoryLog()
        self.journal = MemoryJournal(symbols=[i.symbol for i in description.instruments])
        self.kernel = kernel
        self.sources = sources
        self.limits = limits or effective()
        self.description = description
        self.first_bar = first_bar
        self.trader = self.open()

    def open(self, stopping: Callable[[], bool] = lambda: False) -> Trader:
        self.trader = Trader.open(
            self.log,
            self.journal,
            self.description,
            self.sources,
            self.first_bar,
            limits=self.limits,
            kernel=self.kernel,
            stopping=stopping,
        )
        return self.trader

    def feed(self, bars: Bars, cuts: Iterable[int] = ()) -> None:
        for part in np.split(bars, sorted(cuts)):
            if len(part):
                self.trader.step((part,)).result()

    def command(
        self, name: CommandName, strategy: str, command_id: str, until: int | None = None
    ) -> CommandReply:
        return self.trader.execute(
            Command(
                name=name,
                strategy=strategy,
                actor="operator:ann",
                command_id=command_id,
                reason="a test says so",
                until=until,
            )
        )

    def tighten(self, limit: str, value: str, command_id: str) -> CommandReply:
        return self.trader.execute(
            Command(
                name="tighten",
                limit=limit,
                value=Decimal(value),
                actor="operator:ann",
                command_id=command_id,
                reason="a test says so",
            )
        )

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.log.entries]

    def of(self, kind: type[Event], stream: str = "") -> list[Event]:
        return [e for e in self.events if isinstance(e, kind) and e.stream.startswith(stream)]

    def lines(self) -> list[bytes]:
        """The log as bytes, in order."""
        return [f"{e.stream} {e.TOPIC} ".encode() + msgspec.json.encode(e) for e in self.events]
