"""The trading state in memory: strategies, runs, accounts, and the events being written.

Nothing here reads a clock, a log or a random number: inputs and bars go in, events come out.
Trading and replay share this object and differ only in what surrounds it.
"""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter

import numpy as np

from application.improvement.history import History
from application.ports import BarJournal, Bars, FeedDescription, Stretch
from application.trading.book import Account, Closes, Market
from application.trading.kernel import Kernel
from application.trading.live import Live
from application.trading.regimes import Regimes
from application.trading.run import GATED, LIVE, PAPER, Run
from application.trading.seal import Sealer
from domain import improvement, regime, tightening
from domain.cause import Cause
from domain.event import Event, Mode
from domain.ids import live_account
from domain.improvement import Improvement, SetImprovement
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.portfolio.aggregate import open_account
from domain.portfolio.events import AccountRuined, BreakerTripped, PositionClosed
from domain.regime import AskRefresh, RegimeRefreshAsked, SetLayer
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy, decide, evolve
from domain.strategy.events import VersionActivated
from domain.tightening import InForce, Tighten
from domain.timeframe import milliseconds
from kernels.dtypes import BAR
from kernels.joint import MOST_SYMBOLS

NO_BARS: Bars = np.zeros(0, BAR)
JUDGED_AT = 50  # trades of a replaced version's sleeve B after which it enters no more


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
        journal: BarJournal,
    ) -> None:
        check_symbols([instrument.symbol for instrument in description.instruments])
        self.kernel = kernel
        self.threads = 1  # that tests of candidates may take
        self.venue = description.venue
        self.history = History(journal, milliseconds(description.timeframe))
        self.recent = History(journal, milliseconds(description.timeframe))  # for regimes
        self.improvement = Improvement()
        self.live: dict[str, Live] = {}  # by strategy, once it went live
        self.llm_calls = 0  # version of the stream of model calls
        self.in_force = InForce(limits)
        self.base_ms = milliseconds(description.timeframe)
        self.first_bar = first_bar
        self.last_bar: int | None = None
        self.written = 0  # events since the log began
        self.markets = tuple(map(Market, description.instruments))
        symbols = [market.symbol for market in self.markets]
        self.regimes = Regimes(description.venue, symbols, self.base_ms)
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
                journal.records,
            )
            for market in self.markets
        )
        self.stretch = self.nothing  # the block being taken
        self.cut = False  # an account's entries are off from the next bar
        self._events: list[Event] = []
        self._blobs: dict[str, bytes] = {}

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
        for symbol, market in enumerate(self.markets):
            run.runner.tell(symbol, self.regimes.recent(market.symbol))

    def tell(self, symbol: str) -> None:
        """Tell every run what was said of a symbol's regime."""
        place, told = self.regimes.symbols.index(symbol), self.regimes.recent(symbol)
        for run in self.runs:
            run.runner.tell(place, told)

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

    def improve(self, command: SetImprovement) -> None:
        """Put a policy of improvement in force."""
        for event in improvement.decide(self.improvement, command):
            self.improvement = improvement.evolve(self.improvement, event)
            self.write(event)

    def classify(self, command: SetLayer | AskRefresh) -> None:
        """Set who classifies markets, or have them classified. Raises `domain.errors.Forbidden`."""
        regimes = self.regimes
        for event in regime.decide(regimes.layered, command):
            regimes.layered = regime.evolve(regimes.layered, event)
            if isinstance(event, RegimeRefreshAsked):
                regimes.asked.waiting |= dict.fromkeys(event.symbols, event.event_id)
            elif regimes.layered.layer == "kernel":
                regimes.asked.waiting = {}
            self.write(event)

    def keep(self, content: bytes) -> str:
        """Keep a large text beside the events that name it; give its sha256."""
        name = sha256(content).hexdigest()
        self._blobs[name] = content
        return name

    def take_blobs(self) -> dict[str, bytes]:
        """Give what was kept since the last time."""
        blobs, self._blobs = self._blobs, {}
        return blobs

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
        if account is run.live:
            self.live[run.strategy].closed(self, run, trade)
            return
        if account is not run.gated:
            return
        state, strategy = account.portfolio, self.strategies[run.strategy]
        version = strategy.find(run.version)
        if version is None:
            return
        cause = Cause(trade.correlation_id, trade.event_id, "engine", trade.occurred_at)
        if run.replaced(strategy) and not version.retired and state.tally.trades >= JUDGED_AT:
            retire = ask.RetireVersion(cause=cause, version=run.version, reason="trades")
            self.ask(run.strategy, retire)
            self.cut = True
        if version.was_ready:
            return
        policy = self.improvement.policy
        auto = policy is not None and policy.auto_promote and not run.live.portfolio.ruined
        mark = ask.MarkReady(
            cause=cause,
            version=run.version,
            tally=state.tally,
            ruined=state.ruined,
            account=live_account(run.strategy) if auto else None,
            open_nets=state.open_nets() if auto else (),
        )
        marked = self.ask(run.strategy, mark)
        if marked:  # an older version that waited to go live may be let go now
            self.cut = True
        self.go_live(run.strategy, marked)

    def go_live(self, strategy: str, events: Sequence[Event]) -> None:
        """Do what follows where a version was activated live: open its account, and watch it."""
        for event in events:
            if not (isinstance(event, VersionActivated) and event.mode == "live"):
                continue
            run = self.run_of(strategy, event.version)
            if run is None:
                continue
            at = event.occurred_at if event.effective_at is None else event.effective_at
            because = Cause(event.correlation_id, event.event_id, "engine", at)
            self.open_account(run, run.live, because, "live", LIVE)
            began = self.live.get(strategy)
            self.live[strategy] = Live(event.version if began is None else began.holder)
            self.cut = True  # of a block that is being written down

    def open_account(
        self, run: Run, account: Account, cause: Cause, mode: Mode, sleeve: str
    ) -> None:
        """Open an account of a run, unless it is open."""
        rules = GATED if sleeve == LIVE else sleeve
        opened = open_account(
            account.portfolio,
            cause,
            mode,
            run.strategy,
            run.version,
            rules,
            SLEEVE_LEVERAGE[rules],
            SLEEVE_CAPITAL,
        )
        for event in opened:
            self.write(event, account)

    def tripped(self, run: Run, account: Account, trip: BreakerTripped) -> None:
        """Look what a breaker that tripped means to a version that trades live."""
        if account is run.live and run.strategy in self.live:
            self.live[run.strategy].tripped(self, run, trip)

    def holder(self, strategy: str) -> str:
        """Name the version that the live account's state is with; "" before there was one."""
        live = self.live.get(strategy)
        return "" if live is None else live.holder

    def told_by(self, run: Run, account: Account) -> bool:
        """Tell whether an account's events are those of this run."""
        if account is run.live:
            return account.is_open and self.holder(run.strategy) == run.version
        return account.is_open

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
        strategy = self.strategies[run.strategy]
        if strategy.live == run.version or run.replaced(strategy):
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
