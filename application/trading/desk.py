"""The trading state in memory: strategies, runs, accounts, and the events being written.

Nothing here reads a clock, a log or a random number: inputs and bars go in, events come out.
Trading and replay share this object and differ only in what surrounds it.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import attrgetter

import numpy as np

from application.ports import Bars, FeedDescription, Stretch
from application.trading.book import Account, Closes, Market
from application.trading.kernel import Kernel
from application.trading.run import PAPER, Run
from application.trading.seal import Sealer
from domain import tightening
from domain.cause import Cause
from domain.event import Event, Mode
from domain.limits import Limits
from domain.portfolio.events import AccountRuined, PositionClosed
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy, decide, evolve
from domain.tightening import InForce, Tighten
from domain.timeframe import milliseconds
from kernels.dtypes import BAR
from kernels.joint import MOST_SYMBOLS

NO_BARS: Bars = np.zeros(0, BAR)


class SymbolsRefused(ValueError):
    """The feed gives no symbol, one twice, or more than an account may hold."""


class Desk:
    """Everything the trading step knows. `application.trading.stepping` moves it on."""

    def __init__(
        self,
        description: FeedDescription,
        first_bar: int,
        kernel: Kernel,
        limits: Limits,
        records: Callable[[str, int, int], bytes],
    ) -> None:
        check_symbols([instrument.symbol for instrument in description.instruments])
        self.kernel = kernel
        self.in_force = InForce(limits)
        self.base_ms = milliseconds(description.timeframe)
        self.first_bar = first_bar
        self.last_bar: int | None = None
        self.written = 0  # events since the log began
        self.markets = tuple(map(Market, description.instruments))
        self.strategies: dict[str, Strategy] = {}
        self.runs: list[Run] = []
        self.signals: dict[str, int] = {}  # versions of the signal streams of the last months
        self.closes = tuple(Closes() for _ in self.markets)
        self.sealers = tuple(
            Sealer(
                description.venue,
                market.symbol,
                description.timeframe,
                self.base_ms,
                records,
            )
            for market in self.markets
        )
        self.stretch = self.nothing  # the block being taken
        self.cut = False  # an account's entries are off from the next bar
        self._events: list[Event] = []

    @property
    def nothing(self) -> Stretch:
        """No bar of any symbol."""
        return (NO_BARS,) * len(self.markets)

    @property
    def next_bar(self) -> int:
        """Open of the next base bar: what is asked now acts from there."""
        return self.first_bar if self.last_bar is None else self.last_bar + self.base_ms

    @property
    def limits(self) -> Limits:
        """What every account is held to from the next bar on."""
        return self.in_force.limits

    def add(self, run: Run) -> None:
        """Take up a run; the versions of a strategy share one live account."""
        for other in self.runs:
            if other.strategy == run.strategy:
                run.accounts = (*run.accounts[: len(PAPER)], other.live)
        self.runs = sorted([*self.runs, run], key=attrgetter("key"))

    def run_of(self, strategy: str, version: str) -> Run | None:
        """Find the run of a version."""
        found = (r for r in self.runs if (r.strategy, r.version) == (strategy, version))
        return next(found, None)

    def ask(self, strategy: str, command: ask.Command) -> tuple[Event, ...]:
        """Ask the domain, write down what it decided. Raises `domain.errors.Forbidden`."""
        events = decide(self.strategies[strategy], command)
        for event in events:
            self.strategies[strategy] = evolve(self.strategies[strategy], event)
            self.write(event)
        return events

    def tighten(self, command: Tighten) -> None:
        """Tighten a limit for every account. Raises `domain.errors.Forbidden`."""
        for event in tightening.decide(self.in_force, command):
            self.in_force = tightening.evolve(self.in_force, event)
            self.write(event)
        for run in self.runs:
            run.hold(self.limits)

    def write(self, event: Event, account: Account | None = None) -> None:
        """Put an event behind the others, folded into its account."""
        if account is not None:
            account.take(event)
        self._events.append(event)
        self.written += 1

    def take_events(self) -> list[Event]:
        """Give what was written since the last time."""
        events, self._events = self._events, []
        return events

    # What a scribe asks and tells

    def next_signal(self, stream: str) -> int:
        """Count a strategy's signals of one month; months gone by are forgotten."""
        strategy = stream.rsplit("/", 1)[0]
        if stream not in self.signals:
            for gone in [name for name in self.signals if name.rsplit("/", 1)[0] == strategy]:
                del self.signals[gone]
        self.signals[stream] = self.signals.get(stream, 0) + 1
        return self.signals[stream]

    def mode(self, run: Run) -> Mode:
        """Say whether a run's version trades live."""
        return run.mode(self.strategies[run.strategy])

    def why_flat(self, run: Run) -> str:
        """Name the event for which the operator's exits are made."""
        return self.strategies[run.strategy].status_event

    def closes_before(self, moment: int) -> dict[str, Decimal]:
        """Give the last close before a bar, or before its day, week or month began, by symbol."""
        found: dict[str, Decimal] = {}
        for market, closes, bars in zip(self.markets, self.closes, self.stretch, strict=True):
            close = closes.before(moment, bars)
            if close is not None:
                found[market.symbol] = market.close(close)
        return found

    def prices(self, bar: int) -> dict[str, Decimal]:
        """Give every symbol's last close, that of the bar that opens at `bar` included."""
        return self.closes_before(bar + 1)

    def closed(self, run: Run, account: Account, trade: PositionClosed) -> None:
        """Look whether a trade just closed brings its version through the gate."""
        state = account.portfolio
        if account is not run.gated:
            return
        strategy = self.strategies[run.strategy]
        version = strategy.find(run.version)
        if version is None or version.was_ready:
            return
        cause = Cause(trade.correlation_id, trade.event_id, "engine", trade.occurred_at)
        mark = ask.MarkReady(
            cause=cause, version=run.version, tally=state.tally, ruined=state.ruined
        )
        self.ask(run.strategy, mark)

    def ruined(self, run: Run, event: AccountRuined) -> None:
        """Reject a version whose paper account is ruined."""
        if event.stream == run.live.portfolio.stream:
            return
        cause = Cause(event.correlation_id, event.event_id, "engine", event.occurred_at)
        reason = f"{event.stream} holds {event.equity}, the smallest order needs {event.required}"
        reject = ask.RejectVersion(
            cause=cause, version=run.version, stage="paper", reasons=(reason,)
        )
        self.ask(run.strategy, reject)
        if self.strategies[run.strategy].live == run.version:
            self.cut = True

    def disagreed(self) -> None:
        """Stop the block at the end of this step: an account's entries are off from the next."""
        self.cut = True


def check_symbols(symbols: Sequence[str]) -> None:
    """Raise `SymbolsRefused` for symbols that no account can hold together."""
    named = ", ".join(symbols) or "none"
    if not 1 <= len(symbols) <= MOST_SYMBOLS:
        raise SymbolsRefused(f"symbols were {named}, must be 1 to {MOST_SYMBOLS}")
    if len(set(symbols)) < len(symbols):
        raise SymbolsRefused(f"symbols were {named}, each must be named once")
