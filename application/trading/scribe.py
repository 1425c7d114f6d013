"""From the kernel's records to events, one lane at a time, in the order they happened.

The kernel says what happened to an account; the scribe writes it down as facts with ids, causes and
exact money, and checks it on the way: every entry is judged again by the domain, every trade is
folded again from its own fills, and the cash must be the same at every mark. Where the two accounts
differ by as much as 1e-8, the account is stopped and says so: a wrong figure never trades on.
"""

import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol, get_args

from application.trading.book import Account
from application.trading.kernel import Block
from application.trading.limiting import figure, refused
from application.trading.run import Run, Said
from application.trading.signalling import raised, stream_of
from domain.cause import Cause
from domain.entries import Approved, Refused
from domain.event import Event, Mode
from domain.ids import step_correlation
from domain.limits import Limits
from domain.money import from_units
from domain.portfolio import aggregate as account_of
from domain.portfolio import safety
from domain.portfolio.events import AccountRuined, BreakerTripped, Intent, PositionClosed
from domain.portfolio.judging import judge_entry
from domain.portfolio.state import Position
from kernels import dtypes as k

Row = list[float]

INTENTS: tuple[Intent, ...] = get_args(Intent)  # by code, as in kernels.dtypes.INTENTS

logger = logging.getLogger("perpetua.trading")


class Desk(Protocol):
    """What the scribe needs of the desk it writes for."""

    base_ms: int

    @property
    def limits(self) -> Limits: ...
    def write(self, event: Event, account: Account | None = None) -> None: ...
    def next_signal(self, stream: str) -> int: ...
    def mode(self, run: Run) -> Mode: ...
    def why_flat(self, run: Run) -> str: ...
    def closes_before(self, moment: int) -> Mapping[str, Decimal]: ...
    def prices(self, bar: int) -> Mapping[str, Decimal]: ...
    def closed(self, run: Run, account: Account, trade: PositionClosed) -> None: ...
    def tripped(self, run: Run, account: Account, trip: BreakerTripped) -> None: ...
    def ruined(self, run: Run, event: AccountRuined) -> None: ...
    def disagreed(self) -> None: ...


class Scribe:
    """Writes down one lane of one block."""

    def __init__(self, desk: Desk, run: Run, account: Account, block: Block) -> None:
        self._desk = desk
        self._run = run
        self._account = account
        self._block = block
        self._symbol = 0
        self._market = run.markets[0]  # of the record being written
        self._tags = run.program.tags
        self._bar = 0
        self._cause = Cause("", "", "engine", 0)
        self._write: Mapping[int, Callable[[Row], None]] = {
            k.SIGNAL: self._signal,
            k.ORDER: self._order,
            k.FILL: self._fill,
            k.CANCELLED: self._cancelled,
            k.OPENED: self._opened,
            k.CLOSED: self._closed,
            k.FUNDED: self._funded,
            k.LIQUIDATED: self._liquidated,
            k.MARKED: self._marked,
            k.REFUSED: self._refused,
            k.TRIPPED: self._tripped,
            k.CLEARED: self._cleared,
            k.RUINED: self._ruined,
        }

    def take(self, row: Row, bar: int) -> None:
        """Write down one record of the step of the bar that opens at `bar` (ms)."""
        kind = int(row[k.KIND])
        account = self._account
        if kind != k.SIGNAL:
            if not account.is_open:
                return
            account.reach(bar, self._desk.closes_before)
        self._bar = bar
        self._symbol = int(row[k.SYMBOL])
        self._market = self._run.markets[self._symbol]
        at = bar + self._desk.base_ms if row[k.AT_CLOSE] else bar
        self._cause = Cause(step_correlation(bar), "", "engine", at)
        self._write[kind](row)

    def _because(self, causation_id: str) -> Cause:
        cause = self._cause
        return Cause(cause.correlation_id, causation_id, "engine", cause.occurred_at)

    def _take(self, event: Event) -> None:
        self._desk.write(event, self._account)

    def _tag(self, index: float) -> str:
        return self._tags[int(index)] if 0 <= index < len(self._tags) else ""

    def _signal(self, row: Row) -> None:
        run, desk, block = self._run, self._desk, self._block
        stream = stream_of(run, block, row)
        mode, version = desk.mode(run), desk.next_signal(stream)
        signal = raised(run, block, row, self._cause, mode, stream, version)
        stop = None if signal.stop is None else Decimal(repr(signal.stop))
        run.said[self._symbol] = Said(signal.event_id, stop)
        desk.write(signal)

    def _order(self, row: Row) -> None:
        intent = INTENTS[int(row[k.B])]
        quantity, price = self._market.quantity(row[k.C]), self._market.price(row[k.D])
        approval: Approved[Any] | None = None
        if intent == "entry":
            account, symbol = self._account, self._market.symbol
            verdict = judge_entry(
                account.portfolio,
                symbol,
                quantity,
                self._said.stop,
                self._market.instrument.min_notional,
                account.began,
                {**self._desk.prices(self._bar), symbol: price},
                self._desk.limits,
            )
            if isinstance(verdict, Refused):
                self._refuse_entry(verdict)
                return
            approval = verdict
        self._place(row, intent, quantity, price, self._tag(row[k.E]), approval)

    def _place(
        self,
        row: Row,
        intent: Intent,
        quantity: Decimal,
        price: Decimal,
        tag: str,
        approval: Approved[Any] | None,
    ) -> None:
        self._take(
            account_of.place_order(
                self._account.portfolio,
                self._because(self._why(intent)),
                self._bar,
                self._market.symbol,
                "buy" if row[k.A] > 0 else "sell",
                intent,
                quantity,
                price,
                tag,
                approval,
            )
        )

    def _why(self, intent: Intent) -> str:
        if intent in ("entry", "reverse"):
            return self._said.event
        if intent == "operator":
            return self._desk.why_flat(self._run)
        held = self._held()
        return "" if held is None else held.opened_event

    @property
    def _said(self) -> Said:
        return self._run.said[self._symbol]

    @property
    def _several(self) -> bool:
        return len(self._run.markets) > 1

    def _held_at(self) -> dict[str, Decimal]:
        prices = self._desk.prices(self._bar)
        return {held.symbol: prices[held.symbol] for held in self._account.portfolio.positions}

    def _held(self) -> Position | None:
        return self._account.portfolio.position(self._market.symbol)

    def _refuse_entry(self, refused: Refused) -> None:
        state = self._account.portfolio
        cause = self._because(self._said.event)
        self._take(safety.refuse(state, cause, self._market.symbol, refused))
        observed = Decimal(0) if refused.observed is None else refused.observed
        self._disagree(refused.limit, observed, f"entry: {refused.code}")

    def _disagree(self, own: Decimal, brokers: Decimal, about: str) -> None:
        account = self._account
        if account.stopped:
            return
        state = account.portfolio
        logger.error(
            "account stopped: domain and broker disagree",
            extra={
                "account": state.stream,
                "bar": self._bar,
                "about": about,
                "expected": str(own),
                "observed": str(brokers),
                "correlation_id": self._cause.correlation_id,
            },
        )
        cause = self._because(account.last_event(self._cause.correlation_id))
        self._take(safety.trip(state, cause, safety.DISAGREEMENT, own, brokers, None))
        self._desk.disagreed()

    def _fill(self, row: Row) -> None:
        intent = INTENTS[int(row[k.B])]
        quantity, reference = self._market.quantity(row[k.C]), self._market.price(row[k.E])
        order = self._account.portfolio.order(self._market.symbol, intent)
        if order is None:
            self._disagree(Decimal(0), quantity, f"fill of {intent} without an order")
            return
        self._take(
            account_of.fill_order(
                self._account.portfolio,
                self._because(order.event_id),
                order,
                quantity,
                self._market.price(row[k.D]),
                reference,
                from_units(row[k.F]),
                "taker" if row[k.H] else "maker",
            )
        )

    def _cancelled(self, row: Row) -> None:
        intent = INTENTS[int(row[k.B])]
        order = self._account.portfolio.order(self._market.symbol, intent)
        if order is not None:  # None: the domain refused it, so it was never out
            reason = k.CANCEL_REASONS[int(row[k.A])]
            cause = self._because(order.event_id)
            self._take(account_of.cancel_order(self._account.portfolio, cause, order, reason))

    def _opened(self, row: Row) -> None:
        state, held = self._account.portfolio, self._held()
        if held is None:
            self._disagree(Decimal(0), self._market.quantity(row[k.B]), "position without a fill")
            return
        levels = self._market.level(row[k.D]), self._market.level(row[k.E])
        cause, tag = self._because(held.fill_event), self._tag(row[k.F])
        symbol = self._market.symbol
        self._take(account_of.open_position(state, cause, self._bar, symbol, *levels, tag))

    def _closed(self, row: Row) -> None:
        state, held = self._account.portfolio, self._held()
        figures = account_of.Figures(*(from_units(row[i]) for i in (k.E, k.F, k.G, k.H, k.I)))
        if held is None or held.quantity != 0:
            self._disagree(Decimal(0), figures.net, "trade closed without its fills")
            return
        trade = account_of.close_position(
            state,
            self._because(held.fill_event),
            self._market.symbol,
            from_units(row[k.J]),
            from_units(row[k.K]),
            int(row[k.L]),
        )
        self._take(trade)
        if not account_of.agrees(trade, figures):
            self._disagree(trade.net, figures.net, "net of a trade")
        self._desk.closed(self._run, self._account, trade)

    def _funded(self, row: Row) -> None:
        state, symbol = self._account.portfolio, self._market.symbol
        amount = from_units(row[k.B])
        self._take(account_of.pay_funding(state, self._cause, symbol, row[k.A], amount))

    def _liquidated(self, row: Row) -> None:
        held = self._held()
        cause = self._because("" if held is None else held.opened_event)
        price, lost = self._market.price(row[k.A]), from_units(row[k.B])
        symbol = self._market.symbol
        self._take(account_of.liquidate(self._account.portfolio, cause, symbol, price, lost))

    def _marked(self, row: Row) -> None:
        state = self._account.portfolio
        cash = from_units(row[k.A])
        self._take(
            safety.mark(
                state,
                self._cause,
                cash,
                from_units(row[k.B]),
                from_units(row[k.C]),
                from_units(row[k.D]),
                None if self._several else self._market.price(row[k.E]),
                self._held_at() if self._several else {},
            )
        )
        if cash != state.cash:
            self._disagree(state.cash, cash, "cash at a mark")

    def _refused(self, row: Row) -> None:
        cause = self._because(self._said.event)
        self._take(safety.refuse(self._account.portfolio, cause, self._market.symbol, refused(row)))

    def _tripped(self, row: Row) -> None:
        trip = safety.trip(
            self._account.portfolio,
            self._because(self._account.last_event(self._cause.correlation_id)),
            k.LIMIT_CODES[int(row[k.A])],
            figure(row[k.A], row[k.B]),
            figure(row[k.A], row[k.C]),
            int(row[k.D]),
        )
        self._take(trip)
        self._desk.tripped(self._run, self._account, trip)

    def _cleared(self, row: Row) -> None:
        code = k.LIMIT_CODES[int(row[k.A])]
        self._take(safety.clear(self._account.portfolio, self._cause, code))

    def _ruined(self, row: Row) -> None:
        cause = self._because(self._account.last_event(self._cause.correlation_id))
        equity, required = from_units(row[k.A]), from_units(row[k.B])
        event = safety.ruin(self._account.portfolio, cause, equity, required)
        self._take(event)
        self._desk.ruined(self._run, event)
