"""One account's history, walked step by step beside what follows from its fills and closes.

Every breaker that trips or clears, every entry placed or refused must be in the log where and as it
is recomputed, and nothing else. The first difference ends the walk: what comes after builds on it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from application.safety.breakers import CODES, LOSSES, Breakers, Trip
from application.safety.entering import Moment, check_placed, check_refused, said
from application.safety.finding import Unequal, shown
from application.safety.ledger import Ledger
from application.safety.standing import Standing
from domain.event import Event
from domain.ids import step_bar
from domain.instrument import Instrument
from domain.limits import Limits
from domain.portfolio.events import (
    AccountOpened,
    AccountRuined,
    BreakerCleared,
    BreakerTripped,
    EquityMarked,
    OrderFilled,
    OrderPlaced,
    RiskRefused,
)
from domain.signals import SignalRaised

Closes = dict[str, Decimal]  # last close by symbol


class Counts(Struct):
    """What was recomputed and found equal."""

    trips: int = 0
    clears: int = 0
    refusals: int = 0
    entries: int = 0


class Walk:
    """One account after the steps given to `step`."""

    def __init__(
        self,
        opened: AccountOpened,
        events: Iterator[Event],
        signals: Iterator[SignalRaised],
        standing: Standing,
        instruments: Mapping[str, Instrument],
        base_ms: int,
    ) -> None:
        self.opened = opened
        self.events = events
        self.signals = signals
        self.standing = standing
        self.instruments = instruments
        self.base_ms = base_ms
        self.ledger = Ledger(opened)
        self.breakers: Breakers | None = None
        self.counts = Counts()
        self.event = next(events, None)
        self.signal = next(signals, None)
        self.trips: deque[Trip] | None = None  # of this step, once its close was judged
        self.clears: deque[str] = deque()  # of this step, yet to be seen in the log
        self.decided: set[str] = set()  # symbols whose signal was answered in this step
        self.spoken: dict[str, SignalRaised] = {}  # of this step, by symbol
        self.off = False  # whether entries are off in this step
        self.take: Mapping[type[Event], Callable[[Any], None]] = {
            BreakerCleared: self.cleared,
            BreakerTripped: self.tripped,
            EquityMarked: self.marked,
            AccountRuined: self.ruined,
            OrderPlaced: self.placed,
            OrderFilled: self.filled,
            RiskRefused: self.refused,
        }

    def step(self, bar: int, closes: Closes, arrived: set[str], limits: Limits) -> None:
        """Take the step of the bars that open at `bar`. Raises `Unequal` at the first difference.

        `closes` are the last ones, these bars' included; `arrived` are the symbols that have one.
        """
        if bar < self.opened.occurred_at:
            self.hear(bar)
            return
        if self.breakers is None:
            self.breakers = Breakers(self.ledger.capital, bar)
        self.bar, self.closes, self.limits, self.now = bar, closes, limits, self.breakers
        self.standing.reach(bar)
        self.off = self.standing.entries_off or self.ledger.stopped
        held = set(self.ledger.lots) & arrived if self.standing.flattened else set()
        self.clears, self.trips = deque(self.now.open(bar)), None
        self.hear(bar)
        self.take_step()
        self.judge()
        self.nothing_missing()
        for symbol in sorted(held & set(self.ledger.lots)):
            lots = shown(self.ledger.held(symbol))
            raise Unequal("FLATTEN", f"{symbol} closed at the open", f"{lots} still held")
        self.standing.settle(bar, flat=self.flat)

    @property
    def flat(self) -> bool:
        """Whether nothing is held, and no entry waits."""
        return not self.ledger.lots and not self.ledger.waiting

    def hear(self, bar: int) -> None:
        """Take what the account's version said in this step."""
        self.spoken, self.decided = {}, set()
        while self.signal is not None and (step_bar(self.signal.correlation_id) or 0) <= bar:
            here = step_bar(self.signal.correlation_id) == bar
            if here and self.signal.version == self.standing.version:
                self.spoken[self.signal.symbol] = self.signal
            self.signal = next(self.signals, None)

    def take_step(self) -> None:
        while self.event is not None:
            event, step = self.event, step_bar(self.event.correlation_id)
            if step is not None and step > self.bar:
                return
            if step != self.bar:
                found = f"{event.event_id} {event.TOPIC} of {event.correlation_id}"
                raise Unequal("STEP", "events of steps that have a bar", found)
            handler = self.take.get(type(event))
            if handler is not None:
                handler(event)
            self.ledger.take(event)
            self.event = next(self.events, None)

    def judge(self) -> None:
        """Judge the breakers at this bar's close, once all its fills are in."""
        if self.trips is None:
            equity = self.ledger.equity(self.closes)
            at = self.bar + self.base_ms
            self.trips = deque(self.now.close(at, equity, self.ledger.strikes, self.limits))
            if any(trip.code == LOSSES for trip in self.trips):
                self.ledger.strikes = 0

    def nothing_missing(self) -> None:
        if self.event is None and self.standing.judged and self.flat:
            return  # a judged version's account is let go once nothing is left in it
        if self.clears:
            raise Unequal(self.clears[0], "the breaker cleared", "nothing")
        if self.trips:
            raise Unequal(self.trips[0].code, trip_said(self.trips[0]), "nothing")
        for symbol, signal in self.spoken.items():
            if symbol not in self.decided and self.may_enter(signal):
                due = f"an entry placed or refused for {signal.event_id}"
                raise Unequal("ENTRY", due, "nothing")

    def may_enter(self, signal: SignalRaised) -> bool:
        held = self.ledger.held(signal.symbol)
        against = held < 0 if signal.side == "long" else held > 0
        return not self.off and not self.ledger.ruined and (against or held == 0)

    # What the log holds, an event at a time

    def cleared(self, event: BreakerCleared) -> None:
        due = self.clears.popleft() if self.clears else None
        if event.code != due or event.occurred_at != self.bar:
            raise Unequal(due or event.code, f"{due or 'nothing'} cleared", event.event_id)
        self.counts.clears += 1

    def tripped(self, event: BreakerTripped) -> None:
        if event.code not in CODES:
            return
        self.judge()
        due = self.trips.popleft() if self.trips else None
        found = Trip(event.code, event.limit, event.observed, event.until or 0)
        if due != found or event.occurred_at != self.bar + self.base_ms:
            raise Unequal(
                event.code if due is None else due.code,
                "nothing" if due is None else trip_said(due),
                f"{event.event_id}: {trip_said(found)}",
            )
        self.counts.trips += 1

    def marked(self, event: EquityMarked) -> None:
        self.judge()
        equity = event.cash + event.unrealised
        if equity != self.now.last:
            raise Unequal("EQUITY", shown(self.now.last), f"{event.event_id}: {shown(equity)}")

    def ruined(self, event: AccountRuined) -> None:
        self.judge()
        if event.equity != self.now.last:
            raise Unequal("EQUITY", shown(self.now.last), f"{event.event_id}: {event.equity:f}")

    def filled(self, event: OrderFilled) -> None:
        if self.off and event.order_id in self.ledger.waiting:
            raise Unequal("ENTRY", "entries off", f"{event.event_id}: an entry filled")

    def placed(self, event: OrderPlaced) -> None:
        if event.intent == "entry":
            check_placed(event, self.moment(event.symbol, event.event_id))
            if event.side != ("buy" if self.spoken[event.symbol].side == "long" else "sell"):
                raise Unequal("ENTRY", f"a {self.spoken[event.symbol].side}", event.event_id)
            self.counts.entries += 1

    def refused(self, event: RiskRefused) -> None:
        check_refused(event, self.moment(event.symbol, event.event_id))
        self.counts.refusals += 1

    def moment(self, symbol: str, event_id: str) -> Moment:
        """Give what an entry of a symbol is judged by; each signal is answered once."""
        self.judge()
        signal = self.spoken.get(symbol)
        if signal is None or symbol in self.decided or not self.may_enter(signal):
            raise Unequal("ENTRY", "no entry: no signal that asks for one now", event_id)
        self.decided.add(symbol)
        stop = None if signal.stop is None else Decimal(repr(signal.stop))
        return Moment(
            ledger=self.ledger,
            breakers=self.now,
            limits=self.limits,
            closes=self.closes,
            instrument=self.instruments[symbol],
            stop=stop,
            reversing=self.ledger.held(symbol) != 0,
        )


def trip_said(trip: Trip) -> str:
    return f"tripped: {said(trip.limit, trip.observed)}, until {trip.until}"
