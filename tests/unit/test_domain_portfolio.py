"""The account: its money is exact, its fold is total, and its ids are its own."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.cause import Cause
from domain.event import Event
from domain.limits import Approved, EntryOrder, Refused, effective
from domain.portfolio import aggregate as account
from domain.portfolio import safety
from domain.portfolio.events import Intent, OrderSide, PositionClosed
from domain.portfolio.state import Portfolio, evolve

STREAM = "portfolio/paper/s/v1/B"
CAPITAL = Decimal(17_000)
TICK, LOT = Decimal("0.01"), Decimal("0.001")
MONEY = st.integers(0, 10**9).map(lambda units: Decimal(units).scaleb(-8))
PRICES = st.integers(100_000, 10_000_000).map(lambda ticks: ticks * TICK)


class Book:
    """An account under test, with its history."""

    def __init__(self) -> None:
        self.state = Portfolio(stream=STREAM)
        self.history: list[Event] = []
        self.bar = 0

    def cause(self) -> Cause:
        self.bar += 60_000
        return Cause(f"step/{self.bar}", "", "engine", self.bar)

    def take(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        self.history.append(event)

    def open(self) -> "Book":
        for event in account.open_account(
            self.state, self.cause(), "paper", "s", "v1", "B", 8, CAPITAL
        ):
            self.take(event)
        return self

    def trade(
        self, side: OrderSide, quantity: Decimal, prices: list[Decimal], money: list[Decimal]
    ) -> PositionClosed:
        """One trade: entry price and reference, exit price and reference; two fees, one funding."""
        other: OrderSide = "sell" if side == "buy" else "buy"
        verdict = account.judge_entry(
            self.state, "BTC-USDT", LOT, prices[0], TICK, self.state.cash, effective()
        )
        assert isinstance(verdict, Approved)
        self.order(side, "entry", quantity, prices[0], verdict)
        self.fill("entry", quantity, prices[0], prices[1], money[0])
        self.take(account.open_position(self.state, self.cause(), self.bar, prices[0], None, "tag"))
        self.take(account.pay_funding(self.state, self.cause(), "BTC-USDT", 0.0001, money[1]))
        self.order(other, "stop", quantity, prices[3])
        self.fill("stop", quantity, prices[2], prices[3], money[2])
        closed = account.close_position(self.state, self.cause(), Decimal(0), Decimal(0), 3)
        self.take(closed)
        return closed

    def order(
        self,
        side: OrderSide,
        intent: Intent,
        quantity: Decimal,
        price: Decimal,
        approval: Approved[EntryOrder] | None = None,
    ) -> None:
        cause = self.cause()
        self.take(
            account.place_order(
                self.state, cause, self.bar, "BTC-USDT", side, intent, quantity, price, "", approval
            )
        )

    def fill(
        self,
        intent: Intent,
        quantity: Decimal,
        price: Decimal,
        reference: Decimal,
        fee: Decimal,
    ) -> None:
        order = self.state.order(intent)
        assert order is not None
        self.take(
            account.fill_order(
                self.state, self.cause(), order, quantity, price, reference, fee, "taker"
            )
        )


def trades() -> SearchStrategy[list[tuple[str, int, list[Decimal], list[Decimal]]]]:
    one = st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 200),
        st.lists(PRICES, min_size=4, max_size=4),
        st.lists(MONEY, min_size=3, max_size=3),
    )
    return st.lists(one, max_size=4)


@given(trades())
def test_trades_when_closed_then_parts_sum_to_the_whole_and_cash_to_the_nets(
    made: list[tuple[OrderSide, int, list[Decimal], list[Decimal]]],
) -> None:
    book = Book().open()
    nets = Decimal(0)
    for side, lots, prices, money in made:
        if book.state.cash < 10_000:
            break
        sign = 1 if side == "buy" else -1
        before, quantity = book.state.cash, lots * LOT
        trade = book.trade(side, quantity, prices, money)
        assert trade.net == trade.gross - trade.fees - trade.slippage - trade.funding
        assert trade.net == (prices[2] - prices[0]) * quantity * sign - sum(money)
        assert trade.gross == (prices[3] - prices[1]) * quantity * sign
        assert (trade.entry_price, trade.exit_price) == (prices[0], prices[2])
        assert trade.reason == "stop"
        assert book.state.cash - before == trade.net
        nets += trade.net
    assert book.state.cash == CAPITAL + nets
    assert book.state.tally.profit - book.state.tally.loss == nets
    replayed = Portfolio(stream=STREAM)
    for event in book.history:
        replayed = evolve(replayed, event)
    assert replayed == book.state


def test_position_when_left_in_parts_then_net_and_equity_stay_exact() -> None:
    book = Book().open()
    ten = Decimal(10)
    verdict = Approved(EntryOrder("BTC-USDT", ten, ten, 8))
    book.order("sell", "entry", Decimal(4), ten, verdict)
    book.fill("entry", Decimal(4), ten, ten, Decimal("0.1"))
    book.take(account.open_position(book.state, book.cause(), 0, None, None, ""))
    book.order("buy", "target", Decimal(1), Decimal(8))
    book.fill("target", Decimal(1), Decimal(8), Decimal(8), Decimal("0.2"))
    assert book.state.equity(Decimal(7)) == CAPITAL - Decimal("0.3") + 2 + 9
    with pytest.raises(account.NothingToClose, match="holds 3, must be 0"):
        account.close_position(book.state, book.cause(), Decimal(0), Decimal(0), 1)
    book.order("buy", "stop", Decimal(3), Decimal(11))
    book.fill("stop", Decimal(3), Decimal(12), Decimal(11), Decimal("0.3"))
    trade = account.close_position(book.state, book.cause(), Decimal(0), Decimal(0), 1)
    assert (trade.quantity, trade.gross, trade.slippage) == (Decimal(4), Decimal(-1), Decimal(3))
    assert trade.net == Decimal(-1) - Decimal("0.6") - 3
    book.take(trade)
    assert book.state.cash == CAPITAL + trade.net


def test_entry_when_not_approved_then_cannot_be_placed() -> None:
    book = Book().open()
    with pytest.raises(ValueError, match="must pass judge_order"):
        book.order("buy", "entry", LOT, Decimal(100))


def test_entry_when_a_breaker_is_tripped_then_is_refused_until_it_is_cleared() -> None:
    book = Book().open()
    loss = Decimal(501)
    book.take(safety.trip(book.state, book.cause(), "RISK_DAILY_LOSS", Decimal(500), loss, 1))
    judged = (book.state, "BTC-USDT", LOT, Decimal(20_000), Decimal(5), CAPITAL, effective())
    verdict = account.judge_entry(*judged)
    assert isinstance(verdict, Refused)
    assert verdict.code == "RISK_BREAKER"
    book.take(safety.clear(book.state, book.cause(), "RISK_DAILY_LOSS"))
    assert isinstance(account.judge_entry(book.state, *judged[1:]), Approved)


def test_entry_when_the_day_began_unknown_then_is_refused() -> None:
    book = Book().open()
    verdict = account.judge_entry(
        book.state, "BTC-USDT", LOT, Decimal(20_000), Decimal(5), None, effective()
    )
    assert verdict == Refused("RISK_FIGURE_MISSING", Decimal(0), None)


def test_account_when_opened_already_then_is_not_opened_again() -> None:
    book = Book().open()
    cause = book.cause()
    assert account.open_account(book.state, cause, "paper", "s", "v1", "B", 8, CAPITAL) == ()


def history() -> list[Event]:
    book = Book().open()
    book.trade("buy", LOT, [Decimal(100)] * 4, [Decimal(1)] * 3)
    cause = book.cause()
    book.take(safety.mark(book.state, cause, *[Decimal(1)] * 5))
    book.take(safety.trip(book.state, cause, "X", Decimal(1), Decimal(2), None))
    book.take(safety.clear(book.state, cause, "X"))
    book.take(safety.ruin(book.state, cause, Decimal(1), Decimal(2)))
    book.take(account.liquidate(book.state, cause, "BTC-USDT", Decimal(1), Decimal(2)))
    return book.history


@given(st.lists(st.sampled_from(history()), max_size=30))
def test_evolve_when_events_come_in_any_order_then_never_raises(events: list[Event]) -> None:
    state = Portfolio(stream=STREAM)
    for event in events:
        state = evolve(state, event)
        state.open_nets()
    assert state.version == (events[-1].stream_version if events else 0)
