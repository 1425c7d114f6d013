"""What a strategy's live account is watched by, and whose run it is with.

The versions of a strategy share one live account. Its state (cash, breakers, losses in a row) is
with the run of the version that traded it last; when another version goes live, that run first
closes what it holds, and then the state is handed over: no recode can shake off a breaker.
"""

from typing import Protocol

from msgspec import Struct

from application.trading.run import Run
from domain import watch
from domain.cause import Cause
from domain.event import Event
from domain.portfolio.events import BreakerTripped, PositionClosed
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy
from domain.watch import Watch


class Desk(Protocol):
    """What watching needs of the desk."""

    cut: bool
    strategies: dict[str, Strategy]

    def ask(self, strategy: str, command: ask.Command) -> tuple[Event, ...]: ...


class Live(Struct):
    """One strategy's live account; `watch` begins anew with every version that goes live."""

    holder: str  # version whose run has the account's state
    watch: Watch = Watch()

    def closed(self, desk: Desk, run: Run, trade: PositionClosed) -> None:
        """Take a trade that closed live; one that was still closed for the version before is not
        the new one's."""
        if desk.strategies[run.strategy].live != run.version:
            return
        self.watch = watch.closed(self.watch, trade.net)
        self.heed(desk, run, trade)

    def tripped(self, desk: Desk, run: Run, trip: BreakerTripped) -> None:
        """Take a breaker of the live account, likewise."""
        if desk.strategies[run.strategy].live != run.version:
            return
        self.watch = watch.tripped(self.watch, trip.code, trip.occurred_at)
        self.heed(desk, run, trip)

    def heed(self, desk: Desk, run: Run, event: Event) -> None:
        alarm, why = watch.alarm(self.watch)
        strategy = desk.strategies[run.strategy]
        if alarm == "none":
            return
        desk.cut = True  # it is looked at, or gone, from the next bar
        if alarm == "demote" and strategy.status in ("live", "paused"):
            cause = Cause(event.correlation_id, event.event_id, "engine", event.occurred_at)
            desk.ask(run.strategy, ask.Demote(cause=cause, reason=why, kind="derived"))
